package live

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
)

var (
	addrA = netip.MustParseAddr("192.0.2.1")
	addrB = netip.MustParseAddr("192.0.2.2")
)

func TestPolicy(t *testing.T) {
	tests := []struct {
		name   string
		hub    Policy
		opts   PublishOptions
		silent time.Duration
		want   error
	}{
		{"default, alive", PolicyDefault, PublishOptions{RemoteAddr: addrB}, 4900 * time.Millisecond, ErrBusy},
		{"default, dead", PolicyDefault, PublishOptions{RemoteAddr: addrB}, 5 * time.Second, nil},
		{"default, same address, just now", PolicyDefault, PublishOptions{RemoteAddr: addrA}, 900 * time.Millisecond, ErrBusy},
		{"default, same address, silent", PolicyDefault, PublishOptions{RemoteAddr: addrA}, time.Second, nil},
		{"default, unknown address", PolicyDefault, PublishOptions{}, 4 * time.Second, ErrBusy},
		{"reject", PolicyReject, PublishOptions{RemoteAddr: addrA}, time.Hour, ErrBusy},
		{"takeover", PolicyTakeover, PublishOptions{RemoteAddr: addrB}, 0, nil},
		{"own policy before the hub's", PolicyReject, PublishOptions{Policy: PolicyTakeover}, 0, nil},
		{"own reject", PolicyTakeover, PublishOptions{Policy: PolicyReject}, time.Hour, ErrBusy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewHub(&Config{Policy: tt.hub})
				defer h.Close()
				told := 0
				old := publish(t, h, &PublishOptions{RemoteAddr: addrA, OnTakeover: func() {
					told++
					h.Streams() // no lock is held
				}})
				time.Sleep(time.Minute) // fake time: it is the newest packet that counts
				write(t, old, key(0))
				time.Sleep(tt.silent)

				p, err := h.Publish(testKey, &tt.opts)
				if !errors.Is(err, tt.want) {
					t.Fatalf("Publish: %v, want %v", err, tt.want)
				}
				if err != nil {
					write(t, old, video(40))
					if told != 0 {
						t.Error("publisher was told of a takeover that did not happen")
					}
					return
				}
				if told != 1 {
					t.Errorf("publisher was told %d times, want once", told)
				}
				if err := old.WritePacket(t.Context(), video(40)); !errors.Is(err, ErrTakenOver) {
					t.Errorf("WritePacket of the old one: %v", err)
				}
				old.Close(true)
				write(t, p, key(0)) // the old one's Close changed nothing
			})
		})
	}
}

func TestUnknownAddressIsNotTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(nil)
		defer h.Close()
		publish(t, h, nil)
		time.Sleep(2 * time.Second)
		if _, err := h.Publish(testKey, nil); !errors.Is(err, ErrBusy) {
			t.Errorf("two publishers of unknown address: %v, want ErrBusy", err)
		}
	})
}

func TestTakeover(t *testing.T) {
	h := newTestHub(t, &Config{Policy: PolicyTakeover})
	old := publish(t, h, nil)
	s := h.Subscribe(testKey, nil)
	write(t, old, header(media.Data, 0, "M"), header(media.Video, 0, "V"), key(0), video(40))
	p := publish(t, h, nil)
	late := h.Subscribe(testKey, nil)
	write(t, p, header(media.Video, 0, "V2"), header(media.Audio, 0, "A2"))
	write(t, p, video(5000), audio(5010), key(5040), video(5080))
	wantReady(t, s, "goes on, with the new headers, at the new key frame",
		"d0=M v0=V v0k v40 changed v80=V2 a80=A2 a90 v120k v160")
	wantReady(t, late, "joined between the two: sees the new one from the beginning",
		"v80=V2 a80=A2 v80 a90 v120k v160")
	wantReady(t, h.Subscribe(testKey, nil), "joins at the new key frame without the old metadata",
		"v120=V2 a120=A2 v120k v160")
}

func TestNewcomersSeeNothingOfThePredecessor(t *testing.T) {
	h := newTestHub(t, &Config{Policy: PolicyTakeover})
	old := publish(t, h, nil)
	keep := h.Subscribe(testKey, nil)
	write(t, old, header(media.Video, 0, "V"), key(0), audio(10), video(40))
	p := publish(t, h, nil)
	write(t, p, header(media.Audio, 0, "A2"), audio(0), audio(20))
	from, head := h.Subscribe(testKey, &SubscribeOptions{Back: time.Minute}), h.Subscribe(testKey, &SubscribeOptions{Start: Head})
	write(t, p, audio(40))
	wantReady(t, from, "as far back as can be", "a80=A2 a80 a100 a120")
	wantReady(t, head, "from the head", "a120=A2 a120")
	keep.Close()
}

