package flvfile

import (
	"cmp"
	"time"

	"leat/media"
)

const (
	maxSkew      = 2 * time.Second       // a larger step back is a jump of the source's clock
	maxFrame     = time.Second           // the longest step that counts as the duration of a frame
	defaultFrame = 40 * time.Millisecond // when none has been seen
)

// clock places packets on the timeline of a file. The zero value begins at 0 with the first frame.
type clock struct {
	running  bool
	start    time.Duration // where the first frame goes
	offset   time.Duration // from the packets' timeline to the file's
	previous time.Duration // the offset before the latest jump
	high     time.Duration // of the frames
	tracks   map[trackID]track
}

type track struct {
	last  time.Duration
	frame time.Duration // latest step; 0: not known
}

type trackID struct {
	kind  media.Kind
	track uint8
}

// resume lets the next frame come one frame and gap behind the last.
func (c *clock) resume(gap time.Duration) {
	if !c.running {
		c.start = gap
		return
	}
	c.start, c.running = c.next()+gap, false
	clear(c.tracks)
}

// next is where all tracks have had their last frame.
func (c *clock) next() time.Duration {
	at := time.Duration(0)
	for _, t := range c.tracks {
		at = max(at, t.last+cmp.Or(t.frame, defaultFrame))
	}
	return at
}

// place returns the time of p in the file.
func (c *clock) place(p *media.Packet) time.Duration {
	if p.Config || p.Kind == media.Data {
		return c.aside(p)
	}
	if !c.running {
		c.running, c.offset = true, c.start-p.Timestamp
		c.previous = c.offset
	}
	t, known := c.tracks[trackID{p.Kind, p.Track}]
	last, at := t.last, p.Timestamp+c.offset
	switch step := at - last; {
	case !known:
		at = max(at, c.start)
	case step > maxSkew && near(p.Timestamp+c.previous, last):
		at = max(p.Timestamp+c.previous, last) // this track has not jumped back yet, another one has
	case step < -maxSkew:
		c.previous = c.offset
		c.offset += c.next() - at
		at = c.next()
	default:
		at = max(at, last)
	}
	c.saw(p, at)
	return at
}

// saw takes note of a frame that stands in the file with the time at.
func (c *clock) saw(p *media.Packet, at time.Duration) {
	if c.tracks == nil {
		c.tracks = map[trackID]track{}
	}
	id := trackID{p.Kind, p.Track}
	t, known := c.tracks[id]
	if step := at - t.last; known && step > 0 && step <= maxFrame {
		t.frame = step
	}
	t.last = at
	c.tracks[id] = t
	c.running = true
	c.high = max(c.high, at)
}

func near(a, b time.Duration) bool { return (a - b).Abs() <= maxSkew }

// aside places what is no frame. Headers may carry any timestamp.
func (c *clock) aside(p *media.Packet) time.Duration {
	at := p.Timestamp + c.offset
	switch {
	case !c.running:
		return c.start
	case !near(at, c.high):
		return c.high
	}
	return max(at, c.start)
}
