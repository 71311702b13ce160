package vod

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/internal/dvr"
	"leat/internal/format"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// client is an outlet in memory that understands what it gets.
type client struct {
	t *testing.T

	mu       sync.Mutex
	room     int // bytes that it takes yet; negative: all
	writable func()
	chunks   *chunk.Reader
	lines    []string // what it was told, in short
	packets  []*media.Packet
	command  func(rtmp.Command)
	next     []time.Duration // where Next was called; it succeeds if follows is set
	follows  bool
	closed   bool
	gone     bool

	aggregates int // messages of that type
}

const chunkSize = 65536

func newClient(t *testing.T) *client {
	c := &client{t: t, room: -1, chunks: chunk.NewReader(chunk.Limits{})}
	size := chunk.AppendFull(nil, &chunk.Message{
		ChunkStreamID: 2, Type: uint8(message.TypeSetChunkSize), Body: binary.BigEndian.AppendUint32(nil, chunkSize),
	}, chunk.DefaultChunkSize)
	if err := c.chunks.Feed(size, func(*chunk.Message) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *client) Encoder() rtmp.Encoder { return rtmp.Encoder{StreamID: 1, ChunkSize: chunkSize} }

func (c *client) OnCommand(fn func(rtmp.Command)) { c.command = fn }

func (c *client) TryWrite(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return 0, os.ErrClosed
	}
	n := 0
	for n < len(b) && (c.room < 0 || n < c.room) {
		n += chunk.WireSize(b[n:], chunkSize)
	}
	if c.room >= 0 {
		c.room = max(c.room-n, 0)
	}
	if err := c.chunks.Feed(b[:n], c.receive); err != nil {
		c.t.Error(err)
	}
	return n, nil
}

// receive takes note of a message. mu is held.
func (c *client) receive(m *chunk.Message) error {
	at := time.Duration(m.Timestamp) * time.Millisecond
	switch kind := message.Type(m.Type); kind {
	case message.TypeAudio, message.TypeVideo, message.TypeDataAMF0:
		packets, err := flv.AppendPackets(nil, flv.TagType(m.Type), at, m.Body)
		if err != nil {
			return err
		}
		for _, p := range packets {
			c.lines = append(c.lines, describe(p))
			c.packets = append(c.packets, p)
		}
	case message.TypeAggregate:
		c.aggregates++
		subs, err := (&message.Aggregate{Body: m.Body}).Split(m.Timestamp)
		for _, sub := range subs {
			one := chunk.Message{Type: uint8(sub.Type), Timestamp: sub.Timestamp, StreamID: m.StreamID, Body: sub.Body}
			if err := c.receive(&one); err != nil {
				return err
			}
		}
		return err
	default:
		parsed, err := message.Parse(kind, m.Body, amf.Limits{})
		if err != nil {
			return err
		}
		switch m := parsed.(type) {
		case *message.UserControl:
			c.lines = append(c.lines, m.Event.String())
		case *message.Command:
			c.lines = append(c.lines, strings.TrimPrefix(m.Args[0].(*amf.Object).Text("code"), "NetStream."))
		}
	}
	return nil
}

// describe writes a packet in short: V and A are frames, K a key frame, H a header, with the time in milliseconds.
func describe(p *media.Packet) string {
	letter := "A"
	switch {
	case p.Kind == media.Data && p.Name == "onPlayStatus":
		values, _ := amf.Decode(p.Body, amf.Limits{}) // it was parsed before
		o, _ := values[1].(*amf.Object)
		text := strings.TrimPrefix(o.Text("code"), "NetStream.")
		if d, ok := o.Number("duration"); ok {
			text += fmt.Sprintf(" %.3f", d)
		}
		return text
	case p.Kind == media.Data:
		return p.Name
	case p.Config:
		letter = "H" + p.Kind.String()[:1]
	case p.Kind == media.Video && len(p.Body) == 2:
		letter = fmt.Sprintf("C%x", p.Body)
	case p.Kind == media.Video && p.Key:
		letter = "K"
	case p.Kind == media.Video:
		letter = "V"
	}
	return fmt.Sprintf("%s%d", letter, p.Timestamp.Milliseconds())
}

func (c *client) NotifyWritable(fn func()) {
	c.mu.Lock()
	c.writable = fn
	c.mu.Unlock()
}

func (c *client) Next(at time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = append(c.next, at)
	return c.follows
}

// taken returns the packets that have come since it was last called, when the session rests.
func (c *client) taken() []*media.Packet {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	packets := c.packets
	c.packets = nil
	return packets
}

// asked returns how often Next was called.
func (c *client) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.next)
}

func (c *client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// open makes room for so many bytes; negative: for all.
func (c *client) open(room int) {
	c.mu.Lock()
	c.room = room
	fn := c.writable
	c.writable = nil
	c.mu.Unlock()
	if fn != nil {
		fn()
	}
}

// heard returns what has come since it was last called, when the session rests.
func (c *client) heard() []string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := c.lines
	c.lines = nil
	return lines
}

