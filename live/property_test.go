package live

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"leat/media"
)

// note is what the test knows of a packet; the address of its body finds it, since copies share that.
type note struct {
	seq         int // in writing order
	publication int
	version     int // of a header, or of the header in force at a frame; 0: none
	gop, index  int // of a video frame: its GOP, 0 before the first key frame, and its place in it
}

type trackID struct {
	kind  media.Kind
	track uint8
}

// place is where a video track is.
type place struct{ gop, index int }

// world writes random streams and keeps the truth about them.
type world struct {
	hub         *Hub
	pub         *Publication
	at          time.Duration
	publication int
	seq         int
	version     int
	gop         int
	headers     map[trackID]int
	places      map[uint8]place
	notes       map[*byte]note
}

func newWorld(t *rapid.T, cfg *Config) *world {
	w := &world{hub: NewHub(cfg), notes: make(map[*byte]note)}
	w.publish(t)
	return w
}

func (w *world) publish(t *rapid.T) {
	p, err := w.hub.Publish(testKey, &PublishOptions{Policy: PolicyTakeover})
	if err != nil {
		t.Fatalf("Publish: %v", err)
	}
	w.pub = p
	w.publication++
	w.headers, w.places = make(map[trackID]int), make(map[uint8]place)
	w.at = time.Duration(rapid.IntRange(0, 100000).Draw(t, "first timestamp")) * time.Millisecond
}

// write sends a random packet.
func (w *world) write(t *rapid.T) *media.Packet {
	w.at += time.Duration(rapid.IntRange(0, 40).Draw(t, "step")) * time.Millisecond
	p := &media.Packet{
		Kind:      rapid.SampledFrom([]media.Kind{media.Audio, media.Video, media.Video, media.Video}).Draw(t, "kind"),
		Track:     uint8(rapid.IntRange(0, 1).Draw(t, "track")),
		Timestamp: w.at,
		Body:      make([]byte, rapid.IntRange(1, 200).Draw(t, "size")),
	}
	id := trackID{p.Kind, p.Track}
	w.seq++
	n := note{seq: w.seq, publication: w.publication}
	what := rapid.IntRange(0, 19).Draw(t, "what")
	switch {
	case what == 0:
		p.Config = true
		w.version++
		w.headers[id] = w.version
	case p.Kind == media.Video && what < 4:
		p.Key = true
		w.gop++
		w.places[p.Track] = place{gop: w.gop}
	case p.Kind == media.Video && w.places[p.Track].gop > 0:
		now := w.places[p.Track]
		w.places[p.Track] = place{now.gop, now.index + 1}
	}
	n.version = w.headers[id]
	if p.Kind == media.Video && !p.Config {
		n.gop, n.index = w.places[p.Track].gop, w.places[p.Track].index
	}
	w.notes[&p.Body[0]] = n
	if err := w.pub.WritePacket(t.Context(), p); err != nil {
		t.Fatalf("WritePacket: %v", err)
	}
	return p
}

// change puts another publisher in place of the one there is.
func (w *world) change(t *rapid.T) {
	switch rapid.SampledFrom([]string{"takeover", "lost", "clean"}).Draw(t, "change") {
	case "lost":
		w.pub.Close(false)
	case "clean":
		w.pub.Close(true)
	}
	w.publish(t)
}

// view is a subscription with what a decoder behind it has.
type view struct {
	sub     *Subscription
	loose   bool // began in mid-GOP on purpose
	headers map[trackID]int
	places  map[uint8]place
	first   int // publication of the first packet
	last    map[media.Kind]*media.Packet
	seq     int
	skipped int
}

func (w *world) subscribe(opts *SubscribeOptions) *view {
	return &view{
		sub: w.hub.Subscribe(testKey, opts), loose: opts.Start == Head,
		headers: make(map[trackID]int), places: make(map[uint8]place), last: make(map[media.Kind]*media.Packet),
	}
}

// read reads up to n items and checks that each frame can be decoded: after its header and the frames before it in its GOP.
func (v *view) read(t *rapid.T, w *world, n int) {
	for range n {
		item, ok, err := v.sub.TryNext()
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		switch {
		case !ok:
			return
		case item.Packet != nil:
			v.check(t, w, item.Packet)
		case item.Event == EventSkipped:
			if item.Skipped <= 0 {
				t.Fatalf("%d packets skipped", item.Skipped)
			}
			v.skipped += item.Skipped
		case item.Event == EventChanged, item.Event == EventPublished:
			v.headers = make(map[trackID]int) // the new publisher starts without
		}
	}
}

func (v *view) check(t *rapid.T, w *world, p *media.Packet) {
	n, known := w.notes[&p.Body[0]]
	if !known {
		t.Fatalf("%s was never written", describe(p))
	}
	if v.first == 0 {
		v.first = n.publication
	}
	id := trackID{p.Kind, p.Track}
	if p.Config {
		v.headers[id] = n.version
		return
	}
	if n.seq <= v.seq {
		t.Fatalf("packet %d after %d", n.seq, v.seq)
	}
	v.seq = n.seq
	if v.headers[id] != n.version {
		t.Fatalf("%s (packet %d): the reader has header %d, in force is %d", describe(p), n.seq, v.headers[id], n.version)
	}
	if last := v.last[p.Kind]; last != nil && p.Timestamp < last.Timestamp {
		t.Fatalf("%s after %s", describe(p), describe(last))
	}
	v.last[p.Kind] = p
	if p.Kind == media.Video {
		v.checkGOP(t, p, n)
	}
}

