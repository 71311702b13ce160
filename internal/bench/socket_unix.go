//go:build unix

package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// A descriptor is a socket that the runtime does not know: its calls never wait.
type descriptor struct{ fd int }

// detach makes a descriptor of nc and closes nc, which takes the socket out of the runtime's poller.
func detach(nc net.Conn) (*descriptor, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("%T has no descriptor", nc)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	d := &descriptor{fd: -1}
	var failed error
	err = raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if d.fd, failed = syscall.Dup(int(fd)); failed == nil {
			syscall.CloseOnExec(d.fd)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("take a socket out of the poller: %w", err)
	}
	return d, nc.Close()
}

// Read reads what has come, and returns os.ErrDeadlineExceeded when that is nothing.
func (d *descriptor) Read(b []byte) (int, error) {
	for {
		n, err := syscall.Read(d.fd, b)
		switch {
		case err == nil && n == 0 && len(b) > 0:
			return 0, io.EOF
		case err == nil:
			return n, nil
		case errors.Is(err, syscall.EAGAIN):
			return 0, os.ErrDeadlineExceeded
		case !errors.Is(err, syscall.EINTR):
			return 0, err
		}
	}
}

// Write writes b if the socket takes all of it; what is written here is a few bytes, so one that does not is broken.
func (d *descriptor) Write(b []byte) (int, error) {
	for {
		n, err := syscall.Write(d.fd, b)
		switch {
		case err == nil && n < len(b):
			return n, io.ErrShortWrite
		case err == nil || !errors.Is(err, syscall.EINTR):
			return max(n, 0), err
		}
	}
}

// Close closes the socket.
func (d *descriptor) Close() error { return syscall.Close(d.fd) }
