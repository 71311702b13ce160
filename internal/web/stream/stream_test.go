package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"leat/flv"
	"leat/internal/fanout"
	"leat/internal/format/mp4"
	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cam = media.Key{App: "live", Name: "cam"}

// asIs is a Fitter that changes nothing.
type asIs struct{}

func (asIs) Fit(dst []*media.Packet, p *media.Packet) []*media.Packet { return append(dst, p) }
func (asIs) Reset()                                                   {}

// house is a hub with a server behind HTTP.
type house struct {
	hub    *live.Hub
	server *Server
	url    string

	mu    sync.Mutex
	stats []Stats
	errs  []error
	came  chan struct{} // room for many: a viewer has got its first bytes
}

func newHouse(t *testing.T) *house {
	t.Helper()
	sweeper := fanout.NewSweeper(2)
	h := &house{hub: live.NewHub(&live.Config{Rewind: time.Minute, RingDuration: time.Minute}), came: make(chan struct{}, 1000)}
	h.server = NewServer(Config{
		Hub: h.hub, Sweeper: sweeper, Logger: slog.New(slog.DiscardHandler),
		Merge:      func() fanout.Merge { return fanout.MergeNone },
		MaxLag:     func() time.Duration { return time.Minute },
		WriteStall: func() time.Duration { return time.Minute },
		NewFitter:  func(media.Key) Fitter { return asIs{} },
	})
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		format := FLV
		if strings.HasSuffix(r.URL.Path, ".mp4") {
			format = MP4
		}
		stats, err := h.server.Serve(w, r, cam, format, Hooks{First: func() { h.came <- struct{}{} }})
		h.mu.Lock()
		defer h.mu.Unlock()
		h.stats, h.errs = append(h.stats, stats), append(h.errs, err)
		if err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
		}
	}))
	h.url = door.URL
	t.Cleanup(func() {
		h.hub.Close()
		h.server.Close()
		door.CloseClientConnections()
		door.Close()
		http.DefaultClient.CloseIdleConnections()
		sweeper.Close()
	})
	return h
}

// publish begins a stream with the first second of packets.
func (h *house) publish(t *testing.T, packets []*media.Packet) (pub *live.Publication, rest []*media.Packet) {
	t.Helper()
	pub, err := h.hub.Publish(cam, nil)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(packets, func(p *media.Packet) bool { return p.Timestamp >= 900*time.Millisecond })
	write(t, pub, packets[:i])
	return pub, packets[i:]
}

func write(t *testing.T, pub *live.Publication, packets []*media.Packet) {
	t.Helper()
	for _, p := range packets {
		if err := pub.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *house) get(t *testing.T, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	return answer
}

func framesOf(packets []*media.Packet) []*media.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return p.Kind == media.Data || p.Config })
}

