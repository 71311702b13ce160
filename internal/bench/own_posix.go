//go:build linux || darwin

package bench

import (
	"fmt"
	"syscall"
	"time"
)

// ownCPU is what this process has used so far.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0 // then it is not known
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// spareFiles is what the program needs beside its connections: a socket has two descriptors for a moment while it joins.
const spareFiles = 128

// allowFiles raises the limit on open files to what n connections need, or says what to do.
func allowFiles(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("ask how many files may be open: %w", err)
	}
	need := uint64(n) + spareFiles
	if limit.Cur >= need {
		return nil
	}
	raised := syscall.Rlimit{Cur: need, Max: max(limit.Max, need)} // root may raise both, others the first up to the second
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised); err != nil {
		return fmt.Errorf("%d connections need %d open files, and %d are allowed: raise the limit, for example with ulimit -n %d",
			n, need, limit.Max, need)
	}
	return nil
}
