package live

import (
	"time"

	"leat/media"
)

const (
	// maxSkew is how far apart the timestamps of one kind may lie in sending order before a step back
	// counts as a jump, and how far one kind may run behind the other.
	maxSkew = 2 * time.Second
	// maxFrame is the longest step that counts as the duration of a frame.
	maxFrame = time.Second
	// defaultFrame is the duration of a frame when none has been seen yet.
	defaultFrame = 33 * time.Millisecond
)

// timeline follows the timestamps that a stream has sent. It yields a clock that never goes back,
// whatever the timestamps do, by which the ring tells the age of its entries, and the timestamp at which
// another publisher goes on.
//
// Each kind has its own high-water mark, so that neither interleaving nor a constant skew between audio
// and video counts as a jump.
type timeline struct {
	kinds [3]kindTimeline // audio, video, data
	clock time.Duration
}

type kindTimeline struct {
	seen  bool
	stale bool          // the other kind has jumped back since
	high  time.Duration // highest timestamp since the last jump back
	frame time.Duration // latest step forward
	clock time.Duration
}

// observe takes note of a packet and returns the clock. A step forward counts for at most maxStep.
func (t *timeline) observe(p *media.Packet, maxStep time.Duration) time.Duration {
	if !t.counts(p) {
		return t.clock
	}
	k := &t.kinds[p.Kind-media.Audio]
	k.stale = false
	step := p.Timestamp - k.high
	switch {
	case !k.seen:
		k.seen, k.high, k.clock = true, p.Timestamp, t.clock
	case step > 0:
		k.high = p.Timestamp
		k.clock = max(k.clock+min(step, maxStep), t.clock-maxSkew)
		if step <= maxFrame {
			k.frame = step
		}
	case step < -maxSkew:
		for i := range t.kinds {
			t.kinds[i].stale = true
		}
		k.stale, k.high = false, p.Timestamp
	}
	t.clock = max(t.clock, k.clock)
	return t.clock
}

// counts reports whether p's timestamp says where the stream is. Headers often carry zero, and so does
// data, which counts only while there is nothing else.
func (t *timeline) counts(p *media.Packet) bool {
	switch p.Kind {
	case media.Audio, media.Video:
		return !p.Config
	case media.Data:
		return !p.Config && !t.kinds[0].seen && !t.kinds[1].seen
	}
	return false
}

// next returns where the next publisher's first frame belongs; ok is false if the timeline is empty.
func (t *timeline) next() (at time.Duration, ok bool) {
	for i := range t.kinds {
		k := &t.kinds[i]
		if !k.seen || k.stale {
			continue
		}
		frame := k.frame
		if frame == 0 {
			frame = defaultFrame
		}
		if end := k.high + frame; !ok || end > at {
			at, ok = end, true
		}
	}
	return at, ok
}

// rebase moves the packets of a publisher so that its first frame lies at base. The zero value moves nothing.
type rebase struct {
	active  bool
	started bool // the first frame has come
	base    time.Duration
	offset  time.Duration
}

// apply returns p, or a copy of it at its new place. What comes before the first frame gets the timestamp
// that the first frame will have, since headers may carry any. A track that begins a little
// earlier than the first frame is held at base, so that no track goes back.
func (r *rebase) apply(p *media.Packet) *media.Packet {
	if !r.active {
		return p
	}
	if !r.started && p.Kind != media.Data && !p.Config {
		r.started, r.offset = true, r.base-p.Timestamp
	}
	at := r.base
	if r.started {
		at = p.Timestamp + r.offset
		if at < r.base && r.base-at <= maxSkew {
			at = r.base
		}
	}
	if at == p.Timestamp {
		return p
	}
	return withTimestamp(p, at)
}

// withTimestamp returns a shallow copy of p with another timestamp.
func withTimestamp(p *media.Packet, at time.Duration) *media.Packet {
	q := *p
	q.Timestamp = at
	return &q
}
