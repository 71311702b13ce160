package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"leat/internal/sockets"
)

// startFlusher has what waits brought out: by writable, for a socket of the loop, and else by a goroutine that the connection waits for at
// its end. Called with mu held.
func (o *outbound) startFlusher() error {
	o.flushing = true
	o.progress = o.c.age()
	if s, ok := o.fd.(*sockets.Socket); ok {
		if err := s.AwaitRoom(); err != nil {
			return o.broken(err)
		}
		return nil
	}
	o.c.wg.Go(o.flush)
	return nil
}

// flush sends what waits until nothing does, then tells the waiters.
func (o *outbound) flush() {
	defer o.c.recovered("sending")
	err := o.flushOnce()
	o.mu.Lock()
	for err == nil && o.refill() { // something came between the last write and the lock
		o.mu.Unlock()
		err = o.flushOnce()
		o.mu.Lock()
	}
	waiters := o.allOut(err)
	o.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) { // other failures come to the reading side, too
		o.c.close(&CloseReason{Side: SideLocal, Text: unreadText(o.c.limits.WriteStall), Err: err})
	}
	for _, fn := range waiters {
		fn()
	}
}

// allOut takes note that nothing waits any more, or that nothing can be sent, and returns who is to be told. Called with mu held.
func (o *outbound) allOut(err error) []func() {
	o.flushing, o.answers = false, 0
	if err != nil && o.err == nil {
		o.err = brokenWrite(err)
	}
	return o.takeWaiters()
}

// writable is called when a socket of the loop has room again.
func (o *outbound) writable() {
	defer o.c.recovered("sending")
	o.mu.Lock()
	if !o.flushing || o.err != nil {
		o.mu.Unlock()
		return
	}
	done, result := o.writeWaiting()
	var waiters []func()
	if done {
		waiters = o.allOut(result)
	}
	o.mu.Unlock()
	for _, fn := range waiters {
		fn()
	}
}

// writeWaiting writes what waits, and reports whether it is through with that: when the socket is full, it is not. Called with mu held.
func (o *outbound) writeWaiting() (done bool, err error) {
	for o.refill() {
		n, err := o.fd.TryWrite(o.buf)
		rest := o.buf[n:]
		if len(rest) == 0 {
			rest = nil
		}
		o.buf = rest
		o.wrote(n)
		if err != nil {
			return true, err
		}
		if len(rest) > 0 {
			return false, nil
		}
	}
	return true, nil
}

func unreadText(d time.Duration) string {
	return fmt.Sprintf("the peer has not read anything for %v", d.Round(time.Second))
}

func (o *outbound) flushOnce() error {
	switch fd := o.fd.(type) {
	case *sockets.Raw:
		return o.flushRaw(fd)
	case *sockets.Sealed:
		return o.flushRaw(fd.Raw())
	}
	return o.flushPlain(o.c.carrier().(net.Conn))
}

// wrote counts bytes that the socket took from what waits, the buf apart. Called with mu held.
func (o *outbound) wrote(n int) {
	if n > 0 {
		o.sent += uint64(n)
		o.progress = o.c.age()
	}
	o.answers = min(o.answers, o.pending())
	o.countUnsent()
}

// flushRaw waits for the socket in the runtime's poller.
func (o *outbound) flushRaw(raw syscall.RawConn) error {
	var result error
	err := raw.Write(func(uintptr) (done bool) {
		o.mu.Lock()
		defer o.mu.Unlock()
		done, result = o.writeWaiting()
		return done
	})
	if result != nil {
		return result
	}
	return err
}

// plainPiece is how much flushPlain writes at once: one TLS record, so that a slow reader's progress is seen.
const plainPiece = 16 << 10

// flushPlain writes with blocking calls, for connections that hide their descriptor. A peer that does not read ends them by
// outbound.stalled.
func (o *outbound) flushPlain(nc net.Conn) error {
	for {
		o.mu.Lock()
		o.refill()
		b := o.buf
		o.buf, o.inFlight = nil, len(b)
		o.mu.Unlock()
		if len(b) == 0 {
			return nil
		}
		for len(b) > 0 {
			n, err := nc.Write(b[:min(len(b), plainPiece)])
			b = b[n:]
			o.mu.Lock()
			o.inFlight = len(b)
			o.wrote(n)
			o.mu.Unlock()
			if err != nil {
				return err
			}
		}
	}
}

// takeWaiters returns who is to be told, without mu, that nothing waits any more. Called with mu held.
func (o *outbound) takeWaiters() []func() {
	waiters := o.waiters
	o.waiters = nil
	if o.drained != nil {
		close(o.drained)
		o.drained = nil
	}
	return waiters
}

// untilDrained returns a channel that is closed when takeWaiters is called next. Called with mu held.
func (o *outbound) untilDrained() <-chan struct{} {
	if o.drained == nil {
		o.drained = make(chan struct{})
	}
	return o.drained
}

// whenDrained calls fn once, on any goroutine, when nothing waits to be sent and the peer's window is open, or when the
// connection has failed. It may call it at once.
func (o *outbound) whenDrained(fn func()) {
	o.mu.Lock()
	idle := !o.flushing && len(o.buf) == 0 && o.window() > 0
	if !idle && o.err == nil {
		o.waiters = append(o.waiters, fn)
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	fn()
}

// resume is called when an Acknowledgement may have opened the peer's window.
func (o *outbound) resume() {
	o.mu.Lock()
	o.shut = 0
	var waiters []func()
	if !o.flushing {
		waiters = o.takeWaiters()
	}
	o.mu.Unlock()
	for _, fn := range waiters {
		fn()
	}
}

// fail makes every later send return err and tells the waiters.
func (o *outbound) fail(err error) {
	o.mu.Lock()
	if o.err == nil {
		o.err = err
	}
	waiters := o.takeWaiters()
	o.mu.Unlock()
	for _, fn := range waiters {
		fn()
	}
}

// wait blocks until little enough waits that more may be queued, the connection fails, or ctx is done.
func (o *outbound) wait(ctx context.Context) error {
	for {
		o.mu.Lock()
		err := o.err
		ready := len(o.buf)+o.backlog.bytes < plainBuffer && o.window() > 0
		var drained <-chan struct{}
		if !ready {
			drained = o.untilDrained()
		}
		o.mu.Unlock()
		if err != nil {
			return err
		}
		if ready {
			return nil
		}
		select {
		case <-drained:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// flushed returns a channel that is closed when nothing waits to be sent, whatever the peer's window, or when the connection
// has failed.
func (o *outbound) flushed() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil && o.flushing {
		return o.untilDrained()
	}
	done := make(chan struct{})
	close(done)
	return done
}

// whenFlushed calls fn once, on any goroutine, when nothing waits to be sent, whatever the peer's window, or when the
// connection has failed. It may call it at once.
func (o *outbound) whenFlushed(fn func()) {
	o.mu.Lock()
	wait := o.err == nil && o.flushing
	if wait {
		o.waiters = append(o.waiters, fn)
	}
	o.mu.Unlock()
	if !wait {
		fn()
	}
}
