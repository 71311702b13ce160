//go:build linux && (amd64 || arm64)

package rtmp

import (
	"io"
	"net"
	"syscall"
	"unsafe" // for system calls that the scheduler is not told of
)

// Reading from and writing to a socket that does not block is a matter of microseconds, and telling the scheduler of it costs more: on a
// machine that is not busy each such call wakes the runtime's monitor thread, which looks 50 times whether it still lasts.

// tcpInq is TCP_INQ, and TCP_CM_INQ, the type of the control message.
const tcpInq = 36

// directFlags are those of all reads and writes. Should a descriptor block nevertheless, it would hold up a whole core.
const directFlags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL

// readControl is the room for the one control message that announceRest asks for.
type readControl struct {
	header syscall.Cmsghdr
	rest   int32
	_      int32
}

// announceRest makes the kernel say with each read how much is left, where it can.
func (c *Conn) announceRest() {
	if _, ok := c.nc.(*net.TCPConn); !ok {
		return
	}
	var failed error
	err := c.raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpInq, 1)
	})
	if err != nil || failed != nil {
		c.logger.Debug("TCP_INQ not set", "err", err, "socket", failed)
	}
}

// readSocket reads once. empty says that nothing is left, neither bytes nor the end of the stream, so that what comes next is an event of
// its own; a reset may be there all the same. Otherwise that is not known.
func readSocket(fd uintptr, b []byte, control *readControl) (n int, empty bool, err error) {
	*control = readControl{}
	part := syscall.Iovec{Base: &b[0], Len: uint64(len(b))}
	m := syscall.Msghdr{Iov: &part, Iovlen: 1, Control: (*byte)(unsafe.Pointer(control)), Controllen: uint64(unsafe.Sizeof(*control))}
	for {
		r, _, errno := syscall.RawSyscall(syscall.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&m)), directFlags)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno != 0:
			return 0, false, errno
		case r == 0:
			return 0, false, io.EOF
		}
		told := m.Controllen >= uint64(syscall.CmsgLen(4)) && control.header.Level == syscall.IPPROTO_TCP && control.header.Type == tcpInq
		return int(r), told && control.rest == 0, nil
	}
}

// writeSocket writes once what there is room for.
func writeSocket(fd uintptr, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), directFlags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
