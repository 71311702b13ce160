package vod

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"leat/internal/format"
	"leat/internal/format/flvfile"
	"leat/internal/format/mp3"
	"leat/internal/format/mp4"
	"leat/media"
)

// Title is a recording that was opened: its index, which all its players share. It comes from Catalog.Open.
type Title struct {
	catalog  *Catalog
	identity string
	parts    Parts

	loaded chan struct{} // closed when the two below are set
	file   format.File
	err    error

	users int    // guarded by catalog.mu
	used  uint64 // when one left last, in catalog.clock; guarded by catalog.mu
}

// Info describes the recording.
func (t *Title) Info() format.Info { return t.file.Info() }

// Tags returns the ID3 tags as a data message; nil when there are none, or the file is none that has them.
func (t *Title) Tags() *media.Packet {
	if f, ok := t.file.(*mp3.File); ok {
		return f.Tags()
	}
	return nil
}

// Release gives the title back, once.
func (t *Title) Release() { t.catalog.release(t) }

// load makes the index.
func (t *Title) load() {
	defer close(t.loaded)
	t.err = errors.New("vod: the index was not made") // in case of a panic
	t.file, t.err = openParts(t.parts)
}

// close closes the file. What it says does not matter: it was only read.
func (t *Title) close() { _ = t.parts.Close() }

// headSize is how many bytes tell one container from another.
const headSize = 12

// open makes the index of a file, whose first bytes say what it is.
func open(in format.Input) (format.File, error) {
	head := make([]byte, headSize)
	n, err := in.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("FLV")):
		return flvfile.Open(in)
	case isMP4(head):
		return mp4.Open(in)
	case isMP3(head):
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
