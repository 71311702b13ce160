//go:build unix

package rtmp

import (
	"errors"
	"io"
	"syscall"
)

// rawSockets says that reads and writes on a socket's descriptor through syscall.RawConn work here.
const rawSockets = true

// errAgain is what reading returns when there is nothing to read now.
var errAgain error = syscall.EAGAIN

// writeSome writes to a non-blocking descriptor until b is out or the socket is full.
func writeSome(fd uintptr, b []byte) (n int, err error) {
	for n < len(b) {
		k, err := writeSocket(fd, b[n:])
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
