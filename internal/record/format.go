package record

import (
	"fmt"
	"path"
	"time"

	"leat/internal/format/flvfile"
	"leat/media"
)

// Format is a container for recordings, by the ending of its files without the dot.
type Format string

// FLV is the container that holds every stream as it came.
const FLV Format = "flv"

// Muxer writes the packets of one segment into its file. The first packets are the headers in force; the first frame has
// the time 0. WritePacket returns format.ErrNewFile for a packet that belongs into another segment; after any other error
// it is closed, too. Close completes the file as far as it was written; the file itself is the caller's.
type Muxer interface {
	media.Writer
	Close() error
	// Duration is the time of the last frame that was written.
	Duration() time.Duration
}

// container is how files of a format are written and repaired.
type container struct {
	create func(File) Muxer
	// resume goes on behind the last frame, and gap later; nil when a file of this format cannot be continued.
	resume func(f File, gap time.Duration) (Muxer, error)
	// repair completes a file whose writer was killed and returns its duration.
	repair func(File) (time.Duration, error)
}

var containers = map[Format]container{
	FLV: {
		create: func(f File) Muxer { return flvfile.NewWriter(f) },
		resume: func(f File, gap time.Duration) (Muxer, error) { return flvfile.Resume(f, gap) },
		repair: func(f File) (time.Duration, error) { return flvfile.Repair(f) },
	},
}

// ParseFormat returns the format with that name.
func ParseFormat(s string) (Format, error) {
	if _, ok := containers[Format(s)]; !ok {
		return "", fmt.Errorf("record: unknown format %q", s)
	}
	return Format(s), nil
}

// ending is what the names of files end in.
func (f Format) ending() string { return "." + string(f) }

// formatOf returns the format of a file by its name.
func formatOf(name string) (f Format, stem string, ok bool) {
	ext := path.Ext(name)
	if ext == "" {
		return "", name, false
	}
	f = Format(ext[1:])
	_, ok = containers[f]
	return f, name[:len(name)-len(ext)], ok
}
