//go:build unix && !(linux && (amd64 || arm64) && !race)

package sockets

import (
	"errors"
	"io"
	"syscall"
)

// Read reads once from a descriptor that does not block. ErrAgain means that nothing is there, io.EOF that the peer has ended.
func Read(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// writeOnce writes what there is room for.
func writeOnce(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
