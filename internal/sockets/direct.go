//go:build linux && (amd64 || arm64) && !race

package sockets

import (
	"io"
	"syscall"
	"unsafe" // for system calls that the scheduler is not told of
)

// Reading from and writing to a socket that does not block is a matter of microseconds, and telling the scheduler of it costs more: on a
// machine that is not busy each such call wakes the runtime's monitor thread, which looks 50 times whether it still lasts. The race
// detector has to be told: to it, what is sent happens before it is received.

// directFlags are those of all reads and writes. Should a descriptor block nevertheless, it would hold up a whole core.
const directFlags = syscall.MSG_DONTWAIT | syscall.MSG_NOSIGNAL

// Read reads once. ErrAgain means that nothing is there, io.EOF that the peer has ended.
func Read(fd uintptr, b []byte) (int, error) {
	for {
		n, _, err := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), directFlags, 0, 0)
		switch {
		case err == syscall.EINTR:
			continue
		case err != 0:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return int(n), nil
	}
}

// writeOnce writes what there is room for.
func writeOnce(fd uintptr, b []byte) (int, error) {
	n, _, err := syscall.RawSyscall6(syscall.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), directFlags, 0, 0)
	if err != 0 {
		return 0, err
	}
	return int(n), nil
}

// waitEvents returns how many events were there; it does not wait.
func waitEvents(epfd uintptr, events []syscall.EpollEvent) int {
	n, _, err := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, epfd, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if err != 0 {
		return 0 // nobody else has the descriptor, and what it could be interrupted in is a wait
	}
	return int(n)
}
