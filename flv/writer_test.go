package flv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/media"
	"leat/media/mediatest"
)

func TestWriterConformance(t *testing.T) {
	mediatest.TestWriter(t, func(t *testing.T) media.Writer {
		w := NewWriter(io.Discard)
		t.Cleanup(func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		})
		return w
	})
}

func writeAll(t *testing.T, w *Writer, packets []*media.Packet) {
	t.Helper()
	for i, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestWriterStream: what cannot seek gets the packets as they are.
func TestWriterStream(t *testing.T) {
	for name, packets := range map[string][]*media.Packet{
		"AVC": mediatest.AVC(time.Second), "HEVC": mediatest.HEVC(time.Second), "AV1": mediatest.AV1(time.Second), "Opus": mediatest.Opus(time.Second),
	} {
		var b bytes.Buffer
		writeAll(t, NewWriter(&b), packets)
		if !bytes.Equal(b.Bytes(), file(packets)) {
			t.Errorf("%s: the file is not the header and the tags", name)
		}
	}
}

// create makes a file that begins at the given position.
func create(t *testing.T, start int64) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "test.flv"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return f
}

// contents returns what stands behind start, and checks that the position is at the end.
func contents(t *testing.T, f *os.File, start int64) []byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != int64(len(b)) {
		t.Errorf("the position is %d of %d, %v", at, len(b), err)
	}
	return b[start:]
}

// metadataOf returns the object of an onMetaData packet.
func metadataOf(t *testing.T, p *media.Packet) *amf.Object {
	t.Helper()
	vals, err := amf.Decode(p.Body, amf.Limits{})
	if err != nil || len(vals) != 2 || vals[0] != "onMetaData" {
		t.Fatalf("decode %x: %v, %v", p.Body, vals, err)
	}
	o, ok := vals[1].(*amf.Object)
	if !ok || !o.ECMA {
		t.Fatalf("the metadata is %#v", vals[1])
	}
	return o
}

