// Package format is what all recordings have in common, whatever container they are in: a File that many players share,
// and a Cursor for each of them. The rooms below it read one container each: flvfile, mp4, mp3.
//
// Times are the file's own, from 0. Packets of a cursor are ready to be sent by RTMP: their Body is an FLV tag body.
package format

import (
	"errors"
	"io"
	"time"

	"leat/media"
)

var (
	// ErrStructure says that a file is damaged so that it cannot be played (NetStream.Play.FileStructureInvalid). Errors
	// that wrap it say where and what.
	ErrStructure = errors.New("format: the file is damaged")
	// ErrNoTrack says that nothing in a file can be sent by RTMP (NetStream.Play.NoSupportedTrackFound).
	ErrNoTrack = errors.New("format: the file has no track that RTMP can carry")
	// ErrNewFile is what a writer returns for a packet that cannot stand in the same file as those before it, such as
	// another codec's configuration. Nothing of it was written: begin another file with the headers that are in force now.
	ErrNewFile = errors.New("format: the packet needs a new file")
)

// Input is the bytes of a recording: a file on disk, or an object in a store that is read by ranges. ReadAt may be
// called from several goroutines at once.
type Input interface {
	io.ReaderAt
	Size() int64
}

// File is an opened recording. It holds the index and no media, and may be used by many goroutines at once. It does
// not own its Input.
type File interface {
	Info() Info
	// NewCursor returns a cursor at the start.
	NewCursor() Cursor
}

// Info describes a recording.
type Info struct {
	Duration time.Duration
	// Metadata is the onMetaData message to send first, with duration and what else is known; nil if there is none.
	Metadata           *media.Packet
	HasVideo, HasAudio bool
	// Keys are the times at which a player can begin, rising; without video it is nil, and any time will do.
	Keys []time.Duration
}

// Cursor reads a recording in decoding order: first the headers in force at its position (metadata, sequence
// headers, with the position's time), then packets from a key frame on. At the end it returns io.EOF. A read blocks for
// its Input only. One goroutine at a time may use it.
type Cursor interface {
	media.Reader
	// Seek goes to the last place at or before d where a player can begin, and returns its time. Times before the
	// start mean the start, times behind the end the last such place.
	Seek(d time.Duration) (time.Duration, error)
}
