package dvr

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"leat/internal/format"
	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var key = media.Key{App: "live", Name: "cam"}

// studio is a hub with windows, in a bubble of fake time.
type studio struct {
	t       *testing.T
	dir     string
	hub     *live.Hub
	windows *Windows
	pub     *live.Publication
	log     bytes.Buffer
	free    uint64 // percent
	at      time.Duration
	sent    []*media.Packet
}

func shoot(t *testing.T, length time.Duration, run func(s *studio)) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dvr")
	synctest.Test(t, func(t *testing.T) {
		s := &studio{t: t, dir: dir, hub: live.NewHub(&live.Config{Rewind: 10 * time.Second}), free: 50}
		var err error
		s.windows, err = Open(Options{
			Path: dir, MinFree: 5, Logger: slog.New(slog.NewTextHandler(&s.log, nil)),
			Free: func() (free, total uint64, err error) { return s.free * 1e6, 100e6, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.pub, err = s.hub.Publish(key, nil); err != nil {
			t.Fatal(err)
		}
		s.windows.Start(s.hub, key, length)
		for _, h := range mediatest.AVC(time.Second)[:3] {
			s.write(h)
		}
		run(s)
		s.hub.Close()
		if err := s.windows.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder is still there: %v", err)
		}
	})
}

func (s *studio) write(p *media.Packet) {
	if err := s.pub.WritePacket(s.t.Context(), p); err != nil {
		s.t.Fatal(err)
	}
	s.sent = append(s.sent, p)
}

// film publishes in real time: 5 frames and 5 audio frames in a second, a key frame each second.
func (s *studio) film(d time.Duration) {
	for end := s.at + d; s.at < end; s.at += 200 * time.Millisecond {
		isKey := s.at%time.Second == 0
		n := byte(s.at / (200 * time.Millisecond))
		video, audio := []byte{0x27, 1, 0, 0, 0, n}, []byte{0xaf, 1, n}
		s.write(&media.Packet{Kind: media.Video, Codec: media.CodecAVC, Key: isKey, Timestamp: s.at, Body: video, Data: video[5:]})
		s.write(&media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Timestamp: s.at, Body: audio, Data: audio[2:]})
		time.Sleep(200 * time.Millisecond)
	}
	synctest.Wait()
}

func (s *studio) enter() *Window {
	s.t.Helper()
	w := s.windows.Enter(key)
	if w == nil {
		s.t.Fatal("there is no window")
	}
	return w
}

