package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
)

func TestBegin(t *testing.T) {
	meta, avc, aac := header(media.Data, 0, "M"), header(media.Video, 0, "V"), header(media.Audio, 0, "A")
	tests := []struct {
		name    string
		packets []*media.Packet // before the subscription
		opts    SubscribeOptions
		later   []*media.Packet // after it
		want    string
	}{
		{
			name:    "newest key frame, headers in order with its timestamp",
			packets: []*media.Packet{aac, avc, meta, key(0), audio(10), video(40), key(80), audio(90), video(120)},
			want:    "d80=M v80=V a80=A v80k a90 v120",
		},
		{
			name:    "header changed before the key frame",
			packets: []*media.Packet{avc, key(0), header(media.Video, 40, "V2"), key(80)},
			want:    "v80=V2 v80k",
		},
		{
			name:    "header changed in mid-GOP",
			packets: []*media.Packet{meta, avc, key(0), video(40), header(media.Data, 60, "M2"), video(80)},
			want:    "d0=M v0=V v0k v40 d60=M2 v80",
		},
		{
			name:    "header that first comes in mid-GOP",
			packets: []*media.Packet{avc, key(0), aac, audio(10)},
			want:    "v0=V v0k a0=A a10",
		},
		{
			name:    "metadata cleared",
			packets: []*media.Packet{meta, avc, header(media.Data, 0, ""), key(0)},
			want:    "v0=V v0k",
		},
		{
			name:    "audio only: one second back",
			packets: []*media.Packet{aac, audio(0), audio(500), audio(1000), audio(1500), audio(2000)},
			want:    "a1000=A a1000 a1500 a2000",
		},
		{
			name:    "audio only: the header itself lies within the second",
			packets: []*media.Packet{meta, aac, audio(0), audio(500)},
			want:    "d0=M a0=A a0 a500",
		},
		{
			name:    "no key frame yet: audio until one comes",
			packets: []*media.Packet{avc, aac, video(0), audio(10), video(40)},
			later:   []*media.Packet{audio(50), video(80), key(120), video(160)},
			want:    "v0=V a0=A a10 a50 v120k v160",
		},
		{
			name:    "video has ended: as audio only",
			packets: []*media.Packet{avc, key(0), audio(0), audio(6000), audio(11000), audio(12000)},
			want:    "v11000=V a11000 a12000",
		},
		{
			name:    "head",
			packets: []*media.Packet{meta, avc, key(0), video(40)},
			opts:    SubscribeOptions{Start: Head},
			later:   []*media.Packet{video(80), key(120)},
			want:    "d80=M v80=V v80 v120k",
		},
		{
			name:    "back to an older key frame",
			packets: []*media.Packet{avc, key(0), key(1000), header(media.Video, 1500, "V2"), key(2000), key(3000), video(3500)},
			opts:    SubscribeOptions{Back: 2 * time.Second},
			want:    "v1000=V v1000k v1500=V2 v2000k v3000k v3500",
		},
		{
			name:    "back beyond the ring",
			packets: []*media.Packet{key(0), key(1000), key(10500), video(10900)},
			opts:    SubscribeOptions{Back: time.Hour},
			want:    "v1000k v10500k v10900",
		},
		{
			name:    "tracks of one moment, the main one last",
			packets: []*media.Packet{onTrack(1, key(0)), key(0), onTrack(1, key(40)), key(40), onTrack(1, video(80))},
			want:    "v1/40k v40k v1/80",
		},
		{
			name:    "each track begins with its own key frame",
			packets: []*media.Packet{key(0), onTrack(1, key(0)), key(40), onTrack(1, video(40))},
			later:   []*media.Packet{onTrack(1, key(80)), video(80), onTrack(1, video(120))},
			want:    "v40k v1/80k v80 v1/120",
		},
		{
			name:    "no track 0",
			packets: []*media.Packet{onTrack(3, key(0)), onTrack(7, key(0)), onTrack(3, key(40)), onTrack(7, key(40))},
			want:    "v3/40k v7/40k",
		},
		{
			name:    "there before the first packet: everything",
			later:   []*media.Packet{video(0), avc, audio(10), key(40)},
			packets: nil,
			want:    "v0 v0=V a10 v40k",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newTestHub(t, nil)
			p := publish(t, h, nil)
			write(t, p, tt.packets...)
			s := h.Subscribe(testKey, &tt.opts)
			defer s.Close()
			write(t, p, tt.later...)
			wantReady(t, s, tt.name, tt.want)
		})
	}
}

