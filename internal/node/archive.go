package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"leat/internal/config"
	"leat/internal/object"
	"leat/internal/record"
	"leat/internal/store"
	"leat/media"
)

// Recording is one file of an Archive.
type Recording = store.Recording

// Archive is the recordings under a data folder, for commands. It must be closed.
type Archive struct {
	folder *record.Folder
	index  *store.Store   // nil while a server has it
	bucket *object.Bucket // nil without an object store
	all    *record.Recordings
	cfg    *config.Config
}

// ErrServerRuns says that a server uses the data folder, so that nothing may be changed there.
var ErrServerRuns = errors.New("a server is running with this data folder; stop it first")

// OpenArchive opens the recordings under cfg.Data. The error wraps fs.ErrNotExist if nothing was ever recorded there, and
// no object store is configured. While a server uses the folder the recordings can be listed only.
func OpenArchive(cfg *config.Config, logger *slog.Logger) (*Archive, error) {
	path := filepath.Join(cfg.Data, recordsFolder)
	if _, err := os.Stat(path); err != nil && !cfg.Recordings.S3.IsSet() { // an object store may have some
		return nil, err
	}
	folder, err := record.OpenFolder(path)
	if err != nil {
		return nil, err
	}
	a := &Archive{folder: folder, cfg: cfg}
	a.index, err = store.Open(filepath.Join(cfg.Data, storeFile), nil)
	switch {
	case errors.Is(err, store.ErrInUse):
		return a, nil
	case err != nil:
		return nil, errors.Join(err, folder.Close())
	}
	if a.bucket, err = openBucket(cfg); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.all = record.OpenIdle(record.Options{
		Disk: folder, Index: a.index, Logger: logger, Templates: templates(cfg), Store: a.bucket,
	})
	return a, nil
}

// InUse reports whether a server uses the folder.
func (a *Archive) InUse() bool { return a.index == nil }

// Close closes folder and index.
func (a *Archive) Close() error {
	if a.bucket != nil {
		a.bucket.Close()
	}
	if a.index == nil {
		return a.folder.Close()
	}
	return errors.Join(a.index.Close(), a.folder.Close())
}

// List calls each for all recordings until it returns false. While a server uses the folder, they are what the names of
// the files tell: durations are not known then.
func (a *Archive) List(each func(*Recording) bool) error {
	if a.InUse() {
		return record.Scan(a.folder, templates(a.cfg), each)
	}
	return a.all.List(each)
}

// Remove removes the recording at a path, or all of the stream of that name ("live/cam"), and returns the paths of what is
// gone. The error wraps fs.ErrNotExist if there is none.
func (a *Archive) Remove(name string) ([]string, error) {
	if a.InUse() {
		return nil, ErrServerRuns
	}
	paths, err := a.find(name)
	if err != nil {
		return nil, err
	}
	for i, path := range paths {
		if err := a.all.Delete(path); err != nil {
			return paths[:i], err
		}
	}
	return paths, nil
}

func (a *Archive) find(name string) ([]string, error) {
	var paths []string
	err := a.all.List(func(r *Recording) bool {
		if r.Path == name || media.Key(r.StreamKey).String() == name {
			paths = append(paths, r.Path)
		}
		return true
	})
	if err == nil && len(paths) == 0 {
		err = fs.ErrNotExist
	}
	return paths, err
}

// Repair brings files, object store and index together, see record.Recordings.Recover and RecoverStore.
func (a *Archive) Repair(ctx context.Context) (record.Report, error) {
	if a.InUse() {
		return record.Report{}, ErrServerRuns
	}
	report, err := a.all.Recover(ctx)
	if err == nil {
		err = a.all.RecoverStore(ctx, &report)
	}
	return report, err
}
