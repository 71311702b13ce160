package node

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// ladder is a server with two renditions of one content and a viewer.
type ladder struct {
	*server
	t     *testing.T
	reels [2]*reel
	pubs  [2]*rtmp.Publisher
	v     *viewer
	got   []*chunk.Message
}

func climb(t *testing.T, tweak func(*config.Config), bases ...time.Duration) *ladder {
	t.Helper()
	l := &ladder{t: t}
	l.server = start(t, func(c *config.Config) {
		c.Data = t.TempDir()
		if tweak != nil {
			tweak(c)
		}
	})
	for i := range l.pubs {
		l.reels[i] = &reel{rendition: byte(i + 1), base: bases[i]}
		l.pubs[i] = publish(t, l.url(fmt.Sprintf("/live/cam_%d", i+1)))
		send(t, l.pubs[i], l.reels[i].headers()...)
	}
	l.more(3 * time.Second)
	l.v = l.connectRaw(t, false)
	l.v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
	l.v.send(0, &message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: 1 << 30})
	l.v.send(1, &message.Command{Name: "play", TransactionID: 3, Args: []any{"cam_1"}})
	l.v.status("NetStream.Play.Start")
	return l
}

// more publishes both renditions until a time, which the hub then has.
func (l *ladder) more(end time.Duration) {
	l.t.Helper()
	for at := min(l.reels[0].at, l.reels[1].at); at < end; at += 100 * time.Millisecond {
		for i := range l.pubs {
			send(l.t, l.pubs[i], l.reels[i].until(at+100*time.Millisecond)...)
		}
	}
	for i := range l.pubs {
		key := media.Key{App: "live", Name: fmt.Sprintf("cam_%d", i+1)}
		want := uint64(2 + 20*end/time.Second)
		until(l.t, "the hub had all", func() bool {
			info, ok := l.hub.Stream(key)
			return ok && info.Publisher != nil && info.Publisher.Packets == want
		})
	}
}

func (l *ladder) change(name string, offset float64) {
	l.t.Helper()
	options := amf.NewObject("oldStreamName", nil, "streamName", name, "transition", "switch", "offset", offset)
	l.v.send(1, &message.Command{Name: "play2", Args: []any{options}})
	l.got = append(l.got, l.v.until("Transition", func(m *chunk.Message) bool { return bytes.Contains(m.Body, []byte("NetStream.Play.Transition\x00")) })...)
}

// completed reads until a frame of a rendition.
func (l *ladder) completed(rendition byte) {
	l.t.Helper()
	l.got = append(l.got, l.v.until("TransitionComplete", func(m *chunk.Message) bool {
		return bytes.Contains(m.Body, []byte("NetStream.Play.TransitionComplete"))
	})...)
	l.got = append(l.got, l.v.until("the rendition", func(m *chunk.Message) bool {
		return m.Type == uint8(message.TypeVideo) && m.Body[1] == 1 && m.Body[5] == rendition
	})...)
}

// check walks through all that the viewer got: every frame of the content must be there once, at its time, and each
// rendition begins with its header and a key frame.
func (l *ladder) check(first time.Duration) {
	l.t.Helper()
	rendition, header := byte(0), byte(0)
	video, audio := first, first+50*time.Millisecond
	for _, m := range l.got {
		at := time.Duration(m.Timestamp) * time.Millisecond
		switch {
		case m.Type == uint8(message.TypeVideo) && m.Body[1] == 0:
			header = m.Body[9]
		case m.Type == uint8(message.TypeVideo):
			if m.Body[5] != rendition && (m.Body[0] != 0x17 || header != m.Body[5]) {
				l.t.Fatalf("rendition %d begins at %v with % x behind the header of %d", m.Body[5], at, m.Body, header)
			}
			rendition = m.Body[5]
			if at != video {
				l.t.Fatalf("a video frame is at %v, want %v", at, video)
			}
			video += 100 * time.Millisecond
		case m.Type == uint8(message.TypeAudio) && m.Body[1] == 1:
			if at != audio {
				l.t.Fatalf("an audio frame is at %v, want %v", at, audio)
			}
			audio += 100 * time.Millisecond
		}
	}
}

// TestSwitchLive: a hundred switches back and forth, whether the renditions have the same timeline or not, and whether there is a window
// or not.
func TestSwitchLive(t *testing.T) {
	window := func(c *config.Config) { c.Apps[0].DVRWindow = time.Hour }
	changes := 100
	if testing.Short() {
		changes = 20
	}
	for name, test := range map[string]struct {
		tweak  func(*config.Config)
		second time.Duration
	}{
		"one timeline": {nil, 0}, "two timelines": {nil, 7777 * time.Millisecond}, "window": {window, 0},
		"window and two timelines": {window, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := climb(t, test.tweak, 0, test.second)
			at := 3 * time.Second
			for i := range changes {
				other := (i + 1) % 2
				l.change(fmt.Sprintf("cam_%d", other+1), -1)
				at += time.Second
				l.more(at)
				l.completed(byte(other + 1))
			}
			l.check(2 * time.Second)
		})
	}
}

