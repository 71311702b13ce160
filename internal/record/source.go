package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"leat/internal/format"
	"leat/internal/object"
	"leat/internal/store"
)

// ErrNoStore says that a recording is in an object store, and that none is configured.
var ErrNoStore = errors.New("record: the recording is in an object store, and none is configured")

// Source is the bytes of a segment, as they were when it was opened.
type Source struct {
	format.Input
	io.Closer
	Remote bool // they are in the object store: reading is expensive
}

// OpenSegment opens a segment of a take, from the disk if it is there and from the object store if not. The caller must close
// it. The object store is asked when it is read. The error wraps fs.ErrNotExist if it was removed meanwhile.
func (r *Recordings) OpenSegment(s *store.Recording) (*Source, error) {
	if s.OffDisk {
		return r.openObject(s)
	}
	file, err := r.opts.Disk.Open(s.Path)
	if errors.Is(err, fs.ErrNotExist) { // it may have left the disk since s was read
		now, err := r.opts.Index.Recording(s.Path)
		if errors.Is(err, store.ErrNoRecording) || err == nil && now.Place != store.Stored {
			return nil, fmt.Errorf("record: %s: %w", s.Path, fs.ErrNotExist)
		}
		if err != nil {
			return nil, err
		}
		return r.openObject(now)
	}
	if err != nil {
		return nil, err
	}
	return &Source{Input: sized{file, file.Size()}, Closer: file}, nil
}

func (r *Recordings) openObject(s *store.Recording) (*Source, error) {
	if r.opts.Store == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoStore, s.Path)
	}
	o := r.opts.Store.Known(object.Info{Name: s.Path, Size: s.Size, ETag: s.ETag})
	return &Source{Input: o, Closer: io.NopCloser(nil), Remote: true}, nil
}

// sized is a file as long as it was when it was opened.
type sized struct {
	File
	size int64
}

func (s sized) Size() int64 { return s.size }