func (v *view) checkGOP(t *rapid.T, p *media.Packet, n note) {
	before, any := v.places[p.Track]
	v.places[p.Track] = place{n.gop, n.index}
	switch {
	case v.loose && !any, p.Key:
	case n.gop == 0:
		if n.publication != v.first {
			t.Fatalf("%s (packet %d) comes before its publisher's first key frame", describe(p), n.seq)
		}
	case before != place{n.gop, n.index - 1}:
		t.Fatalf("%s (packet %d) is frame %d of GOP %d, the reader has %+v", describe(p), n.seq, n.index, n.gop, before)
	}
}

// TestLosslessProperty: whatever the reader's pace, it sees every packet of a publisher, in order.
func TestLosslessProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, &Config{RingBytes: 4000, RingDuration: 100 * time.Millisecond})
		defer w.hub.Close()
		s := w.hub.Subscribe(testKey, &SubscribeOptions{Lossless: 1 << 30})
		var written []*media.Packet
		read := 0
		for range rapid.IntRange(0, 200).Draw(t, "rounds") {
			for range rapid.IntRange(0, 8).Draw(t, "writes") {
				written = append(written, w.write(t))
			}
			for range min(len(written)-read, rapid.IntRange(0, 12).Draw(t, "reads")) {
				if p, err := s.ReadPacket(t.Context()); p != written[read] || err != nil {
					t.Fatalf("packet %d: got %v, %v", read, p, err)
				}
				read++
			}
		}
		w.pub.Close(true)
		for ; read < len(written); read++ {
			if p, err := s.ReadPacket(t.Context()); p != written[read] || err != nil {
				t.Fatalf("packet %d at the end: got %v, %v", read, p, err)
			}
		}
	})
}

// TestDecodableProperty: subscriptions of all kinds, at any pace, over any change of publisher, get nothing that
// they could not decode.
func TestDecodableProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, &Config{
			RingBytes:    int64(rapid.SampledFrom([]int{1000, 4000, 20000}).Draw(t, "ring bytes")),
			RingDuration: ms(rapid.SampledFrom([]int{100, 1000}).Draw(t, "ring duration")),
		})
		defer w.hub.Close()
		views := []*view{w.subscribe(&SubscribeOptions{Follow: true})}
		for range rapid.IntRange(0, 100).Draw(t, "rounds") {
			switch rapid.IntRange(0, 11).Draw(t, "op") {
			case 0:
				w.change(t)
			case 1:
				views = append(views, w.subscribe(&SubscribeOptions{
					Follow:   true,
					Start:    Start(rapid.IntRange(0, 1).Draw(t, "start")),
					Back:     ms(rapid.SampledFrom([]int{0, 0, 50, 500}).Draw(t, "back")),
					Lossless: int64(rapid.SampledFrom([]int{0, 3000}).Draw(t, "lossless")),
				}))
			case 2, 3, 4, 5:
				rapid.SampledFrom(views).Draw(t, "reader").read(t, w, rapid.IntRange(1, 30).Draw(t, "reads"))
			default:
				for range rapid.IntRange(1, 10).Draw(t, "writes") {
					w.write(t)
				}
			}
		}
		for _, v := range views {
			v.read(t, w, w.seq+100)
		}
	})
}

// TestSkippedProperty: what a slow reader gets and what it is told to have missed add up to what was written.
func TestSkippedProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, &Config{RingBytes: 4000, RingDuration: 100 * time.Millisecond})
		defer w.hub.Close()
		v := w.subscribe(&SubscribeOptions{
			Follow:   true,
			Lossless: int64(rapid.SampledFrom([]int{0, 3000}).Draw(t, "lossless")),
		})
		originals := make(map[*media.Packet]bool)
		got := 0
		read := func(n int) {
			for range n {
				item, ok, err := v.sub.TryNext()
				if err != nil {
					t.Fatalf("read: %v", err)
				}
				if !ok {
					return
				}
				if originals[item.Packet] {
					got++
				}
				v.skipped += item.Skipped
			}
		}
		for range rapid.IntRange(0, 100).Draw(t, "rounds") {
			for range rapid.IntRange(0, 30).Draw(t, "writes") {
				originals[w.write(t)] = true
			}
			read(rapid.IntRange(0, 15).Draw(t, "reads"))
		}
		read(2*w.seq + 100)
		untold := int(v.sub.left)
		if got+v.skipped+untold != w.seq {
			t.Fatalf("%d packets read, %d told as skipped and %d waiting to be told of %d written", got, v.skipped, untold, w.seq)
		}
		if info, _ := w.hub.Stream(testKey); int(info.Subscriptions[0].Skipped) != v.skipped+untold {
			t.Fatalf("info says %d skipped, events %d", info.Subscriptions[0].Skipped, v.skipped+untold)
		}
	})
}