func TestHeadersAreCopies(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	avc, k := header(media.Video, 0, "V"), key(1000)
	write(t, p, avc, k)
	s := h.Subscribe(testKey, nil)
	first, err := s.ReadPacket(t.Context())
	if err != nil || first == avc || &first.Body[0] != &avc.Body[0] || avc.Timestamp != 0 {
		t.Errorf("header read as %p %+v, %v; want a shallow copy of %p, which stays as it is", first, first, err, avc)
	}
	if second, err := s.ReadPacket(t.Context()); err != nil || second != k {
		t.Errorf("frame read as %p, %v; want the packet %p itself", second, err, k)
	}
}

// TestJump: what has just come is not lost because the timestamps jump, again and again, before it has been read.
func TestJump(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, nil)
	var want []string
	for i := range 5 {
		at := i * 3_600_000
		write(t, p, video(at), audio(at))
		want = append(want, fmt.Sprintf("v%d a%d", at, at))
	}
	wantReady(t, s, "after the jumps", strings.Join(want, " "))
}

func TestOverrun(t *testing.T) {
	h := newTestHub(t, &Config{RingBytes: 64 << 10})
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, &SubscribeOptions{Name: "slow"})
	write(t, p, header(media.Video, 0, "V"), header(media.Audio, 0, "A"), key(0))
	wantReady(t, s, "the beginning", "v0=V a0=A v0k")

	write(t, p, header(media.Video, 40, "V2"))
	for at := 1000; at <= 20000; at += 1000 {
		write(t, p, key(at), audio(at))
	}
	// 1 header, and 19 times 2 packets before the newest key frame.
	wantReady(t, s, "after the gap", "skipped:39 v20000=V2 v20000k a20000")
	info, _ := h.Stream(testKey)
	if got := info.Subscriptions[0]; got.Skipped != 39 || got.Name != "slow" || got.Lag != 0 {
		t.Errorf("info %+v, want 39 skipped and no lag", got)
	}
	write(t, p, video(20040))
	wantReady(t, s, "then goes on", "v20040")
}

func TestOverrunWithoutKeyFrame(t *testing.T) {
	h := newTestHub(t, &Config{RingBytes: 20 * (packetCost + 4)})
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, nil)
	write(t, p, key(0))
	wantReady(t, s, "the beginning", "v0k")
	for at := 40; at <= 4000; at += 40 { // 100 times 2 packets; the key frame has gone
		write(t, p, video(at), audio(at))
	}
	got := ready(s)
	if !strings.HasPrefix(got, "skipped:180 a3640 a3680") || strings.Contains(got, "v") {
		t.Errorf("after the gap %q, want the audio of what the ring holds", got)
	}
	write(t, p, video(4040), audio(4050), key(4080), video(4120))
	// 10 frames of video in the ring and the one after it.
	wantReady(t, s, "video comes back", "a4050 skipped:11 v4080k v4120")
}

func TestLossless(t *testing.T) {
	const one = packetCost + 4
	h := newTestHub(t, &Config{RingBytes: 10 * one})
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, &SubscribeOptions{Lossless: 30 * one})
	other := h.Subscribe(testKey, nil)
	var want []string
	for n := range 40 {
		pkt := video(n * 40)
		pkt.Key = n%20 == 0
		write(t, p, pkt)
		want = append(want, describe(pkt))
	}
	held := func() uint64 {
		st := s.stream
		st.mu.Lock()
		defer st.mu.Unlock()
		return st.ring.head - st.ring.first
	}
	if got := held(); got != 40 {
		t.Errorf("%d packets held, want 40", got)
	}
	if got := ready(other); got != "skipped:30" {
		t.Errorf("ordinary subscription got %q, want nothing of what is held for the other", got)
	}
	wantReady(t, s, "at its limit", strings.Join(want, " "))

	for n := 40; n < 81; n++ {
		pkt := video(n * 40)
		pkt.Key = n%20 == 0
		write(t, p, pkt)
	}
	if got := held(); got != 10 {
		t.Errorf("%d packets held after the overflow, want the ring's 10", got)
	}
	wantReady(t, s, "one packet more than its limit", "skipped:40 v3200k")
}

