package live

import (
	"testing"
	"time"
)

// TestSqueeze: the rings shrink to 2 s and the GOP in which they begin, or to so many bytes, and grow again; who keeps up gets every packet.
func TestSqueeze(t *testing.T) {
	h := NewHub(&Config{Rewind: time.Minute, RingDuration: time.Minute})
	defer h.Close()
	p, err := h.Publish(testKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := h.Subscribe(testKey, nil)
	defer s.Close()
	n := 0
	write := func(packets int) {
		t.Helper()
		for range packets {
			pkt := video(n * 100)
			pkt.Key = n%50 == 0 // a GOP is 5 s
			if err := p.WritePacket(t.Context(), pkt); err != nil {
				t.Fatal(err)
			}
			if got, err := s.ReadPacket(t.Context()); err != nil || got != pkt {
				t.Fatalf("packet %d: got %v, %v", n, got, err)
			}
			n++
		}
	}
	want := func(what string, packets int) {
		t.Helper()
		info, ok := h.Stream(testKey)
		if !ok || info.Ring.Packets != packets {
			t.Errorf("%s: the ring holds %d packets, want %d", what, info.Ring.Packets, packets)
		}
	}
	write(500)
	want("before", 500)
	h.Squeeze(time.Second, 0)
	want("squeezed", 50) // the GOP, which is longer than 2 s
	write(10)
	want("in the next GOP", 60) // which is not 2 s old yet
	write(40)
	want("at its end", 50)
	h.Squeeze(time.Second, 10*(packetCost+4))
	want("squeezed more", 10)
	write(20)
	want("later", 10)
	h.Squeeze(0, 0)
	write(100)
	want("released", 110)
}