func TestWriterPatchesFile(t *testing.T) {
	for _, test := range []struct {
		name         string
		start        int64
		packets      []*media.Packet
		flags        Header
		duration     float64
		width        float64
		skipMetadata bool // the file's onMetaData is not one of packets
	}{
		{
			name: "audio and video", packets: mediatest.AVC(time.Second),
			flags: Header{Version: 1, Audio: true, Video: true}, duration: 0.981, width: 96,
		},
		{
			name: "behind other bytes", start: 100, packets: mediatest.AV1(time.Second),
			flags: Header{Version: 1, Audio: true, Video: true}, duration: 0.98, width: 128,
		},
		{
			name: "without metadata", packets: mediatest.Opus(time.Second),
			flags: Header{Version: 1, Audio: true}, duration: 0.98, skipMetadata: true,
		},
		{name: "nothing", flags: Header{Version: 1}, skipMetadata: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := create(t, test.start)
			writeAll(t, NewWriter(f), test.packets)
			b := contents(t, f, test.start)
			r := NewReader(bytes.NewReader(b))
			header, err := r.Header()
			if err != nil || header != test.flags {
				t.Errorf("header %+v, %v, want %+v", header, err, test.flags)
			}
			got := readPackets(t, r, io.EOF)
			o := metadataOf(t, got[0])
			if d, _ := o.Number("duration"); d != test.duration {
				t.Errorf("duration %v, want %v", d, test.duration)
			}
			if n, _ := o.Number("filesize"); int(n) != len(b) {
				t.Errorf("filesize %v, want %d", n, len(b))
			}
			if w, _ := o.Number("width"); w != test.width {
				t.Errorf("width %v, want %v", w, test.width)
			}
			want := test.packets
			if !test.skipMetadata {
				want = want[1:]
			}
			if d := mediatest.DiffAll(got[1:], want); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestWriterOmits what belongs to a session and not into a file.
func TestWriterOmits(t *testing.T) {
	frame := &media.Packet{Kind: media.Video, Body: []byte{0x27, 1, 0, 0, 0, 9}}
	var b bytes.Buffer
	writeAll(t, NewWriter(&b), []*media.Packet{
		{Kind: media.Audio},
		{Kind: media.Video},
		{Kind: media.Data, Config: true, Name: "onMetaData"},
		{Kind: media.Data, Name: "@clearDataFrame", Body: unhex(t, clearFrame)},
		frame,
	})
	if want := file([]*media.Packet{frame}); !bytes.Equal(b.Bytes(), want) {
		t.Errorf("file %x, want %x", b.Bytes(), want)
	}
}

// TestWriterTimestamps: the first packet that is no header is at 0, and nothing steps back.
func TestWriterTimestamps(t *testing.T) {
	at := func(ms time.Duration, config bool) *media.Packet {
		return &media.Packet{Kind: media.Video, Config: config, Timestamp: ms * time.Millisecond, Body: []byte{0x27, 1, 0, 0, 0, 9}}
	}
	var b bytes.Buffer
	writeAll(t, NewWriter(&b), []*media.Packet{
		at(10, true), at(20, true), at(3600_000, false), at(3600_040, false), at(3600_030, false), at(0, true), at(3600_080, false),
	})
	want := []time.Duration{0, 0, 0, 40, 40, 40, 80}
	for i, p := range readPackets(t, NewReader(&b), io.EOF) {
		if p.Timestamp != want[i]*time.Millisecond {
			t.Errorf("packet %d at %v, want %v ms", i, p.Timestamp, int64(want[i]))
		}
	}
}

func TestWriterConvertsAMF3(t *testing.T) {
	var body []byte
	for _, v := range []any{"onMetaData", amf.AVMPlus{Value: amf.NewObject("width", 640, "title", "x")}} {
		var err error
		if body, err = amf.Append(body, v); err != nil {
			t.Fatal(err)
		}
	}
	broken := unhex(t, onTextData+"11 0a ff ff ff ff ff")
	var b bytes.Buffer
	writeAll(t, NewWriter(&b), []*media.Packet{
		{Kind: media.Data, AMF3: true, Config: true, Name: "onMetaData", Body: body},
		{Kind: media.Data, AMF3: true, Name: "onTextData", Body: broken},
	})
	r := NewReader(&b)
	tag, err := r.ReadTag()
	if err != nil || tag.Type != TagScript || bytes.IndexByte(tag.Body, 0x11) >= 0 {
		t.Errorf("tag %v with body %x, %v", tag.Type, tag.Body, err)
	}
	vals, err := amf.Decode(tag.Body, amf.Limits{})
	if err != nil || len(vals) != 2 {
		t.Fatalf("decode: %v, %v", vals, err)
	}
	if w, _ := vals[1].(*amf.Object).Number("width"); w != 640 {
		t.Errorf("width %v", w)
	}
	if tag, err := r.ReadTag(); err != nil || tag.Type != TagScript || !bytes.Equal(tag.Body, broken) {
		t.Errorf("what cannot be decoded became %v %x, %v", tag.Type, tag.Body, err)
	}
}

// TestAMF0BodyIsBounded: a value that is referred to again and again is not written out each time.
func TestAMF0BodyIsBounded(t *testing.T) {
	body, err := amf.Append(amf.AppendString(nil, "onTextData"), amf.AVMPlus{Value: amf.NewObject("text", strings.Repeat("x", 60000))})
	if err != nil {
		t.Fatal(err)
	}
	body = append(body, bytes.Repeat([]byte{0x11, 0x0a, 0x00}, 200)...)
	if values, err := amf.Decode(body, amf.Limits{}); err != nil || len(values) != 202 {
		t.Fatalf("%d values, %v", len(values), err)
	}
	p := &media.Packet{Kind: media.Data, AMF3: true, Name: "onTextData", Body: body}
	if got := AMF0Body(p); !bytes.Equal(got, body) {
		t.Errorf("%d bytes were made of %d", len(got), len(body))
	}
}

func TestAppendTagConvertsAMF3(t *testing.T) {
	p := &media.Packet{Kind: media.Data, AMF3: true, Config: true, Name: "onMetaData", Body: unhex(t, onMetaData+"11 04 07")}
	want := AppendTag(nil, &media.Packet{Kind: media.Data, Body: unhex(t, onMetaData+"00 401c000000000000")}, 7)
	if got := AppendTag(nil, p, 7); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestWriterMetadataTwice: later onMetaData do not contradict the totals of the first.
func TestWriterMetadataTwice(t *testing.T) {
	meta := func(kv ...any) *media.Packet {
		body, err := amf.Append(amf.AppendString(nil, "onMetaData"), amf.NewObject(kv...))
		if err != nil {
			t.Fatal(err)
		}
		return &media.Packet{Kind: media.Data, Config: true, Name: "onMetaData", Body: body}
	}
	f := create(t, 0)
	writeAll(t, NewWriter(f), []*media.Packet{
		meta("duration", 0.0, "width", 640.0), meta("width", 320.0, "duration", 0.0, "filesize", 7.0),
	})
	got := readPackets(t, NewReader(bytes.NewReader(contents(t, f, 0))), io.EOF)
	if len(got) != 2 {
		t.Fatalf("%d packets", len(got))
	}
	first, second := metadataOf(t, got[0]), metadataOf(t, got[1])
	if len(first.Members) != 3 || len(second.Members) != 1 {
		t.Errorf("members %v and %v", first.Members, second.Members)
	}
}

// TestWriterBrokenMetadata: totals cannot be added to what cannot be decoded; it is written as it is.
func TestWriterBrokenMetadata(t *testing.T) {
	f := create(t, 0)
	p := &media.Packet{Kind: media.Data, Config: true, Name: "onMetaData", Body: unhex(t, onMetaData+"03 0001 61 ff")}
	writeAll(t, NewWriter(f), []*media.Packet{p})
	got := readPackets(t, NewReader(bytes.NewReader(contents(t, f, 0))), io.EOF)
	if len(got) != 1 || !bytes.Equal(got[0].Body, p.Body) {
		t.Errorf("%d packets", len(got))
	}
}

// failing fails from the n-th Write on.
type failing struct{ n int }

var errDisk = errors.New("disk is full")

func (f *failing) Write(b []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

func TestWriterErrors(t *testing.T) {
	p := mediatest.Opus(time.Millisecond)[1]
	w := NewWriter(&failing{n: 1})
	if err := w.WritePacket(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := w.WritePacket(t.Context(), &media.Packet{Kind: media.Video, Body: make([]byte, maxTagBody+1)}); !errors.As(err, &e) {
		t.Errorf("a body of 16 MiB: %v", err)
	}
	if err := w.WritePacket(t.Context(), &media.Packet{Body: []byte{1}}); !errors.As(err, &e) {
		t.Errorf("no kind: %v", err)
	}
	for range 2 {
		if err := w.WritePacket(t.Context(), p); !errors.Is(err, errDisk) {
			t.Errorf("a failed Write: %v", err)
		}
	}
	if err := w.Close(); !errors.Is(err, errDisk) {
		t.Errorf("Close: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if err := w.WritePacket(t.Context(), p); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewWriter(io.Discard).WritePacket(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is done: %v", err)
	}
	if err := NewWriter(&failing{}).Close(); !errors.Is(err, errDisk) {
		t.Errorf("the header of an empty file: %v", err)
	}
}

func TestAppendTagOmits(t *testing.T) {
	for name, p := range map[string]*media.Packet{
		"no kind":       {Body: []byte{1}},
		"removed data":  {Kind: media.Data, Config: true, Name: "onMetaData"},
		"16 MiB":        {Kind: media.Video, Body: make([]byte, maxTagBody+1)},
		"unknown kind":  {Kind: 9, Body: []byte{1}},
		"no data at al": {Kind: media.Data},
	} {
		if b := AppendTag([]byte("x"), p, 0); string(b) != "x" {
			t.Errorf("%s: %d bytes were appended", name, len(b)-1)
		}
	}
	silence := AppendTag(nil, &media.Packet{Kind: media.Audio}, 7)
	if want := unhex(t, "08 000000 000007 00 000000 0000000b"); !bytes.Equal(silence, want) {
		t.Errorf("silence is %x, want %x", silence, want)
	}
}

func TestPacketTag(t *testing.T) {
	for _, test := range []struct {
		p    media.Packet
		want TagType
	}{
		{media.Packet{Kind: media.Audio}, TagAudio},
		{media.Packet{Kind: media.Video}, TagVideo},
		{media.Packet{Kind: media.Data}, TagScript},
		{media.Packet{Kind: media.Data, AMF3: true}, TagScriptAMF3},
		{media.Packet{}, 0},
	} {
		if got := PacketTag(&test.p); got != test.want {
			t.Errorf("PacketTag(%v) = %v, want %v", test.p.Kind, got, test.want)
		}
	}
}
