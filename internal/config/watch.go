package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long a file must be left alone before it is read again: editors write in several steps.
const settle = 100 * time.Millisecond

// A Watcher tells when a file has got another content. It sees the file replaced, as editors do, and reached by a
// link that is switched, as orchestrators do.
type Watcher struct {
	path   string
	last   []byte
	events *fsnotify.Watcher
}

// NewWatcher begins to watch the file at path. Make it before the file is loaded, so that no change falls between.
func NewWatcher(path string) (*Watcher, error) {
	events, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	// The folder is watched, as a replaced file would be lost.
	if err := events.Add(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", path, err), events.Close())
	}
	w := &Watcher{path: path, events: events}
	w.changed()
	return w, nil
}

// Wait blocks until the content of the file is another one than at the last return, and has been left alone for
// a tenth of a second. It returns an error only when ctx is done or the Watcher is closed. One goroutine may call it.
func (w *Watcher) Wait(ctx context.Context) error {
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case _, ok := <-w.events.Events:
			if !ok {
				return fsnotify.ErrClosed
			}
			quiet.Reset(settle)
		case _, ok := <-w.events.Errors:
			if !ok {
				return fsnotify.ErrClosed
			}
			quiet.Reset(settle) // events were lost: look for ourselves
		case <-quiet.C:
			if w.changed() {
				return nil
			}
		}
	}
}

// changed reads the file and reports whether it is another than before. A file that is not there just now is in the
// middle of being replaced.
func (w *Watcher) changed() bool {
	text, err := os.ReadFile(w.path)
	if err != nil || bytes.Equal(text, w.last) {
		return false
	}
	w.last = text
	return true
}

// Close ends the watch and any Wait.
func (w *Watcher) Close() error { return w.events.Close() }
