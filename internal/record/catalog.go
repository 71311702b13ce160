package record

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"leat/internal/store"
	"leat/media"
)

// Take is what was recorded of a stream from one start to the end, with what was appended to it.
type Take struct {
	Key      media.Key
	Started  time.Time
	Segments []store.Recording // in their order; the last one may not be complete
}

// Lookup returns the newest take of a stream that has a file, and false if there is none.
func (r *Recordings) Lookup(key media.Key) (Take, bool, error) {
	takes, err := r.takes(key, 1)
	if err != nil || len(takes) == 0 {
		return Take{}, false, err
	}
	return takes[0], true, nil
}

// LookupAt returns the take of a stream that began last before a time, and false if there is none.
func (r *Recordings) LookupAt(key media.Key, at time.Time) (Take, bool, error) {
	takes, err := r.takes(key, 0)
	if err != nil {
		return Take{}, false, err
	}
	for _, t := range takes {
		if !t.Started.After(at) {
			return t, true, nil
		}
	}
	return Take{}, false, nil
}

// takes returns the newest takes of a stream, the newest first; 0 means all.
func (r *Recordings) takes(key media.Key, limit int) ([]Take, error) {
	var takes []Take
	err := r.opts.Index.RecordingsOf(store.StreamKey(key), func(s *store.Recording) bool {
		if s.Place == store.Doomed {
			return true
		}
		if n := len(takes); n == 0 || !takes[n-1].Started.Equal(s.Take) {
			if limit > 0 && n == limit {
				return false
			}
			takes = append(takes, Take{Key: key, Started: s.Take})
		}
		t := &takes[len(takes)-1]
		t.Segments = append(t.Segments, *s)
		return true
	})
	for _, t := range takes {
		slices.Reverse(t.Segments)
	}
	return takes, err
}

// newest returns the last segment of the newest take; nil if there is none.
func (r *Recordings) newest(key media.Key) (*store.Recording, error) {
	var newest *store.Recording
	err := r.opts.Index.RecordingsOf(store.StreamKey(key), func(s *store.Recording) bool {
		if s.Place == store.Doomed {
			return true
		}
		newest = s
		return false
	})
	return newest, err
}

// OpenFile opens the file of a segment, whose Path it takes. The caller must close it, and must not write.
func (r *Recordings) OpenFile(path string) (File, error) { return r.opts.Disk.Open(path) }

// List calls each for all recordings, ordered by stream, the newest take first, until it returns false.
func (r *Recordings) List(each func(*store.Recording) bool) error {
	return r.opts.Index.Recordings(func(s *store.Recording) bool { return s.Place == store.Doomed || each(s) })
}

// Delete removes the recording at path, file and all. What the object store has of it goes in the background, also when that takes
// days; after OpenIdle it goes at once, and the error says when it did not. The error is ErrInUse for one that is being written,
// and wraps store.ErrNoRecording for one that the index does not have.
func (r *Recordings) Delete(path string) error {
	s, err := r.opts.Index.Recording(path)
	if err == nil && s.Place == store.Doomed && !r.idle {
		err = fmt.Errorf("record: %s: %w", path, store.ErrNoRecording)
	}
	if err != nil {
		return err
	}
	if err := r.remove(path); err != nil || !r.idle {
		return err
	}
	return r.buryNow(path)
}

// remove removes a recording from the disk and from the index, but for what the object store must still remove. It does not
// wait for the object store.
func (r *Recordings) remove(path string) error {
	if !r.claim(path) {
		return fmt.Errorf("%w: %s", ErrInUse, path)
	}
	defer r.release(path)
	remote := false
	err := r.opts.Index.ChangeRecording(path, func(s *store.Recording) bool {
		remote = s.Place != store.Local
		s.Place = store.Doomed
		return remote
	})
	if err != nil && !errors.Is(err, store.ErrNoRecording) {
		return err
	}
	if err := r.opts.Disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if remote {
		r.enqueue(path)
		return nil
	}
	return r.opts.Index.DeleteRecording(path) // last: a file that is left over comes back at the next start
}

// prune removes the takes of a stream that are older than take, but for the newest keep.
func (r *Recordings) prune(key media.Key, take time.Time, keep int) error {
	takes, err := r.takes(key, 0)
	if err != nil {
		return err
	}
	takes = slices.DeleteFunc(takes, func(t Take) bool { return !t.Started.Before(take) })
	if len(takes) <= keep {
		return nil
	}
	for _, t := range takes[keep:] {
		for _, s := range t.Segments {
			err = errors.Join(err, r.remove(s.Path))
		}
	}
	return err
}
