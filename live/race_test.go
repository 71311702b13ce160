package live

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"leat/media"
)

// TestRace has publishers that take each other's streams over while subscriptions come, read and go, and API calls look on.
// It checks that every reader sees a rising timeline and that everything ends.
func TestRace(t *testing.T) {
	const (
		names      = 4
		publishers = 3 // for each name
		readers    = 3
		rounds     = 30
		packets    = 40
	)
	h := NewHub(&Config{Policy: PolicyTakeover, RingBytes: 16 << 10, PublisherGrace: time.Millisecond})
	var writers, others sync.WaitGroup
	done := make(chan struct{})
	for n := range names {
		k := media.Key{App: "live", Name: fmt.Sprint(n)}
		for i := range publishers {
			writers.Go(func() { racePublisher(t, h, k, rounds, packets, i%2 == 0) })
		}
		for i := range readers {
			opts := SubscribeOptions{Follow: i > 0, Lossless: int64(i) << 12, Start: Start(i % 2)}
			others.Go(func() { raceReader(t, h, k, &opts, done) })
		}
	}
	others.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				h.Streams()
				h.Stream(media.Key{App: "live", Name: "0"})
			}
		}
	})
	writers.Wait()
	close(done)
	h.Close()
	others.Wait()
	if n := len(h.Streams()); n != 0 {
		t.Errorf("%d streams left", n)
	}
}

func racePublisher(t *testing.T, h *Hub, k media.Key, rounds, packets int, clean bool) {
	for range rounds {
		p, err := h.Publish(k, &PublishOptions{OnTakeover: func() { h.Stream(k) }})
		if err != nil {
			t.Errorf("Publish: %v", err)
			return
		}
		for n := range packets {
			pkt := video(n)
			pkt.Key = n%10 == 0
			if err := p.WritePacket(t.Context(), pkt); err != nil {
				if !errors.Is(err, ErrTakenOver) {
					t.Errorf("WritePacket: %v", err)
				}
				break
			}
		}
		p.Close(clean)
	}
}

// raceReader subscribes again and again until done; the last subscription is ended by the hub.
func raceReader(t *testing.T, h *Hub, k media.Key, opts *SubscribeOptions, done <-chan struct{}) {
	for last := false; !last; {
		select {
		case <-done:
			last = true
		default:
		}
		s := h.Subscribe(k, opts)
		var at time.Duration
		for n := 0; last || n < 200; n++ {
			p, err := s.ReadPacket(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("ReadPacket: %v", err)
				break
			}
			if p.Timestamp < at {
				t.Errorf("timestamp went back from %v to %v", at, p.Timestamp)
			}
			at = p.Timestamp
		}
		s.Close()
	}
}

// TestPublisherNeverWaits writes a stream while a subscription that never reads is there; another one loses nothing.
func TestPublisherNeverWaits(t *testing.T) {
	h := NewHub(&Config{RingBytes: 64 << 10})
	defer h.Close()
	p := publish(t, h, nil)
	h.Subscribe(testKey, nil)
	s := h.Subscribe(testKey, &SubscribeOptions{Lossless: 64 << 20})
	const total = 20000
	var readers sync.WaitGroup
	readers.Go(func() {
		for n := range total {
			item, err := s.Next(t.Context())
			if err != nil || item.Packet == nil || item.Packet.Timestamp != ms(n) {
				t.Errorf("packet %d: %+v, %v", n, item, err)
				return
			}
		}
	})
	for n := range total {
		write(t, p, audio(n))
	}
	readers.Wait()
}
