//go:build unix && !(linux && (amd64 || arm64))

package rtmp

import (
	"errors"
	"io"
	"syscall"
)

type readControl struct{}

// announceRest has no effect here: nobody says how much is left to read.
func (c *Conn) announceRest() {}

// readSocket reads once from a non-blocking descriptor. empty is not known.
func readSocket(fd uintptr, b []byte, _ *readControl) (n int, empty bool, err error) {
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, false, err
		case n == 0:
			return 0, false, io.EOF
		}
		return n, false, nil
	}
}

// writeSocket writes once to a non-blocking descriptor.
func writeSocket(fd uintptr, b []byte) (int, error) { return syscall.Write(int(fd), b) }
