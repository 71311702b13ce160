package live

import (
	"context"
	"net/netip"
	"time"

	"leat/media"
)

// sameAddressDeadAfter is how long a publisher must have been silent to be replaced from its own address
// under PolicyTakeoverIfDead: an encoder that lost its connection is quicker back than any deadline.
const sameAddressDeadAfter = time.Second

// PublishOptions describe a publisher. The zero value is ready for use.
type PublishOptions struct {
	// RemoteAddr is where the publisher comes from; the zero Addr means unknown.
	RemoteAddr netip.Addr
	// Policy is used instead of the hub's if another publisher is there; PolicyDefault means the hub's.
	Policy Policy
	// OnTakeover, if not nil, is called once if another publisher takes the stream over, from the other's call
	// of Hub.Publish, which waits for it. No lock is held: it may call the hub.
	OnTakeover func()
	// OnWatched, if not nil, is told whether a subscription that is not Patient reads the stream: at the beginning, and when it changes. It
	// is called with a lock of the hub held: it must not block, nor call the hub.
	OnWatched func(watched bool)
	// Yields lets any other publisher replace this one, whatever the policy: its stream comes from elsewhere, and goes
	// before nobody who publishes here.
	Yields bool
}

// Publication is a publisher's hold on a stream. It is a media.Writer. Its methods may be called
// from several goroutines, but the order of packets is that of the calls.
type Publication struct {
	stream *stream

	// Guarded by stream.mu.
	err       error // why it can publish no more
	rebase    rebase
	lastWrite time.Time
	packets   uint64
	bytes     uint64
	tracks    []TrackInfo

	hasMain     bool // a key frame has come
	main        uint8
	lastKey     time.Duration // timestamp of the newest key frame of the main track
	keyInterval time.Duration

	hub        *Hub
	remote     netip.Addr
	onTakeover func()
	onWatched  func(bool)
	since      time.Time
	yields     bool
}

var _ media.Writer = (*Publication)(nil)

// WritePacket relays a packet to all subscriptions, and calls SubscribeOptions.Direct of those that have it. It never blocks and
// does not look at the context. It keeps the packet, which must not be changed any more. The error is ErrTakenOver after a
// takeover and ErrClosed after Close of the publication or the hub.
func (p *Publication) WritePacket(_ context.Context, pkt *media.Packet) error {
	var room [maxDirect]*Subscription
	direct, err := p.write(pkt, room[:0])
	for _, sub := range direct {
		if !sub.opts.Direct() {
			sub.signal()
		}
	}
	return err
}

// maxDirect is how many subscriptions of a stream read on the publisher's goroutine; the others are woken.
const maxDirect = 4

// write appends pkt to the stream. It adds to direct, as far as there is room, the subscriptions that are to be called.
func (p *Publication) write(pkt *media.Packet, direct []*Subscription) ([]*Subscription, error) {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.err != nil {
		return direct, p.err
	}
	p.count(pkt)
	pkt = p.rebase.apply(pkt)
	s.append(pkt, p.opens(pkt))
	for _, sub := range s.subs {
		if sub.parked && sub.opts.Direct != nil && len(direct) < cap(direct) {
			sub.parked = false
			direct = append(direct, sub)
		}
	}
	s.wake()
	return direct, nil
}

func (p *Publication) tellWatched(is bool) {
	if p.onWatched != nil {
		p.onWatched(is)
	}
}

// Close gives the stream back; the name is free when it returns. If clean, the stream is over:
// subscriptions are told once they have read what there is. Otherwise they wait for another publisher
// for Config.PublisherGrace. After a takeover, and a second time, Close does nothing.
func (p *Publication) Close(clean bool) {
	p.hub.mu.Lock()
	defer p.hub.mu.Unlock()
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.err != nil {
		return
	}
	p.err = ErrClosed
	if clean || p.hub.cfg.PublisherGrace < 0 || len(s.subs) == 0 {
		s.end()
	} else {
		s.pub = nil
		p.hub.startGrace(s)
	}
	p.hub.vacate(s)
}

// count keeps the numbers for Info.
func (p *Publication) count(pkt *media.Packet) {
	if p.lastWrite = pkt.Received; p.lastWrite.IsZero() {
		p.lastWrite = time.Now()
	}
	p.packets++
	p.bytes += uint64(len(pkt.Body))
	if pkt.Kind != media.Audio && pkt.Kind != media.Video {
		return
	}
	t := p.track(pkt)
	t.Packets++
	t.Bytes += uint64(len(pkt.Body))
	if pkt.Codec != 0 {
		t.Codec = pkt.Codec
	}
	switch {
	case !pkt.Config:
		t.Frames++
		t.Timestamp, t.LastFrame = pkt.Timestamp, p.lastWrite
	case pkt.Name == "" && p.stream.keeps(pkt): // with a long one for each track they would be gigabytes
		t.Config = pkt
	}
}

// track finds the entry of pkt's track or adds it. A stream has at most 256 of each kind.
func (p *Publication) track(pkt *media.Packet) *TrackInfo {
	for i := range p.tracks {
		if t := &p.tracks[i]; t.Kind == pkt.Kind && t.Track == pkt.Track {
			return t
		}
	}
	p.tracks = append(p.tracks, TrackInfo{Kind: pkt.Kind, Track: pkt.Track})
	return &p.tracks[len(p.tracks)-1]
}

// opens reports whether newcomers may begin at pkt: it is a key frame of the main video track, the lowest
// that has had one. If the main track has none in the ring any more, another track takes its part.
func (p *Publication) opens(pkt *media.Packet) bool {
	if !isKey(pkt) || p.hasMain && pkt.Track > p.main && p.stream.ring.hasKey {
		return false
	}
	if p.hasMain && p.main == pkt.Track && pkt.Timestamp > p.lastKey {
		p.keyInterval = pkt.Timestamp - p.lastKey
	}
	p.hasMain, p.main, p.lastKey = true, pkt.Track, pkt.Timestamp
	return true
}

// deadFor reports whether a publisher from addr may count p as dead.
func (p *Publication) deadFor(addr netip.Addr) bool {
	silent := time.Since(p.lastWrite)
	return silent >= p.hub.cfg.DeadAfter ||
		silent >= sameAddressDeadAfter && addr.IsValid() && addr == p.remote
}
