//go:build linux && (race || !(amd64 || arm64))

package sockets

import "syscall"

// waitEvents returns how many events were there; it does not wait.
func waitEvents(epfd uintptr, events []syscall.EpollEvent) int {
	n, err := syscall.EpollWait(int(epfd), events, 0)
	if err != nil {
		return 0
	}
	return n
}
