package live

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"leat/media"
)

// StreamInfo is a snapshot of a stream.
type StreamInfo struct {
	Key           media.Key
	Publisher     *PublisherInfo     // nil: there is none
	Grace         bool               // there is none, but one may still come back within the grace
	Ring          RingInfo           // what newcomers and slow subscriptions can draw on
	Subscriptions []SubscriptionInfo // in the order in which they came
}

// PublisherInfo is a snapshot of a stream's publisher.
type PublisherInfo struct {
	RemoteAddr  netip.Addr // as given to Publish
	Since       time.Time  // when it began to publish
	LastPacket  time.Time  // when the newest packet was written; Since before the first
	Packets     uint64
	Bytes       uint64        // of packet bodies
	Tracks      []TrackInfo   // in the order in which they appeared
	Metadata    *media.Packet // the stored onMetaData message; nil: none
	KeyInterval time.Duration // between the last two key frames of the main video track; zero: not known
}

// TrackInfo is a snapshot of an audio or video track.
type TrackInfo struct {
	Kind    media.Kind
	Track   uint8
	Codec   media.FourCC  // zero: no packet told
	Config  *media.Packet // newest sequence header; nil: none
	Packets uint64
	Bytes   uint64 // of packet bodies
	// Frames counts the packets that are no configuration. Two snapshots and their Timestamps make a frame rate.
	Frames uint64
	// Timestamp is the publisher's own of the newest frame, and LastFrame is when that was written. Both are zero before the
	// first frame. Of two tracks they tell how far audio and video are apart.
	Timestamp time.Duration
	LastFrame time.Time
}

// RingInfo is a snapshot of a stream's ring.
type RingInfo struct {
	Packets  int
	Bytes    int64         // bookkeeping included
	Duration time.Duration // media time
	HasKey   bool          // there is a key frame to begin with
}

// SubscriptionInfo is a snapshot of a subscription. Name, Follow, Lossless and Passive are those of its SubscribeOptions.
type SubscriptionInfo struct {
	Name     string
	Since    time.Time // when it was made
	Follow   bool
	Lossless int64
	Passive  bool
	Packets  uint64        // read so far
	Skipped  uint64        // left out because it was too slow, or while video waited for a key frame after that
	Lag      time.Duration // media time between its cursor and the newest packet
	LagBytes int64         // bytes between them, bookkeeping included
}

// Streams returns snapshots of all streams, those that only have subscriptions too, ordered by key.
func (h *Hub) Streams() []StreamInfo {
	h.mu.Lock()
	streams := make([]*stream, 0, len(h.streams))
	for _, s := range h.streams {
		streams = append(streams, s)
	}
	h.mu.Unlock()

	list := make([]StreamInfo, len(streams))
	for i, s := range streams {
		list[i] = s.info()
	}
	slices.SortFunc(list, func(a, b StreamInfo) int {
		return cmp.Or(
			cmp.Compare(a.Key.App, b.Key.App),
			cmp.Compare(a.Key.Instance, b.Key.Instance),
			cmp.Compare(a.Key.Name, b.Key.Name))
	})
	return list
}

// Stream returns a snapshot of one stream; ok is false if it has neither publisher nor subscription.
func (h *Hub) Stream(key media.Key) (info StreamInfo, ok bool) {
	h.mu.Lock()
	s := h.streams[key]
	h.mu.Unlock()
	if s == nil {
		return StreamInfo{}, false
	}
	return s.info(), true
}

func (s *stream) info() StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := StreamInfo{
		Key:   s.key,
		Grace: s.live && s.pub == nil,
		Ring: RingInfo{
			Packets: s.ring.len(), Bytes: s.ring.bytes(),
			Duration: s.ring.duration(), HasKey: s.ring.hasKey,
		},
	}
	if s.pub != nil {
		info.Publisher = s.pub.info()
	}
	for _, sub := range s.subs {
		info.Subscriptions = append(info.Subscriptions, sub.info())
	}
	return info
}

func (p *Publication) info() *PublisherInfo {
	info := &PublisherInfo{
		RemoteAddr: p.remote,
		Since:      p.since, LastPacket: p.lastWrite,
		Packets: p.packets, Bytes: p.bytes,
		Tracks:      slices.Clone(p.tracks),
		KeyInterval: p.keyInterval,
	}
	for _, h := range p.stream.state.headers {
		if h.Kind == media.Data && h.Name == media.NameMetadata {
			info.Metadata = h
		}
	}
	return info
}

func (s *Subscription) info() SubscriptionInfo {
	r := &s.stream.ring
	info := SubscriptionInfo{
		Name: s.opts.Name, Since: s.since,
		Follow: s.opts.Follow, Lossless: s.opts.Lossless, Passive: s.opts.Passive,
		Packets: s.packets, Skipped: s.skipped,
		LagBytes: r.end - s.offset,
	}
	if n := max(s.next, r.first); n < r.head {
		info.Lag = r.clock - r.at(n).clock
	}
	return info
}
