package relay

import "syscall"

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name.
const tcpUserTimeout = 18

// breakWhenDead makes the kernel give a connection up whose peer has not acknowledged what was sent for deadAfter. Without it
// a thin stream takes minutes to fill the kernel's buffer and be noticed.
func breakWhenDead(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(deadAfter.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
