package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"leat/media"
)

var testKey = media.Key{App: "live", Name: "mill"}

func ms(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func frame(kind media.Kind, at int, key bool) *media.Packet {
	body := []byte{1, 2, 3, 4}
	return &media.Packet{Kind: kind, Timestamp: ms(at), Key: key, Body: body, Data: body[2:]}
}

func audio(at int) *media.Packet { return frame(media.Audio, at, false) }
func video(at int) *media.Packet { return frame(media.Video, at, false) }
func key(at int) *media.Packet   { return frame(media.Video, at, true) }

func onTrack(track uint8, p *media.Packet) *media.Packet {
	p.Track = track
	return p
}

// header is a Config packet whose body tells it from others.
func header(kind media.Kind, at int, body string) *media.Packet {
	p := &media.Packet{Kind: kind, Config: true, Timestamp: ms(at), Body: []byte(body)}
	if kind == media.Data {
		p.Name = media.NameMetadata
	}
	return p
}

// describe writes a packet as kind letter, track if not 0, timestamp in ms, and "k" for a key frame or the body of a header.
func describe(p *media.Packet) string {
	s := p.Kind.String()[:1]
	if p.Track != 0 {
		s += fmt.Sprintf("%d/", p.Track)
	}
	s += fmt.Sprint(p.Timestamp.Milliseconds())
	switch {
	case p.Config:
		s += "=" + string(p.Body)
	case p.Key:
		s += "k"
	}
	return s
}

// ready reads what can be read without waiting and returns it as text, ending with the error if there is one.
func ready(s *Subscription) string {
	var words []string
	for {
		item, ok, err := s.TryNext()
		switch {
		case err != nil:
			return strings.Join(append(words, err.Error()), " ")
		case !ok:
			return strings.Join(words, " ")
		case item.Packet != nil:
			words = append(words, describe(item.Packet))
		case item.Event == EventSkipped:
			words = append(words, fmt.Sprintf("skipped:%d", item.Skipped))
		default:
			words = append(words, item.Event.String())
		}
	}
}

// wantReady checks what s has to read, which is why.
func wantReady(t *testing.T, s *Subscription, why, want string) {
	t.Helper()
	if got := ready(s); got != want {
		t.Errorf("%s:\n got %s\nwant %s", why, got, want)
	}
}

func newTestHub(t *testing.T, cfg *Config) *Hub {
	t.Helper()
	h := NewHub(cfg)
	t.Cleanup(h.Close)
	return h
}

func publish(t *testing.T, h *Hub, opts *PublishOptions) *Publication {
	t.Helper()
	p, err := h.Publish(testKey, opts)
	if err != nil {
		t.Fatalf("Publish: %v", err)
	}
	return p
}

func write(t *testing.T, p *Publication, packets ...*media.Packet) {
	t.Helper()
	for _, pkt := range packets {
		if err := p.WritePacket(t.Context(), pkt); err != nil {
			t.Fatalf("WritePacket(%s): %v", describe(pkt), err)
		}
	}
}

// writeGOPs writes seconds of video at 25 frames a second, with a key frame every interval frames, and audio beside it.
func writeGOPs(t *testing.T, p *Publication, from, to, interval int) {
	t.Helper()
	for n, at := 0, from; at < to; n, at = n+1, at+40 {
		v := video(at)
		v.Key = n%interval == 0
		write(t, p, v, audio(at+10))
	}
}
