//go:build unix

package vod

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe is not a file: opening one would wait for whoever writes into it.
func TestFolderPipe(t *testing.T) {
	h := newHall(t)
	if err := syscall.Mkfifo(filepath.Join(h.dir, "pipe.flv"), 0o600); err != nil {
		t.Fatal(err)
	}
	if title, err := h.open("pipe"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("pipe: %v, %v; want no such file", title, err)
	}
}
