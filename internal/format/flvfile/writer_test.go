package flvfile

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/internal/format"
	"leat/media"
	"leat/media/mediatest"
)

var errFull = errors.New("no space")

// storage is a file in memory. Writes beyond limit fail in the middle.
type storage struct {
	b     []byte
	limit int // 0: none
}

func (s *storage) Size() int64 { return int64(len(s.b)) }

func (s *storage) ReadAt(p []byte, at int64) (int, error) { return bytes.NewReader(s.b).ReadAt(p, at) }

func (s *storage) WriteAt(p []byte, at int64) (int, error) {
	var err error
	if end := int(at) + len(p); s.limit > 0 && end > s.limit {
		p, err = p[:max(0, s.limit-int(at))], errFull
	}
	if grown := int(at) + len(p); grown > len(s.b) {
		s.b = append(s.b, make([]byte, grown-len(s.b))...)
	}
	return copy(s.b[at:], p), err
}

func (s *storage) Truncate(size int64) error {
	s.b = s.b[:size]
	return nil
}

func write(t testing.TB, w *Writer, packets []*media.Packet) {
	t.Helper()
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

func record(t testing.TB, packets []*media.Packet) *storage {
	t.Helper()
	s := &storage{}
	w := NewWriter(s)
	write(t, w, packets)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

// shifted returns packets so much later.
func shifted(packets []*media.Packet, by time.Duration) []*media.Packet {
	out := make([]*media.Packet, len(packets))
	for i, p := range packets {
		q := *p
		q.Timestamp += by
		out[i] = &q
	}
	return out
}

// metadataIn returns the first onMetaData of a file.
func metadataIn(t testing.TB, b []byte) *amf.Object {
	t.Helper()
	tag, err := flv.NewReader(bytes.NewReader(b)).ReadTag()
	if err != nil {
		t.Fatal(err)
	}
	values, err := amf.Decode(tag.Body, amf.Limits{})
	if err != nil || len(values) != 2 {
		t.Fatalf("onMetaData is %v (%v)", values, err)
	}
	return values[1].(*amf.Object)
}

func number(o *amf.Object, name string) float64 {
	v, _ := o.Get(name)
	f, _ := v.(float64)
	return f
}

// wantTotals checks duration, filesize and keyframes against the file.
func wantTotals(t *testing.T, b []byte) {
	t.Helper()
	f := open(t, b)
	o := metadataIn(t, b)
	if got, want := number(o, "duration"), f.Info().Duration.Seconds(); got != want {
		t.Errorf("duration %v, want %v", got, want)
	}
	if got := number(o, "filesize"); got != float64(len(b)) {
		t.Errorf("filesize %v, want %d", got, len(b))
	}
	v, _ := o.Get("keyframes")
	keys, _ := v.(*amf.Object)
	positions, _ := keys.Get("filepositions")
	times, _ := keys.Get("times")
	places, _ := positions.([]any)
	seconds, _ := times.([]any)
	if len(places) != len(f.info.Keys) || len(seconds) != len(places) {
		t.Fatalf("%d positions and %d times, want %d", len(places), len(seconds), len(f.info.Keys))
	}
	for i, k := range f.keys {
		if f.info.HasVideo && (places[i] != float64(k.offset) || seconds[i] != k.time.Seconds()) {
			t.Errorf("key frame %d at %v, time %v; want %d, %v", i, places[i], seconds[i], k.offset, k.time)
		}
	}
}

var streams = map[string]func(time.Duration) []*media.Packet{
	"avc": mediatest.AVC, "hevc": mediatest.HEVC, "av1": mediatest.AV1, "opus": mediatest.Opus,
}

func TestWriterRoundTrip(t *testing.T) {
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			want := stream(3 * time.Second)
			s := record(t, shifted(want, time.Hour))
			if diff := mediatest.DiffAll(frames(readAll(t, open(t, s.b).NewCursor())), frames(want)); diff != "" {
				t.Error(diff)
			}
			wantTotals(t, s.b)
		})
	}
	o := metadataIn(t, record(t, mediatest.AVC(time.Second)).b)
	if number(o, "width") != 96 || o.Text("encoder") != "mediatest" {
		t.Errorf("the publisher's metadata became %v", o.Members)
	}
}

// Whatever moment the writer is stopped at, the file opens with all that was written; the repair fills in the rest.
func TestKilledAtAnyByte(t *testing.T) {
	packets := mediatest.AVC(2 * time.Second)
	s := &storage{}
	w := NewWriter(s)
	ends := make([]int, len(packets))
	for i, p := range packets {
		write(t, w, []*media.Packet{p})
		ends[i] = len(s.b)
	}
	for size := ends[5]; size < len(s.b); size += 97 {
		whole, _ := slices.BinarySearch(ends, size+1)
		torn := &storage{b: slices.Clone(s.b[:size])}
		want := frames(packets[:whole])
		got := frames(readAll(t, open(t, torn.b).NewCursor()))
		if len(got) < len(want) {
			t.Fatalf("cut at %d: %d frames before the repair, want %d", size, len(got), len(want))
		}
		if _, err := Repair(torn); err != nil {
			t.Fatalf("cut at %d: %v", size, err)
		}
		if diff := mediatest.DiffAll(frames(readAll(t, open(t, torn.b).NewCursor())), want); diff != "" {
			t.Fatalf("cut at %d: %s", size, diff)
		}
		wantTotals(t, torn.b)
	}
}

