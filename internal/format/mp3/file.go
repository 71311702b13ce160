package mp3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/media"
)

// File is an opened MP3 file. It is a format.File.
type File struct {
	in     format.Input
	info   format.Info
	tags   *media.Packet // onID3; nil without tags
	stream header        // of the first frame
	places []place
	end    int64 // behind the last whole frame
}

var _ format.File = (*File)(nil)

// place is a frame where a player can begin.
type place struct {
	offset  int64
	samples int64 // before it
}

const (
	maxPlaces = 1 << 20  // one a second for twelve days
	maxSearch = 64 << 10 // how far a first frame is looked for behind what is no frame
)

// Open makes the index of a file. Errors wrap format.ErrStructure or are the Input's.
func Open(in format.Input) (*File, error) {
	f := &File{in: in}
	r := &reader{in: in}
	if err := f.readTags(r); err != nil {
		return nil, err
	}
	if err := f.index(r); err != nil {
		return nil, err
	}
	return f, nil
}

// Info describes the file.
func (f *File) Info() format.Info { return f.info }

// Tags returns the file's ID3 tags as an onID3 data message; nil when it has none.
func (f *File) Tags() *media.Packet { return f.tags }

// readTags passes over the ID3v2 tags in front.
func (f *File) readTags(r *reader) error {
	for {
		head, err := r.bytes(r.at, id3Header)
		if err != nil {
			return noFrame(err)
		}
		size := tagSize(head)
		if size == 0 {
			return nil
		}
		if f.tags == nil {
			n := min(size, maxID3Read, f.in.Size()-r.at)
			b := make([]byte, n)
			if _, err := f.in.ReadAt(b, r.at); err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			f.tags = onID3(b)
		}
		r.at += size
	}
}

func noFrame(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it holds no MP3 frame", format.ErrStructure)
	}
	return err
}

// index goes through the frames.
func (f *File) index(r *reader) error {
	h, err := r.find(nil)
	if err != nil {
		return noFrame(err)
	}
	if frame, err := r.bytes(r.at, h.size); err == nil && h.isInfo(frame) {
		r.at += int64(h.size)
		if h, err = r.find(&h); err != nil {
			return noFrame(err)
		}
	}
	f.stream = h
	var samples, next int64
	for err == nil {
		if samples >= next && len(f.places) < maxPlaces {
			f.places = append(f.places, place{offset: r.at, samples: samples})
			next = samples + int64(h.rate)
		}
		samples += int64(h.samples)
		r.at += int64(h.size)
		f.end = r.at
		h, err = r.find(&f.stream)
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	f.info = format.Info{HasAudio: true, Duration: duration(samples, f.stream.rate)}
	f.info.Metadata = metadata(f.stream, f.info.Duration)
	return nil
}

// metadata makes the onMetaData of a stream; a length of 0 is not known.
func metadata(h header, length time.Duration) *media.Packet {
	object := amf.NewObject("audiocodecid", 2.0, "audiosamplerate", float64(h.rate), "stereo", h.stereo)
	object.ECMA = true
	if length > 0 {
		object.Set("duration", length.Seconds())
	}
	body, err := amf.Append(amf.AppendString(nil, media.NameMetadata), object)
	if err != nil {
		panic("mp3: " + err.Error()) // numbers and Booleans only
	}
	return &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: body}
}

// cursor is a format.Cursor.
type cursor struct {
	file    *File
	r       *reader
	samples int64
	queue   []*media.Packet
}

// NewCursor returns a cursor at the first frame.
func (f *File) NewCursor() format.Cursor {
	c := &cursor{file: f}
	c.moveTo(f.places[0])
	if f.tags != nil {
		c.queue = append(c.queue, f.tags)
	}
	return c
}

func (c *cursor) moveTo(p place) {
	c.r = &reader{in: c.file.in, at: p.offset}
	c.samples = p.samples
	m := *c.file.info.Metadata
	m.Timestamp = duration(p.samples, c.file.stream.rate)
	c.queue = append(c.queue[:0], &m)
}

// Seek goes to the last place at or before d.
func (c *cursor) Seek(d time.Duration) (time.Duration, error) {
	places, rate := c.file.places, c.file.stream.rate
	i := sort.Search(len(places), func(i int) bool { return duration(places[i].samples, rate) > d })
	p := places[max(i-1, 0)]
	c.moveTo(p)
	return duration(p.samples, rate), nil
}

// ReadPacket returns the next frame. A file that has become shorter since it was opened ends there.
func (c *cursor) ReadPacket(ctx context.Context) (*media.Packet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(c.queue) > 0 {
		p := c.queue[0]
		c.queue = c.queue[1:]
		return p, nil
	}
	h, err := c.r.find(&c.file.stream)
	if err != nil || c.r.at >= c.file.end {
		return nil, endOf(err)
	}
	frame, err := c.r.bytes(c.r.at, h.size)
	if err != nil {
		return nil, endOf(err)
	}
	p := h.packet(make([]byte, 1+h.size), c.samples)
	copy(p.Data, frame)
	c.samples += int64(h.samples)
	c.r.at += int64(h.size)
	return p, nil
}

// packet returns the packet of a frame, in whose body the frame itself is to be put. samples are those before it.
func (h header) packet(body []byte, samples int64) *media.Packet {
	body[0] = h.audioTag()
	return &media.Packet{
		Kind: media.Audio, Codec: media.CodecMP3, Timestamp: duration(samples, h.rate), Body: body, Data: body[1:],
	}
}

func endOf(err error) error {
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}
