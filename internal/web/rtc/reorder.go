package rtc

import (
	"time"

	"github.com/pion/rtp"
)

// Bounds of what waits for a packet that is missing.
const (
	reorderSize = 512 // packets; a power of two
	reorderTime = 400 * time.Millisecond
)

// A reorderer puts the RTP packets of a track into their order. The zero value is ready for use.
type reorderer struct {
	held    [reorderSize]*rtp.Packet // by sequence number
	count   int
	next    uint16
	started bool
	since   time.Time // the wait for next has begun, if count > 0
	gap     bool      // what was in front of next never came
}

// push takes a packet that came now and calls emit for those whose turn it is; missing says that some in front of it never came.
// What comes late or twice is thrown away.
func (r *reorderer) push(p *rtp.Packet, now time.Time, emit func(p *rtp.Packet, missing bool)) {
	const restart = 3000 // a step that is no disorder
	ahead := int(int16(p.SequenceNumber - r.next))
	switch {
	case !r.started:
		r.started, r.next, ahead = true, p.SequenceNumber, 0
	case ahead < -restart || ahead > restart:
		*r = reorderer{started: true, next: p.SequenceNumber, gap: true}
		ahead = 0
	case ahead < 0:
		return
	}
	for ; ahead >= reorderSize; ahead-- {
		r.step(emit)
	}
	slot := &r.held[p.SequenceNumber%reorderSize]
	if *slot != nil {
		return
	}
	*slot = p
	if r.count++; r.count == 1 {
		r.since = now
	}
	r.release(now, emit)
}

// release emits what is complete, and passes over what was waited for long enough.
func (r *reorderer) release(now time.Time, emit func(*rtp.Packet, bool)) {
	for r.count > 0 {
		if r.held[r.next%reorderSize] == nil && now.Sub(r.since) < reorderTime {
			return
		}
		if r.step(emit) {
			r.since = now
		}
	}
}

// step goes on to the next packet, and reports whether the one before it was there.
func (r *reorderer) step(emit func(*rtp.Packet, bool)) bool {
	slot := &r.held[r.next%reorderSize]
	p := *slot
	r.next++
	if p == nil {
		r.gap = true
		return false
	}
	*slot = nil
	r.count--
	missing := r.gap
	r.gap = false
	emit(p, missing)
	return true
}
