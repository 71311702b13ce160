package sockets

import (
	"os"
	"syscall"
)

// tcpNotsentLowat is TCP_NOTSENT_LOWAT, which package syscall does not name.
const tcpNotsentLowat = 25

// LimitUnsent makes the kernel say that a socket is full while it holds more than n bytes that it has not yet sent. Where it cannot be told
// so, nothing happens.
func LimitUnsent(fd uintptr, n int) error {
	return os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotsentLowat, n))
}
