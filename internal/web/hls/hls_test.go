package hls

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gohlslib/v2/pkg/playlist"
	"go.uber.org/goleak"

	"leat/internal/format/mp4"
	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var cam = media.Key{App: "live", Name: "cam"}

// house is a hub with a server.
type house struct {
	*Server
	hub *live.Hub
}

func newHouse(t *testing.T, o Options) *house {
	t.Helper()
	hub := live.NewHub(&live.Config{Rewind: time.Minute, RingDuration: time.Minute})
	h := &house{hub: hub, Server: NewServer(Config{
		Hub: hub, Logger: slog.New(slog.DiscardHandler), Options: func() Options { return o },
	})}
	t.Cleanup(func() {
		hub.Close()
		h.Close()
	})
	return h
}

var lowLatency = Options{Segment: time.Second, Part: 200 * time.Millisecond, Window: 7, Idle: time.Minute}

func (h *house) publish(t *testing.T, packets []*media.Packet) *live.Publication {
	t.Helper()
	pub, err := h.hub.Publish(cam, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, pub, packets)
	return pub
}

func write(t *testing.T, pub *live.Publication, packets []*media.Packet) {
	t.Helper()
	for _, p := range packets {
		if err := pub.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func (h *house) master(t *testing.T) *playlist.Multivariant {
	t.Helper()
	w := httptest.NewRecorder()
	if err := h.Master(w, httptest.NewRequest("GET", "/live/cam.m3u8", nil), []Rendition{{cam, "cam/_hls/"}}, "a&b"); err != nil {
		t.Fatal(err)
	}
	var p playlist.Multivariant
	if err := p.Unmarshal(w.Body.Bytes()); err != nil {
		t.Fatalf("%v in\n%s", err, w.Body)
	}
	return &p
}

// get returns a file; query may be empty.
func (h *house) get(t *testing.T, name, query string) ([]byte, error) {
	w := httptest.NewRecorder()
	err := h.File(w, httptest.NewRequest("GET", "/x?"+query, nil).WithContext(t.Context()), cam, name, "")
	return w.Body.Bytes(), err
}

func (h *house) must(t *testing.T, name string) []byte {
	t.Helper()
	b, err := h.get(t, name, "")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b
}

func (h *house) media(t *testing.T, name string) *playlist.Media {
	t.Helper()
	b := h.must(t, name)
	var p playlist.Media
	if err := p.Unmarshal(b); err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return &p
}

// frames returns the frames of a file that begins with an initialization segment, without the shift to 0.
func frames(t *testing.T, b []byte) []*media.Packet {
	t.Helper()
	f, err := mp4.Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var list []*media.Packet
	for c := f.NewCursor(); ; {
		p, err := c.ReadPacket(t.Context())
		if err != nil {
			return list
		}
		if !p.Config {
			list = append(list, p)
		}
	}
}

func only(packets []*media.Packet, kind media.Kind, until time.Duration) []*media.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool {
		return p.Kind != kind || p.Config || p.Timestamp >= until
	})
}

// TestSegments: what is in the segments is what was published, frame by frame, on the same clock.
func TestSegments(t *testing.T) {
	for name, packets := range map[string][]*media.Packet{
		"avc": mediatest.AVC(5 * time.Second), "hevc": mediatest.HEVC(5 * time.Second), "av1": mediatest.AV1(5 * time.Second),
		"opus": mediatest.Opus(5 * time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, lowLatency)
			h.Start(cam)
			h.publish(t, packets).Close(true)
			for _, v := range h.master(t).Variants {
				if strings.TrimSuffix(v.URI, "?token=a%26b") == v.URI || len(v.Codecs) == 0 {
					t.Errorf("variant %+v", v)
				}
			}
			for _, track := range []string{"video0", "audio0"} {
				kind := media.Video
				if track == "audio0" {
					kind = media.Audio
				}
				want := only(packets, kind, time.Hour)
				if len(want) == 0 {
					continue
				}
				m, err := h.muxer(cam)
				if err != nil {
					t.Fatal(err)
				}
				if err := m.wait(t.Context(), func() (bool, error) { return m.over, nil }); err != nil {
					t.Fatal(err)
				}
				p := h.media(t, track+".m3u8")
				if !p.Endlist || len(p.Segments) < 4 {
					t.Fatalf("%d segments, at the end: %v", len(p.Segments), p.Endlist)
				}
				all := bytes.Clone(h.must(t, p.Map.URI))
				for _, s := range p.Segments {
					all = append(all, h.must(t, s.URI)...)
				}
				got := frames(t, all)
				if kind == media.Audio && len(got) == len(want)-1 {
					want = want[1:] // it came before the first picture
				}
				if len(got) != len(want) {
					t.Fatalf("%s: %d frames, want %d", track, len(got), len(want))
				}
				for i := range want {
					g, w := got[i], want[i]
					if g.Timestamp != w.Timestamp || g.Offset != w.Offset || kind == media.Video && g.Key != w.Key || !bytes.Equal(g.Data, w.Data) && name != "av1" {
						t.Fatalf("%s: frame %d: %v+%v, want %v+%v", track, i, g.Timestamp, g.Offset, w.Timestamp, w.Offset)
					}
				}
			}
		})
	}
}

