package store

import (
	"fmt"
	"time"
)

// Place says where the bytes of a recording are.
type Place string

// The places.
const (
	Local     Place = ""          // on the disk only
	Uploading Place = "uploading" // on the disk; waits for the object store, or is on its way there
	Stored    Place = "stored"    // in the object store; on the disk as well unless OffDisk says otherwise
	Doomed    Place = "doomed"    // removed; what the object store has of it is still to go
)

// String names the place; Local is "local".
func (p Place) String() string {
	if p == Local {
		return "local"
	}
	return string(p)
}

// Remote is what is known of a recording in the object store. The zero value is one that is not there.
type Remote struct {
	Place Place `json:"place,omitempty"`
	// OffDisk says that a Stored recording has no file on the disk any more.
	OffDisk bool `json:"off_disk,omitempty"`
	// ETag and Uploaded are the object's entity tag, and when the store had all of it.
	ETag     string    `json:"etag,omitempty"`
	Uploaded time.Time `json:"uploaded,omitzero"`
}

// ChangeRecording lets change see what is known of the recording at path, and keeps what it makes of that if it returns
// true, in one transaction. It must not change stream, path, take or segment. The error wraps ErrNoRecording when there is none.
func (s *Store) ChangeRecording(path string, change func(*Recording) bool) error {
	err := s.changeRecording(path, change)
	if err != nil {
		return fmt.Errorf("store: changing recording %s: %w", path, err)
	}
	return nil
}