// want compares what has come with words between spaces. "..." stands for any number of them.
func (c *client) want(what, words string) {
	c.t.Helper()
	got := c.heard()
	if !fits(got, strings.Fields(strings.ReplaceAll(words, "Play.Complete ", "Play.Complete\x00"))) {
		c.t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, " "), words)
	}
}

func fits(got, want []string) bool {
	if len(want) == 0 {
		return len(got) == 0
	}
	if want[0] == "..." {
		for i := range len(got) + 1 {
			if fits(got[i:], want[1:]) {
				return true
			}
		}
		return false
	}
	return len(got) > 0 && got[0] == strings.ReplaceAll(want[0], "\x00", " ") && fits(got[1:], want[1:])
}

// film makes packets: a key frame every second, 10 frames and 10 audio frames in a second, audio in the middle of them. The
// sizes of the bodies are those of a film of 2 Mbit/s if big is set.
func film(length time.Duration, seed byte, big bool) []*media.Packet {
	size := 4
	if big {
		size = 20000
	}
	packets := []*media.Packet{
		packet(flv.TagVideo, 0, []byte{0x17, 0, 0, 0, 0, 1, 0x64, 0, 31, seed}),
		packet(flv.TagAudio, 0, []byte{0xaf, 0, 0x12, 0x10}),
	}
	for at := time.Duration(0); at < length; at += 100 * time.Millisecond {
		head := []byte{0x27, 1, 0, 0, 0}
		if at%time.Second == 0 {
			head[0] = 0x17
		}
		body := append(head, bytes.Repeat([]byte{seed, byte(at / time.Second), byte(at / (100 * time.Millisecond) % 10)}, size/3+1)...)
		packets = append(
			packets,
			packet(flv.TagVideo, at, body),
			packet(flv.TagAudio, at+50*time.Millisecond, []byte{0xaf, 1, seed, byte(at / (100 * time.Millisecond))}),
		)
	}
	return packets
}

func packet(tag flv.TagType, at time.Duration, body []byte) *media.Packet {
	packets, err := flv.AppendPackets(nil, tag, at, body)
	if err != nil {
		panic(err)
	}
	return packets[0]
}

// onlyAudio leaves out video.
func onlyAudio(packets []*media.Packet) []*media.Packet {
	var audio []*media.Packet
	for _, p := range packets {
		if p.Kind == media.Audio {
			audio = append(audio, p)
		}
	}
	return audio
}

func fileOf(t testing.TB, packets []*media.Packet) []byte {
	t.Helper()
	var b bytes.Buffer
	w := flv.NewWriter(&b)
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// mp3File is frames of MPEG-1 layer III, 128 kbit/s, 44.1 kHz, of about 26 ms, behind a tag if one is given.
func mp3File(frames int, tag string) []byte {
	var b []byte
	if tag != "" {
		frame := append([]byte{'T', 'I', 'T', '2', 0, 0, 0, byte(len(tag) + 1), 0, 0, 3}, tag...)
		b = append([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, 0, byte(len(frame))}, frame...)
	}
	for i := range frames {
		b = append(b, 0xff, 0xfb, 0x90, 0xc0)
		b = append(b, bytes.Repeat([]byte{byte(i % 200)}, 417-4)...)
	}
	return b
}

func write(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// library is recordings in memory.
type library map[string][]byte

func (l library) title(t testing.TB, catalog *Catalog, name string) *Title {
	t.Helper()
	dir := t.TempDir()
	for name, b := range l {
		write(t, dir, name, b)
	}
	folder, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	}()
	title, err := catalog.Open(t.Context(), media.Key{App: "vod", Name: name}, folder)
	if err != nil {
		t.Fatal(err)
	}
	return title
}

// frames of a file from a place on, as a session should send them.
func framesFrom(t testing.TB, title *Title, at time.Duration) []*media.Packet {
	t.Helper()
	c := title.file.NewCursor()
	if _, err := c.Seek(at); err != nil {
		t.Fatal(err)
	}
	var all []*media.Packet
	for {
		p, err := c.ReadPacket(t.Context())
		if err != nil {
			return all
		}
		if isFrame(p) {
			all = append(all, p)
		}
	}
}

var _ format.Cursor = (*tagCursor)(nil)

// stage is a live stream with a window, in a bubble of fake time.
type stage struct {
	t       *testing.T
	key     media.Key
	hub     *live.Hub
	windows *dvr.Windows
}

// newStage keeps the window in dir, which was made outside of the bubble.
func newStage(t *testing.T, dir string, length time.Duration) *stage {
	t.Helper()
	s := &stage{t: t, key: media.Key{App: "live", Name: "cam"}, hub: live.NewHub(nil)}
	var err error
	if s.windows, err = dvr.Open(dvr.Options{Path: dir, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	s.windows.Start(s.hub, s.key, length)
	return s
}

func (s *stage) publish() *live.Publication {
	s.t.Helper()
	pub, err := s.hub.Publish(s.key, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return pub
}

// title enters the window.
func (s *stage) title() *Title {
	window := s.windows.Enter(s.key)
	return NewTitle(window, window.Leave)
}

func (s *stage) close() {
	s.t.Helper()
	s.hub.Close()
	if err := s.windows.Close(); err != nil {
		s.t.Error(err)
	}
}
