package sockets

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Raw is the descriptor access of a plain TCP or unix socket.
type Raw struct {
	syscall.RawConn

	// The arguments and results of write, which is made once so that a write allocates nothing.
	write func(fd uintptr)
	b     []byte
	n     int
	err   error
}

// RawConn returns the descriptor access of nc, and nil for anything that transforms bytes, has no descriptor, or has
// one that Read and Write do not work on.
func RawConn(nc net.Conn) *Raw {
	var socket syscall.Conn
	switch nc := nc.(type) {
	case *net.TCPConn:
		socket = nc
	case *net.UnixConn:
		socket = nc
	default:
		return nil
	}
	raw, err := socket.SyscallConn()
	if err != nil || !canRaw {
		return nil
	}
	r := &Raw{RawConn: raw}
	r.write = func(fd uintptr) { r.n, r.err = Write(fd, r.b) }
	return r
}

// TryWrite is Write to the socket. It takes one call at a time, which may be made inside the other methods.
func (r *Raw) TryWrite(b []byte) (int, error) {
	r.b, r.n, r.err = b, 0, nil
	err := r.Control(r.write)
	r.b = nil
	if err == nil {
		err = r.err
	}
	return r.n, err
}

// directConn is a connection that is read and written by Read and Write.
type directConn struct {
	net.Conn
	raw     *Raw
	in, out transfer
}

// transfer is a Read or Write under way.
type transfer struct {
	do   func(fd uintptr) bool
	b    []byte
	done int
	err  error
}

// Direct returns nc, read and written by Read and Write if that is possible. It takes one call of each at a time, unlike other connections.
func Direct(nc net.Conn) net.Conn {
	raw := RawConn(nc)
	if raw == nil {
		return nc
	}
	c := &directConn{Conn: nc, raw: raw}
	c.in.do = func(fd uintptr) bool {
		c.in.done, c.in.err = Read(fd, c.in.b)
		return !errors.Is(c.in.err, ErrAgain)
	}
	c.out.do = func(fd uintptr) bool {
		n, err := Write(fd, c.out.b[c.out.done:])
		c.out.done, c.out.err = c.out.done+n, err
		return err != nil || c.out.done == len(c.out.b)
	}
	return c
}

func (c *directConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c.in.b, c.in.done, c.in.err = b, 0, nil
	err := c.raw.Read(c.in.do)
	return c.over(&c.in, "read", err)
}

func (c *directConn) Write(b []byte) (int, error) {
	c.out.b, c.out.done, c.out.err = b, 0, nil
	err := c.raw.Write(c.out.do)
	return c.over(&c.out, "write", err)
}

// over returns what has become of a transfer, of which the poller said err.
func (c *directConn) over(t *transfer, op string, err error) (int, error) {
	t.b = nil
	switch {
	case err != nil:
		if o, ok := errors.AsType[*net.OpError](err); ok {
			o.Op = op // not raw-read: that is how, and not what
		}
	case t.err == nil, errors.Is(t.err, io.EOF):
		return t.done, t.err
	default:
		err = &net.OpError{Op: op, Net: c.LocalAddr().Network(), Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, t.err)}
	}
	return t.done, err
}
