// Package container tells by its first bytes what a recording is, and opens it: FLV, MP4 and its relatives, or MP3. Names
// count for nothing.
package container

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"leat/internal/format"
	"leat/internal/format/flvfile"
	"leat/internal/format/mp3"
	"leat/internal/format/mp4"
)

// Kind is a container.
type Kind uint8

// The kinds of recordings. The zero value is none that is known.
const (
	Unknown Kind = iota
	FLV
	MP4 // also MOV, M4V, M4A and F4V
	MP3
)

// String returns the name for people.
func (k Kind) String() string {
	switch k {
	case FLV:
		return "FLV"
	case MP4:
		return "MP4"
	case MP3:
		return "MP3"
	}
	return "unknown"
}

// HeadSize is how many bytes tell one container from another.
const HeadSize = 12

// Detect looks at the first HeadSize bytes of a recording, or at all if there are fewer.
func Detect(head []byte) Kind {
	switch {
	case bytes.HasPrefix(head, []byte("FLV")):
		return FLV
	case isMP4(head):
		return MP4
	case isMP3(head):
		return MP3
	}
	return Unknown
}

// DetectIn is Detect for the bytes of a file. The error is the Input's.
func DetectIn(in format.Input) (Kind, error) {
	head := make([]byte, HeadSize)
	n, err := in.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Unknown, err
	}
	return Detect(head[:n]), nil
}

// Open makes the index of a file of any kind. Errors wrap format.ErrStructure or format.ErrNoTrack, or are the Input's.
func Open(in format.Input) (format.File, error) { return open(in, false) }

// OpenIndexed is Open for an Input that is expensive to read: where a file has an index, that is believed, see flvfile.OpenIndexed.
func OpenIndexed(in format.Input) (format.File, error) { return open(in, true) }

func open(in format.Input, indexed bool) (format.File, error) {
	kind, err := DetectIn(in)
	if err != nil {
		return nil, err
	}
	switch kind {
	case FLV:
		if indexed {
			return flvfile.OpenIndexed(in)
		}
		return flvfile.Open(in)
	case MP4:
		return mp4.Open(in)
	case MP3:
		return mp3.Open(in)
	}
	return nil, fmt.Errorf("%w: it begins as neither FLV, nor MP4, nor MP3 files do", format.ErrStructure)
}

// isMP4 looks for the type of the first box (ISO 14496-12, 4.2).
func isMP4(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	switch string(head[4:8]) {
	case "ftyp", "styp", "moov", "moof", "mdat", "free", "skip", "wide", "pnot", "uuid", "sidx", "emsg":
		return true
	}
	return false
}

// isMP3 looks for a tag or the sync word of a frame.
func isMP3(head []byte) bool {
	return bytes.HasPrefix(head, []byte("ID3")) || len(head) > 1 && head[0] == 0xff && head[1]&0xe0 == 0xe0
}
