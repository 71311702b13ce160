//go:build linux || darwin

package node

import (
	"math"
	"syscall"
)

// maxDescriptors returns how many files and sockets the process may have open, which the Go runtime raises to what is allowed;
// 0: any number, or nobody knows.
func maxDescriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return 0
	}
	return int(limit.Cur)
}