// readFLV returns the frames of an FLV stream.
func readFLV(t *testing.T, from io.Reader) []*media.Packet {
	t.Helper()
	r := flv.NewReader(from)
	var list []*media.Packet
	for {
		p, err := r.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			return framesOf(list)
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// TestFLV: what comes is what was published, byte for byte, from the key frame on to the end.
func TestFLV(t *testing.T) {
	h := newHouse(t)
	packets := mediatest.AVC(3 * time.Second)
	pub, rest := h.publish(t, packets)
	answer := h.get(t, "/live/cam.flv")
	if got := answer.Header.Get("Content-Type"); got != "video/x-flv" {
		t.Errorf("Content-Type %q", got)
	}
	write(t, pub, rest)
	pub.Close(true)
	if d := mediatest.DiffAll(readFLV(t, answer.Body), framesOf(packets)[skipped(packets):]); d != "" {
		t.Error(d)
	}
}

// skipped is how many frames come before the first key frame, at which players begin.
func skipped(packets []*media.Packet) int {
	return slices.IndexFunc(framesOf(packets), func(p *media.Packet) bool { return p.Kind == media.Video && p.Key })
}

// sameMP4 compares the frames in an MP4 with those published, without the shift of the file's first frame to 0.
func sameMP4(t *testing.T, b []byte, packets []*media.Packet) {
	t.Helper()
	f, err := mp4.Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		var got []*media.Packet
		for c := f.NewCursor(); ; {
			p, err := c.ReadPacket(t.Context())
			if err != nil {
				break
			}
			if p.Kind == kind && !p.Config {
				got = append(got, p)
			}
		}
		want := slices.DeleteFunc(framesOf(packets)[skipped(packets):], func(p *media.Packet) bool { return p.Kind != kind })
		if len(got) != len(want) {
			t.Fatalf("%v: %d frames, want %d", kind, len(got), len(want))
		}
		for i := range want {
			if got[i].Timestamp != want[i].Timestamp || got[i].Offset != want[i].Offset || !bytes.Equal(got[i].Data, want[i].Data) {
				t.Fatalf("%v: frame %d at %v+%v, want %v+%v", kind, i, got[i].Timestamp, got[i].Offset, want[i].Timestamp, want[i].Offset)
			}
		}
	}
}

func TestMP4(t *testing.T) {
	for name, test := range map[string]struct {
		packets []*media.Packet
		mime    string
	}{
		"avc":  {mediatest.AVC(3 * time.Second), "avc1."},
		"hevc": {mediatest.HEVC(3 * time.Second), "hvc1."},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			pub, rest := h.publish(t, test.packets)
			answer := h.get(t, "/live/cam.mp4")
			if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, `video/mp4; codecs="`+test.mime) || !strings.HasSuffix(got, `,mp4a.40.2"`) {
				t.Errorf("Content-Type %q", got)
			}
			write(t, pub, rest)
			pub.Close(true)
			b, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			sameMP4(t, b, test.packets)
		})
	}
}

func (h *house) dial(t *testing.T, path string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(h.url, "http")+path, &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://player.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.SetReadLimit(-1)
	t.Cleanup(func() { _ = c.CloseNow() }) // it may be closed already
	return c
}

func TestWebSocketFLV(t *testing.T) {
	h := newHouse(t)
	packets := mediatest.AVC(3 * time.Second)
	pub, rest := h.publish(t, packets)
	c := h.dial(t, "/live/cam.flv")
	<-h.came
	write(t, pub, rest)
	pub.Close(true)
	var all bytes.Buffer
	for {
		kind, b, err := c.Read(t.Context())
		if err != nil {
			if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("the end: %v", err)
			}
			break
		}
		if kind != websocket.MessageBinary {
			t.Errorf("a message of type %v", kind)
		}
		all.Write(b)
	}
	if d := mediatest.DiffAll(readFLV(t, &all), framesOf(packets)[skipped(packets):]); d != "" {
		t.Error(d)
	}
}

// TestWebSocketMP4: each initialization segment is announced by its type, and each message is a whole piece.
func TestWebSocketMP4(t *testing.T) {
	h := newHouse(t)
	packets := mediatest.AVC(3 * time.Second)
	pub, rest := h.publish(t, packets)
	c := h.dial(t, "/live/cam.mp4")
	kind, b, err := c.Read(t.Context())
	if err != nil || kind != websocket.MessageText || !strings.HasPrefix(string(b), `video/mp4; codecs="avc1.`) {
		t.Fatalf("the first message is %q of type %v, %v", b, kind, err)
	}
	write(t, pub, rest)
	pub.Close(true)
	var all []byte
	for n := 0; ; n++ {
		_, b, err := c.Read(t.Context())
		if err != nil {
			break
		}
		want := "moof"
		if n == 0 {
			want = "ftyp"
		}
		if string(b[4:8]) != want || pieceSize(b) != len(b) {
			t.Fatalf("message %d begins with %q and is %d bytes, its boxes %d", n, b[4:8], len(b), pieceSize(b))
		}
		all = append(all, b...)
	}
	sameMP4(t, all, packets)
}

