package media

import "time"

// Timeline turns the 32-bit millisecond timestamps of one stream into a timeline that does not wrap. It is the
// one place where wrapping is handled: 2³² ms are 49 days and 17 hours, but cameras also start just below it.
//
// Timestamps are compared by RFC 1982: the shorter way around the circle is the way the stream went. Audio, video and
// data of a stream share one timeline, and may be mutually out of order. The zero value is ready for use. It is not safe for
// concurrent use.
type Timeline struct {
	started bool
	last    uint32
	now     int64 // milliseconds; uint32(now) == last
}

// timelineSpan bounds how far a peer can drive the timeline by jumping: a time.Duration holds 2⁴³ ms. It is
// a multiple of 2³² ms, so folding leaves the wire timestamps as they are.
const timelineSpan = 1 << 42

// Unwrap returns the place of ts on the timeline. The first value stands as it is; a stream that goes back
// behind zero gets negative values.
func (t *Timeline) Unwrap(ts uint32) time.Duration {
	if !t.started {
		t.started, t.last, t.now = true, ts, int64(ts)
	}
	t.now += int64(int32(ts - t.last))
	t.last = ts
	switch {
	case t.now > timelineSpan:
		t.now -= timelineSpan
	case t.now < -timelineSpan:
		t.now += timelineSpan
	}
	return time.Duration(t.now) * time.Millisecond
}

// Position returns where the stream is; 0 before the first value.
func (t *Timeline) Position() time.Duration { return time.Duration(t.now) * time.Millisecond }

// WireTime returns the 32-bit timestamp of d, rounded down to milliseconds: the inverse of Unwrap.
func WireTime(d time.Duration) uint32 {
	ms := d / time.Millisecond
	if d%time.Millisecond < 0 {
		ms--
	}
	return uint32(ms)
}
