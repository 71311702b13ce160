package rtmptest

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// BufferSize is how many bytes Pipe holds in each direction until the other end reads them: a write of more
// waits, as it does when a socket's buffers are full.
const BufferSize = 64 << 10

// Pipe returns the two ends of a connection in memory. Unlike net.Pipe it has buffers, of BufferSize each way.
//
// Both ends are safe for concurrent use and have a method CloseWrite() error, as *net.TCPConn has. Their addresses are
// *net.TCPAddr of a network reserved for documentation (RFC 5737). Closing one end lets the other read what was written
// before, and makes its writes fail with EPIPE.
func Pipe() (client, server net.Conn) { return PipeSize(BufferSize) }

// PipeSize is Pipe with buffers of size bytes, for tests of full ones. It panics if size is not positive.
func PipeSize(size int) (client, server net.Conn) { return newPipe(size, firstClientPort) }

// Addresses of the ends. Clients of one Listener are told apart by their ports.
const (
	firstClientPort = 49152
	serverPort      = 1935
)

func newPipe(size, clientPort int) (client, server net.Conn) {
	if size <= 0 {
		panic("rtmptest: the size of a pipe must be positive")
	}
	up, down := newHalf(size), newHalf(size)
	clientAddr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: clientPort}
	serverAddr := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: serverPort}
	return &end{in: down, out: up, local: clientAddr, remote: serverAddr},
		&end{in: up, out: down, local: serverAddr, remote: clientAddr}
}

// end is one end of a pipe.
type end struct {
	in, out       *half
	local, remote *net.TCPAddr
}

var _ net.Conn = (*end)(nil)

func (e *end) Read(b []byte) (int, error) {
	n, err := e.in.read(b)
	if err != nil && err != io.EOF { //nolint:errorlint // read returns it unwrapped, and so must Read
		err = e.opError("read", err)
	}
	return n, err
}

func (e *end) Write(b []byte) (int, error) {
	n, err := e.out.write(b)
	if err != nil {
		err = e.opError("write", err)
	}
	return n, err
}

func (e *end) Close() error {
	e.in.closeRead()
	e.out.closeWrite()
	return nil
}

// CloseWrite ends the stream to the other end, which can still write.
func (e *end) CloseWrite() error {
	e.out.closeWrite()
	return nil
}

func (e *end) LocalAddr() net.Addr  { return e.local }
func (e *end) RemoteAddr() net.Addr { return e.remote }

func (e *end) SetDeadline(t time.Time) error {
	return firstError(e.SetReadDeadline(t), e.SetWriteDeadline(t))
}

func (e *end) SetReadDeadline(t time.Time) error {
	if !e.in.setDeadline(&e.in.readDeadline, t) {
		return e.opError("set", net.ErrClosed)
	}
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	if !e.out.setDeadline(&e.out.writeDeadline, t) {
		return e.opError("set", net.ErrClosed)
	}
	return nil
}

func (e *end) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: e.local, Addr: e.remote, Err: err}
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// half is one direction of a pipe: what one end has written and the other not yet read.
type half struct {
	mu      sync.Mutex
	changed sync.Cond // of all fields below
	buf     []byte    // at most size bytes
	size    int
	writing bool // a write waits for room, and others for it: the bytes of one write stay together
	noRead  bool // the reading end is closed
	noWrite bool // the writing end is closed

	readDeadline, writeDeadline deadline
}

type deadline struct {
	at    time.Time   // zero if there is none
	timer *time.Timer // wakes those who wait; nil if nobody need be woken
}

func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newHalf(size int) *half {
	h := &half{size: size}
	h.changed.L = &h.mu
	return h
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.noRead:
			return 0, net.ErrClosed
		case h.readDeadline.passed():
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case len(h.buf) > 0:
			n := copy(b, h.buf)
			h.buf = h.buf[:copy(h.buf, h.buf[n:])]
			h.changed.Broadcast()
			return n, nil
		case h.noWrite:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (h *half) write(b []byte) (n int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.writing && h.writeError() == nil {
		h.changed.Wait()
	}
	if err := h.writeError(); err != nil {
		return 0, err
	}
	h.writing = true
	defer func() {
		h.writing = false
		h.changed.Broadcast()
	}()
	for n < len(b) {
		if err := h.writeError(); err != nil {
			return n, err
		}
		room := h.size - len(h.buf)
		if room == 0 {
			h.changed.Wait()
			continue
		}
		part := b[n:min(len(b), n+room)]
		h.buf = append(h.buf, part...)
		n += len(part)
		h.changed.Broadcast()
	}
	return n, nil
}

// writeError says why nothing can be written, or nil. The caller holds mu.
func (h *half) writeError() error {
	switch {
	case h.noWrite:
		return net.ErrClosed
	case h.writeDeadline.passed():
		return os.ErrDeadlineExceeded
	case h.noRead:
		return syscall.EPIPE
	}
	return nil
}

func (h *half) closeRead() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noRead = true
	h.buf = nil
	h.readDeadline.stop()
	h.changed.Broadcast()
}

func (h *half) closeWrite() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.noWrite = true
	h.writeDeadline.stop()
	h.changed.Broadcast()
}

// setDeadline sets d, one of h's own, and reports whether its end is open.
func (h *half) setDeadline(d *deadline, t time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if d == &h.readDeadline && h.noRead || d == &h.writeDeadline && h.noWrite {
		return false
	}
	d.stop()
	d.at = t
	switch {
	case t.IsZero():
	case d.passed():
		h.changed.Broadcast()
	default:
		d.timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changed.Broadcast()
		})
	}
	return true
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
