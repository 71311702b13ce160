package live

import (
	"testing"
	"time"

	"leat/media"
)

func streamInfo(t *testing.T, h *Hub) StreamInfo {
	t.Helper()
	info, ok := h.Stream(testKey)
	if !ok {
		t.Fatal("no such stream")
	}
	return info
}

func TestRingKeepsDuration(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	writeGOPs(t, p, 0, 60000, 25)
	got := streamInfo(t, h).Ring
	if got.Duration < 9900*time.Millisecond || got.Duration > 10*time.Second || !got.HasKey {
		t.Errorf("ring %+v, want 10 s with a key frame", got)
	}
}

func TestRingKeepsNewestGOP(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	writeGOPs(t, p, 0, 20000, 500) // a key frame each 20 s
	writeGOPs(t, p, 20000, 38000, 500)
	if got := streamInfo(t, h).Ring; got.Duration < 17*time.Second || got.Duration > 18*time.Second || !got.HasKey {
		t.Errorf("ring %+v, want the 18 s since the newest key frame", got)
	}
	writeGOPs(t, p, 38000, 50000, 25)
	if got := streamInfo(t, h).Ring; got.Duration > 10*time.Second {
		t.Errorf("ring %+v, want 10 s again", got)
	}
}

func TestRingBounds(t *testing.T) {
	big := func(at int) *media.Packet {
		p := video(at)
		p.Body = make([]byte, 100<<10)
		return p
	}
	tests := []struct {
		name string
		at   func(n int) int // timestamp of packet n
		key  int             // which packet is the key frame
	}{
		{"one endless GOP", func(n int) int { return n * 40 }, 0},
		{"time stands still", func(int) int { return 0 }, -1},
		{"time runs back", func(n int) int { return -n * 40 }, -1},
		{"time runs back in large steps", func(n int) int { return -n * 60000 }, 0},
		{"a short loop", func(n int) int { return n % 20 * 40 }, 0},
		{"to and fro", func(n int) int { return n % 2 * 3600e3 }, 0},
	}
	const limit = 1 << 20
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHub(t, &Config{RingBytes: limit})
			p := publish(t, h, nil)
			for n := range 200 {
				pkt := big(tt.at(n))
				pkt.Key = n == tt.key
				write(t, p, pkt)
				if got := streamInfo(t, h).Ring; got.Bytes > limit || got.Packets < 1 {
					t.Fatalf("after %d packets: %+v", n+1, got)
				}
			}
			if held := p.stream.ring.head - p.stream.ring.first; held > 10 {
				t.Errorf("%d packets held", held)
			}
		})
	}
}

func TestRingKeepsNewestPacket(t *testing.T) {
	h := newTestHub(t, &Config{RingBytes: 100})
	p := publish(t, h, nil)
	k := key(0)
	k.Body = make([]byte, 1000)
	write(t, p, k)
	s := h.Subscribe(testKey, nil)
	wantReady(t, s, "larger than the ring", "v0k")
	write(t, p, video(40))
	wantReady(t, s, "the next", "v40")
}

// A header may be cheap to send and dear to keep: its entry refers to all headers in force.
func TestRingCountsHeaders(t *testing.T) {
	const limit = 1 << 20
	h := newTestHub(t, &Config{RingBytes: limit})
	p := publish(t, h, nil)
	for n := range 3000 {
		pkt := header(media.Data, 0, "x")
		pkt.Name = string(rune('a'+n%26)) + string(rune('a'+n/26%26)) + string(rune('a'+n/676))
		write(t, p, pkt)
	}
	pointers := 0
	for n := p.stream.ring.first; n < p.stream.ring.head; n++ {
		pointers += len(p.stream.ring.at(n).state.headers)
	}
	if pointers*8 > limit {
		t.Errorf("%d bytes of header lists in a ring of %d", pointers*8, limit)
	}
}

func TestHeaderBytesAreBounded(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	for track := range 8 {
		pkt := onTrack(uint8(track), header(media.Video, 0, ""))
		pkt.Body = make([]byte, 1<<20)
		write(t, p, pkt)
	}
	if n := len(p.stream.headers.Packets()); n != 4 {
		t.Errorf("%d headers of 1 MiB kept, want 4", n)
	}
	if got := streamInfo(t, h).Ring.Packets; got != 8 {
		t.Errorf("%d packets relayed, want all 8", got)
	}
}

func TestRingOffTheAir(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
	slow := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
	write(t, p, key(0), video(40))
	p.Close(true)
	wantReady(t, s, "one reads", "v0k v40 unpublished")
	if s.stream.ring.buf == nil {
		t.Error("the packets have gone before the other has read them")
	}
	wantReady(t, slow, "the other reads", "v0k v40 unpublished")
	if s.stream.ring.buf != nil {
		t.Error("a stream off the air keeps its ring though everybody has read it")
	}
}
