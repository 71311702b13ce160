package node

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/live"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// TestCleanEnd: players hear at once that the publisher has ended the stream, and those who stay get the next one.
func TestCleanEnd(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	want := mediatest.AVC(time.Second)
	v := s.view(t, "cam", false)
	for range 2 {
		pub := publish(t, s.url("/live/cam"))
		v.status("NetStream.Play.PublishNotify")
		send(t, pub, want...)
		if err := pub.Close(); err != nil {
			t.Fatal(err)
		}
		var eof bool
		all := v.until("the end of the stream", func(m *chunk.Message) bool {
			eof = eof || message.Type(m.Type) == message.TypeUserControl && m.Body[1] == byte(message.EventStreamEOF)
			return v.command(m, "onStatus") != nil
		})
		if got := len(onlyMedia(all)); got != len(want) || !eof {
			t.Errorf("%d messages of media, want %d; Stream EOF: %v", got, len(want), eof)
		}
	}
}

// TestLostPublisherComesBack: players hear nothing of it but the next frames, on one timeline, new headers first.
func TestLostPublisherComesBack(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.Limits.PublisherGrace = patience })
	want := mediatest.AVC(time.Second)
	v := s.view(t, "cam", false)
	lose(t, s, v, want)
	send(t, publish(t, s.url("/live/cam")), want...)
	got := v.media(len(want))
	wantBeginning(t, got)
	last := uint32(0)
	for i, m := range got {
		if message.Type(m.Type) == message.TypeDataAMF0 {
			continue
		}
		if m.Timestamp < 960 || m.Timestamp < last {
			t.Fatalf("message %d is at %d ms after one at %d", i, m.Timestamp, last)
		}
		last = m.Timestamp
	}
}

// wantBeginning wants a stream that begins with its headers, and its video with a key frame.
func wantBeginning(t *testing.T, got []*chunk.Message) {
	t.Helper()
	text := describe(got)
	if !strings.HasPrefix(text, "Dva") || !strings.HasPrefix(strings.TrimLeft(text[3:], "A"), "K") {
		t.Errorf("the stream begins %s, want Dva and a key frame", text)
	}
}

// lose publishes packets, has the viewer see them, and cuts the publisher's connection.
func lose(t *testing.T, s *server, v *viewer, packets []*media.Packet) {
	t.Helper()
	c := dial(t, s.url("/live/cam"))
	pub, err := c.Publish(limit(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	v.status("NetStream.Play.PublishNotify")
	send(t, pub, packets...)
	v.media(len(packets))
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "publish ended", "the peer closed the connection")
}

// TestLostPublisherStaysAway: players are told after the grace, and not before.
func TestLostPublisherStaysAway(t *testing.T) {
	t.Parallel()
	const grace = 300 * time.Millisecond
	s := start(t, func(c *config.Config) { c.Limits.PublisherGrace = grace })
	v := s.view(t, "cam", false)
	lose(t, s, v, mediatest.AVC(time.Second))
	lost := time.Now()
	first := v.until("any news", func(*chunk.Message) bool { return true })
	if waited := time.Since(lost); waited < grace/2 {
		t.Errorf("after %v came %v", waited, message.Type(first[0].Type))
	}
	v.status("NetStream.Play.UnpublishNotify")
	send(t, publish(t, s.url("/live/cam")), mediatest.AVC(time.Second)...)
	v.status("NetStream.Play.PublishNotify")
	wantBeginning(t, v.media(10))
}

func TestPolicyReject(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { setPolicy(c, config.PolicyReject) })
	first := publish(t, s.url("/live/cam"))
	if _, err := dial(t, s.url("/live/cam")).Publish(limit(t), "", nil); code(err) != string(rtmp.CodePublishBadName) {
		t.Errorf("the second publisher: %v", err)
	}
	s.lines.wait(t, "level=WARN", "the stream has a publisher")
	send(t, first, mediatest.AVC(time.Second)...)
}

func TestPolicyTakeover(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { setPolicy(c, config.PolicyTakeover) })
	want := mediatest.AVC(time.Second)
	v := s.view(t, "cam", false)
	first := publish(t, s.url("/live/cam"))
	send(t, first, want...)
	v.media(len(want))
	second := publish(t, s.url("/live/cam"))
	<-first.Done()
	if code(first.Err()) != string(rtmp.CodePublishBadName) {
		t.Errorf("the first publisher: %v", first.Err())
	}
	s.lines.wait(t, "publish ended", "another publisher has taken the stream over")
	send(t, second, want...)
	wantBeginning(t, v.media(len(want)))
}

// TestPolicyTakeoverIfDead: from the same address a second of silence is enough.
func TestPolicyTakeoverIfDead(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	publish(t, s.url("/live/cam"))
	began := time.Now()
	var err error
	until(t, "the silent publisher was replaced", func() bool {
		_, err = dial(t, s.url("/live/cam")).Publish(limit(t), "", nil)
		return err == nil || code(err) != string(rtmp.CodePublishBadName)
	})
	if err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited < 900*time.Millisecond {
		t.Errorf("it was replaced after %v", waited)
	}
}

func setPolicy(c *config.Config, policy config.Policy) {
	for i := range c.Apps {
		c.Apps[i].Policy = policy
	}
}

// TestPatientPublisher: what a recorder alone reads is read several packets at once, and each as it comes for a player.
func TestPatientPublisher(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	moments := func(name string, watch func(key media.Key)) int {
		key := media.Key{App: "live", Name: name}
		sub := s.hub.Subscribe(key, &live.SubscribeOptions{Patient: true})
		defer sub.Close()
		watch(key)
		pub := publish(t, s.url("/live/"+name))
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		const n = 100
		times := make(map[time.Time]bool)
		for i := range n {
			<-tick.C
			send(t, pub, &media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Timestamp: time.Duration(5*i) * time.Millisecond, Body: []byte{0xaf, 1, byte(i)}})
		}
		for range n {
			p, err := sub.ReadPacket(limit(t))
			if err != nil {
				t.Fatal(err)
			}
			times[p.Received] = true
		}
		return len(times)
	}
	alone := moments("alone", func(media.Key) {})
	watched := moments("watched", func(key media.Key) { play(t, s.url("/live/"+key.Name), nil) })
	if runtime.GOOS == "linux" && alone >= watched*3/4 {
		t.Errorf("nobody watches, and 100 packets were read in %d moments; somebody does, and they were in %d", alone, watched)
	}
}