// A writer that is killed while it fills in the totals damages nothing that the repair cannot put right.
func TestKilledInTotals(t *testing.T) {
	packets := mediatest.AVC(3 * time.Second)
	before := &storage{}
	write(t, NewWriter(before), packets)
	after := record(t, packets)
	for at := 20; at < 2000; at += 31 {
		torn := &storage{b: slices.Concat(after.b[:at], before.b[at:])}
		if _, err := Repair(torn); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(torn.b, after.b) {
			t.Fatalf("torn at %d: the repair makes another file than Close", at)
		}
	}
	zeros := &storage{b: append(slices.Clone(before.b), make([]byte, 5000)...)}
	if _, err := Repair(zeros); err != nil || !bytes.Equal(zeros.b, after.b) {
		t.Errorf("zeros behind the last tag: %v", err)
	}
}

func TestRepairLeavesWhatIsNoRecording(t *testing.T) {
	only := &storage{}
	write(t, NewWriter(only), mediatest.AVC(time.Second)[:1])
	tests := map[string]struct {
		b   []byte
		err error
	}{
		"nothing": {nil, format.ErrStructure},
		"text":    {[]byte("This is no FLV file, but a text."), format.ErrStructure},
		"header":  {flv.AppendHeader(nil, true, true)[:11], format.ErrNoTrack},
		"state":   {only.b, format.ErrNoTrack},
	}
	for name, test := range tests {
		s := &storage{b: slices.Clone(test.b)}
		if _, err := Repair(s); !errors.Is(err, test.err) || !bytes.Equal(s.b, test.b) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files of other writers have room for less, or for nothing.
func TestRepairForeign(t *testing.T) {
	b := written(t, mediatest.AVC(2*time.Second))
	s := &storage{b: slices.Clone(b[:len(b)-10])}
	d, err := Repair(s)
	if err != nil || d < 1900*time.Millisecond {
		t.Fatal(d, err)
	}
	open(t, s.b)
}

func TestResume(t *testing.T) {
	want := mediatest.AVC(2 * time.Second)
	s := record(t, want)
	torn := &storage{b: slices.Clone(s.b[:len(s.b)-3])}
	w, err := Resume(torn, 0)
	if err != nil {
		t.Fatal(err)
	}
	write(t, w, shifted(want, time.Hour))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantTotals(t, torn.b)
	got := readAll(t, open(t, torn.b).NewCursor())
	var configs, count int
	last := time.Duration(-1)
	for _, p := range got {
		if p.Config && p.Kind != media.Data {
			configs++
		}
		if p.Kind == media.Video && !p.Config {
			count++
			if step := p.Timestamp - last; last >= 0 && step != 40*time.Millisecond {
				t.Errorf("a step of %v at %v", step, p.Timestamp)
			}
			last = p.Timestamp
		}
	}
	if configs != 2 || count != 100 {
		t.Errorf("%d sequence headers and %d video frames, want 2 and 100", configs, count)
	}
	changed := slices.Clone(want)
	header := *changed[1]
	header.Body = append(slices.Clone(header.Body), 0)
	changed[1] = &header
	w, err = Resume(torn, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	size := len(torn.b)
	write(t, w, changed)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(torn.b[size:], header.Body) {
		t.Error("a changed sequence header is missing")
	}
	if d := open(t, torn.b).Info().Duration; d < 65*time.Second || d > 67*time.Second {
		t.Errorf("duration %v with a gap of a minute, want about 66s", d)
	}
}

func TestFullDisk(t *testing.T) {
	packets := mediatest.AVC(2 * time.Second)
	s := &storage{limit: 40 << 10}
	w := NewWriter(s)
	var taken int
	var err error
	for _, p := range packets {
		if err = w.WritePacket(t.Context(), p); err != nil {
			break
		}
		taken++
	}
	if !errors.Is(err, errFull) {
		t.Fatalf("all fitted: %v", err)
	}
	if again := w.WritePacket(t.Context(), packets[0]); !errors.Is(again, errFull) {
		t.Errorf("a further packet: %v", again)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantTotals(t, s.b)
	if diff := mediatest.DiffAll(frames(readAll(t, open(t, s.b).NewCursor())), frames(packets[:taken])); diff != "" {
		t.Error(diff)
	}
}

// A disk on which nothing has room holds nothing after Close either.
func TestNoRoom(t *testing.T) {
	s := &storage{limit: 100}
	w := NewWriter(s)
	if err := w.WritePacket(t.Context(), mediatest.Metadata(1, 1)); !errors.Is(err, errFull) {
		t.Error(err)
	}
	if err := w.Close(); err != nil || len(s.b) != 0 {
		t.Errorf("%d bytes are left (%v)", len(s.b), err)
	}
}

func TestClock(t *testing.T) {
	const ms = time.Millisecond
	frame := func(k media.Kind, at time.Duration) *media.Packet {
		return &media.Packet{Kind: k, Timestamp: at, Body: []byte{1}}
	}
	var c clock
	for i, step := range []struct {
		p    *media.Packet
		want time.Duration
	}{
		{&media.Packet{Kind: media.Video, Config: true, Timestamp: 7}, 0},
		{frame(media.Audio, 5000*ms), 0},
		{frame(media.Video, 4990*ms), 0},
		{frame(media.Video, 5040*ms), 40 * ms},
		{frame(media.Audio, 5020*ms), 20 * ms},
		{frame(media.Video, 5030*ms), 40 * ms},
		{frame(media.Video, 5080*ms), 80 * ms},
		{frame(media.Video, 10*ms), 120 * ms},  // the clock has jumped back
		{frame(media.Audio, 5040*ms), 40 * ms}, // audio has not yet
		{frame(media.Audio, 5*ms), 115 * ms},
		{frame(media.Video, 50*ms), 160 * ms},
		{&media.Packet{Kind: media.Data, Timestamp: 0}, 110 * ms},
		{&media.Packet{Kind: media.Data, Timestamp: time.Hour}, 160 * ms},
	} {
		if got := c.place(step.p); got != step.want {
			t.Errorf("packet %d: %v, want %v", i, got, step.want)
		}
	}
}

func TestKeyIndexIsBounded(t *testing.T) {
	var x keyIndex
	for i := range 20 * maxKeys {
		x.add(keyFrame{time.Duration(i) * time.Second, int64(i)})
	}
	x.add(keyFrame{0, 0})
	if n := len(x.list); n < maxKeys/2 || n > maxKeys {
		t.Fatalf("%d key frames are listed", n)
	}
	step := x.list[1].at - x.list[0].at
	for i := 1; i < len(x.list); i++ {
		if x.list[i].at-x.list[i-1].at != step {
			t.Fatalf("the steps differ at %d", i)
		}
	}
	body := appendMetadata(nil, nil, &totals{keys: x}, indexRoom)
	if values, err := amf.Decode(body, amf.Limits{}); len(body) != indexRoom || err != nil || len(values) != 2 {
		t.Errorf("a body of %d bytes: %v", len(body), err)
	}
}

func TestWriterEdges(t *testing.T) {
	s := &storage{}
	w := NewWriter(s)
	write(t, w, []*media.Packet{
		{Kind: media.Audio},
		{Kind: media.Data, Config: true, Name: "x"},
		{Kind: media.Data, Name: "@setDataFrame", Body: []byte{2, 0, 1, '@'}},
	})
	if len(s.b) != 0 {
		t.Errorf("%d bytes were written for nothing", len(s.b))
	}
	if err := w.WritePacket(t.Context(), &media.Packet{Body: []byte{1}}); err == nil {
		t.Error("a packet without a kind was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.WritePacket(ctx, mediatest.Metadata(1, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if err := w.WritePacket(t.Context(), mediatest.Metadata(1, 1)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestWriterSuite(t *testing.T) {
	mediatest.TestWriter(t, func(*testing.T) media.Writer { return NewWriter(&storage{}) })
}

// FuzzRepair: whatever a file holds, a repaired one opens, has lost nothing that could be read, and is stable.
func FuzzRepair(f *testing.F) {
	whole := record(f, mediatest.AVC(200*time.Millisecond))
	short := slices.Concat(whole.b[:200], whole.b[len(whole.b)-900:])
	f.Add(short)
	f.Add(written(f, mediatest.Opus(100*time.Millisecond)))
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &storage{b: slices.Clone(b)}
		if _, err := Repair(s); err != nil {
			if !bytes.Equal(s.b, b) {
				t.Fatal("a file that cannot be repaired was changed")
			}
			return
		}
		if len(s.b) > len(b) {
			t.Fatal("the file has grown")
		}
		if _, err := Open(bytes.NewReader(s.b)); err != nil {
			t.Fatalf("a repaired file does not open: %v", err)
		}
		again := &storage{b: slices.Clone(s.b)}
		if _, err := Repair(again); err != nil || !bytes.Equal(again.b, s.b) {
			t.Fatalf("the second repair changes the file: %v", err)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	packets := mediatest.AVC(time.Second)
	s := &storage{b: make([]byte, 0, 64<<20)}
	w := NewWriter(s)
	write(b, w, packets[:3])
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if w.state.end > 32<<20 {
			s.b, w.state.end = s.b[:0], 0
		}
		if err := w.WritePacket(b.Context(), packets[3+i%(len(packets)-3)]); err != nil {
			b.Fatal(err)
		}
	}
}
