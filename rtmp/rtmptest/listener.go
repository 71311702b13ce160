package rtmptest

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
)

// Listener is a net.Listener in memory: what Dial opens, Accept returns.
type Listener struct {
	conns   chan net.Conn
	done    chan struct{}
	close   sync.Once
	clients atomic.Int32
}

var _ net.Listener = (*Listener)(nil)

// NewListener returns a Listener that is ready for Dial and Accept.
func NewListener() *Listener {
	return &Listener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial opens a connection as Pipe does and returns its client's end once Accept has taken the other. It fails when
// ctx is done, and with ECONNREFUSED when l is closed.
func (l *Listener) Dial(ctx context.Context) (net.Conn, error) {
	port := firstClientPort + int(l.clients.Add(1)-1)%(1<<16-firstClientPort)
	client, server := newPipe(BufferSize, port)
	err := error(syscall.ECONNREFUSED)
	select {
	case <-l.done:
	default:
		select {
		case l.conns <- server:
			return client, nil
		case <-l.done:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: l.Addr(), Err: err}
}

// DialContext is Dial in the form that dialers have; the network and the address do not matter.
func (l *Listener) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return l.Dial(ctx)
}

// Accept waits for the next connection. It fails with net.ErrClosed when l is closed.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
	default:
		select {
		case c := <-l.conns:
			return c, nil
		case <-l.done:
		}
	}
	return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.Addr(), Err: net.ErrClosed}
}

// Close ends all waiting calls of Dial and Accept, and later ones. Connections stay open. It returns nil.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

// Addr returns the address that the servers' ends of all connections have.
func (l *Listener) Addr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: serverPort}
}
