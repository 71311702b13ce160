package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// StreamKey names a live stream. Its parts may hold any bytes, at most MaxName each.
type StreamKey struct {
	App      string `json:"app"`
	Instance string `json:"instance,omitempty"` // empty for the default one
	Name     string `json:"name"`
}

// Recording is a file of the index: one segment of a take. A take is what was recorded from one start to the end, and what
// was appended to it.
type Recording struct {
	StreamKey
	// Path is slash-separated, from the folder of the recordings. It names the recording; no two have the same.
	Path string `json:"path"`
	// Format is the container, such as flv.
	Format string `json:"format"`
	// Take is when the take began; together with the stream it names the take.
	Take time.Time `json:"take"`
	// Segment counts the files of a take from 1.
	Segment int `json:"segment"`
	// Started and Ended are when the file was begun, and when it got its last frame; Ended is zero until it is complete.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	// Offset is where the segment's time 0 lies in the take.
	Offset time.Duration `json:"offset"`
	// Duration and Size are known when it is complete.
	Duration time.Duration `json:"duration"`
	Size     int64         `json:"size"`
	// Complete says that nobody writes the file, and that its end is in order.
	Complete bool `json:"complete"`
	Remote
}

// ErrNoRecording is in the chain of an error about a path that the index does not have.
var ErrNoRecording = errors.New("there is no such recording")

// errStop ends a walk without being an error.
var errStop = errors.New("stop")

// PutRecording adds a recording, or replaces what is known of the one with the same path. When it returns nil the index
// is on the disk. It wraps ErrFull when Options.MaxRecordings are there already.
func (s *Store) PutRecording(r *Recording) error {
	if r.Path == "" || len(r.Path) > MaxName {
		return fmt.Errorf("store: a recording's path has %d bytes, not 1 to %d", len(r.Path), MaxName)
	}
	key, err := r.bytes()
	if err != nil {
		return err
	}
	key = recordingKey(key, r)
	value, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	err = s.db.Update(func(tx *bbolt.Tx) error {
		paths, recordings := tx.Bucket(bucketRecordingPaths), tx.Bucket(bucketRecordings)
		if old := paths.Get([]byte(r.Path)); old != nil {
			if err := recordings.Delete(old); err != nil {
				return err
			}
		} else if err := s.countRecording(tx.Bucket(bucketMeta), 1); err != nil {
			return err
		}
		if err := paths.Put([]byte(r.Path), key); err != nil {
			return err
		}
		return recordings.Put(key, value)
	})
	if err != nil {
		return fmt.Errorf("store: keeping a recording: %w", err)
	}
	return nil
}

// countRecording keeps the number of recordings, within the bound.
func (s *Store) countRecording(meta *bbolt.Bucket, by int) error {
	total := by
	if v := meta.Get(keyRecordings); len(v) == 8 {
		total += int(binary.BigEndian.Uint64(v))
	}
	if by > 0 && total > s.maxRecordings {
		return fmt.Errorf("%w: there are %d recordings", ErrFull, s.maxRecordings)
	}
	return meta.Put(keyRecordings, binary.BigEndian.AppendUint64(nil, uint64(max(total, 0))))
}

func (s *Store) changeRecording(path string, change func(*Recording) bool) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		key := tx.Bucket(bucketRecordingPaths).Get([]byte(path))
		if key == nil {
			return ErrNoRecording
		}
		recordings := tx.Bucket(bucketRecordings)
		r, err := decodeRecording(recordings.Get(key))
		if err != nil || !change(r) {
			return err
		}
		value, err := json.Marshal(r)
		if err != nil {
			return err
		}
		return recordings.Put(key, value)
	})
}

// DeleteRecording forgets the recording at path; one that is not there is no error. The file is the caller's business.
func (s *Store) DeleteRecording(path string) error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		paths := tx.Bucket(bucketRecordingPaths)
		key := paths.Get([]byte(path))
		if key == nil {
			return nil
		}
		if err := tx.Bucket(bucketRecordings).Delete(key); err != nil {
			return err
		}
		if err := paths.Delete([]byte(path)); err != nil {
			return err
		}
		return s.countRecording(tx.Bucket(bucketMeta), -1)
	})
	if err != nil {
		return fmt.Errorf("store: forgetting a recording: %w", err)
	}
	return nil
}

// Recording returns the recording at path. The error wraps ErrNoRecording when there is none.
func (s *Store) Recording(path string) (*Recording, error) {
	var r *Recording
	err := s.db.View(func(tx *bbolt.Tx) error {
		key := tx.Bucket(bucketRecordingPaths).Get([]byte(path))
		if key == nil {
			return ErrNoRecording
		}
		var err error
		r, err = decodeRecording(tx.Bucket(bucketRecordings).Get(key))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store: reading recording %s: %w", path, err)
	}
	return r, nil
}

// RecordingsOf calls each for the recordings of a stream, the newest take first and the segments of a take in their
// order backwards, until it returns false. It must not write to the store.
func (s *Store) RecordingsOf(stream StreamKey, each func(*Recording) bool) error {
	prefix, err := stream.bytes()
	if err != nil {
		return err
	}
	return s.walk(prefix, each)
}

// Recordings calls each for all recordings, ordered by stream and within it as RecordingsOf does, until it returns false.
// It must not write to the store.
func (s *Store) Recordings(each func(*Recording) bool) error { return s.walk(nil, each) }

func (s *Store) walk(prefix []byte, each func(*Recording) bool) error {
	err := s.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketRecordings).Cursor()
		for k, v := c.Seek(prefix); k != nil && len(k) >= len(prefix) && string(k[:len(prefix)]) == string(prefix); k, v = c.Next() {
			r, err := decodeRecording(v)
			if err != nil {
				return err
			}
			if !each(r) {
				return errStop
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return fmt.Errorf("store: reading the recordings: %w", err)
	}
	return nil
}

func decodeRecording(value []byte) (*Recording, error) {
	r := new(Recording)
	if err := json.Unmarshal(value, r); err != nil {
		return nil, err
	}
	return r, nil
}

func (k StreamKey) bytes() ([]byte, error) { return SharedObjectKey(k).bytes() }

// recordingKey is the stream's key, then the take and the segment, both turned so that the newest comes first.
func recordingKey(stream []byte, r *Recording) []byte {
	key := binary.BigEndian.AppendUint64(stream, ^uint64(r.Take.UnixNano()))
	key = binary.BigEndian.AppendUint32(key, ^uint32(r.Segment))
	return append(key, r.Path...)
}