func TestLosslessReleases(t *testing.T) {
	h := newTestHub(t, &Config{RingBytes: 1})
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, &SubscribeOptions{Lossless: 1 << 20})
	for n := range 100 {
		write(t, p, key(n))
	}
	s.Close()
	if info, _ := h.Stream(testKey); info.Ring.Packets != 1 {
		t.Errorf("%d packets in the ring, want the newest only", info.Ring.Packets)
	}
	if held := s.stream.ring.head - s.stream.ring.first; held != 1 {
		t.Errorf("%d packets held after Close, want 1", held)
	}
}

func TestNextBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(nil)
		defer h.Close()
		s := h.Subscribe(testKey, nil)
		read := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := s.ReadPacket(ctx)
				done <- err
			}()
			synctest.Wait()
			return done
		}

		ctx, cancel := context.WithCancel(t.Context())
		done := read(ctx)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled in mid-wait: %v", err)
		}
		p := publish(t, h, nil)
		write(t, p, key(0))
		if _, err := s.ReadPacket(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before, with a packet there: %v", err)
		}
		if err := <-read(t.Context()); err != nil {
			t.Errorf("the packet is lost after that: %v", err)
		}
		done = read(t.Context())
		write(t, p, video(40))
		if err := <-done; err != nil {
			t.Errorf("woken by a packet: %v", err)
		}
		done = read(t.Context())
		s.Close()
		if err := <-done; !errors.Is(err, ErrClosed) {
			t.Errorf("closed in mid-wait: %v", err)
		}
		s.Close()
		if _, err := s.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestEndIsSticky(t *testing.T) {
	h := newTestHub(t, nil)
	s := h.Subscribe(testKey, nil)
	p := publish(t, h, nil)
	write(t, p, key(0))
	p.Close(true)
	wantReady(t, s, "first publisher", "published v0k EOF")
	p = publish(t, h, nil)
	write(t, p, key(0))
	if _, err := s.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v, want io.EOF", err)
	}
}

func TestNoAllocation(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, nil)
	at, pkt := 0, video(0)
	step := func() {
		at++
		pkt.Timestamp = ms(at) // nobody keeps a packet in this test
		if p.WritePacket(t.Context(), pkt) != nil {
			t.Fatal("WritePacket failed")
		}
		if _, err := s.ReadPacket(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 40000 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations for a packet written and read, want none", n)
	}
}

func TestOver(t *testing.T) {
	h := newTestHub(t, nil)
	early := h.Subscribe(testKey, &SubscribeOptions{Lossless: 1 << 20})
	follower := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
	want := func(when string, s *Subscription, want bool) {
		t.Helper()
		if got := s.Over(); got != want {
			t.Errorf("%s: Over() = %v", when, got)
		}
	}
	want("before the publisher", early, false)
	p := publish(t, h, nil)
	write(t, p, key(0), audio(10))
	want("while it is read", early, false)
	p.Close(false)
	want("in the grace", early, false)
	p = publish(t, h, nil)
	write(t, p, key(0))
	want("when the publisher is back", early, false)
	late := h.Subscribe(testKey, nil)
	p.Close(true)
	want("with packets to read", early, true)
	want("with packets to read", late, true)
	want("for one that follows", follower, false)
	next := publish(t, h, nil)
	write(t, next, key(0))
	want("when another stream has begun", early, true)
	early.Close()
	follower.Close()
	want("closed", follower, true)
}
