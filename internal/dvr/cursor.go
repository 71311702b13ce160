package dvr

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"leat/internal/format"
	"leat/media"
)

var _ format.Broadcast = (*Window)(nil)

// NewCursor returns a *Cursor at the start of what is kept.
func (w *Window) NewCursor() format.Cursor { return &Cursor{window: w} }

// Cursor is a format.BroadcastCursor.
type Cursor struct {
	window  *Window
	seg     *segment // nil: it stands nowhere yet
	offset  int64
	number  uint64
	pending []*media.Packet // headers that are to be read first
	at      time.Duration   // with this time
	after   uint64          // packets up to this number are passed over
}

// Number implements format.BroadcastCursor.
func (c *Cursor) Number() uint64 { return c.number }

// find returns the last place that fits, or the first one if none does and first is set.
func (w *Window) find(fits func(*place) bool, first bool) (*segment, place, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, seg := range slices.Backward(w.segments) {
		for _, p := range slices.Backward(seg.places) {
			if fits(&p) {
				return seg, p, true
			}
		}
	}
	if !first || len(w.segments) == 0 {
		return nil, place{}, false
	}
	return w.segments[0], w.segments[0].places[0], true
}

func (c *Cursor) enter(seg *segment, p *place) {
	c.seg, c.offset, c.number, c.at = seg, p.offset, p.number-1, p.at
	c.pending, c.after = p.headers, 0
}

// Seek goes to the last place at or before d, or to the start. Without any it returns format.ErrGone.
func (c *Cursor) Seek(d time.Duration) (time.Duration, error) {
	seg, p, ok := c.window.find(func(p *place) bool { return p.at <= d }, true)
	if !ok {
		return 0, format.ErrGone
	}
	c.enter(seg, &p)
	return p.at, nil
}

// Resume implements format.BroadcastCursor.
func (c *Cursor) Resume(after uint64) ([]*media.Packet, error) {
	seg, p, ok := c.window.find(func(p *place) bool { return p.number <= after+1 }, false)
	if !ok {
		return nil, format.ErrGone
	}
	c.enter(seg, &p)
	c.pending, c.after = nil, after
	var headers media.Headers
	for _, h := range p.headers {
		headers.Apply(h)
	}
	for c.number < after {
		h, err := c.next()
		if errors.Is(err, format.ErrEdge) || errors.Is(err, io.EOF) { // the disk has not come that far
			break
		}
		if err != nil {
			return nil, err
		}
		if h.number > after {
			break
		}
		if h.packet.Config {
			q, err := h.read(c.seg.file, c.offset)
			if err != nil {
				return nil, c.lost(err)
			}
			headers.Apply(q)
		}
		c.offset += h.size()
		c.number = h.number
	}
	return headers.Packets(), nil
}

// next reads the head of the next packet, in the segment in which it is.
func (c *Cursor) next() (head, error) {
	w := c.window
	w.mu.Lock()
	if c.seg.gone {
		w.mu.Unlock()
		return head{}, format.ErrGone
	}
	if c.offset == c.seg.end && c.seg.next != nil {
		c.seg, c.offset = c.seg.next, 0
	}
	end, over := c.seg.end, w.over
	w.mu.Unlock()
	switch {
	case c.offset < end:
		h, err := readHead(c.seg.file, c.offset, end)
		return h, c.lost(err)
	case over:
		return head{}, io.EOF
	}
	return head{}, format.ErrEdge
}

// lost tells a segment that was removed while it was read from one that cannot be read.
func (c *Cursor) lost(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return format.ErrGone
	}
	return err
}

// ReadPacket implements media.Reader. It blocks for the disk only.
func (c *Cursor) ReadPacket(context.Context) (*media.Packet, error) {
	if c.seg == nil {
		if _, err := c.Seek(0); err != nil {
			return nil, err
		}
	}
	if len(c.pending) > 0 {
		p := *c.pending[0]
		c.pending = c.pending[1:]
		p.Timestamp = c.at
		return &p, nil
	}
	h, err := c.next()
	for ; err == nil && h.number <= c.after; h, err = c.next() {
		c.offset += h.size()
		c.number = h.number
	}
	if err != nil {
		return nil, err
	}
	p, err := h.read(c.seg.file, c.offset)
	if err != nil {
		return nil, c.lost(err)
	}
	c.offset += h.size()
	c.number = h.number
	return p, nil
}
