package node

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/flv"
	"leat/internal/config"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// listener is a client that plays with an announcement of its own, and keeps what the server tells it.
type listener struct {
	*rtmp.Player
	told *logbook
}

func announce(t *testing.T, s *server, caps *rtmp.Capabilities) listener {
	t.Helper()
	l := listener{told: &logbook{grown: make(chan struct{})}}
	c, err := rtmp.Dial(limit(t), s.url("/live/cam"), &rtmp.DialConfig{
		Capabilities: caps, Logger: slog.New(slog.NewTextHandler(l.told, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if l.Player, err = c.Play(limit(t), "", nil); err != nil {
		t.Fatal(err)
	}
	return l
}

// want reads the bodies of audio and video.
func (l listener) want(t *testing.T, bodies ...string) {
	t.Helper()
	var got []string
	for _, p := range take(t, l.Player, len(bodies)) {
		got = append(got, hex.EncodeToString(p.Body))
	}
	for i, body := range bodies {
		bodies[i] = strings.ReplaceAll(body, " ", "")
	}
	if !slices.Equal(got, bodies) {
		t.Errorf("\n got %q\nwant %q", got, bodies)
	}
}

func tagged(t *testing.T, tag flv.TagType, ms int, body string) []*media.Packet {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(body, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	packets, err := flv.AppendPackets(nil, tag, time.Duration(ms)*time.Millisecond, b)
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

// TestMultitrack publishes two tracks of AVC in one message, a third of AV1, and AAC by its FourCC with nanoseconds. Each
// player gets what it has announced, also who joins late.
func TestMultitrack(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	const video, audio = flv.TagVideo, flv.TagAudio
	avc := &rtmp.Capabilities{FourCCList: []string{"avc1", "mp4a"}, CapsEx: rtmp.CapsMultitrack}
	av1 := &rtmp.Capabilities{FourCCList: []string{"av01", "mp4a"}}
	all, old, only, other := announce(t, s, nil), announce(t, s, &rtmp.Capabilities{}), announce(t, s, avc), announce(t, s, av1)
	until(t, "four forms have a feed", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.feeds) == 4
	})

	pub := publish(t, s.url("/live/cam"))
	send(t, pub, tagged(t, video, 0, "96 10 61766331 00 000002 0164 01 000002 0265")...)
	send(t, pub, tagged(t, video, 0, "96 00 61763031 02 81080c00")...)
	send(t, pub, tagged(t, audio, 0, "90 6d703461 1190")...)
	send(t, pub, tagged(t, video, 0, "96 11 61766331 00 000009 000000 00000002 65aa 01 00000a 000000 00000003 65bbcc")...)
	send(t, pub, tagged(t, video, 0, "96 01 61763031 02 0a0b")...)
	send(t, pub, tagged(t, audio, 10, "97 02 07a120 01 6d703461 2110")...)

	const (
		h0, h1, h2 = "96 00 61766331 00 0164", "96 00 61766331 01 0265", "96 00 61763031 02 81080c00"
		k0         = "96 01 61766331 00 000000 00000002 65aa"
		k1         = "96 01 61766331 01 000000 00000003 65bbcc"
		k2         = "96 01 61763031 02 0a0b"
	)
	check := func() {
		t.Helper()
		all.want(t, h0, h1, h2, "90 6d703461 1190", k0, k1, k2, "97 02 07a120 01 6d703461 2110")
		old.want(t, "17 00 000000 0164", "af 00 1190", "17 01 000000 00000002 65aa", "af 01 2110")
		only.want(t, h0, h1, "90 6d703461 1190", k0, k1, "91 6d703461 2110")
		only.told.wait(t, string(rtmp.CodePlayNoSupportedTrackFound), "av01")
	}
	check()
	// AVC has an old form, so that even who lists AV1 only gets track 0.
	other.want(t, "17 00 000000 0164", "90 6d703461 1190", "17 01 000000 00000002 65aa", "91 6d703461 2110")

	all, old, only = announce(t, s, nil), announce(t, s, &rtmp.Capabilities{}), announce(t, s, avc)
	check()
}

// TestFormsAreBounded lets clients announce ever other lists of codecs.
func TestFormsAreBounded(t *testing.T) {
	n := New(config.Default(), slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := n.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	form := func(i int) rtmp.Encoder {
		return rtmp.Encoder{StreamID: 1, ChunkSize: 4096, Form: rtmp.Form{Video: rtmp.Codecs(media.FourCC(0x61000000 + i))}}
	}
	for i := range 3 * maxForms {
		f, err := n.enter(feedKey{stream: key, encoder: form(i)}, &player{})
		if err != nil {
			t.Fatal(err)
		}
		if all := f.key.encoder.Form.Video.All(); all != (i >= maxForms) {
			t.Errorf("the form of player %d takes all: %v", i, all)
		}
	}
	if got := len(n.feeds); got != maxForms+1 {
		t.Errorf("%d feeds, want %d", got, maxForms+1)
	}
}

func TestReconnectStream(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	requests := make(chan *rtmp.ReconnectRequest, 1)
	c, err := rtmp.Dial(limit(t), s.url("/live/cam"), &rtmp.DialConfig{OnReconnect: func(_ *rtmp.Conn, r *rtmp.ReconnectRequest) { requests <- r }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.Play(limit(t), "", nil); err != nil {
		t.Fatal(err)
	}
	publish(t, s.url("/live/cam")) // does not know the request
	if asked := s.Reconnect(media.Key{App: "live", Name: "other"}, "", ""); asked != 0 {
		t.Errorf("%d clients of another stream were asked", asked)
	}
	for _, k := range []media.Key{key, {}} {
		if asked := s.Reconnect(k, "//elsewhere.example/live", "the node is drained"); asked != 1 {
			t.Errorf("%d clients were asked, want 1", asked)
		}
		if r := <-requests; r.URL.Host != "elsewhere.example" || r.URL.Name != "cam" {
			t.Errorf("the client was asked to go to %+v", r.URL)
		}
	}
}

// wire keeps what a client has read.
type wire struct {
	net.Conn
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf.Write(b[:n])
	return n, err
}

func (w *wire) count(b []byte) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Count(w.buf.Bytes(), b)
}

// TestStreamDry lets a publisher fall silent: its players are told once, and again after it has sent something.
func TestStreamDry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := config.Parse("test.yaml", []byte("defaults: {publish_from: [any]}"))
		if err != nil {
			t.Fatal(err)
		}
		n := New(cfg, slog.New(slog.DiscardHandler))
		l := rtmptest.NewListener()
		served := make(chan error, 1)
		go func() { served <- n.rtmp.Serve(l) }() // ends with Shutdown
		t.Cleanup(func() {
			if err := n.Shutdown(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
			if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
				t.Error(err)
			}
		})
		var w wire
		connect := func(dial func(context.Context, string, string) (net.Conn, error)) *rtmp.Conn {
			c, err := rtmp.Dial(t.Context(), rtmptest.URL+"/live/cam", &rtmp.DialConfig{Dial: dial})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
			return c
		}
		viewer := connect(func(ctx context.Context, network, address string) (net.Conn, error) {
			var err error
			w.Conn, err = l.DialContext(ctx, network, address)
			return &w, err
		})
		if _, err := viewer.Play(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
		source := connect(l.DialContext)
		pub, err := source.Publish(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		dry := []byte{2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1} // Stream Dry of stream 1
		after := func(d time.Duration, want int) {
			t.Helper()
			<-time.After(d)
			synctest.Wait()
			if got := w.count(dry); got != want {
				t.Errorf("the player was told %d times that the stream is dry, want %d", got, want)
			}
		}
		after(20*time.Second, 0) // nothing was there to run dry
		send(t, pub, tagged(t, flv.TagAudio, 0, "af 00 1190")...)
		after(4*time.Second, 0)
		send(t, pub, tagged(t, flv.TagAudio, 4000, "af 01 2110")...)
		after(4*time.Second, 0)
		after(20*time.Second, 1)
		send(t, pub, tagged(t, flv.TagAudio, 28000, "af 01 2110")...)
		after(6*time.Second, 2)
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
		after(20*time.Second, 2)
	})
}
