package node

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
	"leat/rtmp"
)

// reel makes a stream whose frames are numbered: 10 of video and 10 of audio in a second, a key frame every second.
type reel struct {
	rendition byte
	base      time.Duration // timestamp of its time 0
	at        time.Duration // of the frame that is next
	keyAt     time.Duration // of key frames, within a second
}

// headers are the sequence headers.
func (r *reel) headers() []*media.Packet {
	video := []byte{0x17, 0, 0, 0, 0, 1, 0x64, 0, 31, r.rendition}
	audio := []byte{0xaf, 0, 0x12, 0x10}
	return []*media.Packet{
		{Kind: media.Video, Codec: media.CodecAVC, Config: true, Timestamp: r.base + r.at, Body: video, Data: video[5:]},
		{Kind: media.Audio, Codec: media.CodecAAC, Config: true, Timestamp: r.base + r.at, Body: audio, Data: audio[2:]},
	}
}

// until returns the frames before a time.
func (r *reel) until(end time.Duration) []*media.Packet {
	var packets []*media.Packet
	for ; r.at < end; r.at += 100 * time.Millisecond {
		isKey := r.at%time.Second == r.keyAt
		head := byte(0x27)
		if isKey {
			head = 0x17
		}
		number := uint32(r.at / (100 * time.Millisecond))
		video := binary.BigEndian.AppendUint32([]byte{head, 1, 0, 0, 0, r.rendition}, number)
		audio := binary.BigEndian.AppendUint32([]byte{0xaf, 1, r.rendition}, number)
		packets = append(
			packets,
			&media.Packet{Kind: media.Video, Codec: media.CodecAVC, Key: isKey, Timestamp: r.base + r.at, Body: video, Data: video[5:]},
			&media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Timestamp: r.base + r.at + 50*time.Millisecond, Body: audio, Data: audio[2:]},
		)
	}
	return packets
}

// shown are the frames of messages, one line each.
func shown(messages []*chunk.Message) []string {
	var lines []string
	for _, m := range messages {
		isVideo, isAudio := m.Type == uint8(message.TypeVideo), m.Type == uint8(message.TypeAudio)
		if (isVideo || isAudio) && len(m.Body) > 2 && m.Body[1] == 1 {
			lines = append(lines, fmt.Sprintf("%d %d %x", m.Type, m.Timestamp, m.Body))
		}
	}
	return lines
}

// expected are the same of what was published.
func expected(packets []*media.Packet, from time.Duration) []string {
	var lines []string
	for _, p := range packets {
		kind := message.TypeVideo
		if p.Kind == media.Audio {
			kind = message.TypeAudio
		}
		if !p.Config && p.Timestamp >= from {
			lines = append(lines, fmt.Sprintf("%d %d %x", kind, p.Timestamp.Milliseconds(), p.Body))
		}
	}
	return lines
}

// rewinding is a server with a window, a publisher and a viewer.
type rewinding struct {
	*server
	t     *testing.T
	reel  reel
	conn  *rtmp.Conn
	pub   *rtmp.Publisher
	sent  []*media.Packet
	total uint64 // packets of the publisher
	v     *viewer
}

func rewind1(t *testing.T, tweak func(*config.Config)) *rewinding {
	t.Helper()
	r := &rewinding{t: t}
	r.server = start(t, func(c *config.Config) {
		c.Data = t.TempDir()
		c.Apps[0].DVRWindow = time.Hour
		if tweak != nil {
			tweak(c)
		}
	})
	r.conn = dial(t, r.url("/live/cam"))
	var err error
	if r.pub, err = r.conn.Publish(limit(t), "", nil); err != nil {
		t.Fatal(err)
	}
	r.publish(r.reel.headers())
	r.publish(r.reel.until(10 * time.Second))
	return r
}

func (r *rewinding) publish(packets []*media.Packet) {
	r.t.Helper()
	send(r.t, r.pub, packets...)
	r.sent = append(r.sent, packets...)
	r.total += uint64(len(packets))
	until(r.t, "the hub had all", func() bool {
		info, ok := r.hub.Stream(key)
		return ok && info.Publisher != nil && info.Publisher.Packets == r.total
	})
	last := packets[len(packets)-1]
	if last.Config || r.Config().Apps[0].DVRWindow == 0 {
		return
	}
	until(r.t, "the window had all", func() bool {
		window := r.window(key)
		if window == nil {
			return false
		}
		defer window.Leave()
		_, to, ok := window.Span()
		return ok && to >= last.Timestamp-50*time.Millisecond // it counts by video
	})
}