// TestLowLatency: parts are announced ahead, and waited for.
func TestLowLatency(t *testing.T) {
	h := newHouse(t, lowLatency)
	packets := mediatest.AVC(6 * time.Second)
	cut := slices.IndexFunc(packets, func(p *media.Packet) bool { return p.Timestamp >= 3500*time.Millisecond })
	pub := h.publish(t, packets[:cut])
	h.master(t)
	m, err := h.muxer(cam)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.wait(t.Context(), func() (bool, error) {
		v := m.track(trackID{media.Video, 0})
		return v != nil && len(v.segments) == 3 && v.current != nil && len(v.current.parts) >= 2, nil
	}); err != nil {
		t.Fatal(err)
	}
	p := h.media(t, "video0.m3u8")
	switch {
	case p.Endlist, p.ServerControl == nil, !p.ServerControl.CanBlockReload, p.PartInf == nil, p.PreloadHint == nil:
		t.Fatalf("the playlist lacks something: %+v", p)
	case len(p.Parts) < 2 || !p.Parts[0].Independent || p.Parts[1].Independent:
		t.Errorf("parts %+v", p.Parts)
	case p.PartInf.PartTarget < 200*time.Millisecond || p.PartInf.PartTarget > 250*time.Millisecond:
		t.Errorf("part target %v", p.PartInf.PartTarget)
	}
	hinted := make(chan []byte, 1)
	go func() {
		b, err := h.get(t, p.PreloadHint.URI, "")
		if err != nil {
			b = []byte(err.Error())
		}
		hinted <- b
	}()
	next := p.MediaSequence + len(p.Segments)
	reload := make(chan string, 1)
	go func() {
		b, err := h.get(t, "video0.m3u8", "_HLS_msn="+number(next)+"&_HLS_part="+number(len(p.Parts)))
		if err != nil {
			b = []byte(err.Error())
		}
		reload <- string(b)
	}()
	write(t, pub, packets[cut:])
	if b := <-hinted; !bytes.Contains(b, []byte("moof")) {
		t.Errorf("the announced part is %q", b)
	}
	if text := <-reload; !strings.Contains(text, p.PreloadHint.URI) {
		t.Errorf("the playlist that was waited for lacks the part:\n%s", text)
	}
	if _, err := h.get(t, "video0.m3u8", "_HLS_msn="+number(next+9)); !errors.Is(err, ErrTooFar) {
		t.Errorf("far ahead: %v", err)
	}
	if _, err := h.get(t, "video0.m3u8", "_HLS_part=1"); !errors.Is(err, ErrTooFar) {
		t.Errorf("a part of nothing: %v", err)
	}
	pub.Close(true)
}

func number(n int) string { return strconv.Itoa(n) }

// TestDiscontinuity: another publisher with another codec goes on in the same playlist.
func TestDiscontinuity(t *testing.T) {
	h := newHouse(t, lowLatency)
	h.Start(cam)
	h.publish(t, mediatest.AVC(3*time.Second)).Close(true)
	before := h.master(t)
	first := h.media(t, "video0.m3u8")
	pub := h.publish(t, mediatest.HEVC(3*time.Second))
	defer pub.Close(true)
	m, err := h.muxer(cam)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.wait(t.Context(), func() (bool, error) { return m.discontinuity == 1 && m.settled(), nil }); err != nil {
		t.Fatal(err)
	}
	after, second := h.master(t), h.media(t, "video0.m3u8")
	if before.Variants[0].Codecs[0] == after.Variants[0].Codecs[0] {
		t.Errorf("the codecs are still %v", after.Variants[0].Codecs)
	}
	if second.MediaSequence < first.MediaSequence+len(first.Segments) || *second.DiscontinuitySequence != 1 || first.Map.URI == second.Map.URI {
		t.Errorf("from %+v to %+v", first, second)
	}
}