// rest reads a cursor until it has no more.
func rest(c format.BroadcastCursor) ([]*media.Packet, error) {
	var all []*media.Packet
	for {
		p, err := c.ReadPacket(context.Background())
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
}

// frames are the frames from a time on.
func frames(packets []*media.Packet, from time.Duration) []*media.Packet {
	var all []*media.Packet
	for _, p := range packets {
		if isFrame(p) && p.Timestamp >= from {
			all = append(all, p)
		}
	}
	return all
}

func (s *studio) files() int {
	n := 0
	err := filepath.WalkDir(s.dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return n
}

func TestWindow(t *testing.T) {
	shoot(t, 20*time.Second, func(s *studio) {
		s.film(10 * time.Second)
		w := s.enter()
		old, ok := w.NewCursor().(format.BroadcastCursor)
		if !ok {
			t.Fatal("a cursor is no BroadcastCursor")
		}
		if at, err := old.Seek(3500 * time.Millisecond); at != 3*time.Second || err != nil {
			t.Errorf("Seek: %v, %v", at, err)
		}
		got, err := rest(old)
		if diff := mediatest.DiffAll(frames(got, 0), frames(s.sent, 3*time.Second)); diff != "" || !errors.Is(err, format.ErrEdge) {
			t.Errorf("from 3 s: %v\n%s", err, diff)
		}
		if len(got) < 3 || !got[0].Config || got[0].Timestamp != 3*time.Second {
			t.Errorf("it does not begin with the headers in force: %v", got[0])
		}
		if _, err := old.Seek(0); err != nil {
			t.Error(err)
		}
		s.film(50 * time.Second)
		from, to, ok := w.Span()
		if kept := to - from; !ok || to != 59800*time.Millisecond || kept < 20*time.Second || kept > 27*time.Second {
			t.Errorf("of 20 s it keeps %v to %v", from, to)
		}
		if _, err := old.ReadPacket(t.Context()); !errors.Is(err, nil) { // headers that were read before
			t.Error(err)
		}
		if _, err := rest(old); !errors.Is(err, format.ErrGone) {
			t.Errorf("what is not kept any more: %v", err)
		}
		if at, ok := w.KeyFrom(50100 * time.Millisecond); !ok || at != 51*time.Second {
			t.Errorf("the key frame behind 50.1 s is at %v", at)
		}
		if _, ok := w.KeyFrom(time.Minute); ok {
			t.Error("there is a key frame that has not come")
		}
		if n := s.files(); n > 7 || s.windows.Bytes() == 0 {
			t.Errorf("%d files", n)
		}
		s.pub.Close(true)
		synctest.Wait()
		if s.windows.Enter(key) != nil {
			t.Error("the window of a stream that has ended can be entered")
		}
		if _, err := rest(old); !errors.Is(err, format.ErrGone) {
			t.Error(err)
		}
		if _, err := old.Seek(58 * time.Second); err != nil {
			t.Error(err)
		}
		if got, err := rest(old); !errors.Is(err, io.EOF) || len(frames(got, 0)) != 20 {
			t.Errorf("the end: %d frames, %v", len(got), err)
		}
		w.Leave()
		synctest.Wait()
		if n := s.files(); n != 0 {
			t.Errorf("%d files are left", n)
		}
	})
}

func TestResume(t *testing.T) {
	shoot(t, time.Minute, func(s *studio) {
		s.film(8 * time.Second)
		w := s.enter()
		defer w.Leave()
		for name, b := range map[string]format.Broadcast{"window": w, "ring": NewRing(s.hub, key)} {
			c, ok := b.NewCursor().(format.BroadcastCursor)
			if !ok {
				t.Fatal(name)
			}
			for after := uint64(4); after <= uint64(len(s.sent)); after++ {
				headers, err := c.Resume(after)
				if err != nil || len(headers) != 3 {
					t.Fatalf("%s: behind %d: %d headers, %v", name, after, len(headers), err)
				}
				got, err := rest(c)
				if diff := mediatest.DiffAll(got, s.sent[after:]); diff != "" || !errors.Is(err, format.ErrEdge) || c.Number() != uint64(len(s.sent)) {
					t.Fatalf("%s: behind %d: %v\n%s", name, after, err, diff)
				}
			}
			if _, err := c.Seek(2500 * time.Millisecond); err != nil {
				t.Error(err)
			}
			got, _ := rest(c)
			if diff := mediatest.DiffAll(frames(got, 0), frames(s.sent, 2*time.Second)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if from, to, ok := b.Span(); from != 0 || to != 7800*time.Millisecond || !ok {
				t.Errorf("%s: %v to %v", name, from, to)
			}
		}
	})
}

// TestAhead: a player may have had packets that the disk has not.
func TestAhead(t *testing.T) {
	shoot(t, time.Minute, func(s *studio) {
		s.film(2 * time.Second)
		w := s.enter()
		defer w.Leave()
		c := &Cursor{window: w}
		if _, err := c.Resume(uint64(len(s.sent)) + 2); err != nil {
			t.Error(err)
		}
		s.film(time.Second)
		got, err := rest(c)
		if diff := mediatest.DiffAll(got, s.sent[len(s.sent)-8:]); diff != "" || !errors.Is(err, format.ErrEdge) {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// TestChangingHeaders: a publisher that changes its headers all the time gets a shorter window, not all memory.
func TestChangingHeaders(t *testing.T) {
	shoot(t, time.Hour, func(s *studio) {
		body := make([]byte, 1<<20)
		for range 80 {
			s.write(&media.Packet{Kind: media.Data, Name: "onTextData", Config: true, Timestamp: s.at, Body: body})
			s.film(time.Second)
		}
		w := s.enter()
		defer w.Leave()
		total, places := 0, 0
		for _, seg := range w.segments {
			for _, p := range seg.places {
				total += len(p.headers[0].Body) + len(p.headers[1].Body)
				places++
			}
		}
		const most = maxPlaces + maxPlaces/4
		if total > most || places < 40 {
			t.Errorf("%d places keep %d bytes of headers, more than %d", places, total, most)
		}
	})
}

func TestDiskFull(t *testing.T) {
	shoot(t, time.Minute, func(s *studio) {
		s.film(30 * time.Second)
		s.free = 4
		s.film(30 * time.Second)
		w := s.enter()
		defer w.Leave()
		from, to, ok := w.Span()
		if kept := to - from; !ok || kept > 32*time.Second || kept < 5*time.Second {
			t.Errorf("on a full disk it keeps %v", kept)
		}
		if n := strings.Count(s.log.String(), "no room"); n != 1 {
			t.Errorf("that is said %d times:\n%s", n, s.log.String())
		}
	})
}

func TestWatch(t *testing.T) {
	shoot(t, time.Minute, func(s *studio) {
		s.film(time.Second)
		w := s.enter()
		defer w.Leave()
		called := 0
		w.Watch(uint64(len(s.sent)), func() { called++ })
		w.Watch(1, func() { called += 10 })
		if called != 10 {
			t.Errorf("called %d", called)
		}
		s.film(time.Second)
		w.Watch(uint64(len(s.sent)), func() { called += 100 })
		s.pub.Close(true)
		synctest.Wait()
		if called != 111 {
			t.Errorf("called %d, want 111", called)
		}
	})
}

func TestPackets(t *testing.T) {
	packets := append(mediatest.AVC(time.Second), mediatest.HEVC(time.Second)...)
	roomy := append(make([]byte, 0, 64), 0x17, 1, 0, 0, 0, 6, 7, 8, 9)
	packets = append(packets,
		&media.Packet{Kind: media.Video, Body: roomy, Data: slices.Clip(roomy[5:])},
		&media.Packet{Kind: media.Video, Body: roomy, Data: roomy[5:7]},
		&media.Packet{Kind: media.Video, Body: roomy, Data: roomy[9:]})
	packets = append(packets, mediatest.Metadata(640, 480),
		&media.Packet{Kind: media.Video, Track: 3, Config: true, Name: media.NameColorInfo, Timestamp: -time.Second, Offset: -40 * time.Millisecond, Body: []byte{1}},
		&media.Packet{Kind: media.Data, AMF3: true, Disposable: true, Timestamp: 1 << 50})
	for i, p := range packets {
		b := appendPacket(nil, p, uint64(i))
		h, err := readHead(bytes.NewReader(b), 0, int64(len(b)))
		if err != nil || h.number != uint64(i) || h.size() != int64(len(b)) {
			t.Fatalf("%d: %+v, %v", i, h, err)
		}
		got, err := h.read(bytes.NewReader(b), 0)
		if err != nil {
			t.Fatal(err)
		}
		want := *p
		want.Received = time.Time{}
		if diff := mediatest.Diff(got, &want); diff != "" {
			t.Errorf("%d: %s", i, diff)
		}
		for n := range b {
			if h, err := readHead(bytes.NewReader(b[:n]), 0, int64(n)); err == nil {
				t.Fatalf("%d cut to %d of %d bytes: %+v", i, n, len(b), h)
			}
		}
	}
}
