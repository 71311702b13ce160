package live

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// BenchmarkWritePacket writes packets with subscriptions that read them in goroutines of their own, as fast as they can.
func BenchmarkWritePacket(b *testing.B) {
	for _, n := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("subscriptions=%d", n), func(b *testing.B) {
			h := NewHub(nil)
			defer h.Close()
			p, err := h.Publish(testKey, nil)
			if err != nil {
				b.Fatal(err)
			}
			var readers sync.WaitGroup
			ctx, cancel := context.WithCancel(b.Context())
			for range n {
				s := h.Subscribe(testKey, nil)
				readers.Go(func() {
					defer s.Close()
					for {
						if _, err := s.ReadPacket(ctx); err != nil {
							if !errors.Is(err, context.Canceled) {
								b.Errorf("ReadPacket: %v", err)
							}
							return
						}
					}
				})
			}
			pkt := key(0)
			b.ReportAllocs()
			for b.Loop() {
				if err := p.WritePacket(ctx, pkt); err != nil {
					b.Fatal(err)
				}
			}
			cancel()
			readers.Wait()
		})
	}
}

// BenchmarkReadPacket reads packets that are there.
func BenchmarkReadPacket(b *testing.B) {
	h := NewHub(&Config{RingDuration: time.Hour})
	defer h.Close()
	p, err := h.Publish(testKey, nil)
	if err != nil {
		b.Fatal(err)
	}
	s := h.Subscribe(testKey, nil)
	defer s.Close()
	const batch = 4096
	pkt := audio(0)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n == 0 {
			b.StopTimer()
			for ; n < batch; n++ {
				if err := p.WritePacket(b.Context(), pkt); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
		n--
		if _, err := s.ReadPacket(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSubscribe joins a running stream, reads the headers and the key frame, and leaves.
func BenchmarkSubscribe(b *testing.B) {
	h := NewHub(nil)
	defer h.Close()
	p, err := h.Publish(testKey, nil)
	if err != nil {
		b.Fatal(err)
	}
	for n := range 1000 {
		pkt := video(n * 40)
		pkt.Key = n%50 == 0
		if err := p.WritePacket(b.Context(), pkt); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s := h.Subscribe(testKey, nil)
		if _, err := s.ReadPacket(b.Context()); err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