// TestBounded: no track takes more memory than it may, also when time stands still, or the video that says where segments end is silent.
func TestBounded(t *testing.T) {
	const most = 256 << 10
	for name, again := range map[string]func(p *media.Packet, i int){
		"time stands still": func(*media.Packet, int) {},
		"the video is silent": func(p *media.Packet, i int) {
			p.Kind, p.Key, p.Timestamp = media.Audio, false, p.Timestamp+time.Duration(i)*time.Millisecond
		},
	} {
		for _, part := range []time.Duration{0, 200 * time.Millisecond} {
			h := newHouse(t, Options{Segment: time.Second, Part: part, Window: 7})
			h.Squeeze(most)
			m := h.newMuxer(cam)
			defer m.sub.Close()
			take := func(p *media.Packet) {
				if err := m.take(&live.Item{Packet: p}); err != nil {
					t.Fatal(err)
				}
			}
			packets := mediatest.AVC(2 * time.Second)
			for _, p := range packets {
				take(p)
			}
			key := packets[slices.IndexFunc(packets, func(p *media.Packet) bool { return p.Key })]
			for i := range 16 << 10 {
				p := *key
				p.Timestamp, p.Data = 2*time.Second, make([]byte, 1<<10)
				if again(&p, i); p.Kind == media.Audio {
					p.Codec = media.CodecAAC
				}
				take(&p)
			}
			for _, track := range m.tracks {
				if err := track.end(); err != nil {
					t.Fatal(err)
				}
				if size := track.size(); size > 3*most {
					t.Errorf("%s, parts of %v: %v holds %d bytes, more than %d", name, part, track.id, size, 3*most)
				}
			}
		}
	}
}

