package rtmp

import (
	"context"
	"sync"
	"time"
)

// lifetime is the context of what happens on a connection; it ends with it. There is a context inside only from when something first
// asks for one: most connections idle, or play detached, and a context that can be cancelled has memory of its own.
type lifetime struct {
	parent context.Context // set before anything asks

	mu     sync.Mutex
	inner  context.Context // nil while nobody needs it
	cancel context.CancelCauseFunc
	over   error // why the connection has ended; nil while it lives
}

// get returns the context inside, which it makes if need be.
func (l *lifetime) get() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner == nil {
		l.inner, l.cancel = context.WithCancelCause(l.parent)
		if l.over != nil {
			l.cancel(l.over)
		}
	}
	return l.inner
}

// end ends the context; the first reason counts.
func (l *lifetime) end(reason error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over == nil {
		l.over = reason
	}
	if l.cancel != nil {
		l.cancel(l.over)
	}
}

// rest gives up the context inside, when those have returned who asked for it.
func (l *lifetime) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inner != nil {
		l.cancel(nil)
		l.inner, l.cancel = nil, nil
	}
}

func (l *lifetime) Deadline() (time.Time, bool) { return l.parent.Deadline() }
func (l *lifetime) Done() <-chan struct{}       { return l.get().Done() }
func (l *lifetime) Err() error                  { return l.get().Err() }
func (l *lifetime) Value(key any) any           { return l.get().Value(key) }
