package vod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"leat/internal/format"
	"leat/media"
)

// Library finds recordings by the key of a stream. The key's name is as the client wrote it, prefix included.
//
// Open may block for a disk or a network until ctx is done. An error that wraps fs.ErrNotExist says that the library has no
// such recording, and that another one may be asked.
type Library interface {
	Open(ctx context.Context, key media.Key) (Parts, error)
}

// Parts is a recording in the order of time, at least one file. Whoever got it from a Library closes it.
type Parts []*Source

// Close closes all files.
func (p Parts) Close() error {
	var err error
	for _, s := range p {
		err = errors.Join(err, s.Close())
	}
	return err
}

// Source is the bytes of a recording, or of a part of it, opened.
type Source struct {
	format.Input
	io.Closer

	// ID names the bytes: two sources whose ID, size and ModTime are equal hold the same.
	ID      string
	ModTime time.Time
	// Offset is where the file's time 0 lies in the recording.
	Offset time.Duration
	// Remote says that reading is expensive: the index in a file is believed, so that playing from anywhere reads little.
	Remote bool
}

// Folder is the library of a directory and those below it. Nothing outside can be reached through it, also not by
// symbolic links.
type Folder struct {
	root *os.Root
}

var _ Library = (*Folder)(nil)

// OpenFolder returns the library of the directory at path. The caller must close it; files that were opened through it
// stay usable.
func OpenFolder(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Folder{root: root}, nil
}

// Close closes the directory.
func (f *Folder) Close() error { return f.root.Close() }

// Open opens the first file that the name of key may mean. Application and instance do not count.
func (f *Folder) Open(ctx context.Context, key media.Key) (Parts, error) {
	name, err := ParseName(key.Name)
	if err != nil {
		return nil, err
	}
	for _, path := range name.Files() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		source, err := f.open(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		return Parts{source}, nil
	}
	return nil, fmt.Errorf("vod: there is no %s in %s: %w", key.Name, f.root.Name(), fs.ErrNotExist)
}

// open opens a regular file. Whatever lies in the way of that, other than failures of the disk, is that there is none.
func (f *Folder) open(path string) (*Source, error) {
	info, err := f.root.Stat(path) // first, as opening a FIFO would wait for a writer
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, notThere(path, err)
	}
	file, err := f.root.Open(path)
	if err != nil {
		return nil, notThere(path, err)
	}
	if info, err = file.Stat(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	in := &fileInput{File: file, size: info.Size()}
	return &Source{Input: in, Closer: file, ID: f.root.Name() + "/" + path, ModTime: info.ModTime()}, nil
}

// notThere tells what a client may know of a file that cannot be opened: that there is none. A path that leads outside has
// an error of its own in package os, which is not exported.
func notThere(path string, err error) error {
	escapes := strings.Contains(err.Error(), "escapes")
	if escapes || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrInvalid) {
		return fmt.Errorf("vod: %s: %w (%v)", path, fs.ErrNotExist, err) //nolint:errorlint // the second is for people only
	}
	if pathError, ok := errors.AsType[*fs.PathError](err); ok { // names too long, a file in the place of a directory, links in a circle
		return fmt.Errorf("vod: %s: %w (%v)", path, fs.ErrNotExist, pathError.Err) //nolint:errorlint // as above
	}
	return err
}

// fileInput is a file with the size that it had when it was opened.
type fileInput struct {
	*os.File
	size int64
}

func (f *fileInput) Size() int64 { return f.size }
