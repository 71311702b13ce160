package rtmp

import "syscall"

// tcpNotsentLowat is TCP_NOTSENT_LOWAT, which package syscall does not name.
const tcpNotsentLowat = 25

// unsentLimit is how many bytes the kernel may hold that it has not yet sent.
const unsentLimit = 128 << 10

// limitUnsent makes the kernel say that the socket is full while little waits in it. Without it a slow player's lag
// hides in megabytes of kernel buffer, where no video can be skipped any more.
func (c *Conn) limitUnsent() {
	if c.raw == nil {
		return
	}
	var failed error
	err := c.raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLowat, unsentLimit)
	})
	if err != nil || failed != nil {
		c.logger.Debug("TCP_NOTSENT_LOWAT not set", "err", err, "socket", failed)
	}
}
