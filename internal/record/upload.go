package record

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"sync"
	"time"

	"leat/internal/object"
	"leat/internal/store"
)

const (
	// maxWaiting is how many recordings wait in memory for the object store; the index knows the others.
	maxWaiting = 4096

	minBackoff = time.Second
	maxBackoff = time.Minute
)

// uploads is what is to be done for the object store: recordings by their paths.
type uploads struct {
	queue chan string

	mu       sync.Mutex
	known    map[string]bool // in the queue or being worked on; true: it has come again meanwhile
	sending  map[string]*sending
	uploaded uint64
	failures uint64
	trouble  error // the kind of the last failure; nil: the store works
	backoff  time.Duration
}

// sending is a file that the workers of the object store have in use.
type sending struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// UploadStats is what the object store is to do, and has done since the start.
type UploadStats struct {
	Waiting  int    // recordings that wait for it, or are on their way to it or out of it
	Uploaded uint64 // recordings that it has got
	Failures uint64 // times that it could not be used
}

// Uploads counts.
func (r *Recordings) Uploads() UploadStats {
	u := &r.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	return UploadStats{len(u.known), u.uploaded, u.failures}
}

// enqueue lets the object store's workers look at a recording. When too many wait it is found again within a minute.
func (r *Recordings) enqueue(path string) {
	if r.opts.Store == nil || r.idle {
		return
	}
	u := &r.uploads
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.known[path]; ok {
		u.known[path] = true
		return
	}
	select {
	case u.queue <- path:
		u.known[path] = false
	default:
	}
}

// looked forgets a path that was looked at, or puts it at the end of the queue.
func (r *Recordings) looked(path string, again bool) {
	u := &r.uploads
	u.mu.Lock()
	again = again || u.known[path]
	delete(u.known, path)
	u.mu.Unlock()
	if again {
		r.enqueue(path)
	}
}

// findWork enqueues all recordings for which the object store has something to do.
func (r *Recordings) findWork(now time.Time) error {
	if r.opts.Store == nil {
		return nil
	}
	keep := r.keepLocal()
	return r.opts.Index.Recordings(func(s *store.Recording) bool {
		switch {
		case s.Place == store.Doomed,
			s.Complete && s.Place != store.Stored,
			s.Place == store.Stored && !s.OffDisk && now.Sub(s.Uploaded) >= keep:
			r.enqueue(s.Path)
		}
		return true
	})
}

// destined returns where a recording is that has just become complete on the disk.
func (r *Recordings) destined(before store.Remote) store.Remote {
	if r.opts.Store == nil && before.Place == store.Local {
		return store.Remote{}
	}
	return store.Remote{Place: store.Uploading}
}

func (r *Recordings) keepLocal() time.Duration {
	if r.opts.KeepLocal == nil {
		return 0
	}
	return r.opts.KeepLocal()
}

