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

// TestRewind: newcomers can go back to a key frame that is at least as old as the rewind; what is before it goes.
func TestRewind(t *testing.T) {
	const second = 25 // frames
	tests := []struct {
		name     string
		rewind   time.Duration
		interval int // frames
		to       int // ms
		want     time.Duration
	}{
		{"zero is 2 s", 0, second, 60000, 2960 * time.Millisecond},
		{"a key frame that is just so old", 0, second, 60041, 2040 * time.Millisecond},
		{"longer than a GOP", 5 * time.Second, 2 * second, 60000, 5960 * time.Millisecond},
		{"shorter than a GOP", time.Second, 10 * second, 65000, 4960 * time.Millisecond},
		{"in a young GOP", time.Second, 10 * second, 60900, 10880 * time.Millisecond},
		{"not more than RingDuration", time.Minute, second, 60000, 10960 * time.Millisecond},
		{"one GOP", 0, 1000 * second, 18000, 17960 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHub(t, &Config{Rewind: tt.rewind})
			writeGOPs(t, publish(t, h, nil), 0, tt.to, tt.interval)
			got := streamInfo(t, h).Ring
			if !got.HasKey || got.Duration-tt.want > 10*time.Millisecond || tt.want > got.Duration {
				t.Errorf("ring %+v, want %v", got, tt.want)
			}
			s := h.Subscribe(testKey, &SubscribeOptions{Back: time.Hour})
			if p, err := s.ReadPacket(t.Context()); err != nil || !p.Key {
				t.Errorf("it begins with %v, %v", p, err)
			}
		})
	}
}

// TestBehind: for a subscription that is behind the stream is kept for RingDuration, and for no longer.
func TestBehind(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, nil)
	write1s := func(n int) {
		for i := range 25 {
			pkt := video(n*1000 + i*40)
			pkt.Key, pkt.Body = i == 0, make([]byte, 20<<10)
			write(t, p, pkt)
		}
	}
	for n := range 10 {
		write1s(n)
	}
	if got := streamInfo(t, h); got.Ring.Duration >= 3*time.Second || got.Subscriptions[0].Lag != 9960*time.Millisecond {
		t.Errorf("a ring of %v, a subscription %v behind", got.Ring.Duration, got.Subscriptions[0].Lag)
	}
	for n := range 250 {
		if pkt, err := s.ReadPacket(t.Context()); err != nil || pkt.Timestamp != time.Duration(n)*40*time.Millisecond {
			t.Fatalf("packet %d: %v, %v", n, pkt, err)
		}
	}
	for n := range 11 {
		write1s(10 + n)
	}
	if item, err := s.Next(t.Context()); err != nil || item.Event != EventSkipped || item.Skipped != 250 {
		t.Errorf("after 11 s: %+v, %v, want 250 packets skipped", item, err)
	}
	if held := p.stream.ring.head - p.stream.ring.first; held > 3*25 {
		t.Errorf("%d packets held when nobody is behind", held)
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
