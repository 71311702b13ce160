package node

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"leat/flv"
	"leat/internal/config"
	"leat/internal/wire/message"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// writeFilm makes an FLV file of packets in a folder.
func writeFilm(t testing.TB, path string, packets []*media.Packet) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	w := flv.NewWriter(f)
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// onlyFrames leaves out headers and data, and what only a network adds.
func onlyFrames(packets []*media.Packet) []*media.Packet {
	var frames []*media.Packet
	for _, p := range packets {
		if p.Config || p.Kind == media.Data {
			continue
		}
		q := *p
		q.Received = time.Time{}
		frames = append(frames, &q)
	}
	return frames
}

// atOnce tells the server to send everything as fast as it can.
var atOnce = rtmp.PlayOptions{BufferLength: time.Hour}

func TestPlayFiles(t *testing.T) {
	dir := t.TempDir()
	film := mediatest.AVC(5 * time.Second)
	writeFilm(t, filepath.Join(dir, "film.flv"), film)
	writeFilm(t, filepath.Join(dir, "deep", "film_2.flv"), film)
	if err := os.WriteFile(filepath.Join(dir, "bad.flv"), []byte("FLV"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.mp4"), []byte("\x00\x00\x00\x08moovmore"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "out.flv")); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *config.Config) { c.Apps[0].PlayDir = dir })
	for _, name := range []string{"film", "flv:film", "film.flv", "deep/film_2"} {
		p, err := dial(t, s.url("/live/x")).Play(limit(t), name, &atOnce)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := mediatest.DiffAll(onlyFrames(rest(t, p)), onlyFrames(film)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	recorded := rtmp.PlayOptions{Recorded: true}
	for name, want := range map[string]rtmp.Code{
		"none": rtmp.CodePlayStreamNotFound, "bad": rtmp.CodePlayFileStructureInvalid, "mp4:bad": rtmp.CodePlayFileStructureInvalid,
		"out": rtmp.CodePlayStreamNotFound, "a/../../film": rtmp.CodePlayStreamNotFound, "%2e%2e/film": rtmp.CodePlayStreamNotFound,
		"..": rtmp.CodePlayStreamNotFound, "deep": rtmp.CodePlayStreamNotFound, "nosuch:film": rtmp.CodePlayStreamNotFound,
	} {
		_, err := dial(t, s.url("/live/x")).Play(limit(t), name, &recorded)
		if code(err) != string(want) {
			t.Errorf("%s: %s, want %s", name, code(err), want)
		}
	}
}

func TestPlayFrom(t *testing.T) {
	dir := t.TempDir()
	film := mediatest.AVC(5 * time.Second)
	writeFilm(t, filepath.Join(dir, "film.flv"), film)
	s := start(t, func(c *config.Config) { c.Apps[0].PlayDir = dir })
	o := atOnce
	o.Start, o.Recorded, o.Duration = 2500*time.Millisecond, true, time.Second
	got := onlyFrames(rest(t, play(t, s.url("/live/film"), &o)))
	if len(got) == 0 || got[0].Timestamp != 0 || !got[0].Key {
		t.Fatalf("it begins with %v, want a key frame at 0", got[0])
	}
	last := got[len(got)-1].Timestamp
	if last < time.Second-100*time.Millisecond || last > 2*time.Second {
		t.Errorf("the last of 1 s behind 2.5 s is at %v", last)
	}
	result, err := dial(t, s.url("/live/x")).Call(limit(t), "getStreamLength", "film")
	if want := onlyFrames(film); err != nil || result != want[len(want)-1].Timestamp.Seconds() {
		t.Errorf("getStreamLength: %v, %v; want about 5", result, err)
	}
}

// TestSeekBehindTheEnd: a film that has been sent to its end goes on from where its player wants it to.
func TestSeekBehindTheEnd(t *testing.T) {
	dir := t.TempDir()
	film := mediatest.AVC(5 * time.Second)
	writeFilm(t, filepath.Join(dir, "film.flv"), film)
	s := start(t, func(c *config.Config) { c.Apps[0].PlayDir = dir })
	p := play(t, s.url("/live/film"), &atOnce)
	all := onlyFrames(film)
	if diff := mediatest.DiffAll(onlyFrames(rest(t, p)), all); diff != "" {
		t.Fatal(diff)
	}
	for _, at := range []time.Duration{0, 0, 2 * time.Second} {
		if err := p.Seek(at); err != nil {
			t.Fatal(err)
		}
		got := onlyFrames(rest(t, p))
		from := slices.IndexFunc(all, func(q *media.Packet) bool { return q.Key && q.Timestamp == at })
		if diff := mediatest.DiffAll(got, all[from:]); diff != "" {
			t.Errorf("from %v: %s", at, diff)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Seek(0); err != nil {
		t.Fatal(err)
	}
	if got, err := p.ReadPacket(limit(t)); !errors.Is(err, io.EOF) {
		t.Errorf("after Close: %v, %v", got, err)
	}
}

// TestLiveWins: without a position the live stream is what players get, and the recording when there is none.
func TestLiveWins(t *testing.T) {
	dir := t.TempDir()
	writeFilm(t, filepath.Join(dir, "cam.flv"), mediatest.AVC(2*time.Second))
	s := start(t, func(c *config.Config) { c.Apps[0].PlayDir = dir })
	live := mediatest.HEVC(2 * time.Second)
	p := publish(t, s.url("/live/cam"))
	send(t, p, live...)
	if got := take(t, play(t, s.url("/live/cam"), nil), 3); got[1].Codec != media.CodecHEVC {
		t.Errorf("a player of a live stream gets %v", got[1].Codec)
	}
	recorded := atOnce
	recorded.Recorded = true
	if got := rest(t, play(t, s.url("/live/cam"), &recorded)); got[1].Codec != media.CodecAVC {
		t.Errorf("a player of the recording gets %v", got[1].Codec)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "publish ended")
	until(t, "the stream was off the air", func() bool { return !s.onAir(key) })
	if got := rest(t, play(t, s.url("/live/cam"), &atOnce)); got[1].Codec != media.CodecAVC {
		t.Errorf("without a live stream a player gets %v", got[1].Codec)
	}
}

// TestRecordAndPlay needs no configuration at all.
func TestRecordAndPlay(t *testing.T) {
	s := start(t, func(c *config.Config) { c.Data = t.TempDir() })
	film := mediatest.AVC(3 * time.Second)
	p, err := dial(t, s.url("/live/cam")).Publish(limit(t), "", &rtmp.PublishOptions{Type: rtmp.PublishRecord})
	if err != nil {
		t.Fatal(err)
	}
	send(t, p, film...)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "publish ended")
	until(t, "the stream was off the air", func() bool { return !s.onAir(key) })
	for _, name := range []string{"cam", "flv:cam", "cam.flv"} {
		got := rest(t, play(t, s.url("/live/"+name), &atOnce))
		if diff := mediatest.DiffAll(onlyFrames(got), onlyFrames(film)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestPlaylistOfFiles: entries go on where the one before ended, and a client hears of each change.
func TestPlaylistOfFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.flv", "b.flv"} {
		writeFilm(t, filepath.Join(dir, name), mediatest.AVC(time.Second))
	}
	s := start(t, func(c *config.Config) { c.Apps[0].PlayDir = dir })
	v := s.connectRaw(t, false)
	v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
	v.send(1, &message.Command{Name: "set_playlist", Args: []any{[]any{"a", "b"}}})
	v.send(1, &message.Command{Name: "play", Args: []any{"a", 0.0, -1.0, 3.0}})
	messages := v.status("NetStream.Play.Stop")
	last := uint32(0)
	for _, m := range messages {
		if m.Type != uint8(message.TypeVideo) {
			continue
		}
		if m.Timestamp < last {
			t.Fatalf("the timeline goes back from %d to %d", last, m.Timestamp)
		}
		last = m.Timestamp
	}
	if last < 1900 {
		t.Errorf("the playlist ends at %d ms, want about 2 s", last)
	}
}

func TestFlashVersions(t *testing.T) {
	for text, want := range map[string]bool{
		"LNX 10,0,32,18": true, "WIN 32,0,0,465": true, "LNX 9,0,124,2": false, "FMLE/3.0 (compatible; Lavf60)": false, "": false,
		"WIN 999999999999,0": false,
	} {
		if got := knowsBufferEvents(text); got != want {
			t.Errorf("%q knows the buffer events: %v, want %v", text, got, want)
		}
	}
}
