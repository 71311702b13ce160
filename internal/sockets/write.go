//go:build unix

package sockets

import (
	"errors"
	"io"
	"syscall"
)

// canRaw says that Read and Write work here on what a syscall.RawConn gives.
const canRaw = true

// ErrAgain is what Read returns when there is nothing to read now.
var ErrAgain error = syscall.EAGAIN

// Write writes to a descriptor that does not block until b is out or the socket is full, and returns how much it took. Fewer than len(b)
// without an error means that it is full.
func Write(fd uintptr, b []byte) (n int, err error) {
	for n < len(b) {
		k, err := writeOnce(fd, b[n:])
		if k > 0 {
			n += k
		}
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return n, nil
		case err != nil:
			return n, err
		case k == 0:
			return n, io.ErrShortWrite
		}
	}
	return n, nil
}
