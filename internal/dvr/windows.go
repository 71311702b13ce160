package dvr

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"leat/live"
	"leat/media"
)

// Options say where windows lie.
type Options struct {
	// Path is the folder, which is made if it is not there and whose contents are removed. Required.
	Path string
	// MinFree is how many percent of the disk windows leave free; 0 does not ask. It asks Free, which returns 0 if it cannot know.
	MinFree int
	Free    func() (free, total uint64, err error)
	// Logger is told what goes wrong. Required.
	Logger *slog.Logger
}

// Windows is the windows of a server. Close must be called.
type Windows struct {
	opts   Options
	root   *os.Root
	ctx    context.Context //nolint:containedctx // of the windows' goroutines, which it outlives
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	windows map[media.Key]*Window // those of streams that are on air
	count   int
	closed  bool
}

// Open opens the folder of windows, in which it finds nothing worth keeping.
func Open(opts Options) (*Windows, error) {
	if err := Clean(opts.Path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(opts.Path, 0o750); err != nil {
		return nil, fmt.Errorf("dvr: cannot make the folder of windows: %w", err)
	}
	root, err := os.OpenRoot(opts.Path)
	if err != nil {
		return nil, fmt.Errorf("dvr: cannot open the folder of windows: %w", err)
	}
	w := &Windows{opts: opts, root: root, windows: make(map[media.Key]*Window)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w, nil
}

// Clean removes what a server has left in a folder of windows, which need not be there.
func Clean(path string) error {
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("dvr: cannot remove what an earlier server left: %w", err)
	}
	return nil
}

// Start keeps the last length of a stream from now on, until it ends. It does nothing if that is being done already, or after
// Close. It does not wait for the disk.
func (w *Windows) Start(hub *live.Hub, key media.Key, length time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if old := w.windows[key]; old != nil && !old.sub.Over() {
		return
	}
	w.count++
	win := newWindow(w, key, length, strconv.Itoa(w.count))
	win.sub = hub.Subscribe(key, &live.SubscribeOptions{Name: "dvr", Lossless: lossless, Passive: true, Patient: true})
	w.windows[key] = win
	w.wg.Go(func() { win.run(w.ctx) })
}

// Enter returns the window of a stream that is on air, nil if it has none. The caller must Leave it.
func (w *Windows) Enter(key media.Key) *Window {
	w.mu.Lock()
	defer w.mu.Unlock()
	win := w.windows[key]
	if win == nil || w.closed {
		return nil
	}
	win.mu.Lock()
	defer win.mu.Unlock()
	if win.over {
		return nil
	}
	win.users++
	return win
}

// Bytes returns how much the windows take on disk.
func (w *Windows) Bytes() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := int64(0)
	for _, win := range w.windows {
		total += win.bytes()
	}
	return total
}

// Close ends all windows and removes their files. Cursors get ErrGone.
func (w *Windows) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.cancel()
	w.wg.Wait()
	return errors.Join(w.root.Close(), Clean(w.opts.Path))
}

// ended takes out a window that nobody is to enter any more.
func (w *Windows) ended(win *Window) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.windows[win.key] == win {
		delete(w.windows, win.key)
	}
}

// room reports whether the disk has room for more.
func (w *Windows) room() error {
	if w.opts.MinFree <= 0 || w.opts.Free == nil {
		return nil
	}
	free, total, err := w.opts.Free()
	if err != nil {
		return fmt.Errorf("dvr: asking for the room on the disk: %w", err)
	}
	if total > 0 && free/100 < total/10000*uint64(w.opts.MinFree) {
		return fmt.Errorf("dvr: less than %d %% of the disk is free", w.opts.MinFree)
	}
	return nil
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
