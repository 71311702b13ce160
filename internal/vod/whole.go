package vod

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"leat/internal/format"
	"leat/internal/format/flvfile"
	"leat/internal/format/mp4"
)

// File returns the recording itself. It may be used until the title is released.
func (t *Title) File() format.File { return t.file }

// ID returns a text that is the same for the same bytes, and tells nothing about where they are.
func (t *Title) ID() string {
	sum := sha256.Sum256([]byte(t.identity))
	return hex.EncodeToString(sum[:8])
}

// Size returns how many bytes the files of the recording have together; 0 for what is in no catalog.
func (t *Title) Size() int64 {
	total := int64(0)
	for _, s := range t.parts {
		total += s.Size()
	}
	return total
}

// Whole returns the bytes of a recording that is one file, the ending of its container, ".flv" or ".mp4", and when it was
// changed last; ok is false for all others. The input may be used until the title is released.
func (t *Title) Whole() (in format.Input, ending string, changed time.Time, ok bool) {
	if len(t.parts) != 1 {
		return nil, "", time.Time{}, false
	}
	switch t.file.(type) {
	case *flvfile.File:
		ending = ".flv"
	case *mp4.File:
		ending = ".mp4"
	default:
		return nil, "", time.Time{}, false
	}
	return t.parts[0].Input, ending, t.parts[0].ModTime, true
}