// TestCodecChange: another codec brings another initialization segment with another type.
func TestCodecChange(t *testing.T) {
	h := newHouse(t)
	pub, rest := h.publish(t, mediatest.AVC(2*time.Second))
	c := h.dial(t, "/live/cam.mp4")
	<-h.came
	write(t, pub, rest)
	var later []*media.Packet
	for _, p := range mediatest.HEVC(time.Second) {
		q := *p
		q.Timestamp += 2 * time.Second
		later = append(later, &q)
	}
	write(t, pub, later)
	pub.Close(true)
	var types []string
	for {
		kind, b, err := c.Read(t.Context())
		if err != nil {
			break
		}
		if kind == websocket.MessageText {
			types = append(types, string(b))
		}
	}
	if len(types) < 2 || !strings.Contains(types[0], "avc1.") || !strings.Contains(types[len(types)-1], "hvc1.") {
		t.Errorf("types %q", types)
	}
}

// TestFlood: who talks too much, or too long, is closed; what is said is thrown away.
func TestFlood(t *testing.T) {
	h := newHouse(t)
	pub, _ := h.publish(t, mediatest.AVC(2*time.Second))
	defer pub.Close(true)
	many := h.dial(t, "/live/cam.flv")
	long := h.dial(t, "/live/cam.flv")
	for range saidAtOnce + 1 {
		if err := many.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			break
		}
	}
	if err := long.Write(t.Context(), websocket.MessageBinary, make([]byte, maxSaid+1)); err != nil {
		t.Logf("it was closed already: %v", err)
	}
	for _, c := range []*websocket.Conn{many, long} {
		for {
			if _, _, err := c.Read(t.Context()); err != nil {
				break
			}
		}
	}
}

