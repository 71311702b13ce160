package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"leat/internal/format"
	"leat/internal/store"
	"leat/media"
)

// Report is what Recover has done, by the paths of the files.
type Report struct {
	Repaired []string // not finished before
	Added    []string // the index did not have them
	Removed  []string // without a single frame
	Missing  []string // forgotten, because there is no file
	Failed   []string // could be neither repaired nor removed; the log says why
}

// found is a file of the folder.
type found struct {
	path     string
	size     int64
	modified time.Time
}

// Recover brings files and index together: it repairs files that were not finished, adds to the index those that it does not
// have (all, if there is no index), removes those that never got a frame, and forgets those that are not there. Files that
// are being written, and files with names that no template makes, are left alone. It reads only what it repairs or adds,
// and stops between two files when ctx is done.
func (r *Recordings) Recover(ctx context.Context) (Report, error) {
	var report Report
	files, err := r.files()
	if err != nil {
		return report, err
	}
	indexed := map[string]*store.Recording{}
	var moved []string // which are on the disk, or not, and the index says otherwise
	err = r.opts.Index.Recordings(func(s *store.Recording) bool {
		f, ok := files[s.Path]
		switch {
		case s.Place == store.Doomed:
			delete(files, s.Path)
			if ok {
				report.Removed = append(report.Removed, s.Path)
			}
		case s.Place == store.Stored && (!ok || s.Size == f.size):
			delete(files, s.Path)
			if ok == s.OffDisk {
				moved = append(moved, s.Path)
			}
		case !ok:
			report.Missing = append(report.Missing, s.Path)
		case s.Complete && s.Size == f.size:
			delete(files, s.Path)
		default:
			indexed[s.Path] = s
		}
		return true
	})
	if err != nil {
		return report, err
	}
	for _, path := range moved {
		if err := r.opts.Index.ChangeRecording(path, func(s *store.Recording) bool { s.OffDisk = !s.OffDisk; return true }); err != nil {
			return report, err
		}
	}
	for _, path := range report.Removed {
		if err := r.opts.Disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return report, err
		}
	}
	for _, path := range report.Missing {
		if r.isInUse(path) {
			continue
		}
		if err := r.opts.Index.DeleteRecording(path); err != nil {
			return report, err
		}
	}
	for _, f := range sorted(files) {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		r.recoverFile(f, indexed[f.path], &report)
	}
	return report, nil
}

// files returns all recordings in the folder, and removes what never became one.
func (r *Recordings) files() (map[string]found, error) {
	files := map[string]found{}
	var parts []string
	err := r.opts.Disk.Walk(func(name string, size int64, modified time.Time) error {
		if path, ok := strings.CutSuffix(name, partEnding); ok {
			if _, _, known := formatOf(path); known && !r.isInUse(path) {
				parts = append(parts, name)
			}
			return nil
		}
		if _, _, ok := formatOf(name); ok {
			files[name] = found{name, size, modified}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record: looking for recordings: %w", err)
	}
	for _, part := range parts {
		if err := r.opts.Disk.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("record: removing what was never begun: %w", err)
		}
	}
	return files, nil
}

// sorted returns files so that the segments of a take come in their order.
func sorted(files map[string]found) []found {
	list := make([]found, 0, len(files))
	for _, f := range files {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b found) int {
		return cmp.Or(cmp.Compare(len(a.path), len(b.path)), cmp.Compare(a.path, b.path))
	})
	return list
}

func (r *Recordings) isInUse(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.inUse[path]
}

