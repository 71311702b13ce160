package record

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"leat/internal/store"
)

// Keep says how long recordings are kept.
type Keep struct {
	// Group is whose recordings Size is for: those of all applications with the same group count together.
	Group string
	// Age is how long ago a recording may have ended. Zero means that it does not matter.
	Age time.Duration
	// Size is how many bytes the complete recordings of a group may have together. Zero means that it does not matter.
	Size int64
}

// aging is a recording that may be removed.
type aging struct {
	path  string
	ended time.Time
	size  int64
}

// removeOld removes recordings that are too old, and the oldest of groups that are too large. It leaves those that are being
// written.
func (r *Recordings) removeOld(now time.Time) error {
	if r.opts.Keep == nil {
		return nil
	}
	var tooOld []string
	groups := map[string][]aging{}
	limits := map[string]int64{}
	err := r.opts.Index.Recordings(func(s *store.Recording) bool {
		keep := r.opts.Keep(s.App)
		switch {
		case !s.Complete, s.Place == store.Doomed:
		case keep.Age > 0 && now.Sub(s.Ended) > keep.Age:
			tooOld = append(tooOld, s.Path)
		case keep.Size > 0:
			limits[keep.Group] = keep.Size
			groups[keep.Group] = append(groups[keep.Group], aging{s.Path, s.Ended, s.Size})
		}
		return true
	})
	for group, list := range groups {
		tooOld = append(tooOld, beyond(list, limits[group])...)
	}
	for _, path := range tooOld {
		removed := r.remove(path)
		switch {
		case removed == nil:
			r.log.Info("an old recording was removed", "file", path)
		case !errors.Is(removed, ErrInUse):
			err = errors.Join(err, removed)
		}
	}
	return err
}

// beyond returns the oldest recordings, without which the rest have no more than limit bytes.
func beyond(list []aging, limit int64) []string {
	slices.SortFunc(list, func(a, b aging) int { return cmp.Or(b.ended.Compare(a.ended), cmp.Compare(b.path, a.path)) })
	var paths []string
	total := int64(0)
	for _, a := range list {
		if total += a.size; total > limit {
			paths = append(paths, a.path)
		}
	}
	return paths
}
