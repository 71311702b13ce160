package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

var (
	// ErrInUse is in the chain of Open's error when another process has the file open.
	ErrInUse = errors.New("it is in use by another process")
	// ErrFull is in the chain of an error about Options.MaxBytes.
	ErrFull = errors.New("the store is full")
	// ErrFormat is in the chain of Open's error about a file of another program, or of a later version of this one.
	ErrFormat = errors.New("it is no store of this program")
)

// Options bounds a store. The zero value, and nil, mean the defaults.
type Options struct {
	// LockTimeout is how long Open waits for another process to close the file; 0 means one second.
	LockTimeout time.Duration
	// MaxBytes is how much the names and values of all shared objects may take; 0 means 1 GiB. The file is larger.
	MaxBytes int64
	// MaxRecordings is how many recordings the index may have; 0 means 1,048,576.
	MaxRecordings int
}

// Store is an open file. All methods may be called from any goroutine; those that write wait for the disk.
type Store struct {
	db            *bbolt.DB
	maxBytes      int64
	maxRecordings int
}

const formatVersion = 1

var (
	bucketMeta           = []byte("meta")
	bucketSharedObjects  = []byte("shared-objects")
	bucketRecordings     = []byte("recordings")
	bucketRecordingPaths = []byte("recording-paths")
	keyFormat            = []byte("format")
	keySharedBytes       = []byte("shared-object-bytes")
	keyRecordings        = []byte("recordings")
)

// Open opens the file, and makes it and its folder when they are not there. Its errors name the file; see ErrInUse and
// ErrFormat. The caller must Close the store.
func Open(path string, opts *Options) (*Store, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 30
	}
	if o.MaxRecordings == 0 {
		o.MaxRecordings = 1 << 20
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("store: cannot make the folder of %s: %w", path, err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: o.LockTimeout, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, openError(path, err)
	}
	s := &Store{db: db, maxBytes: o.MaxBytes, maxRecordings: o.MaxRecordings}
	if err := db.Update(prepare); err != nil {
		return nil, errors.Join(openError(path, err), db.Close())
	}
	return s, nil
}

func openError(path string, err error) error {
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return fmt.Errorf("store: cannot open %s: %w; is another server running with the same data folder?", path, ErrInUse)
	case errors.Is(err, bbolterrors.ErrInvalid), errors.Is(err, bbolterrors.ErrVersionMismatch), errors.Is(err, bbolterrors.ErrChecksum):
		return fmt.Errorf("store: cannot open %s: %w (%w); restore it from a copy, or move it away to begin anew", path, ErrFormat, err)
	}
	return fmt.Errorf("store: cannot open %s: %w", path, err)
}

// prepare makes the buckets of a new file and checks the format of an old one.
func prepare(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucketIfNotExists(bucketMeta)
	if err != nil {
		return err
	}
	switch v := meta.Get(keyFormat); {
	case v == nil:
		if err := meta.Put(keyFormat, binary.BigEndian.AppendUint32(nil, formatVersion)); err != nil {
			return err
		}
	case len(v) != 4 || binary.BigEndian.Uint32(v) != formatVersion:
		return fmt.Errorf("%w: its format is %x, not %d", ErrFormat, v, formatVersion)
	}
	for _, name := range [][]byte{bucketSharedObjects, bucketRecordings, bucketRecordingPaths} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

// Close waits for what is under way and closes the file. Methods that are called after it fail.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store: closing: %w", err)
	}
	return nil
}
