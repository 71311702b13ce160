package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"leat/internal/object"
	"leat/internal/store"
	"leat/live"
	"leat/media"
)

var (
	// ErrRecording says that a stream is being recorded already.
	ErrRecording = errors.New("record: the stream is being recorded")
	// ErrNotRecording says that a stream is not being recorded.
	ErrNotRecording = errors.New("record: the stream is not being recorded")
	// ErrInUse says that a file is being written.
	ErrInUse = errors.New("record: the recording is being written")
	// ErrDiskLow says that less of the disk is free than Options.MinFree.
	ErrDiskLow = errors.New("record: the disk is nearly full")
	// ErrGap says that the disk was too slow for too long.
	ErrGap = errors.New("record: the disk was too slow, and there is a gap")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("record: closed")
)

// Options set up Recordings. Disk and Index are needed; Recordings does not close them.
type Options struct {
	Disk   Disk
	Index  *store.Store
	Logger *slog.Logger // nil means slog.Default()

	// Sync is how often a file that is being written is made safe from a loss of power. Zero means 10 s, negative only at
	// its end.
	Sync time.Duration
	// MinFree is how much of the disk must be free, percent. Zero means 5; negative means that a disk may be filled up.
	MinFree int
	// Buffer is how much of a stream may wait for the disk, beyond the stream's ring, bytes. Zero means 64 MiB.
	Buffer int64
	// Templates are those in use, by which files that the index does not have are known. The default one always is.
	Templates []*Template
	// Keep tells how long the recordings of an application are kept; nil means for ever.
	Keep func(app string) Keep

	// Store gets all complete recordings; nil means that they stay on the disk. It must not be closed before Recordings.
	Store *object.Bucket
	// KeepLocal tells how long a recording stays on the disk when the object store has it; nil means no longer than that.
	KeepLocal func() time.Duration
	// Uploads is how many recordings are uploaded at the same time. Zero means 2.
	Uploads int
}

// Recordings is what a server has recorded and is recording. Its methods may be called from any goroutine.
type Recordings struct {
	opts  Options
	log   *slog.Logger
	ready chan struct{} // closed when the files have been looked through
	tidy  chan struct{} // rouses the goroutine that removes old recordings; room for one
	stop  context.CancelFunc
	work  sync.WaitGroup // that goroutine, and the recorders

	failures atomic.Uint64
	idle     bool // there are no goroutines: see OpenIdle
	uploads  uploads

	mu        sync.Mutex
	closed    bool
	recorders map[media.Key]*Recorder
	inUse     map[string]bool // paths of files that are being written
}

// Open returns the recordings of a folder. In the background it repairs what was not finished, see Recover, and removes what
// has become too old. The caller must Close it.
func Open(o Options) *Recordings {
	ctx, stop := context.WithCancel(context.Background())
	r := newRecordings(o)
	r.stop = stop
	r.work.Go(func() { r.tend(ctx) })
	if r.opts.Store != nil {
		for range r.opts.Uploads {
			r.work.Go(func() { r.tendStore(ctx) })
		}
	}
	return r
}

// OpenIdle returns the recordings of a folder, to be looked at, deleted and repaired. Nothing happens in the background, and
// nothing can be recorded. It need not be closed.
func OpenIdle(o Options) *Recordings {
	r := newRecordings(o)
	r.closed, r.idle = true, true
	return r
}

func newRecordings(o Options) *Recordings {
	o.Sync = cmp.Or(o.Sync, 10*time.Second)
	o.MinFree = cmp.Or(o.MinFree, 5)
	o.Buffer = cmp.Or(o.Buffer, 64<<20)
	o.Uploads = cmp.Or(o.Uploads, 2)
	o.Templates = append([]*Template{mustDefault()}, o.Templates...)
	return &Recordings{
		opts: o, log: cmp.Or(o.Logger, slog.Default()),
		ready: make(chan struct{}), tidy: make(chan struct{}, 1), stop: func() {},
		recorders: map[media.Key]*Recorder{}, inUse: map[string]bool{},
		uploads: uploads{queue: make(chan string, maxWaiting), known: map[string]bool{}, sending: map[string]*sending{}},
	}
}

// mustDefault returns the default template.
func mustDefault() *Template {
	t, err := ParseTemplate(DefaultTemplate)
	if err != nil {
		panic("record: the default template is broken: " + err.Error())
	}
	return t
}

// tendEvery is how often recordings are looked through for what is too old.
const tendEvery = time.Minute

