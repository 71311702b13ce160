package dvr

import (
	"context"
	"io"
	"math"
	"time"

	"leat/internal/format"
	"leat/live"
	"leat/media"
)

var (
	_ format.Broadcast       = (*Ring)(nil)
	_ format.BroadcastCursor = (*ringCursor)(nil)
	_ format.BroadcastCursor = (*Cursor)(nil)
)

// Ring is a stream as far as the hub holds it in memory: enough to change from one rendition to another.
//
// It is for one player: its methods must not be called at the same time.
type Ring struct {
	hub  *live.Hub
	key  media.Key
	info format.Info // as it was seen last
}

// NewRing returns the ring of a stream, which need not be on air.
func NewRing(hub *live.Hub, key media.Key) *Ring { return &Ring{hub: hub, key: key} }

// Recent returns all that the ring holds.
func (r *Ring) Recent() []live.Recent {
	list, _ := r.hub.Recent(r.key, 0, math.MaxInt)
	return list
}

// Info says which tracks there are.
func (r *Ring) Info() format.Info {
	if !r.info.HasAudio || !r.info.HasVideo {
		r.look(r.Recent())
	}
	return r.info
}

// look takes note of which tracks there are, and reports whether there is video.
func (r *Ring) look(list []live.Recent) (hasVideo bool) {
	for _, e := range list {
		r.info.HasAudio = r.info.HasAudio || e.Packet.Kind == media.Audio
		r.info.HasVideo = r.info.HasVideo || e.Packet.Kind == media.Video
	}
	return r.info.HasVideo
}

// isFrame reports whether p is audio or video, and no header.
func isFrame(p *media.Packet) bool { return !p.Config && p.Kind != media.Data }

// begins reports whether a player can begin at a packet: in a stream without video, at any frame.
func begins(e *live.Recent, hasVideo bool) bool {
	return e.Start || !hasVideo && isFrame(e.Packet)
}

// Span implements format.Broadcast. The newest packet is one of video, if there is video.
func (r *Ring) Span() (from, to time.Duration, ok bool) {
	list := r.Recent()
	hasVideo := r.look(list)
	for i := range list {
		p := list[i].Packet
		if !ok && begins(&list[i], hasVideo) {
			from, ok = p.Timestamp, true
		}
		if isFrame(p) && (p.Kind == media.Video || !hasVideo) {
			to = p.Timestamp
		}
	}
	return from, to, ok
}

// KeyFrom implements format.Broadcast.
func (r *Ring) KeyFrom(d time.Duration) (at time.Duration, ok bool) {
	list := r.Recent()
	hasVideo := r.look(list)
	for i := len(list) - 1; i >= 0; i-- {
		if !begins(&list[i], hasVideo) {
			continue
		}
		if list[i].Packet.Timestamp < d {
			break
		}
		at, ok = list[i].Packet.Timestamp, true
	}
	return at, ok
}

// ringWait is how long after a look at the ring the next one is worth it.
const ringWait = 20 * time.Millisecond

// Watch implements format.Broadcast: the ring tells nobody, so fn is to look again soon.
func (r *Ring) Watch(_ uint64, fn func()) { time.AfterFunc(ringWait, fn) }

// NewCursor returns a format.BroadcastCursor at the start of what is held.
func (r *Ring) NewCursor() format.Cursor { return &ringCursor{ring: r} }

// batch is how many packets a cursor takes at once.
const batch = 64

type ringCursor struct {
	ring    *Ring
	number  uint64
	list    []live.Recent // read and not given away yet
	pending []*media.Packet
	at      time.Duration
}

// Number implements format.BroadcastCursor.
func (c *ringCursor) Number() uint64 { return c.number }

// Seek goes to the last place at or before d, or to the start.
func (c *ringCursor) Seek(d time.Duration) (time.Duration, error) {
	list := c.ring.Recent()
	hasVideo := c.ring.look(list)
	place := -1
	for i := len(list) - 1; i >= 0; i-- {
		if !begins(&list[i], hasVideo) {
			continue
		}
		place = i
		if list[i].Packet.Timestamp <= d {
			break
		}
	}
	if place < 0 {
		return 0, format.ErrGone
	}
	e := &list[place]
	c.list, c.number, c.at, c.pending = nil, e.Number-1, e.Packet.Timestamp, e.Headers
	return c.at, nil
}

// Resume implements format.BroadcastCursor.
func (c *ringCursor) Resume(after uint64) ([]*media.Packet, error) {
	list, _ := c.ring.hub.Recent(c.ring.key, after-min(after, 1), 1)
	if len(list) == 0 || list[0].Number > after+1 {
		return nil, format.ErrGone
	}
	c.list, c.pending, c.number = nil, nil, after
	return list[0].Headers, nil
}

// ReadPacket implements media.Reader. It does not block.
func (c *ringCursor) ReadPacket(context.Context) (*media.Packet, error) {
	if len(c.pending) > 0 {
		p := *c.pending[0]
		c.pending = c.pending[1:]
		p.Timestamp = c.at
		return &p, nil
	}
	if len(c.list) == 0 {
		var onAir bool
		c.list, onAir = c.ring.hub.Recent(c.ring.key, c.number, batch)
		switch {
		case len(c.list) == 0 && !onAir:
			return nil, io.EOF
		case len(c.list) == 0:
			return nil, format.ErrEdge
		case c.list[0].Number != c.number+1:
			c.list = nil
			return nil, format.ErrGone
		}
	}
	e := c.list[0]
	c.list = c.list[1:]
	c.number = e.Number
	return e.Packet, nil
}