// recoverFile repairs a file and puts it into the index, where known is what it says of it now.
func (r *Recordings) recoverFile(f found, known *store.Recording, report *Report) {
	info := known
	if info == nil {
		if info = r.identify(f); info == nil {
			r.log.Debug("a file in the folder of recordings has a name that no template makes", "file", f.path)
			return
		}
	}
	if !r.use(f.path) {
		return
	}
	defer r.release(f.path)
	err := r.repair(info)
	switch {
	case errors.Is(err, format.ErrNoTrack) && known != nil:
		if err := errors.Join(r.opts.Disk.Remove(f.path), r.opts.Index.DeleteRecording(f.path)); err != nil {
			r.log.Warn("a recording without a frame could not be removed", "file", f.path, "err", err)
			report.Failed = append(report.Failed, f.path)
			return
		}
		report.Removed = append(report.Removed, f.path)
		return
	case err != nil:
		r.log.Warn("a recording could not be repaired", "file", f.path, "err", err)
		report.Failed = append(report.Failed, f.path)
		return
	case known == nil:
		report.Added = append(report.Added, f.path)
		info.Started = f.modified.Add(-info.Duration).UTC()
		info.Offset = r.offset(info)
	default:
		report.Repaired = append(report.Repaired, f.path)
	}
	info.Ended = f.modified.UTC()
	info.Remote = r.destined(info.Remote)
	if err := r.opts.Index.PutRecording(info); err != nil {
		r.log.Warn("a recording could not be put into the index", "file", f.path, "err", err)
		report.Failed = append(report.Failed, f.path)
		return
	}
	r.log.Info("a recording that was not finished is whole again", "file", f.path, "dur", info.Duration.Round(time.Millisecond))
}

// identify finds out from a file's name what it is; nil if it does not tell.
func (r *Recordings) identify(f found) *store.Recording {
	kind, stem, _ := formatOf(f.path)
	for _, t := range r.opts.Templates {
		key, take, segment, ok := t.parse(stem)
		if ok && key != (media.Key{}) {
			return &store.Recording{
				StreamKey: store.StreamKey(key), Path: f.path, Format: string(kind), Take: take, Segment: segment,
			}
		}
	}
	return nil
}

// repair completes a file, and info with it.
func (r *Recordings) repair(info *store.Recording) error {
	container, ok := containers[Format(info.Format)]
	if !ok {
		return fmt.Errorf("record: unknown format %q", info.Format)
	}
	file, err := r.opts.Disk.Open(info.Path)
	if err != nil {
		return err
	}
	duration, err := container.repair(file)
	if err == nil {
		err = file.Sync()
	}
	info.Duration, info.Size, info.Complete = duration, file.Size(), true
	return errors.Join(err, file.Close())
}

// offset returns where a segment lies in its take, if the segments before it are in the index.
func (r *Recordings) offset(info *store.Recording) time.Duration {
	var offset time.Duration
	err := r.opts.Index.RecordingsOf(info.StreamKey, func(s *store.Recording) bool {
		if s.Take.Equal(info.Take) && s.Segment < info.Segment {
			offset = max(offset, s.Offset+s.Duration+defaultFrame)
		}
		return !s.Take.Before(info.Take)
	})
	if err != nil {
		r.log.Warn("the place of a segment in its recording is not known", "file", info.Path, "err", err)
	}
	return offset
}

// Repair repairs one recording, whatever the index says of it.
func (r *Recordings) Repair(path string) error {
	info, err := r.opts.Index.Recording(path)
	if err != nil {
		return err
	}
	if !r.use(path) {
		return fmt.Errorf("%w: %s", ErrInUse, path)
	}
	defer r.release(path)
	if info.OffDisk {
		return nil // it was whole when it left the disk
	}
	if err := r.repair(info); err != nil {
		return err
	}
	info.Remote = r.destined(info.Remote)
	return r.opts.Index.PutRecording(info)
}

// Scan calls each for the files of a folder that are recordings by their names, until it returns false. It knows their size
// and what the name tells, and does not look into them: for a folder whose index somebody else has open.
func Scan(disk Disk, templates []*Template, each func(*store.Recording) bool) error {
	r := newRecordings(Options{Disk: disk, Templates: templates})
	files := map[string]found{}
	err := disk.Walk(func(name string, size int64, modified time.Time) error {
		if _, _, ok := formatOf(name); ok {
			files[name] = found{name, size, modified}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record: looking for recordings: %w", err)
	}
	for _, f := range sorted(files) {
		info := r.identify(f)
		if info == nil {
			continue
		}
		info.Started, info.Size = info.Take, f.size
		if !each(info) {
			return nil
		}
	}
	return nil
}