func TestSwitchLiveRefused(t *testing.T) {
	l := climb(t, nil, 0, 0)
	refuse := func(code string, options ...any) {
		t.Helper()
		l.v.send(1, &message.Command{Name: "play2", Args: []any{amf.NewObject(append(options, "transition", "switch")...)}})
		l.v.status(code)
	}
	refuse("NetStream.Play.StreamNotFound", "streamName", "cam_3")
	refuse("NetStream.Play.Failed", "streamName", "other")
	refuse("NetStream.Play.Failed", "streamName", "cam_2", "oldStreamName", "cam_7")
	refuse("NetStream.Play.Failed", "streamName", "cam_2", "offset", 1.0)
	l.more(4 * time.Second)
	l.v.until("the old rendition", func(m *chunk.Message) bool { return m.Timestamp == 3950 && m.Body[2] == 1 })
	l.change("cam_2", 5.5)
	l.more(7 * time.Second)
	l.completed(2)
	if m := l.got[len(l.got)-1]; m.Timestamp != 6000 {
		t.Errorf("a switch at 5.5 s was at %d ms, want the key frame behind it", m.Timestamp)
	}
}

func TestShiftBetween(t *testing.T) {
	start := time.Now()
	stream := func(base, delay time.Duration, keys ...time.Duration) []live.Recent {
		var list []live.Recent
		for _, at := range keys {
			p := &media.Packet{Kind: media.Video, Key: true, Timestamp: base + at, Received: start.Add(at + delay)}
			list = append(list, live.Recent{Packet: p, Start: true})
		}
		return list
	}
	const s, ms = time.Second, time.Millisecond
	for _, test := range []struct {
		name     string
		from, to []live.Recent
		want     time.Duration
	}{
		{"the same", stream(0, 0, s, 3*s, 5*s), stream(0, 200*ms, s, 3*s, 5*s), 0},
		{"one is late", stream(0, 900*ms, s, 3*s), stream(0, 0, s, 3*s, 5*s), 0},
		{"another base", stream(100*s, 150*ms, s, 3*s, 5*s), stream(0, 0, s, 3*s, 5*s), -100 * s},
		{"rounded", stream(10*s, 0, s, 3*s+ms, 5*s), stream(0, 0, s, 3*s, 5*s), -10 * s},
		{"not aligned", stream(10*s, 0, s, 3*s, 5*s), stream(0, 0, s+300*ms, 3*s+100*ms, 5*s+200*ms), -10 * s},
		{"nothing", nil, nil, 0},
	} {
		if got := shiftBetween(test.from, test.to); (got - test.want).Abs() > 2*ms {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// TestSwitchUnaligned: the key frames of the renditions lie 300 ms apart, and one comes later than the other. The viewer gets no frame
// twice, and none of earlier times than those before.
func TestSwitchUnaligned(t *testing.T) {
	l := climb(t, nil, 0, 0)
	at := 3 * time.Second
	l.reels[1].keyAt = 300 * time.Millisecond
	for i := range 20 {
		other := (i + 1) % 2
		l.change(fmt.Sprintf("cam_%d", other+1), -1)
		at += 2 * time.Second
		send(t, l.pubs[i%2], l.reels[i%2].until(at)...) // the one that plays is ahead
		l.more(at)
		l.completed(byte(other + 1))
	}
	l.check(2 * time.Second)
}

// TestSwitchBehind: a player behind the live stream changes there, and comes back to the live stream of the new rendition.
func TestSwitchBehind(t *testing.T) {
	l := climb(t, func(c *config.Config) { c.Apps[0].DVRWindow = time.Hour }, 0, 5*time.Second)
	l.more(9 * time.Second)
	l.v.until("the newest", func(m *chunk.Message) bool { return m.Type == uint8(message.TypeAudio) && m.Timestamp == 8950 })
	l.v.send(1, &message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: 100})
	l.v.send(1, &message.Command{Name: "seek", Args: []any{1000.0}})
	l.v.status("NetStream.Seek.Notify")
	l.change("cam_2", 3.5)
	l.v.send(1, &message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: 1 << 30})
	l.completed(2)
	if m := l.got[len(l.got)-1]; m.Timestamp != 4000 {
		t.Errorf("it changed at %d ms, want 4 s", m.Timestamp)
	}
	l.more(10 * time.Second)
	l.got = append(l.got, l.v.until("the newest", func(m *chunk.Message) bool { return m.Type == uint8(message.TypeAudio) && m.Timestamp == 9950 })...)
	l.check(time.Second)
}