func TestUnsupported(t *testing.T) {
	h := newHouse(t)
	pub, err := h.hub.Publish(cam, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close(true)
	write(t, pub, []*media.Packet{{Kind: media.Audio, Body: []byte{0xb2, 1, 2}, Data: []byte{1, 2}}})
	answer := h.get(t, "/live/cam.mp4")
	if answer.StatusCode != http.StatusTeapot {
		t.Fatalf("status %d", answer.StatusCode)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	unsupported, ok := errors.AsType[*UnsupportedError](h.errs[0])
	if !ok || len(unsupported.Codecs) != 1 || !strings.HasPrefix(unsupported.Codecs[0], "audio track 0") {
		t.Errorf("%v", h.errs[0])
	}
}

// TestRefusedOften: a track that cannot be carried is one, however often that comes up, and there are not too many.
func TestRefusedOften(t *testing.T) {
	var f fragmenter
	refuse := func(track uint8) {
		if err := f.take(&mp4.UnsupportedError{Kind: media.Audio, Track: track}); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		refuse(7)
	}
	if got := f.leftOut(); len(got) != 1 {
		t.Errorf("%d tracks are left out, want 1", len(got))
	}
	for track := range 256 {
		refuse(uint8(track))
	}
	if got := f.leftOut(); len(got) != maxRefused {
		t.Errorf("%d tracks are left out, want %d", len(got), maxRefused)
	}
}

func TestAudioOnlyFlags(t *testing.T) {
	h := newHouse(t)
	packets := mediatest.Opus(2 * time.Second)
	pub, err := h.hub.Publish(cam, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, pub, packets)
	answer := h.get(t, "/live/cam.flv")
	head := make([]byte, 13)
	if _, err := io.ReadFull(answer.Body, head); err != nil {
		t.Fatal(err)
	}
	if head[4] != 4 {
		t.Errorf("the flags are %#x, want audio only", head[4])
	}
	pub.Close(true)
}

// TestMetadataComesAtZero: elsewhere FFmpeg takes it for a track.
func TestMetadataComesAtZero(t *testing.T) {
	p := *mediatest.Metadata(96, 54)
	p.Timestamp = time.Hour
	b := tags{}.Append(nil, &p)
	if len(b) < 11 || b[4] != 0 || b[5] != 0 || b[6] != 0 || b[7] != 0 {
		t.Errorf("the tag begins with % x", b[:min(len(b), 11)])
	}
	if b := (tags{}).Append(nil, &media.Packet{Kind: media.Audio}); len(b) != 0 {
		t.Errorf("silence is sent: % x", b)
	}
}

// TestViewerGoes: one that leaves is counted out, and with the last one the feed ends.
func TestViewerGoes(t *testing.T) {
	h := newHouse(t)
	pub, _ := h.publish(t, mediatest.AVC(2*time.Second))
	defer pub.Close(true)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url+"/live/cam.flv", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	<-h.came
	h.server.mu.Lock()
	f := h.server.feeds[feedKey{cam, FLV}]
	h.server.mu.Unlock()
	cancel()
	<-f.done
}

// TestManyViewers: three hundred get the same bytes.
func TestManyViewers(t *testing.T) {
	h := newHouse(t)
	packets := mediatest.AVC(3 * time.Second)
	pub, rest := h.publish(t, packets)
	const viewers = 300
	sums := make(chan int, viewers)
	for range viewers {
		answer := h.get(t, "/live/cam.flv")
		go func() {
			n, err := io.Copy(io.Discard, answer.Body)
			if err != nil {
				n = -1
			}
			sums <- int(n)
		}()
	}
	for range viewers {
		<-h.came
	}
	write(t, pub, rest)
	pub.Close(true)
	first := <-sums
	for range viewers - 1 {
		if n := <-sums; n != first || n <= 0 {
			t.Fatalf("one viewer got %d bytes, another %d", first, n)
		}
	}
}

func TestPieceSize(t *testing.T) {
	box := func(kind string, size byte) []byte {
		return append([]byte{0, 0, 0, size, kind[0], kind[1], kind[2], kind[3]}, make([]byte, max(int(size)-8, 0))...)
	}
	whole := append(box("moof", 12), box("mdat", 20)...)
	if n := pieceSize(whole); n != len(whole) {
		t.Errorf("%d, want %d", n, len(whole))
	}
	for n := range 20 {
		if got := pieceSize(whole[:n]); got != 0 {
			t.Errorf("of the first %d bytes: %d", n, got)
		}
	}
	if n := pieceSize([]byte{0xff, 0xff, 0xff, 0xff, 'm', 'o', 'o', 'f', 0, 0, 0, 0, 0, 0, 0, 0}); n <= maxFragment {
		t.Errorf("a huge box: %d", n)
	}
}

// TestGarbageFrames: what is no frame of a client (RFC 6455 5.1, 5.2, 5.5) closes its connection, and no other.
func TestGarbageFrames(t *testing.T) {
	h := newHouse(t)
	pub, _ := h.publish(t, mediatest.AVC(2*time.Second))
	defer pub.Close(true)
	witness := h.dial(t, "/live/cam.flv")
	for name, frame := range map[string]string{
		"without a mask":            "\x81\x05hello",
		"a reserved opcode":         "\x83\x80aaaa",
		"reserved bits":             "\xf1\x80aaaa",
		"a length of 2^63":          "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00aaaa",
		"a length of 2^40":          "\x82\xff\x00\x00\x01\x00\x00\x00\x00\x00aaaa" + strings.Repeat("x", maxSaid+100),
		"a long ping":               "\x89\xfe\x01\x00aaaa" + strings.Repeat("x", 256),
		"a ping in pieces":          "\x09\x80aaaa",
		"a continuation of nothing": "\x80\x80aaaa",
		"no frame":                  "GET / HTTP/1.1\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, "GET /live/cam.flv HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"+frame)
		if err == nil {
			err = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection is still there", name)
		}
		conn.Close()
	}
	if _, _, err := witness.Read(t.Context()); err != nil {
		t.Errorf("another viewer: %v", err)
	}
}