// more publishes on until a time.
func (r *rewinding) more(end time.Duration) { r.t.Helper(); r.publish(r.reel.until(end)) }

// watch lets a viewer play, with a buffer that takes all there is.
func (r *rewinding) watch(args ...any) {
	r.t.Helper()
	r.v = r.connectRaw(r.t, false)
	r.v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
	r.v.send(0, &message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: 1 << 30})
	r.v.send(1, &message.Command{Name: "play", TransactionID: 3, Args: args})
	r.v.status("NetStream.Play.Start")
}

func (r *rewinding) ask(name string, args ...any) {
	r.t.Helper()
	r.v.send(1, &message.Command{Name: name, Args: args})
}

// sees waits for the newest frame, and compares all frames with those that were published from a time on.
func (r *rewinding) sees(what string, from time.Duration) []*chunk.Message {
	r.t.Helper()
	want := expected(r.sent, from)
	last := want[len(want)-1]
	messages := r.v.until(what, func(m *chunk.Message) bool { return slices.Equal(shown([]*chunk.Message{m}), []string{last}) })
	if got := shown(messages); !slices.Equal(got, want) {
		r.t.Fatalf("%s: got %d frames\n%s\nwant %d\n%s", what, len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
	return messages
}

const newestKey = 9 * time.Second

func TestRewind(t *testing.T) {
	r := rewind1(t, nil)
	r.watch("cam")
	r.sees("live", newestKey)
	r.ask("seek", 2500.0)
	r.v.status("NetStream.Seek.Notify")
	r.sees("from the key frame before 2.5 s", 2*time.Second)
	r.lines.wait(t, "playing live again")
	r.more(12 * time.Second)
	r.sees("live again, without a gap", 10*time.Second)

	r.ask("pause", true, 11950.0)
	r.v.status("NetStream.Pause.Notify")
	if s := r.snapshot(); s.Players != 1 || s.DVRBytes == 0 {
		t.Errorf("%d players and %d bytes are counted", s.Players, s.DVRBytes)
	}
	r.more(14 * time.Second)
	r.ask("pause", false, 11950.0)
	r.v.status("NetStream.Unpause.Notify")
	r.sees("where it has paused", 12*time.Second)

	r.ask("pause", true, 13500.0)
	r.v.status("NetStream.Pause.Notify")
	r.ask("pause", false, 13500.0)
	r.v.status("NetStream.Unpause.Notify")
	r.sees("behind the place named", 13501*time.Millisecond)

	r.ask("pause", true, 0.0)
	r.ask("seek", 1000.0)
	r.v.status("NetStream.Seek.Notify")
	r.ask("pause", false, 0.0)
	messages := r.sees("sought while paused", time.Second)
	if n := bytes.Count(bytes.Join(bodies(messages), nil), []byte("Unpause.Notify")); n != 1 {
		t.Errorf("Unpause.Notify came %d times", n)
	}

	r.ask("seek", 3000.0)
	r.v.status("NetStream.Seek.Notify")
	r.ask("seek", 99000.0)
	r.v.status("NetStream.Play.Start")
	r.v.status("NetStream.Seek.Notify")
	r.sees("beyond the edge is live", 13*time.Second)
	r.more(15 * time.Second)
	r.sees("and goes on", 14*time.Second)
}

func bodies(messages []*chunk.Message) [][]byte {
	var all [][]byte
	for _, m := range messages {
		all = append(all, m.Body)
	}
	return all
}

func TestPlayFromPositionOfLive(t *testing.T) {
	r := rewind1(t, nil)
	r.watch("cam", 3400.0)
	r.sees("from 3.4 s", 3*time.Second)
	r.more(12 * time.Second)
	r.sees("and on", 10*time.Second)
	r.watch("cam", 0.0)
	r.sees("from the start", 0)
	r.watch("cam", 2000.0, 1500.0)
	messages := r.v.status("NetStream.Play.Stop")
	if got, want := shown(messages), expected(r.sent, 2*time.Second)[:30]; !slices.Equal(got, want) {
		t.Errorf("1.5 s from 2 s on: %s", strings.Join(got, "\n"))
	}
}

// TestPublisherReturns: a player in the past does not notice.
func TestPublisherReturns(t *testing.T) {
	r := rewind1(t, nil)
	r.watch("cam")
	r.sees("live", newestKey)
	r.ask("pause", true, 9950.0)
	r.v.status("NetStream.Pause.Notify")
	r.conn.Kick("the test says so")
	r.lines.wait(t, "publish ended")
	second := &reel{rendition: 7, at: 10 * time.Second}
	r.pub = publish(t, r.url("/live/cam"))
	packets := append(second.headers(), second.until(11*time.Second)...)
	send(t, r.pub, packets...)
	r.sent = append(r.sent, packets...)
	r.ask("pause", false, 9950.0)
	r.v.status("NetStream.Unpause.Notify")
	messages := r.v.until("the new publisher", func(m *chunk.Message) bool { return len(shown([]*chunk.Message{m})) > 0 && m.Body[5] == 7 })
	if got := shown(messages); len(got) != 1 {
		t.Errorf("behind the pause came %s", got)
	}
}

// TestStreamEndsBehind: who is behind sees the rest, and then hears that it was all.
func TestStreamEndsBehind(t *testing.T) {
	r := rewind1(t, nil)
	r.watch("cam")
	r.sees("live", newestKey)
	r.ask("seek", 1000.0)
	r.ask("pause", true, 1000.0)
	r.v.status("NetStream.Pause.Notify")
	if err := r.pub.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "the stream was off the air", func() bool { return !r.onAir(key) })
	r.ask("seek", 4000.0)
	r.v.status("NetStream.Seek.Notify")
	r.ask("pause", false, 4000.0)
	messages := r.v.status("NetStream.Play.UnpublishNotify")
	if got := shown(messages); !slices.Equal(got, expected(r.sent, 4*time.Second)) {
		t.Errorf("the rest: %s", strings.Join(got, "\n"))
	}
	r.reel = reel{rendition: 9}
	r.pub = publish(t, r.url("/live/cam"))
	r.total = 0
	r.publish(r.reel.headers())
	r.v.status("NetStream.Play.PublishNotify")
	r.more(time.Second)
	messages = r.v.until("the next publisher", func(m *chunk.Message) bool { return len(shown([]*chunk.Message{m})) > 0 })
	if m := messages[len(messages)-1]; m.Body[5] != 9 {
		t.Errorf("of the next publisher comes % x", m.Body)
	}
}

// TestPauseComesLate: rtmpdump's answer to Buffer Empty comes when it is in the live stream already. It gets nothing twice.
func TestPauseComesLate(t *testing.T) {
	s := start(t, func(c *config.Config) {
		c.Data = t.TempDir()
		c.Apps[0].DVRWindow = time.Hour
	})
	r, pub := &reel{rendition: 1}, publish(t, s.url("/live/cam"))
	send(t, pub, r.headers()...)
	send(t, pub, r.until(6*time.Second)...)
	until(t, "the window had all", func() bool {
		window := s.window(key)
		if window == nil {
			return false
		}
		defer window.Leave()
		_, to, ok := window.Span()
		return ok && to == 5900*time.Millisecond
	})
	v := s.connectAs(t, false, "LNX 10,0,32,18")
	v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
	buffer := func(ms uint32) {
		v.send(0, &message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: ms})
	}
	buffer(1000)
	v.send(1, &message.Command{Name: "play", TransactionID: 3, Args: []any{"cam", 0.0}})
	frames := func(list []*chunk.Message) (at []uint32) {
		for _, m := range onlyMedia(list) {
			if m.Body[1] == 1 {
				at = append(at, m.Timestamp)
			}
		}
		return at
	}
	isEmpty := func(m *chunk.Message) bool {
		return message.Type(m.Type) == message.TypeUserControl && bytes.HasPrefix(m.Body, []byte{0, byte(message.EventBufferEmpty)})
	}
	got := frames(v.until("Buffer Empty", isEmpty))
	position := float64(got[len(got)-1])
	buffer(1 << 30)
	newest := func(at uint32) func(*chunk.Message) bool {
		return func(m *chunk.Message) bool { return m.Type == uint8(message.TypeAudio) && m.Timestamp == at }
	}
	got = append(got, frames(v.until("the newest", newest(5950)))...)
	until(t, "it was in the live stream", func() bool { return s.inLog() == 1 })
	for _, paused := range []bool{true, false} {
		v.send(1, &message.Command{Name: "pause", Args: []any{paused, position}})
	}
	v.status("NetStream.Unpause.Notify")
	send(t, pub, r.until(7*time.Second)...)
	got = append(got, frames(v.until("the newest", newest(6950)))...)
	for i, at := range got {
		if at != uint32(50*i) {
			t.Fatalf("frame %d is at %d ms, want %d", i, at, 50*i)
		}
	}
}