// tendStore does what is to be done for the object store until ctx is done.
func (r *Recordings) tendStore(ctx context.Context) {
	for {
		var path string
		select {
		case <-ctx.Done():
			return
		case path = <-r.uploads.queue:
		}
		err := r.deliver(ctx, path)
		if ctx.Err() != nil {
			return
		}
		pause := r.judge(err)
		if pause > 0 {
			timer := time.NewTimer(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
		}
		r.looked(path, pause > 0)
	}
}

// judge takes note of whether the object store works, and returns how long it is to be left alone. It logs changes only.
func (r *Recordings) judge(err error) (pause time.Duration) {
	pause, before, now := r.uploads.judge(err)
	switch {
	case before == now: //nolint:errorlint // these are sentinels
	case now == nil:
		r.log.Info("the object store works again: recordings are uploaded", "store", r.opts.Store.String())
	default:
		r.log.Warn("recordings cannot be brought to the object store; they stay on the disk, and it is tried again", "err", err)
	}
	return pause
}

// judge returns how long to wait, and the kinds of the failure before and of this one; nil if there is none.
func (u *uploads) judge(err error) (pause time.Duration, before, now error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before = u.trouble
	if err == nil {
		u.trouble, u.backoff = nil, 0
		return 0, before, nil
	}
	u.failures++
	u.trouble = kindOf(err)
	u.backoff = min(max(2*u.backoff, minBackoff), maxBackoff)
	return u.backoff/2 + rand.N(u.backoff/2), before, u.trouble
}

var errOther = errors.New("record: another failure")

// kindOf returns the sentinel that an error of the object store wraps.
func kindOf(err error) error {
	for _, kind := range []error{object.ErrUnavailable, object.ErrRefused, object.ErrNoBucket} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return errOther
}

// deliver does for one recording what is to be done now.
func (r *Recordings) deliver(ctx context.Context, path string) error {
	s, err := r.opts.Index.Recording(path)
	switch {
	case errors.Is(err, store.ErrNoRecording):
		return nil
	case err != nil:
		return err
	case s.Place == store.Doomed:
		return r.bury(ctx, path)
	case !s.Complete:
		return nil // it comes again when it is
	case s.Place != store.Stored:
		if err := r.upload(ctx, path); err != nil {
			return err
		}
		if r.keepLocal() > 0 {
			return nil
		}
		return r.leaveDisk(path)
	case !s.OffDisk && time.Since(s.Uploaded) >= r.keepLocal():
		return r.leaveDisk(path)
	}
	return nil
}

// bury removes what is left of a recording that was removed.
func (r *Recordings) bury(ctx context.Context, path string) error {
	if err := r.opts.Store.Remove(ctx, path); err != nil {
		return err
	}
	return r.opts.Index.DeleteRecording(path)
}

// upload brings a file to the object store. One that is being written now is left alone.
func (r *Recordings) upload(ctx context.Context, path string) error {
	ctx, release := r.hold(ctx, path)
	if release == nil {
		return nil
	}
	defer release()
	s, err := r.opts.Index.Recording(path) // it may have been changed, or removed, before it was held
	if err != nil || !s.Complete || s.Place == store.Doomed {
		return ignoreGone(err)
	}
	file, err := r.opts.Disk.Open(s.Path)
	if errors.Is(err, fs.ErrNotExist) {
		r.log.Warn("a recording was removed from the disk before it was uploaded", "file", s.Path)
		return r.opts.Index.DeleteRecording(s.Path)
	}
	if err != nil {
		return err
	}
	began := time.Now()
	info, err := r.opts.Store.Put(ctx, s.Path, file, file.Size())
	if err = errors.Join(err, file.Close()); err != nil {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // somebody wants the recording gone, or the server ends
		}
		return err
	}
	err = r.opts.Index.ChangeRecording(s.Path, func(s *store.Recording) bool {
		s.Remote = store.Remote{Place: store.Stored, ETag: info.ETag, Uploaded: time.Now().UTC()}
		return true
	})
	if err != nil {
		return err
	}
	r.uploads.mu.Lock()
	r.uploads.uploaded++
	r.uploads.mu.Unlock()
	r.log.Info("recording stored", "file", s.Path, "bytes", info.Size, "dur", time.Since(began).Round(time.Millisecond))
	return nil
}

// ignoreGone returns an error of the index unless it says that there is no such recording any more.
func ignoreGone(err error) error {
	if errors.Is(err, store.ErrNoRecording) {
		return nil
	}
	return err
}

// hold takes hold of a file for a worker of the object store. ctx is done when somebody else wants it; then it must be released
// soon. release is nil if the file is being written.
func (r *Recordings) hold(ctx context.Context, path string) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancel(ctx)
	s := &sending{cancel, make(chan struct{})}
	u := &r.uploads
	u.mu.Lock()
	u.sending[path] = s // first, so that whoever cannot use the file knows why
	u.mu.Unlock()
	used := r.use(path)
	release = func() {
		if used {
			r.release(path)
		}
		u.mu.Lock()
		delete(u.sending, path)
		u.mu.Unlock()
		cancel()
		close(s.done)
	}
	if !used {
		release()
		return ctx, nil
	}
	return ctx, release
}

// claim takes hold of a file that is to be removed, from the workers of the object store if they have it; false if it is being written.
func (r *Recordings) claim(path string) bool {
	for !r.use(path) {
		r.uploads.mu.Lock()
		s := r.uploads.sending[path]
		r.uploads.mu.Unlock()
		if s == nil {
			return r.use(path) // they may have let it go just now
		}
		s.cancel()
		<-s.done
	}
	return true
}

// leaveDisk removes the file of a recording that the object store has.
func (r *Recordings) leaveDisk(path string) error {
	_, release := r.hold(context.Background(), path)
	if release == nil {
		return nil
	}
	defer release()
	s, err := r.opts.Index.Recording(path)
	if err != nil || s.Place != store.Stored {
		return ignoreGone(err)
	}
	if err := r.opts.Disk.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.opts.Index.ChangeRecording(path, func(s *store.Recording) bool { s.OffDisk = true; return true })
}
