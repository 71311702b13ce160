package live

import (
	"errors"
	"io"
	"sync"
	"testing"

	"leat/media"
)

// TestDirect: a packet is read on the publisher's goroutine when the reader waits for it, and all else wakes the reader.
func TestDirect(t *testing.T) {
	h := newTestHub(t, nil)
	var s *Subscription
	var seen string
	handled := true
	s = h.Subscribe(testKey, &SubscribeOptions{Direct: func() bool {
		seen = ready(s)
		return handled
	}})
	woken := func() bool {
		select {
		case <-s.wake:
			return true
		default:
			return false
		}
	}
	wantReady(t, s, "before the publisher", "")
	p := publish(t, h, nil)
	if !woken() {
		t.Error("the publisher's coming did not wake the reader")
	}
	write(t, p, key(0))
	if seen != "" {
		t.Errorf("it was called, and read %q, although the reader was to look by itself", seen)
	}
	wantReady(t, s, "woken", "published v0k")
	write(t, p, video(40))
	if seen != "v40" || woken() {
		t.Errorf("it read %q, want v40; woken: %v", seen, woken())
	}
	handled = false
	write(t, p, video(80))
	if seen != "v80" || !woken() {
		t.Errorf("it read %q, want v80, and was to wake the reader", seen)
	}
	p.Close(true)
	if !woken() {
		t.Error("the publisher's end did not wake the reader")
	}
	wantReady(t, s, "at the end", "EOF")
}

// TestDirectMany: more readers than a packet calls, each with one that waits beside it, get every packet once and in order, from
// publishers that take over from each other.
func TestDirectMany(t *testing.T) {
	const readers, packets = 2 * maxDirect, 2000
	h := NewHub(&Config{Policy: PolicyTakeover})
	var all sync.WaitGroup
	counts := make([]int, readers)
	for i := range readers {
		var mu sync.Mutex
		var s *Subscription
		pump := func() error { // mu is held
			for {
				item, ok, err := s.TryNext()
				if !ok {
					return err
				}
				if item.Packet != nil && item.Packet.Kind == media.Audio {
					counts[i]++
				}
			}
		}
		s = h.Subscribe(testKey, &SubscribeOptions{Follow: true, Direct: func() bool {
			if !mu.TryLock() {
				return false
			}
			defer mu.Unlock()
			return pump() == nil
		}})
		all.Go(func() {
			for {
				mu.Lock()
				err := pump()
				mu.Unlock()
				if errors.Is(err, io.EOF) {
					return
				}
				if err := s.Wait(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 10 {
		p := publish(t, h, nil)
		for n := range packets / 10 {
			write(t, p, audio(n))
		}
	}
	h.Close()
	all.Wait()
	for i, n := range counts {
		if n != packets {
			t.Errorf("reader %d got %d packets of %d", i, n, packets)
		}
	}
}
