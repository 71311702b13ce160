package live

import (
	"slices"
	"sync"
	"time"

	"leat/media"
)

// maxHeaderBytes bounds the headers of one stream. What would exceed it is relayed but not kept for newcomers.
const maxHeaderBytes = 4 << 20

// stream is what the hub knows of one name. Its methods want mu held, those of the hub's files
// that add or remove streams Hub.mu as well.
type stream struct {
	mu       sync.Mutex
	cfg      *Config
	state    *state          // newest; never nil
	subs     []*Subscription // those that may still read
	live     bool            // on air: there is a publisher, or the grace is running
	closed   bool            // the hub was closed
	bounds   bounds          // of the ring
	ring     ring
	timeline timeline

	pub     *Publication // nil: nobody publishes
	watched bool         // what pub was told last
	headers media.Headers
	grace   *time.Timer // nil unless running
	key     media.Key
}

// begin puts p on air, in place of whoever was.
func (s *stream) begin(p *Publication) {
	if s.pub != nil {
		s.pub.err = ErrTakenOver
	}
	next := &state{publication: s.state.publication + 1, run: s.state.run}
	if !s.live {
		next.run++
	}
	if len(s.subs) == 0 {
		s.ring, s.timeline = ring{}, timeline{} // nobody saw the predecessor, so there is nothing to go on from
	}
	s.ring.cut()
	s.headers.Reset()
	s.state, s.pub, s.live = next, p, true
	p.rebase.base, p.rebase.active = s.timeline.next()
	s.watched = s.isWatched()
	p.tellWatched(s.watched)
	s.wake()
}

// tellWatched is called when subscriptions have come or gone.
func (s *stream) tellWatched() {
	if is := s.isWatched(); s.pub != nil && is != s.watched {
		s.watched = is
		s.pub.tellWatched(is)
	}
}

func (s *stream) isWatched() bool {
	return slices.ContainsFunc(s.subs, func(sub *Subscription) bool { return !sub.opts.Patient })
}

// end takes the stream off the air. What the subscriptions have not read yet stays until they have.
func (s *stream) end() {
	s.pub, s.live = nil, false
	s.headers.Reset()
	s.state = &state{publication: s.state.publication, run: s.state.run}
	s.drain()
	s.wake()
}

// append keeps p, already on the stream's timeline, for the subscriptions. They are to be woken.
func (s *stream) append(p *media.Packet, opens bool) {
	size := int64(len(p.Body)) + packetCost
	if s.keeps(p) {
		s.headers.Apply(p)
		next := *s.state
		next.headers = s.headers.Packets()
		s.state = &next
		size += packetCost + 8*int64(len(next.headers))
	}
	clock := s.timeline.observe(p, s.cfg.RingDuration+time.Second)
	s.ring.append(p, s.state, clock, size, opens)
	s.trim()
}

// keeps reports whether p is a header that newcomers are to get.
func (s *stream) keeps(p *media.Packet) bool {
	if !p.Config {
		return false
	}
	total := len(p.Body)
	for _, q := range s.headers.Packets() {
		if q.Kind != p.Kind || q.Track != p.Track || q.Name != p.Name {
			total += len(q.Body)
		}
	}
	return total <= maxHeaderBytes
}

// held returns the first entry that a subscription will still read, at most limit.
func (s *stream) held(limit uint64) uint64 {
	for _, sub := range s.subs {
		if !sub.overrun() {
			limit = min(limit, sub.next)
		}
	}
	return limit
}

// drain lets go of what everybody has read, once the stream is off the air and newcomers have no use for it.
func (s *stream) drain() {
	if !s.live {
		s.ring.drop(s.held(s.ring.head))
	}
}

// wake rouses the subscriptions that have found nothing to read.
func (s *stream) wake() {
	for _, sub := range s.subs {
		sub.rouse()
	}
}

// remove forgets a subscription that will read no more.
func (s *stream) remove(sub *Subscription) {
	s.subs = slices.DeleteFunc(s.subs, func(x *Subscription) bool { return x == sub })
	s.tellWatched()
	if s.live {
		s.ring.release(s.held(s.ring.tail))
	} else {
		s.drain()
	}
}
