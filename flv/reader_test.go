package flv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

// file writes packets as a file without a Writer's doings: each with its own timestamp.
func file(packets []*media.Packet) []byte {
	b := AppendHeader(nil, true, true)
	for _, p := range packets {
		b = AppendTag(b, p, uint32(p.Timestamp.Milliseconds()))
	}
	return b
}

func TestReaderConformance(t *testing.T) {
	mediatest.TestReader(t, func(t *testing.T, packets []*media.Packet, ends bool) media.Reader {
		b := file(packets)
		if ends {
			return NewReader(bytes.NewReader(b))
		}
		client, server := net.Pipe()
		written := make(chan struct{})
		go func() { // ends when the test closes the pipe
			defer close(written)
			if _, err := server.Write(b); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
		}()
		t.Cleanup(func() {
			_ = client.Close()
			_ = server.Close()
			<-written
		})
		return NewReader(client)
	})
}

// TestReaderSplit: the bytes may arrive one by one.
func TestReaderSplit(t *testing.T) {
	want := mediatest.AVC(200 * time.Millisecond)
	r := NewReader(iotest.OneByteReader(bytes.NewReader(file(want))))
	if d := mediatest.DiffAll(readPackets(t, r, io.EOF), want); d != "" {
		t.Error(d)
	}
}

// readPackets reads until an error, which must be wantErr.
func readPackets(t *testing.T, r *Reader, wantErr error) []*media.Packet {
	t.Helper()
	var got []*media.Packet
	for {
		p, err := r.ReadPacket(t.Context())
		if err != nil {
			if !errors.Is(err, wantErr) {
				t.Fatalf("after %d packets: error %v, want %v", len(got), err, wantErr)
			}
			if _, again := r.ReadPacket(t.Context()); !errors.Is(again, wantErr) {
				t.Fatalf("the error does not stay: %v", again)
			}
			return got
		}
		got = append(got, p)
	}
}

func TestReaderHeader(t *testing.T) {
	for _, test := range []struct {
		name  string
		bytes string
		want  Header
	}{
		{"audio and video", "464c56 01 05 00000009 00000000", Header{Version: 1, Audio: true, Video: true}},
		{"audio, unknown flags", "464c56 01 fc 00000009 00000000", Header{Version: 1, Audio: true}},
		{"version 0", "464c56 00 01 00000009 00000000", Header{Version: 1, Video: true}},
		{"longer header", "464c56 01 01 0000000c aabbcc 00000000", Header{Version: 1, Video: true}},
		{"offset 0", "464c56 01 01 00000000 00000000", Header{Version: 1, Video: true}},
	} {
		tag := unhex(t, "08 000002 000005 00 000000 af01 0000000d")
		r := NewReader(bytes.NewReader(append(unhex(t, test.bytes), tag...)))
		got, err := r.Header()
		if err != nil || got != test.want {
			t.Errorf("%s: Header = %+v, %v, want %+v", test.name, got, err, test.want)
		}
		if tag, err := r.ReadTag(); err != nil || tag.Type != TagAudio || tag.Timestamp != 5 {
			t.Errorf("%s: ReadTag = %+v, %v", test.name, tag, err)
		}
		if got, err := r.Header(); err != nil || got != test.want {
			t.Errorf("%s: Header, asked again, = %+v, %v", test.name, got, err)
		}
	}
}

func TestReaderRefusesOtherFiles(t *testing.T) {
	for _, s := range []string{"GIF89a-and-more", "F", "FLX", "ID3"} {
		r := NewReader(bytes.NewReader([]byte(s)))
		_, err := r.Header()
		if s == "F" {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: error %v, want io.ErrUnexpectedEOF", s, err)
			}
			continue
		}
		if _, ok := errors.AsType[*Error](err); !ok {
			t.Errorf("%q: error %v, want an *Error", s, err)
		}
		if _, again := r.ReadTag(); !errors.Is(again, err) {
			t.Errorf("%q: the error does not stay: %v", s, again)
		}
	}
	if _, err := NewReader(bytes.NewReader(nil)).ReadPacket(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("an empty source: %v, want io.EOF", err)
	}
}

// TestReaderTruncated cuts a file at every byte: what is whole is delivered; the end is clean only behind a tag or
// within the PreviousTagSize behind it.
func TestReaderTruncated(t *testing.T) {
	packets := mediatest.AVC(80 * time.Millisecond)
	whole := file(packets)
	ends := map[int]int{fileHeaderSize: 0} // byte behind a tag → number of tags
	n := fileHeaderSize + previousTagSize
	for i, p := range packets {
		n += tagHeaderSize + len(p.Body)
		ends[n] = i + 1
		n += previousTagSize
	}
	count, behind := 0, fileHeaderSize
	for cut := fileHeaderSize; cut <= len(whole); cut++ {
		if n, ok := ends[cut]; ok {
			count, behind = n, cut
		}
		want := io.ErrUnexpectedEOF
		if cut-behind <= previousTagSize {
			want = io.EOF
		}
		got := readPackets(t, NewReader(bytes.NewReader(whole[:cut])), want)
		if len(got) != count {
			t.Fatalf("cut at %d: %d packets, want %d", cut, len(got), count)
		}
	}
}