func TestMasterJoinsTracksAndRenditions(t *testing.T) {
	h := newHouse(t, lowLatency)
	low := media.Key{App: "live", Name: "cam_low"}
	pub, err := h.hub.Publish(low, nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, pub, mediatest.AV1(3*time.Second))
	second := slices.Clone(mediatest.AVC(3 * time.Second))
	for i, p := range second {
		q := *p
		if q.Kind == media.Audio {
			q.Track = 1
		}
		second[i] = &q
	}
	h.publish(t, merge(mediatest.AVC(3*time.Second), second))
	w := httptest.NewRecorder()
	err = h.Master(w, httptest.NewRequest("GET", "/", nil), []Rendition{{cam, ""}, {low, "../../cam_low/_hls/"}, {media.Key{Name: "none"}, "x"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	var p playlist.Multivariant
	if err := p.Unmarshal(w.Body.Bytes()); err != nil {
		t.Fatal(err)
	}
	if len(p.Variants) != 2 || p.Variants[1].URI != "../../cam_low/_hls/video0.m3u8" || len(p.Renditions) != 3 {
		t.Errorf("the playlist is\n%s", w.Body)
	}
	if p.Variants[0].Resolution != "96x54" || p.Variants[0].Audio != "audio0" || p.Variants[1].Audio != "audio1" {
		t.Errorf("the playlist is\n%s", w.Body)
	}
}

// merge joins streams by their times.
func merge(a, b []*media.Packet) []*media.Packet {
	all := append(slices.Clone(a), only(b, media.Audio, time.Hour)...)
	for _, p := range b {
		if p.Config && p.Kind == media.Audio {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, func(a, b *media.Packet) int {
		if a.Config != b.Config {
			if a.Config {
				return -1
			}
			return 1
		}
		return int(a.Timestamp - b.Timestamp)
	})
	return all
}

func TestUnsupported(t *testing.T) {
	h := newHouse(t, lowLatency)
	speex := &media.Packet{Kind: media.Audio, Body: []byte{0xb2, 1, 2}, Data: []byte{1, 2}}
	pub := h.publish(t, []*media.Packet{speex})
	defer pub.Close(true)
	m, err := h.muxer(cam)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = m.outlines(t.Context(), time.Second)
	if unsupported, ok := errors.AsType[*UnsupportedError](err); !ok || len(unsupported.Codecs) != 1 {
		t.Errorf("%v", err)
	}
}

func TestNothingYet(t *testing.T) {
	h := newHouse(t, lowLatency)
	m, err := h.muxer(cam)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.outlines(t.Context(), time.Millisecond); !errors.Is(err, ErrNotYet) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	if err := h.File(w, httptest.NewRequest("GET", "/", nil).WithContext(ctx), cam, "video0.m3u8", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestIdle: a muxer that nobody asks is gone.
func TestIdle(t *testing.T) {
	h := newHouse(t, Options{Segment: time.Second, Window: 3, Idle: time.Millisecond})
	m, err := h.muxer(cam)
	if err != nil {
		t.Fatal(err)
	}
	<-m.done
	if h.Muxers() != 0 {
		t.Error("it is still there")
	}
}

// TestManyViewers: three hundred wait for each part at once.
func TestManyViewers(t *testing.T) {
	h := newHouse(t, lowLatency)
	packets := mediatest.AVC(6 * time.Second)
	cut := slices.IndexFunc(packets, func(p *media.Packet) bool { return p.Timestamp >= 3500*time.Millisecond })
	pub := h.publish(t, packets[:cut])
	h.master(t)
	p := h.media(t, "video0.m3u8")
	next := "_HLS_msn=" + number(p.MediaSequence+len(p.Segments)) + "&_HLS_part=4"
	const viewers = 300
	answers := make(chan error, viewers)
	for range viewers {
		go func() {
			b, err := h.get(t, "video0.m3u8", next)
			if err == nil && !bytes.Contains(b, []byte("#EXT-X-PRELOAD-HINT")) {
				err = errors.New(string(b))
			}
			answers <- err
		}()
	}
	write(t, pub, packets[cut:])
	for range viewers {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	pub.Close(true)
}

func TestFileNames(t *testing.T) {
	for _, name := range []string{
		"video0.m3u8", "audio255.m3u8", "video0-0a1b2c3d-init1.mp4", "audio1-0a1b2c3d-1234.mp4", "video0-0a1b2c3d-1234.56.mp4",
	} {
		f, ok := parseFile(name)
		if !ok || f.name() != name {
			t.Errorf("%s is read as %+v, written %s", name, f, f.name())
		}
	}
	for _, name := range []string{
		"", "index.m3u8", "video256.m3u8", "video0.mp4", "video0-xyz-1.mp4", "../video0.m3u8", "video0-0a1b2c3d-init1.2.mp4",
		"data0.m3u8", "video0-0a1b2c3d-99999999999999999999.mp4", "video0.m3u8\n",
	} {
		if f, ok := parseFile(name); ok {
			t.Errorf("%q is read as %+v", name, f)
		}
	}
}

func FuzzFileName(f *testing.F) {
	f.Add("video0-0a1b2c3d-1234.56.mp4")
	f.Add("audio1.m3u8")
	f.Fuzz(func(t *testing.T, name string) {
		file, ok := parseFile(name)
		if !ok {
			return
		}
		if again, ok := parseFile(file.name()); !ok || again != file {
			t.Errorf("%q: %+v, written as %q", name, file, file.name())
		}
	})
}

// TestRecording: segments of a recording hold all its frames, each once.
func TestRecording(t *testing.T) {
	for name, packets := range map[string][]*media.Packet{"avc": mediatest.AVC(20 * time.Second), "opus": mediatest.Opus(20 * time.Second)} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := mp4.NewWriter(&b, nil)
			for _, p := range packets {
				if err := w.WritePacket(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			file, err := mp4.Open(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			rec := &Recording{File: file, ID: "it", Size: int64(b.Len())}
			get := func(name string) []byte {
				a := httptest.NewRecorder()
				if err := rec.ServeFile(a, httptest.NewRequest("GET", "/", nil), name, ""); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return a.Body.Bytes()
			}
			answer := httptest.NewRecorder()
			if err := rec.ServeMaster(answer, httptest.NewRequest("GET", "/", nil), "_hls/", ""); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(answer.Body.String(), "_hls/") {
				t.Errorf("master:\n%s", answer.Body)
			}
			for _, kind := range []media.Kind{media.Video, media.Audio} {
				want := only(packets, kind, time.Hour)
				if len(want) == 0 {
					continue
				}
				var p playlist.Media
				if err := p.Unmarshal(get(kind.String() + "0.m3u8")); err != nil {
					t.Fatal(err)
				}
				if !p.Endlist || len(p.Segments) < 3 {
					t.Fatalf("%d segments", len(p.Segments))
				}
				all := bytes.Clone(get(p.Map.URI))
				for _, s := range p.Segments {
					all = append(all, get(s.URI)...)
				}
				got := frames(t, all)
				if len(got) != len(want) {
					t.Fatalf("%v: %d frames, want %d", kind, len(got), len(want))
				}
				for i := range want {
					if got[i].Timestamp != want[i].Timestamp || !bytes.Equal(got[i].Data, want[i].Data) {
						t.Fatalf("%v: frame %d at %v, want %v", kind, i, got[i].Timestamp, want[i].Timestamp)
					}
				}
			}
			rec.most = 1000
			for _, name := range []string{"video0-" + rec.session() + "-1.mp4", "audio0-" + rec.session() + "-1.mp4"} {
				a := httptest.NewRecorder()
				err := rec.ServeFile(a, httptest.NewRequest("GET", "/", nil), name, "")
				if !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrNotFound) {
					t.Errorf("%s is larger than it may be: %v", name, err)
				}
			}
			for _, name := range []string{"video0.mp4", "video7-" + rec.session() + "-init0.mp4", "audio0-00000000-0.mp4", "audio0-" + rec.session() + "-99.mp4"} {
				a := httptest.NewRecorder()
				if err := rec.ServeFile(a, httptest.NewRequest("GET", "/", nil), name, ""); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}