func TestTakeoverUnseen(t *testing.T) {
	h := newTestHub(t, &Config{Policy: PolicyTakeover})
	write(t, publish(t, h, nil), key(90000))
	p := publish(t, h, nil)
	k := key(0)
	write(t, p, k)
	s := h.Subscribe(testKey, nil)
	if got, err := s.ReadPacket(t.Context()); got != k || err != nil {
		t.Errorf("got %v, %v; want the packet untouched, since nobody saw the first publisher", got, err)
	}
}

func TestOverrunIntoAnotherPublication(t *testing.T) {
	h := newTestHub(t, &Config{Policy: PolicyTakeover, RingBytes: 5 * (packetCost + 4)})
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
	write(t, p, header(media.Video, 0, "V"), key(0))
	wantReady(t, s, "the beginning", "v0=V v0k")
	p = publish(t, h, nil)
	write(t, p, header(media.Video, 0, "V2"), key(0))
	for at := 1; at <= 10; at++ {
		write(t, p, key(40*at))
	}
	wantReady(t, s, "a takeover in the gap", "skipped:11 changed v433=V2 v433k")

	p.Close(true)
	p = publish(t, h, nil)
	write(t, p, header(media.Video, 0, "V3"), key(0))
	for at := 1; at <= 10; at++ {
		write(t, p, key(40*at))
	}
	wantReady(t, s, "an end and a beginning in the gap", "skipped:11 unpublished published v873=V3 v873k")
}

func TestClean(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	once := h.Subscribe(testKey, nil)
	follow := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
	write(t, p, key(0))
	p.Close(true)
	p.Close(false)
	if err := p.WritePacket(t.Context(), key(40)); !errors.Is(err, ErrClosed) {
		t.Errorf("WritePacket after Close: %v", err)
	}
	wantReady(t, once, "ends", "v0k EOF")
	wantReady(t, follow, "is told", "v0k unpublished")
	wantReady(t, follow, "once", "")
	write(t, publish(t, h, nil), key(0), video(40))
	wantReady(t, follow, "gets the next one on a rising timeline", "published v33k v73")
}

func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(nil)
		defer h.Close()
		p := publish(t, h, nil)
		once := h.Subscribe(testKey, nil)
		follow := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
		write(t, p, header(media.Video, 0, "V"), key(0), video(40))
		p.Close(false)
		if info := streamInfo(t, h); !info.Grace || info.Publisher != nil {
			t.Errorf("info %+v, want grace without publisher", info)
		}
		waiting := h.Subscribe(testKey, nil)
		time.Sleep(9999 * time.Millisecond)
		wantReady(t, once, "nothing is said within the grace", "v0=V v0k v40")
		p = publish(t, h, nil)
		time.Sleep(time.Minute) // the timer of the first grace has no part in this
		write(t, p, header(media.Video, 0, "V2"), key(0))
		wantReady(t, once, "goes on", "changed v80=V2 v80k")
		wantReady(t, follow, "goes on too", "v0=V v0k v40 changed v80=V2 v80k")
		wantReady(t, waiting, "came in the grace", "published v80=V2 v80k")

		p.Close(false)
		time.Sleep(9999 * time.Millisecond)
		wantReady(t, once, "not yet", "")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		wantReady(t, once, "the grace is over", "EOF")
		wantReady(t, follow, "the grace is over", "unpublished")
		if info := streamInfo(t, h); info.Grace {
			t.Errorf("info %+v after the grace", info)
		}
	})
}

func TestNoGrace(t *testing.T) {
	h := newTestHub(t, &Config{PublisherGrace: -1})
	p := publish(t, h, nil)
	s := h.Subscribe(testKey, nil)
	p.Close(false)
	wantReady(t, s, "ends at once", "EOF")
}

func TestGraceWithoutSubscription(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	p.Close(false)
	if n := len(h.Streams()); n != 0 {
		t.Errorf("%d streams, want none: nobody waits for the publisher", n)
	}
	p = publish(t, h, nil)
	s := h.Subscribe(testKey, nil)
	p.Close(false)
	s.Close()
	if n := len(h.Streams()); n != 0 {
		t.Errorf("%d streams, want none: the last one who waited has left", n)
	}
	h.Close() // would wait for a timer left over
}

func TestNamesVanish(t *testing.T) {
	h := newTestHub(t, nil)
	for n := range 100000 {
		k := media.Key{App: "live", Name: fmt.Sprint(n)}
		s := h.Subscribe(k, nil)
		if n%10 == 0 {
			p, err := h.Publish(k, nil)
			if err != nil {
				t.Fatal(err)
			}
			write(t, p, key(0))
			p.Close(n%20 == 0)
		}
		s.Close()
	}
	if len(h.streams) != 0 {
		t.Errorf("%d streams left", len(h.streams))
	}
}

func TestHubClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(nil)
		p := publish(t, h, nil)
		follow := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
		other := media.Key{App: "live", Name: "other"}
		idle := h.Subscribe(other, &SubscribeOptions{Follow: true})
		ended := make(chan error, 1)
		go func() {
			_, err := idle.Next(t.Context())
			ended <- err
		}()
		write(t, p, key(0))
		third, err := h.Publish(media.Key{Name: "third"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		inGrace := h.Subscribe(media.Key{Name: "third"}, nil)
		third.Close(false)

		h.Close()
		h.Close()
		wantReady(t, follow, "reads the rest", "v0k unpublished EOF")
		wantReady(t, inGrace, "the grace ends", "EOF")
		if err := <-ended; err == nil || err.Error() != "EOF" {
			t.Errorf("waiting subscription ends with %v", err)
		}
		if err := p.WritePacket(t.Context(), key(40)); !errors.Is(err, ErrClosed) {
			t.Errorf("WritePacket: %v", err)
		}
		p.Close(true)
		if _, err := h.Publish(testKey, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish: %v", err)
		}
		late := h.Subscribe(testKey, &SubscribeOptions{Follow: true})
		wantReady(t, late, "a subscription to a closed hub", "EOF")
		for _, s := range []*Subscription{follow, inGrace, idle, late} {
			s.Close()
		}
		if n := len(h.Streams()); n != 0 {
			t.Errorf("%d streams after Close", n)
		}
	})
}

func TestInfo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(nil)
		defer h.Close()
		p := publish(t, h, &PublishOptions{RemoteAddr: addrA})
		s := h.Subscribe(testKey, &SubscribeOptions{Name: "record", Lossless: 5, Follow: true})
		meta, avc := header(media.Data, 0, "M"), header(media.Video, 0, "V")
		avc.Codec = media.CodecAVC
		since := time.Now()
		time.Sleep(time.Second)
		write(t, p, meta, avc, key(0), audio(10), video(1000), key(2000), audio(2500))
		if _, err := s.ReadPacket(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.Subscribe(media.Key{App: "a"}, nil)

		all := h.Streams()
		if len(all) != 2 || all[0].Key.App != "a" || all[0].Publisher != nil || all[1].Key != testKey {
			t.Fatalf("Streams: %+v", all)
		}
		got := all[1].Publisher
		if got.RemoteAddr != addrA || !got.Since.Equal(since) || got.LastPacket.Sub(since) != time.Second ||
			got.Packets != 7 || got.Bytes != 22 || got.Metadata != meta || got.KeyInterval != 2*time.Second {
			t.Errorf("publisher %+v", got)
		}
		want := []TrackInfo{
			{
				Kind: media.Video, Codec: media.CodecAVC, Config: avc, Packets: 4, Bytes: 13,
				Frames: 3, Timestamp: 2 * time.Second, LastFrame: got.LastPacket,
			},
			{Kind: media.Audio, Packets: 2, Bytes: 8, Frames: 2, Timestamp: 2500 * time.Millisecond, LastFrame: got.LastPacket},
		}
		for i, track := range got.Tracks {
			if i >= len(want) || track != want[i] {
				t.Errorf("track %d is %+v", i, track)
			}
		}
		sub := all[1].Subscriptions[0]
		if sub.Name != "record" || sub.Lossless != 5 || !sub.Follow || sub.Packets != 1 || sub.Lag != 2490*time.Millisecond {
			t.Errorf("subscription %+v", sub)
		}
		if want := int64(got.Bytes) - 1 + 6*packetCost + (packetCost + 2*8); sub.LagBytes != want {
			t.Errorf("lag of %d bytes, want %d", sub.LagBytes, want)
		}
	})
}

// TestConfigsBounded: what a publisher says of all its tracks is kept as far as newcomers get it.
func TestConfigsBounded(t *testing.T) {
	h := newTestHub(t, nil)
	p := publish(t, h, nil)
	defer p.Close(true)
	body := make([]byte, 1<<20)
	for track := range 256 {
		write(t, p, &media.Packet{Kind: media.Audio, Track: uint8(track), Config: true, Body: body})
	}
	info, _ := h.Stream(testKey)
	total := 0
	for _, track := range info.Publisher.Tracks {
		if track.Config != nil {
			total += len(track.Config.Body)
		}
	}
	if total == 0 || total > maxHeaderBytes || len(info.Publisher.Tracks) != 256 {
		t.Errorf("of %d tracks %d bytes are kept, more than %d", len(info.Publisher.Tracks), total, maxHeaderBytes)
	}
}

func TestPolicyNames(t *testing.T) {
	for p := PolicyDefault; p <= PolicyTakeover; p++ {
		if got, err := ParsePolicy(p.String()); got != p || err != nil {
			t.Errorf("ParsePolicy(%q) = %v, %v", p, got, err)
		}
	}
	if _, err := ParsePolicy("maybe"); err == nil {
		t.Error("ParsePolicy accepts anything")
	}
	if got := Policy(99).String(); got != "Policy(99)" {
		t.Errorf("unknown policy is %q", got)
	}
}
