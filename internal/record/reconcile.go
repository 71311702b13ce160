package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	detect "leat/internal/format/container"
	"leat/internal/object"
	"leat/internal/store"
)

// RecoverStore brings the object store and the index together, after Recover: recordings that the store has lost are
// uploaded again, or forgotten if they are not on the disk either; objects that the index does not have are added to it. It does nothing without a store.
func (r *Recordings) RecoverStore(ctx context.Context, report *Report) error {
	if r.opts.Store == nil {
		return nil
	}
	objects := map[string]object.Info{}
	err := r.opts.Store.List(ctx, func(o object.Info) error {
		if _, _, ok := formatOf(o.Name); ok {
			objects[o.Name] = o
		}
		return nil
	})
	if err != nil {
		return err
	}
	var lost []*store.Recording
	err = r.opts.Index.Recordings(func(s *store.Recording) bool {
		o, ok := objects[s.Path]
		if s.Place == store.Stored && (!ok || o.Size != s.Size) {
			lost = append(lost, s)
		}
		delete(objects, s.Path)
		return true
	})
	if err != nil {
		return err
	}
	for _, s := range lost {
		if err := r.lost(s, report); err != nil {
			return err
		}
	}
	byLength := func(a, b object.Info) int {
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	}
	for _, o := range slices.SortedFunc(maps.Values(objects), byLength) { // the segments of a take in their order
		if err := r.adopt(o, report); err != nil {
			return err
		}
	}
	return nil
}

// lost deals with a recording that the object store should have, and has not.
func (r *Recordings) lost(s *store.Recording, report *Report) error {
	file, err := r.opts.Disk.Open(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		report.Missing = append(report.Missing, s.Path)
		return r.opts.Index.DeleteRecording(s.Path)
	case err != nil:
		return err
	}
	report.Repaired = append(report.Repaired, s.Path)
	return errors.Join(file.Close(), r.opts.Index.ChangeRecording(s.Path, func(s *store.Recording) bool {
		s.Remote = store.Remote{Place: store.Uploading}
		return true
	}))
}

// adopt puts an object into the index that is a recording by its name.
func (r *Recordings) adopt(o object.Info, report *Report) error {
	s := r.identify(found{path: o.Name, size: o.Size, modified: o.Modified})
	if s == nil {
		return nil
	}
	file, err := detect.OpenIndexed(r.opts.Store.Known(o))
	if err != nil {
		r.log.Warn("an object that is a recording by its name cannot be opened", "file", o.Name, "err", err)
		report.Failed = append(report.Failed, o.Name)
		return nil
	}
	s.Duration, s.Size, s.Complete = file.Info().Duration, o.Size, true
	s.Ended = o.Modified.UTC()
	s.Started = s.Take
	s.Offset = r.offset(s)
	s.Remote = store.Remote{Place: store.Stored, OffDisk: true, ETag: o.ETag, Uploaded: o.Modified.UTC()}
	if err := r.opts.Index.PutRecording(s); err != nil {
		return fmt.Errorf("record: %s was found in the object store: %w", o.Name, err)
	}
	report.Added = append(report.Added, o.Name)
	return nil
}

// buryTime is how long a command waits for the object store to remove a recording.
const buryTime = 30 * time.Second

// buryNow removes at once what the object store has of a recording, for those who have no workers for that.
func (r *Recordings) buryNow(path string) error {
	s, err := r.opts.Index.Recording(path)
	if errors.Is(err, store.ErrNoRecording) {
		return nil
	}
	if err != nil {
		return err
	}
	if r.opts.Store == nil {
		return fmt.Errorf("%w: %s", ErrNoStore, s.Path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), buryTime)
	defer cancel()
	if err := r.bury(ctx, path); err != nil {
		return fmt.Errorf("%s is removed here, and will be from the object store when the server runs and reaches it: %w", path, err)
	}
	return nil
}
