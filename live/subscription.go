package live

import (
	"context"
	"io"
	"slices"
	"time"

	"leat/media"
)

// Start says where a subscription to a running stream begins.
type Start uint8

// The places to begin. A stream without publisher begins with its first packet in any case.
const (
	FromKey Start = iota // the newest key frame (see SubscribeOptions.Back)
	Head                 // the next packet, whatever it is
)

// SubscribeOptions describe a subscription. The zero value is ready for use.
type SubscribeOptions struct {
	// Name is shown in SubscriptionInfo and means nothing to the hub.
	Name string
	// Start is where to begin if the stream is running.
	Start Start
	// Back asks for the newest key frame that is at least so old instead of the newest, as far as the ring goes.
	// In a stream without key frames it is how far to go back, at least 1 s. Zero means the newest.
	Back time.Duration
	// Follow goes on when the stream ends and waits for its next publisher. Without it the end is io.EOF.
	Follow bool
	// Lossless is how many bytes of packets are kept for the subscription beyond the ring, bookkeeping
	// included (see the package's limits). Less than a 32nd of Config.RingBytes means that.
	Lossless int64
	// Direct, if not nil, is called when a packet has come after TryNext had found nothing, instead of waking Wait and Next: by
	// Publication.WritePacket, on its goroutine and with no lock held, so that a reader need not be woken for every packet. It may read
	// with TryNext and must not block. If it returns false Wait is woken after all, as it is for all that happens otherwise. What
	// wakes Wait may come meanwhile, and so may another publisher's packet: a lock must keep those who read apart, and who cannot
	// have it at once returns false.
	Direct func() bool
	// Patient does not mind when packets come a twentieth of a second late (PublishOptions.OnWatched).
	Patient bool
	// Passive takes what there is and asks for nothing: the subscription is no reason to fetch a stream from elsewhere, or to
	// go on with it (Config.OnWanted).
	Passive bool
}

// Event says what happened in a stream.
type Event uint8

// The events. Zero is no event: the Item is a packet.
const (
	// EventPublished: a publisher has come, after the subscription was told or could see that there was
	// none. A subscription that begins in mid-stream does not get it.
	EventPublished Event = iota + 1
	// EventChanged: another publisher goes on with the stream, after a takeover or within the grace.
	// Its headers and its key frame follow, on the same timeline; frames before its key frame are left out.
	EventChanged
	// EventUnpublished: the stream is over. Only for subscriptions that follow; others get io.EOF.
	EventUnpublished
	// EventSkipped: the subscription was too slow, and Item.Skipped packets were left out. Headers that
	// changed among them follow.
	EventSkipped
)

var eventNames = [...]string{"none", "published", "changed", "unpublished", "skipped"}

// String returns the event in one word.
func (e Event) String() string {
	if int(e) < len(eventNames) {
		return eventNames[e]
	}
	return "unknown"
}

// Item is what Next returns: a packet, or an event at its place in the stream.
type Item struct {
	Packet  *media.Packet // nil with an event; shared, not to be changed
	Event   Event         // zero with a packet
	Skipped int           // with EventSkipped: how many packets
	// Number counts the packets of the stream from 1 on, and rises; all subscriptions give a packet the same. It is 0 with an event,
	// and with headers that were put in front of other packets.
	Number uint64
}

// Subscription is a cursor in a stream, with its publishers' packets and events to be read in order. It is a
// media.Reader. One goroutine at a time may read, with any of the methods; Close may be called from any.
type Subscription struct {
	hub    *Hub
	stream *stream
	opts   SubscribeOptions
	since  time.Time
	wake   chan struct{} // rouses Wait, room for one

	// Guarded by stream.mu.
	err    error  // why it is at its end: io.EOF or ErrClosed
	parked bool   // TryNext found nothing
	next   uint64 // number of the entry to read
	offset int64  // ring.begin(next), known even after the entry has gone

	run         uint64 // the time on air it is in; 0: it waits for a publisher
	publication uint64
	joining     bool            // headers are due before the next packet
	pending     []*media.Packet // headers to be read first
	sent        *state          // in force for the reader

	allVideo bool      // all video goes through
	tracks   [4]uint64 // if not allVideo: the video tracks whose key frame has come, a bit for each
	resuming bool      // video left out while waiting for a key frame counts as skipped
	left     uint64    // video left out and not told yet

	packets uint64
	skipped uint64
}

