package flvfile

import (
	"context"
	"errors"
	"io"
	"sort"
	"time"

	"leat/flv"
	"leat/internal/format"
	"leat/media"
)

// cursor is a format.Cursor.
type cursor struct {
	file  *File
	tags  *tagReader
	clock media.Timeline
	shift time.Duration // what unwrapping lost at a seek: times beyond the 32-bit clock
	queue []*media.Packet

	sought bool      // it began in the middle: a video track other than the one there waits for its key frame
	keyed  [4]uint64 // the video tracks whose key frame has come since, a bit for each
}

// NewCursor returns a cursor at the first tag.
func (f *File) NewCursor() format.Cursor {
	c := &cursor{file: f}
	c.moveTo(f.start)
	return c
}

func (c *cursor) moveTo(p place) {
	c.tags = c.file.tagsAt(p.offset)
	c.clock = media.Timeline{}
	c.shift = p.time - c.clock.Unwrap(media.WireTime(p.time))
	c.sought, c.keyed = p.offset != c.file.start.offset, [4]uint64{}
	c.queue = c.queue[:0]
	for _, h := range append([]*media.Packet{c.file.info.Metadata}, p.headers...) {
		again := *h
		again.Timestamp = p.time
		c.queue = append(c.queue, &again)
	}
}

// Seek goes to the last place at or before d.
func (c *cursor) Seek(d time.Duration) (time.Duration, error) {
	p := c.file.before(d)
	file, err := c.file.verified(p)
	if err != nil {
		return 0, err
	}
	if file != c.file {
		c.file = file
		p = file.before(d)
	}
	c.moveTo(p)
	return p.time, nil
}

// before returns the last place at or before d.
func (f *File) before(d time.Duration) place {
	i := sort.Search(len(f.keys), func(i int) bool { return f.keys[i].time > d })
	return f.keys[max(i-1, 0)]
}

// ReadPacket returns the next packet. A file that has become shorter since it was opened ends there.
func (c *cursor) ReadPacket(ctx context.Context) (*media.Packet, error) {
	for len(c.queue) == 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.tags.next >= c.file.end {
			return nil, io.EOF
		}
		if err := c.fill(); err != nil {
			return nil, err
		}
	}
	p := c.queue[0]
	c.queue = c.queue[1:]
	return p, nil
}

// fill reads one tag.
func (c *cursor) fill() error {
	err := c.tags.read(0)
	if err == nil {
		err = c.tags.readWhole()
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return io.EOF
	case err != nil:
		return err
	case c.tags.tag.Encrypted:
		return nil
	}
	t := &c.tags.tag
	// A malformed body is relayed as it is.
	packets, _ := flv.AppendPackets(nil, t.Type, c.clock.Unwrap(t.Timestamp)+c.shift, t.Body)
	c.queue = c.queue[:0]
	for _, p := range packets {
		if p.Kind == media.Data && p.Name == media.NameMetadata {
			continue // sent by moveTo, with the right duration
		}
		if flv.IsNameless(p) || !c.admits(p) {
			continue
		}
		c.queue = append(c.queue, p)
	}
	return nil
}

// admits reports whether p can be decoded by who began where the cursor did: frames of a video track that are before its first key
// frame there cannot.
func (c *cursor) admits(p *media.Packet) bool {
	if !c.sought || p.Kind != media.Video || p.Config || p.Data == nil {
		return true
	}
	word, bit := &c.keyed[p.Track>>6], uint64(1)<<(p.Track&63)
	if p.Key {
		*word |= bit
	}
	return *word&bit != 0
}
