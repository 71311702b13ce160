package stream

import (
	"context"
	"errors"
	"sync"

	"leat/internal/fanout"
)

// pipeBytes is what may wait in a pipe for the client.
const pipeBytes = 128 << 10

// errPipeClosed is what the fan-out gets once the viewer has gone.
var errPipeClosed = errors.New("stream: the viewer has gone")

// pipe is a fanout.Outlet whose bytes the goroutine of a request takes out.
type pipe struct {
	wake chan struct{} // there is something to take, or the end; room for one

	mu     sync.Mutex
	buf    []byte
	spare  []byte // what was taken before, to be filled again
	notify func() // to be called when there is room
	closed bool   // the viewer has gone
	ended  fanout.Reason
}

var _ fanout.Outlet = (*pipe)(nil)

func newPipe() *pipe { return &pipe{wake: make(chan struct{}, 1)} }

// TryWrite takes as much of b as there is room for.
func (p *pipe) TryWrite(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, errPipeClosed
	}
	n := min(len(b), pipeBytes-len(p.buf))
	p.buf = append(p.buf, b[:n]...)
	p.rouse()
	return n, nil
}

// NotifyWritable calls fn when the buffer has been taken.
func (p *pipe) NotifyWritable(fn func()) {
	p.mu.Lock()
	full := len(p.buf) == pipeBytes && !p.closed
	if full {
		p.notify = fn
	}
	p.mu.Unlock()
	if !full {
		fn()
	}
}

// rouse wakes take. mu is held.
func (p *pipe) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// take waits for bytes and returns all there are; they are the caller's until the next call. Behind the last ones it returns
// why the fan-out has ended the viewer. The error is that of ctx.
func (p *pipe) take(ctx context.Context) ([]byte, fanout.Reason, error) {
	for {
		p.mu.Lock()
		b, fn, reason := p.buf, p.notify, p.ended
		p.buf, p.spare, p.notify = p.spare[:0], b, nil
		p.mu.Unlock()
		if fn != nil {
			fn()
		}
		if len(b) > 0 {
			return b, 0, nil
		}
		if reason != 0 {
			return nil, reason, nil
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// end is the fan-out's word that nothing more will come.
func (p *pipe) end(reason fanout.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = reason
	p.rouse()
}

// close is called when nobody takes bytes any more.
func (p *pipe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed, p.buf, p.spare = true, nil, nil
}