var _ media.Reader = (*Subscription)(nil)

// ReadPacket returns the next packet and passes over events. It blocks until there is one; the error is
// as for Next.
func (s *Subscription) ReadPacket(ctx context.Context) (*media.Packet, error) {
	for {
		item, err := s.Next(ctx)
		if err != nil {
			return nil, err
		}
		if item.Packet != nil {
			return item.Packet, nil
		}
	}
}

// Next returns the next packet or event. It blocks until there is one, and does not allocate but for headers
// when it begins. The error is io.EOF at the end of the stream, unless the subscription
// follows, and at the end of the hub; ErrClosed after Close; ctx.Err() when ctx is done.
func (s *Subscription) Next(ctx context.Context) (Item, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Item{}, err
		}
		item, ok, err := s.TryNext()
		if ok || err != nil {
			return item, err
		}
		if err := s.Wait(ctx); err != nil {
			return Item{}, err
		}
	}
}

// Wait blocks until there is something to read, after TryNext has found nothing. It may return too early, and when Direct has read it
// already. The error is ctx.Err() when ctx is done.
func (s *Subscription) Wait(ctx context.Context) error {
	select {
	case <-s.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the subscription; a blocked reader gets ErrClosed. It may be called more than once.
func (s *Subscription) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	st := s.stream
	st.mu.Lock()
	defer st.mu.Unlock()
	s.end(ErrClosed)
	s.hub.vacate(st)
}

// Over reports whether nothing will be added to what s has still to read: the stream is over, or s was closed. A stream that
// waits for its publisher to come back is not.
func (s *Subscription) Over() bool {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	st := s.stream
	if s.err != nil || st.closed {
		return true
	}
	run := s.run
	if r := &st.ring; run == 0 && s.next < r.head { // it has not read yet that there is a publisher
		run = r.at(max(s.next, r.first)).state.run
	}
	return !s.opts.Follow && run != 0 && (!st.live || st.state.run != run)
}

// TryNext is Next without blocking: ok is false when there is nothing to read yet.
func (s *Subscription) TryNext() (item Item, ok bool, err error) {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	for s.err == nil {
		if len(s.pending) == 0 && s.next == s.stream.ring.head {
			item, ok = s.idle()
			s.parked = !ok && s.err == nil
			return item, ok, s.err
		}
		if item, ok = s.step(); ok {
			return item, true, nil
		}
	}
	return Item{}, false, s.err
}

// The methods below want stream.mu held.

// rouse wakes Wait if there was nothing to read.
func (s *Subscription) rouse() {
	if s.parked {
		s.parked = false
		s.signal()
	}
}

// signal wakes Wait. It wants no lock.
func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default: // one is under way already
	}
}

// end lets the reader have no more than err.
func (s *Subscription) end(err error) {
	s.err, s.pending, s.sent = err, nil, nil
	s.rouse()
	s.stream.remove(s)
}

// slackShare is which part of RingBytes is kept for any subscription beyond the ring.
const slackShare = 32

// overrun reports whether s is behind by more than it may be: beyond the ring, what it may keep, and the bounds of the stream.
func (s *Subscription) overrun() bool {
	r, b := &s.stream.ring, &s.stream.bounds
	if s.next >= r.tail || r.begin(r.tail)-s.offset <= max(s.opts.Lossless, s.stream.cfg.RingBytes/slackShare) {
		return false
	}
	return s.next < r.first || r.clock-r.at(s.next).clock > b.age || r.end-s.offset > b.bytes
}

// join puts the cursor where a new subscription begins.
func (s *Subscription) join() {
	st := s.stream
	s.seek(st.ring.head)
	s.allVideo = true
	if st.pub == nil {
		return // it sees the next publisher from the first packet on
	}
	s.run, s.publication = st.state.run, st.state.publication
	if st.ring.start == st.ring.head {
		return // nothing has been missed
	}
	s.joining = true
	if s.opts.Start == FromKey {
		s.awaitKey()
		s.seek(st.ring.startAt(s.opts.Back))
	}
}