func TestReaderOddTags(t *testing.T) {
	file := AppendHeader(nil, true, true)
	file = append(file, unhex(t, `
		09 000000 000000 00 000000            0000000b
		0a 000002 000000 00 000000 dead       0000000d
		29 000003 000000 00 000000 170000     0000000e
		09 000006 000010 00 000007 270100000041 ffffffff
		c8 000003 000020 00 000000 af0121     00000000
		12 00000e 000020 00 000000 02000a6f6e546578744461746105 00000019
		0f 00000f 000020 00 000000 0002000a6f6e546578744461746105 0000001a
		08 000000 000030 00 000000            0000000b
		09 000001 000031 00 000000 17         0000000c`)...)
	r := NewReader(bytes.NewReader(file))
	var got []string
	for _, p := range readPackets(t, r, io.EOF) {
		got = append(got, p.Timestamp.String()+" "+describe(p, p.Body))
	}
	want := []string{
		"0s video data=nil",
		"16ms video avc1 data=41", // the unknown and the encrypted tag are skipped, and the wrong sizes behind
		"32ms audio mp4a data=21", // reserved bits in the tag type
		"32ms data name=onTextData data=05",
		"32ms data amf3 name=onTextData data=05",
		"48ms audio data=nil",
		"49ms video avc1 data=nil",
	}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("packet %d: %s, want %s", i, got[i], want[i])
		}
	}
	if r.Malformed() != 1 {
		t.Errorf("%d malformed bodies, want 1", r.Malformed())
	}
}

func TestReadTag(t *testing.T) {
	b := append(AppendHeader(nil, true, true), unhex(t, "32 000001 020304 01 00000a 05 0000000c")...)
	tag, err := NewReader(bytes.NewReader(b)).ReadTag()
	if err != nil {
		t.Fatal(err)
	}
	want := Tag{Type: TagScript, Encrypted: true, Timestamp: 0x01020304, StreamID: 10, Body: []byte{5}}
	if tag.Type != want.Type || tag.Encrypted != want.Encrypted || tag.Timestamp != want.Timestamp ||
		tag.StreamID != want.StreamID || !bytes.Equal(tag.Body, want.Body) {
		t.Errorf("ReadTag = %+v, want %+v", tag, want)
	}
}

// TestTimestampExtension: bits 31 to 24 stand behind the other 24.
func TestTimestampExtension(t *testing.T) {
	b := AppendTag(nil, &media.Packet{Kind: media.Audio, Body: []byte{0xaf, 1}}, 0x04010203)
	if want := unhex(t, "08 000002 010203 04 000000 af01 0000000d"); !bytes.Equal(b, want) {
		t.Errorf("tag %x, want %x", b, want)
	}
	if h := parseTagHeader(b); h.Timestamp != 0x04010203 {
		t.Errorf("timestamp %#x", h.Timestamp)
	}
}

func TestTimeline(t *testing.T) {
	var clock media.Timeline
	for _, step := range []struct {
		timestamp uint32
		want      time.Duration // milliseconds
	}{
		{0xfffffff0, 0xfffffff0},
		{0x10, 0x100000010}, // over the wrap
		{0, 0x100000000},    // a small step back
		{0x7fffffff, 0x17fffffff},
		{0xfffffffe, 0x1fffffffe},
		{0xffffff, 0x200ffffff},
	} {
		if got := clock.Unwrap(step.timestamp); got != step.want*time.Millisecond {
			t.Errorf("at(%#x) = %v, want %v", step.timestamp, got, step.want*time.Millisecond)
		}
	}
}

// TestReaderMemory: a tag that declares 16 MiB and ends costs what arrived.
func TestReaderMemory(t *testing.T) {
	b := append(AppendHeader(nil, true, true), unhex(t, "09 ffffff 000000 00 000000 1701")...)
	r := NewReader(bytes.NewReader(b))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := r.ReadTag()
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes were allocated for a body of two", got)
	}
}

func TestReaderLargeBody(t *testing.T) {
	p := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Body: make([]byte, maxTagBody)}
	p.Body[0], p.Body[1], p.Body[maxTagBody-1] = 0x27, 1, 0x42
	p.Data = p.Body[5:]
	got := readPackets(t, NewReader(bytes.NewReader(file([]*media.Packet{p}))), io.EOF)
	if d := mediatest.DiffAll(got, []*media.Packet{p}); d != "" {
		t.Error(d)
	}
}

func TestReadPacketWithDoneContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	want := mediatest.Opus(20 * time.Millisecond)
	r := NewReader(bytes.NewReader(file(want)))
	if _, err := r.ReadPacket(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	// Nothing was read yet, so that the Reader can go on.
	if d := mediatest.DiffAll(readPackets(t, r, io.EOF), want); d != "" {
		t.Error(d)
	}
}
