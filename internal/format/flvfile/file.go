package flvfile

import (
	"fmt"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/media"
)

// File is an opened FLV file. It is a format.File.
type File struct {
	in    format.Input
	info  format.Info
	start place   // the first tag
	end   int64   // behind the last whole tag
	keys  []place // where players can begin, rising in time

	full func() (*File, error) // reads the whole file; nil if that was done
}

var _ format.File = (*File)(nil)

// place is a tag where a player can begin, and the headers in force there.
type place struct {
	offset  int64
	time    time.Duration
	headers []*media.Packet // shared by all places between two changes
}

// Open makes the index of a file. A file that ends within a tag, as after a crash, is played up to there. Errors wrap
// format.ErrStructure or format.ErrNoTrack, or are the Input's.
func Open(in format.Input) (*File, error) {
	x, err := newIndexer(in)
	if err != nil {
		return nil, err
	}
	if err := x.run(); err != nil {
		return nil, err
	}
	if !x.info.HasAudio && !x.info.HasVideo {
		return nil, noTrack()
	}
	f := &File{in: in, info: x.info, start: x.start, end: x.end, keys: x.keys}
	if len(f.keys) == 0 {
		f.keys = []place{x.start}
	}
	if f.info.HasVideo {
		for _, k := range f.keys {
			f.info.Keys = append(f.info.Keys, k.time)
		}
	}
	f.info.Metadata = metadata(x.stored, f.info.Duration)
	return f, nil
}

// Info describes the file.
func (f *File) Info() format.Info { return f.info }

// metadata is the file's onMetaData, which may be nil, with the duration as it really is.
func metadata(stored *media.Packet, duration time.Duration) *media.Packet {
	object := amf.NewObject()
	if stored != nil {
		values, err := amf.Decode(stored.Data, amf.Limits{})
		if o, ok := first(values).(*amf.Object); ok && err == nil {
			object = o
		}
	}
	object.ECMA = true
	object.Set("duration", duration.Seconds())
	object.Delete("keyframes") // positions in this file mean nothing to a player
	object.Delete("filesize")
	body, err := amf.Append(amf.AppendString(nil, media.NameMetadata), object)
	if err != nil { // it holds values that AMF0 has no form for: say what is certain
		return metadata(nil, duration)
	}
	return &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: body}
}

func first(values []any) any {
	if len(values) == 0 {
		return nil
	}
	return values[0]
}

func noTrack() error { return fmt.Errorf("%w: it holds neither audio nor video", format.ErrNoTrack) }
