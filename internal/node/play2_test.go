package node

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// playlists is a server with a live stream cam and a film of two seconds, and a viewer of the live stream.
func playlists(t *testing.T, window time.Duration) *rewinding {
	t.Helper()
	dir := t.TempDir()
	film := reel{rendition: 9}
	writeFilm(t, filepath.Join(dir, "film.flv"), append(film.headers(), film.until(2*time.Second)...))
	r := rewind1(t, func(c *config.Config) {
		c.Apps[0].PlayDir, c.Apps[0].DVRWindow = dir, window
	})
	r.watch("cam")
	r.sees("live", newestKey)
	return r
}

func (r *rewinding) play2(transition, name string, options ...any) {
	r.t.Helper()
	r.ask("play2", amf.NewObject(append([]any{"transition", transition, "streamName", name}, options...)...))
}

// obeyed waits until the server has read what the client has sent so far.
func (r *rewinding) obeyed() {
	r.t.Helper()
	r.v.send(0, &message.Command{Name: "createStream", TransactionID: 99})
	r.v.until("the answer", func(m *chunk.Message) bool { return r.v.command(m, "_result") != nil })
}

// told reads until the client is told something, and returns all messages up to there.
func (r *rewinding) told(code string) []*chunk.Message {
	r.t.Helper()
	return r.v.until(code, func(m *chunk.Message) bool { return bytes.Contains(m.Body, []byte(code+"\x00")) })
}

// film wants the whole film in messages, from a time of the client on.
func (r *rewinding) film(messages []*chunk.Message, from time.Duration) {
	r.t.Helper()
	film := reel{rendition: 9, base: from}
	if got, want := shown(messages), expected(film.until(2*time.Second), 0); !slices.Equal(got, want) {
		r.t.Fatalf("got %d frames\n%s\nwant %d\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

func (r *rewinding) goOffAir() {
	r.t.Helper()
	if err := r.pub.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// behindLive is where what follows the live stream begins, whose last frame is at 10950 ms.
const behindLive = 10950*time.Millisecond + frameTime

// TestPlay2BehindLive: what is put behind a live stream plays when that has ended, on one timeline.
func TestPlay2BehindLive(t *testing.T) {
	for _, transition := range []string{"append", "appendAndWait", "swap"} {
		t.Run(transition, func(t *testing.T) {
			r := playlists(t, 0)
			r.play2(transition, "film")
			if transition == "swap" {
				r.told("NetStream.Play.Transition")
			}
			r.obeyed()
			r.more(11 * time.Second)
			r.sees("live goes on", 10*time.Second)
			r.goOffAir()
			for _, m := range r.told("NetStream.Play.Switch") {
				if bytes.Contains(m.Body, []byte("UnpublishNotify")) {
					t.Error("the client is told that the stream is over, which makes some leave")
				}
			}
			r.told("NetStream.Play.Start")
			if transition == "swap" {
				r.told("NetStream.Play.TransitionComplete")
			}
			r.film(r.told("NetStream.Play.Stop"), behindLive)
		})
	}
	t.Run("append to a stream that is over", func(t *testing.T) {
		r := playlists(t, 0)
		r.more(11 * time.Second)
		r.sees("live goes on", 10*time.Second)
		r.goOffAir()
		r.v.status("NetStream.Play.UnpublishNotify")
		r.play2("append", "film")
		r.told("NetStream.Play.Switch")
		r.film(r.told("NetStream.Play.Stop"), behindLive)
	})
	t.Run("a live stream behind a film", func(t *testing.T) {
		r := playlists(t, 0)
		r.play2("reset", "film")
		r.v.status("NetStream.Play.Reset")
		r.play2("append", "cam")
		r.film(r.told("NetStream.Play.Switch"), 0)
		frames := r.v.until("the live stream", func(m *chunk.Message) bool { return m.Type == uint8(message.TypeVideo) && m.Body[1] == 1 })
		if m := frames[len(frames)-1]; m.Body[5] != 0 || m.Body[0] != 0x17 || m.Timestamp != 1950+33 && m.Timestamp != 1950+100 && m.Timestamp != 1950+50 {
			t.Errorf("behind the film comes % x at %d", m.Body, m.Timestamp)
		}
	})
}

func TestPlay2InsteadOfLive(t *testing.T) {
	r := playlists(t, 0)
	r.play2("append", "cam")
	r.play2("reset", "film")
	r.v.status("NetStream.Play.Reset")
	r.film(r.told("NetStream.Play.Stop"), 0)
	r.play2("reset", "cam")
	r.v.status("NetStream.Play.Reset")
	r.sees("live again", newestKey)

	r.play2("append", "film")
	r.play2("stop", "whatever")
	r.told("NetStream.Play.Stop")
	r.more(11 * time.Second)
	r.play2("append", "film")
	r.film(r.told("NetStream.Play.Stop"), 0)
}

// TestPlay2Resume: on a new connection a client goes on where it was, as far as that is kept, and is not told to begin anew.
func TestPlay2Resume(t *testing.T) {
	for name, window := range map[string]time.Duration{"window": time.Hour, "live": 0} {
		t.Run(name, func(t *testing.T) {
			r := playlists(t, window)
			r.v = r.connectRaw(t, false)
			r.v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
			r.v.send(0, &message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: 1 << 30})
			r.play2("resume", "cam", "offset", 5.25)
			for _, m := range r.told("NetStream.Play.Start") {
				if bytes.Contains(m.Body, []byte("NetStream.Play.Reset")) {
					t.Error("the client is told Play.Reset")
				}
			}
			from := 5 * time.Second
			if window == 0 {
				from = newestKey
			}
			r.sees("the stream goes on", from)
			r.more(11 * time.Second)
			r.sees("and is live", 10*time.Second)
		})
	}
}

// TestSwitchForced: the stream that plays ends, or stands still, before the time of the switch.
func TestSwitchForced(t *testing.T) {
	for _, end := range []string{"ends", "stands still"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			l := climb(t, nil, 0, 0)
			l.change("cam_2", 100)
			if end == "ends" {
				if err := l.pubs[0].Close(); err != nil {
					t.Fatal(err)
				}
				until(t, "the old stream was off the air", func() bool { return !l.onAir(media.Key{App: "live", Name: "cam_1"}) })
			}
			send(t, l.pubs[1], l.reels[1].until(5*time.Second)...)
			l.got = append(l.got, l.v.until("the reason", func(m *chunk.Message) bool { return bytes.Contains(m.Body, []byte("NetStream.Transition.Forced")) })...)
			l.completed(2)
			l.check(2 * time.Second)
		})
	}
}