func (s *Subscription) seek(n uint64) { s.next, s.offset = n, s.stream.ring.begin(n) }

// awaitKey leaves out each video track until its next key frame.
func (s *Subscription) awaitKey() { s.allVideo, s.tracks = false, [4]uint64{} }

// idle looks for events when all packets have been read.
func (s *Subscription) idle() (Item, bool) {
	st := s.stream
	st.drain()
	switch {
	case s.run != 0 && (!st.live || st.state.run != s.run):
		return s.unpublished()
	case st.closed:
		s.end(io.EOF)
		return Item{}, false
	case st.pub == nil || st.state.publication == s.publication:
		return Item{}, false
	}
	return s.changed(st.state)
}

// step reads the next entry. Without an item it has passed over it or come to the end.
func (s *Subscription) step() (Item, bool) {
	if len(s.pending) > 0 {
		p := s.pending[0]
		s.pending = s.pending[1:]
		item, ok := s.deliver(p)
		item.Number = 0
		return item, ok
	}
	if s.overrun() {
		return s.skip()
	}
	e := s.stream.ring.at(s.next)
	switch {
	case s.run != 0 && e.state.run != s.run:
		return s.unpublished()
	case e.state.publication != s.publication:
		return s.changed(e.state)
	case !s.admits(e.packet):
		s.advance()
		s.leave()
		return Item{}, false
	case s.left > 0 && isKey(e.packet):
		n := s.left
		s.left = 0
		return Item{Event: EventSkipped, Skipped: int(n)}, true
	case s.joining:
		s.joining = false
		s.pending = s.missing(e)
		return Item{}, false
	}
	s.sent = e.state
	p := e.packet
	s.advance()
	return s.deliver(p)
}

func (s *Subscription) advance() { s.seek(s.next + 1) }

func (s *Subscription) deliver(p *media.Packet) (Item, bool) {
	s.packets++
	return Item{Packet: p, Number: s.next}, true
}

// admits reports whether p goes to the reader: all does but video that waits for a key frame.
func (s *Subscription) admits(p *media.Packet) bool {
	if s.allVideo || p.Config || p.Kind != media.Video {
		return true
	}
	word, bit := &s.tracks[p.Track>>6], uint64(1)<<(p.Track&63)
	if p.Key {
		*word |= bit
	}
	return *word&bit != 0
}

// leave counts a frame that admits kept back.
func (s *Subscription) leave() {
	if s.resuming {
		s.left++
		s.skipped++
	}
}

// skip moves an overrun cursor to where a newcomer would begin.
func (s *Subscription) skip() (Item, bool) {
	from := s.next
	s.seek(s.stream.ring.startAt(0))
	s.awaitKey()
	s.joining, s.resuming = true, true
	n := s.next - from
	s.skipped += n
	n += s.left
	s.left = 0
	return Item{Event: EventSkipped, Skipped: int(n)}, true
}

// unpublished ends the time on air that s was in.
func (s *Subscription) unpublished() (Item, bool) {
	s.run = 0
	if !s.opts.Follow {
		s.end(io.EOF)
		return Item{}, false
	}
	return Item{Event: EventUnpublished}, true
}

// changed goes over to another publication. A reader that has seen frames of an earlier one waits for
// a key frame.
func (s *Subscription) changed(to *state) (Item, bool) {
	event := EventChanged
	if s.run == 0 {
		event = EventPublished
	}
	s.run, s.publication = to.run, to.publication
	if s.sent != nil {
		s.awaitKey()
		s.resuming = false
	}
	return Item{Event: event}, true
}

// missing returns the headers in force at e that the reader does not have, with the timestamp of e.
func (s *Subscription) missing(e *entry) []*media.Packet {
	var have []*media.Packet
	if s.sent != nil {
		have = s.sent.headers
	}
	var list []*media.Packet
	for _, p := range e.state.headers {
		if p != e.packet && !slices.Contains(have, p) {
			list = append(list, withTimestamp(p, e.packet.Timestamp))
		}
	}
	return list
}
