//go:build linux || darwin

package record

import (
	"os"
	"syscall"
)

// statFree asks the file system that f is on.
func statFree(f *os.File) (free, total uint64, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var stat syscall.Statfs_t
	controlled := raw.Control(func(fd uintptr) { err = syscall.Fstatfs(int(fd), &stat) })
	if controlled != nil {
		return 0, 0, controlled
	}
	if err != nil {
		return 0, 0, err
	}
	block := uint64(stat.Bsize)
	return stat.Bavail * block, stat.Blocks * block, nil
}
