package record

import (
	"fmt"
	"log/slog"
	"path"
	"time"

	"leat/internal/format/flvfile"
	"leat/media"
)

// Format is a container for recordings, by the ending of its files without the dot.
type Format string

// The formats.
const (
	FLV Format = "flv" // holds every stream as it came
	MP4 Format = "mp4" // fragmented; appending to a take makes another file
)

// Muxer writes the packets of one segment into its file. The first packets are the headers in force; the first frame has
// the time 0. WritePacket returns format.ErrNewFile for a packet that it leaves out because it belongs into another segment,
// and goes on; after any other error it is closed. Close completes the file as far as it was written; the file itself is the caller's.
type Muxer interface {
	media.Writer
	Close() error
	// Duration is the time of the last frame that was written.
	Duration() time.Duration
}

// container is how files of a format are written and repaired.
type container struct {
	create func(File, *slog.Logger) Muxer
	// resume goes on behind the last frame, and gap later; nil when a file of this format cannot be continued.
	resume func(f File, gap time.Duration) (Muxer, error)
	// repair completes a file whose writer was killed and returns its duration.
	repair func(File) (time.Duration, error)
}

var containers = map[Format]container{
	FLV: {
		create: func(f File, _ *slog.Logger) Muxer { return flvfile.NewWriter(f) },
		resume: func(f File, gap time.Duration) (Muxer, error) { return flvfile.Resume(f, gap) },
		repair: func(f File) (time.Duration, error) { return flvfile.Repair(f) },
	},
	MP4: {
		create: func(f File, log *slog.Logger) Muxer { return newFragmented(f, log) },
		repair: repairFragmented,
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
