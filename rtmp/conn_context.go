package rtmp

import (
	"context"
	"sync"
	"time"
)

// lifetime is the context of what happens on a connection; it ends with it. Most connections idle, or play detached, and a context that
// can be cancelled has memory of its own: so there is one inside only from when something asks for it until nobody uses it any more.
// Who hands the lifetime to somebody else calls use before, and release when that one has returned and every context made of it has
// been cancelled.
type lifetime struct {
	parent context.Context // set before anything asks

	mu     sync.Mutex
	users  int
	inner  context.Context // nil while nobody needs it
	cancel context.CancelCauseFunc
	over   error // why the connection has ended; nil while it lives
}

func (l *lifetime) use() {
	l.mu.Lock()
	l.users++
	l.mu.Unlock()
}

// release gives up the context inside when the last user has gone.
func (l *lifetime) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users == 0 && l.inner != nil {
		l.cancel(l.over)
		l.inner, l.cancel = nil, nil
	}
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

func (l *lifetime) Deadline() (time.Time, bool) { return l.parent.Deadline() }
func (l *lifetime) Done() <-chan struct{}       { return l.get().Done() }
func (l *lifetime) Err() error                  { return l.get().Err() }
func (l *lifetime) Value(key any) any           { return l.get().Value(key) }
