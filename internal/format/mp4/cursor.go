package mp4

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"leat/internal/format"
	"leat/media"
)

// cursor is a format.Cursor.
type cursor struct {
	file   *File
	tracks []position // as those of the file
	queue  []*media.Packet
}

// position is where a cursor is in a track.
type position struct {
	place
	time  int64  // of the sample, in milliseconds on the clock of players; math.MaxInt64 at the end
	entry uint32 // whose sequence header was sent last
}

// NewCursor returns a cursor at the first samples.
func (f *File) NewCursor() format.Cursor {
	c := &cursor{file: f, tracks: make([]position, len(f.tracks))}
	for i := range f.tracks {
		c.moveTrack(i, 0)
	}
	start := int64(math.MaxInt64)
	for i := range c.tracks {
		start = min(start, c.tracks[i].time)
	}
	c.announce(time.Duration(start) * time.Millisecond)
	return c
}

// moveTrack goes to sample n of a track.
func (c *cursor) moveTrack(i, n int) {
	t := c.file.tracks[i]
	c.tracks[i].place = t.table.at(n)
	c.setTime(i)
}

func (c *cursor) setTime(i int) {
	t, p := c.file.tracks[i], &c.tracks[i]
	p.time = math.MaxInt64
	if p.sample < t.table.len() {
		p.time = c.file.milliseconds(t, t.table.runs[p.run].at(uint32(p.sample)))
	}
}

// announce queues the headers in force.
func (c *cursor) announce(at time.Duration) {
	metadata := *c.file.info.Metadata
	metadata.Timestamp = at
	c.queue = append(c.queue[:0], &metadata)
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		for i, t := range c.file.tracks {
			if t.kind != kind {
				continue
			}
			n := min(c.tracks[i].sample, t.table.len()-1)
			p := t.table.at(n)
			c.tracks[i].entry = t.table.chunks[p.chunk].entry
			c.queueHeader(t, c.tracks[i].entry, at)
		}
	}
}

func (c *cursor) queueHeader(t *track, entry uint32, at time.Duration) {
	if entry >= uint32(len(t.entries)) {
		return
	}
	if h := t.header(&t.entries[entry], at); h != nil {
		c.queue = append(c.queue, h)
	}
}

// Seek goes to the last key frame at or before d; to any sample without video. Other tracks begin behind it, video
// with a key frame.
func (c *cursor) Seek(d time.Duration) (time.Duration, error) {
	f := c.file
	lead := &f.lead.table
	n := lead.search(func(dts int64) bool { return f.at(f.lead, dts) > d })
	n = lead.keyBefore(max(n-1, 0))
	at := f.at(f.lead, lead.time(n))
	for i, t := range f.tracks {
		if t == f.lead {
			c.moveTrack(i, n)
			continue
		}
		first := t.table.search(func(dts int64) bool { return f.at(t, dts) >= at })
		c.moveTrack(i, t.table.nextKey(first))
	}
	c.announce(at)
	return at, nil
}

// ReadPacket returns the next packet. A file that has become shorter since it was opened ends there.
func (c *cursor) ReadPacket(ctx context.Context) (*media.Packet, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(c.queue) > 0 {
			p := c.queue[0]
			c.queue = c.queue[1:]
			return p, nil
		}
		i := 0
		for k := range c.tracks {
			if c.tracks[k].time < c.tracks[i].time {
				i = k
			}
		}
		if c.tracks[i].time == math.MaxInt64 {
			return nil, io.EOF
		}
		if err := c.readSample(i); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return nil, err
		}
	}
}

// readSample queues the packets of the next sample of a track, which may be none, and goes on behind it.
func (c *cursor) readSample(i int) error {
	t, p := c.file.tracks[i], &c.tracks[i]
	s := t.table.get(&p.place)
	at := p.time
	if usable := s.entry < uint32(len(t.entries)) && t.entries[s.entry].kind != 0; usable && s.size > 0 {
		c.queue = c.queue[:0]
		if s.entry != p.entry {
			p.entry = s.entry
			c.queueHeader(t, s.entry, time.Duration(at)*time.Millisecond)
		}
		offset := c.file.milliseconds(t, s.dts+int64(s.cts)) - at
		offset = max(min(offset, maxOffset), -maxOffset)
		packet, err := t.frame(c.file.in, &s, time.Duration(at)*time.Millisecond, time.Duration(offset)*time.Millisecond)
		switch {
		case errors.Is(err, errTorn): // a player can do without it
		case err != nil:
			return err
		case packet != nil:
			c.queue = append(c.queue, packet)
		}
	}
	t.table.advance(&p.place)
	c.setTime(i)
	return nil
}

const maxOffset = 1<<23 - 1 // milliseconds: SI24
