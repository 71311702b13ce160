//go:build unix && !(linux && (amd64 || arm64) && !race)

package rtmp

import (
	"errors"
	"io"
	"syscall"
)

// readSocket reads once from a non-blocking descriptor.
func readSocket(fd uintptr, b []byte) (int, error) {
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

// writeSocket writes once to a non-blocking descriptor.
func writeSocket(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
