package vod

import (
	"context"
	"runtime"
	"sync"
)

// Engine runs the sessions of a server on a few goroutines. Its methods may be called from several goroutines.
type Engine struct {
	ctx    context.Context //nolint:containedctx // of the engine's own goroutines, which it outlives
	cancel context.CancelFunc
	wheel  *wheel
	wg     sync.WaitGroup // workers, the wheel, and files that are being opened

	mu       sync.Mutex
	news     *sync.Cond // something is ready, or the workers are to end
	first    *Session   // the queue of sessions that are ready
	last     *Session
	sessions map[*Session]struct{}
	empty    *sync.Cond // there are no sessions any more
	closed   bool       // no session is begun
	stopped  bool       // the workers end
}

// NewEngine starts an engine with so many workers: how many files are read at the same time. 0 means four for each
// processor. Close must be called.
func NewEngine(workers int) *Engine {
	if workers <= 0 {
		workers = 4 * runtime.GOMAXPROCS(0)
	}
	e := &Engine{sessions: make(map[*Session]struct{})}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.news, e.empty = sync.NewCond(&e.mu), sync.NewCond(&e.mu)
	e.wheel = newWheel((*Session).wake)
	e.wg.Go(e.wheel.run)
	for range workers {
		e.wg.Go(e.work)
	}
	return e
}

// Sessions returns how many sessions there are.
func (e *Engine) Sessions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sessions)
}

// Close ends all sessions, tells their clients that nothing more will be played, and stops the engine's goroutines.
// It waits for what is being read.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	sessions := make([]*Session, 0, len(e.sessions))
	for s := range e.sessions {
		sessions = append(sessions, s)
	}
	e.mu.Unlock()
	e.cancel()
	for _, s := range sessions {
		s.shut()
	}
	e.mu.Lock()
	for len(e.sessions) > 0 {
		e.empty.Wait()
	}
	stopped := e.stopped
	e.stopped = true
	e.news.Broadcast()
	e.mu.Unlock()
	if !stopped {
		close(e.wheel.stop)
	}
	e.wg.Wait()
}

// add takes a session in.
func (e *Engine) add(s *Session) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	e.sessions[s] = struct{}{}
	return nil
}

// remove lets a session go, which has ended.
func (e *Engine) remove(s *Session) {
	e.wheel.clear(&s.alarm)
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.sessions, s)
	if len(e.sessions) == 0 {
		e.empty.Broadcast()
	}
}

// push puts a session at the end of the queue. It must not be there yet.
func (e *Engine) push(s *Session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.last == nil {
		e.first = s
	} else {
		e.last.after = s
	}
	e.last = s
	e.news.Signal()
}

// pop waits for a session; nil says that the workers are to end.
func (e *Engine) pop() *Session {
	e.mu.Lock()
	defer e.mu.Unlock()
	for e.first == nil && !e.stopped {
		e.news.Wait()
	}
	s := e.first
	if s == nil {
		return nil
	}
	e.first, s.after = s.after, nil
	if e.first == nil {
		e.last = nil
	}
	return s
}

// work runs steps until the engine is closed. A worker lends its sessions a buffer to write messages in.
func (e *Engine) work() {
	var scratch []byte
	for s := e.pop(); s != nil; s = e.pop() {
		if scratch == nil { // a server without recordings needs none
			scratch = make([]byte, 0, 2*maxBatch)
		}
		s.run(scratch)
	}
}
