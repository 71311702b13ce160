package live

import (
	"time"

	"leat/media"
)

const (
	// packetCost is what a packet is counted for besides its body: the Packet and its entry.
	packetCost = 192
	// minRing is the first size of a ring, in entries.
	minRing = 64
	// audioBack is how far back a subscription begins when there is no key frame to begin with.
	audioBack = time.Second
)

// state is what is in force at an entry, the entry itself included. It is replaced, never changed.
type state struct {
	headers     []*media.Packet
	publication uint64 // number of the publication in the stream, from 1
	run         uint64 // number of the time on air: publications joined by takeover or grace share it
}

// entry is a packet in the ring.
type entry struct {
	packet *media.Packet
	state  *state
	clock  time.Duration // timeline's clock
	begin  int64         // bytes that came before it since the ring began
	key    bool          // a subscription can begin here
}

// ring holds the entries numbered first to head-1 in a buffer whose length is a power of two. Those from
// tail on are the ring proper; those before it are kept for lossless subscriptions only.
type ring struct {
	buf               []entry
	first, tail, head uint64
	end               int64         // bytes of all entries so far
	clock             time.Duration // of the newest entry

	start     uint64        // where the newest publication begins
	hasKey    bool          // the ring proper holds a key frame of the newest publication
	key       uint64        // the newest of them
	aged      uint64        // the first entry that was not yet as old as the rewind, at the last evict
	hasRewind bool          // a key frame has come to be before aged
	rewind    uint64        // the newest of them; it may have gone
	lastVideo time.Duration // clock of the newest video packet
}

// at returns entry n, which must be held. The pointer is good until the next append.
func (r *ring) at(n uint64) *entry { return &r.buf[n&uint64(len(r.buf)-1)] }

// begin returns how many bytes came before entry n, which is held or the one to come.
func (r *ring) begin(n uint64) int64 {
	if n == r.head {
		return r.end
	}
	return r.at(n).begin
}

// len and bytes tell the size of the ring proper.
func (r *ring) len() int     { return int(r.head - r.tail) }
func (r *ring) bytes() int64 { return r.end - r.begin(r.tail) }

// duration returns how much time the ring proper spans.
func (r *ring) duration() time.Duration {
	if r.tail == r.head {
		return 0
	}
	return r.clock - r.at(r.tail).clock
}

// append adds p, which counts for size bytes. opens says that it is a key frame to begin with; the beginning
// is then the first of the key frames of other tracks that stand right before it at the same timestamp.
func (r *ring) append(p *media.Packet, st *state, clock time.Duration, size int64, opens bool) {
	if r.head-r.first == uint64(len(r.buf)) {
		r.grow()
	}
	n := r.head
	*r.at(n) = entry{packet: p, state: st, clock: clock, begin: r.end}
	r.head++
	r.end += size
	r.clock = clock
	if isFrame(p) && p.Kind == media.Video {
		r.lastVideo = clock
	}
	if !opens {
		return
	}
	for n > max(r.tail, r.start) {
		if q := r.at(n - 1).packet; !isKey(q) || q.Timestamp != p.Timestamp || q.Track == p.Track {
			break
		}
		n--
	}
	r.at(n).key = true
	r.key, r.hasKey = n, true
}

func (r *ring) grow() {
	old := *r
	r.buf = make([]entry, max(minRing, 2*len(old.buf)))
	for n := r.first; n < r.head; n++ {
		*r.at(n) = *old.at(n)
	}
}

// evict moves the tail up: newcomers can go back to the newest key frame that is as old as b.rewind, or by that time without
// one. The newest entry always stays.
func (r *ring) evict(b bounds) {
	if r.hasKey && r.clock-r.lastVideo > b.age {
		r.hasKey = false // video has ended; nobody wants to begin that far back
	}
	for r.aged = max(r.aged, r.tail); r.aged < r.head && r.clock-r.at(r.aged).clock >= b.rewind; r.aged++ {
		if r.at(r.aged).key {
			r.rewind, r.hasRewind = r.aged, true
		}
	}
	oldest := r.key
	if r.hasRewind && r.rewind >= max(r.tail, r.start) {
		oldest = r.rewind
	}
	for r.tail+1 < r.head {
		e := r.at(r.tail)
		wanted := r.clock-e.clock <= b.rewind || r.hasKey && r.tail >= oldest
		if wanted && r.end-e.begin <= b.bytes {
			break
		}
		r.tail++
	}
	r.hasKey = r.hasKey && r.key >= r.tail
}

// release lets go of the entries before n.
func (r *ring) release(n uint64) {
	for ; r.first < n; r.first++ {
		*r.at(r.first) = entry{}
	}
	if r.first == r.head {
		r.buf = nil // nothing to keep: a stream off the air costs nothing
	}
}

// drop lets go of the entries before n, those of the ring proper too.
func (r *ring) drop(n uint64) {
	r.tail = max(r.tail, n)
	r.hasKey = r.hasKey && r.key >= r.tail
	r.release(n)
}

// cut begins a publication: newcomers see nothing of what came before.
func (r *ring) cut() {
	r.start = r.head
	r.hasKey = false
}

// startAt returns where a newcomer begins: at the newest key frame that is at least back old, or the oldest one
// if there is none; without key frames back behind the newest entry, and at least audioBack.
func (r *ring) startAt(back time.Duration) uint64 {
	from := max(r.tail, r.start)
	if !r.hasKey {
		n := r.head
		for n > from && r.clock-r.at(n-1).clock <= max(back, audioBack) {
			n--
		}
		return n
	}
	best := r.key
	for n := r.key; n > from && r.clock-r.at(best).clock < back; n-- {
		if r.at(n - 1).key {
			best = n - 1
		}
	}
	return best
}

// isFrame reports whether p carries audio or video, not headers or data.
func isFrame(p *media.Packet) bool {
	return !p.Config && (p.Kind == media.Video || p.Kind == media.Audio)
}

// isKey reports whether p is a key frame of video.
func isKey(p *media.Packet) bool { return p.Kind == media.Video && p.Key && !p.Config }