// tend looks after the files until ctx is done.
func (r *Recordings) tend(ctx context.Context) {
	if _, err := r.Recover(ctx); err != nil && ctx.Err() == nil {
		r.log.Error("recordings could not be looked through", "err", err)
	}
	close(r.ready)
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		if err := r.removeOld(time.Now()); err != nil {
			r.log.Warn("old recordings could not be removed", "err", err)
		}
		if err := r.findWork(time.Now()); err != nil {
			r.log.Warn("recordings for the object store could not be looked for", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-r.tidy:
		}
	}
}

// rouse lets recordings be looked through now.
func (r *Recordings) rouse() {
	select {
	case r.tidy <- struct{}{}:
	default: // it is about to
	}
}

// Start records a stream of the hub from now on, until it ends or Stop is called; a stream without a publisher is waited
// for. It does not block for the disk but for asking how full it is. The error is ErrRecording while the stream is recorded
// already, or wraps ErrDiskLow or the disk's.
func (r *Recordings) Start(hub *live.Hub, key media.Key, spec Spec) (*Recorder, error) {
	if err := r.room(r.opts.MinFree); err != nil {
		return nil, err
	}
	sub := hub.Subscribe(key, &live.SubscribeOptions{Name: "recorder", Lossless: r.opts.Buffer, Patient: true})
	c, err := r.start(sub, key, spec)
	if err != nil {
		sub.Close()
		return nil, err
	}
	return c, nil
}

func (r *Recordings) start(sub *live.Subscription, key media.Key, spec Spec) (*Recorder, error) {
	over := true
	before := r.Recorder(key)
	if before != nil {
		over = before.sub.Over()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, ErrClosed
	case !over, r.recorders[key] != nil && r.recorders[key] != before:
		return nil, ErrRecording
	}
	ctx, stop := context.WithCancel(context.Background())
	c := newRecorder(r, sub, key, spec, stop)
	if before != nil {
		c.before = before.done
	}
	r.recorders[key] = c
	r.work.Go(func() {
		defer stop()
		c.run(ctx)
	})
	return c, nil
}

// Recorder returns who records a stream now; nil if nobody does.
func (r *Recordings) Recorder(key media.Key) *Recorder {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.recorders[key]
}

// Stop ends the recording of a stream; its file is complete when the Recorder is done. The error is ErrNotRecording if there
// is none.
func (r *Recordings) Stop(key media.Key) error {
	c := r.Recorder(key)
	if c == nil {
		return ErrNotRecording
	}
	c.Stop()
	return nil
}

// Stats returns how many streams are being recorded, and how often recording has failed.
func (r *Recordings) Stats() (recording int, failures uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.recorders), r.failures.Load()
}

// Close waits for the recorders of streams that have ended, stops the others when ctx is done, and returns ctx's error then.
// A disk that takes nothing any more keeps a recorder beyond Close.
func (r *Recordings) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	recorders := make([]*Recorder, 0, len(r.recorders))
	for _, c := range r.recorders {
		recorders = append(recorders, c)
	}
	r.mu.Unlock()
	for _, c := range recorders {
		select {
		case <-c.done:
		case <-ctx.Done():
			c.Stop()
		}
	}
	r.stop()
	ended := make(chan struct{})
	go func() { // ends with the disk's last answer
		r.work.Wait()
		close(ended)
	}()
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-ended:
	case <-grace.C:
		return fmt.Errorf("record: the disk does not answer: %w", context.DeadlineExceeded)
	}
	return ctx.Err()
}

// stopGrace is how long files have to be completed when there is no more time.
const stopGrace = 2 * time.Second

// room returns an error that wraps ErrDiskLow if less than percent of the disk is free.
func (r *Recordings) room(percent int) error {
	if percent < 0 {
		return nil
	}
	free, total, err := r.opts.Disk.Free()
	if err != nil {
		return fmt.Errorf("record: asking for the room on the disk: %w", err)
	}
	if total > 0 && free/100 < total/10000*uint64(percent) {
		return fmt.Errorf("%w: less than %d %% of it is free", ErrDiskLow, percent)
	}
	return nil
}

// use takes hold of a file for writing; false if somebody has it.
func (r *Recordings) use(path string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inUse[path] {
		return false
	}
	r.inUse[path] = true
	return true
}

func (r *Recordings) release(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.inUse, path)
}

// ended forgets a recorder.
func (r *Recordings) ended(c *Recorder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recorders[c.key] == c {
		delete(r.recorders, c.key)
	}
}
