package record

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// Disk is the folder of the recordings. A Folder is one; in tests others are full or slow. Names are slash-separated paths
// below the folder. Its methods may be called from any goroutine, and block as long as the disk does.
type Disk interface {
	// Create makes a file that is not there yet, and the folders above it.
	Create(name string) (File, error)
	// Open opens a file for reading and writing.
	Open(name string) (File, error)
	// Rename gives a file another name, which must be free.
	Rename(from, to string) error
	// Remove removes a file, and the folders above it that are empty then.
	Remove(name string) error
	// Walk calls each for all files, until it returns an error.
	Walk(each func(name string, size int64, modified time.Time) error) error
	// Free returns how many bytes may be written still, and the size of the disk; 0 when that is not known.
	Free() (free, total uint64, err error)
}

// File is a file on a Disk. One goroutine at a time writes.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size is the length of the file as it is now; 0 when that cannot be known.
	Size() int64
	Truncate(size int64) error
	// Sync returns when what was written is safe from a loss of power.
	Sync() error
}

// Folder is a folder of the file system. Nothing outside it can be reached through it, also not by symbolic links.
type Folder struct{ root *os.Root }

var _ Disk = (*Folder)(nil)

// OpenFolder opens the folder at path, which is made if it is not there. The caller must Close it.
func OpenFolder(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("record: cannot make the folder of recordings: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("record: cannot open the folder of recordings: %w", err)
	}
	return &Folder{root}, nil
}

// Close closes the folder; files stay open.
func (d *Folder) Close() error { return d.root.Close() }

// Create implements Disk.
func (d *Folder) Create(name string) (File, error) {
	if dir := path.Dir(name); dir != "." {
		if err := d.root.MkdirAll(dir, 0o750); err != nil {
			return nil, err
		}
	}
	return d.open(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open implements Disk. What is no regular file is not opened.
func (d *Folder) Open(name string) (File, error) {
	info, err := d.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	return d.open(name, os.O_RDWR)
}

func (d *Folder) open(name string, flag int) (File, error) {
	f, err := d.root.OpenFile(name, flag, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Rename implements Disk.
func (d *Folder) Rename(from, to string) error {
	if _, err := d.root.Lstat(to); err == nil {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return d.root.Rename(from, to)
}

// Remove implements Disk.
func (d *Folder) Remove(name string) error {
	if err := d.root.Remove(name); err != nil {
		return err
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if d.root.Remove(dir) != nil { // it is not empty
			return nil
		}
	}
	return nil
}

// Walk implements Disk. It passes over what is no regular file, and over names that begin with a dot.
func (d *Folder) Walk(each func(name string, size int64, modified time.Time) error) error {
	return fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it has gone meanwhile
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !entry.Type().IsRegular():
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return each(name, info.Size(), info.ModTime())
	})
}

// Free implements Disk.
func (d *Folder) Free() (free, total uint64, err error) {
	f, err := d.root.Open(".")
	if err != nil {
		return 0, 0, err
	}
	free, total, err = statFree(f)
	return free, total, errors.Join(err, f.Close())
}

type osFile struct{ *os.File }

// Size implements File.
func (f osFile) Size() int64 {
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
