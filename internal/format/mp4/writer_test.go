package mp4

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/internal/format"
	"leat/media"
	"leat/media/mediatest"
)

// write returns packets as an MP4 file written to something that cannot seek.
func write(t testing.TB, packets []*media.Packet) []byte {
	t.Helper()
	var b bytes.Buffer
	writeTo(t, &b, packets)
	return b.Bytes()
}

func writeTo(t testing.TB, to io.Writer, packets []*media.Packet) {
	t.Helper()
	w := NewWriter(to, nil)
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// withoutMetadata leaves out what a file makes itself.
func withoutMetadata(packets []*media.Packet) []*media.Packet {
	return slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return p.Name == media.NameMetadata })
}

// What was written comes back: headers and frames, every field and byte.
func TestRoundTrip(t *testing.T) {
	for name, packets := range map[string][]*media.Packet{
		"avc": mediatest.AVC(5 * time.Second), "hevc": mediatest.HEVC(5 * time.Second), "av1": mediatest.AV1(5 * time.Second),
		"opus": mediatest.Opus(5 * time.Second), "multitrack": multitrack(t), "others": others(t),
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, write(t, packets))
			got, want := withoutMetadata(readAll(t, f.NewCursor())), withoutMetadata(packets)
			if diff := mediatest.DiffAll(got, want); diff != "" {
				t.Error(diff)
			}
			last := want[len(want)-1].Timestamp
			if d := f.Info().Duration; d < last || d > last+100*time.Millisecond {
				t.Errorf("duration %v, want about %v", d, last)
			}
		})
	}
}

// parsed returns the packets of a body.
func parsed(t testing.TB, kind flv.TagType, at time.Duration, front, data []byte) *media.Packet {
	t.Helper()
	packets, err := flv.AppendPackets(nil, kind, at, append(bytes.Clone(front), data...))
	if err != nil || len(packets) != 1 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	return packets[0]
}

// multitrack returns H.264 and H.265 as two tracks, and AAC and Opus as two more.
func multitrack(t testing.TB) []*media.Packet {
	var headers, rest []*media.Packet
	number := func(p *media.Packet) *media.Packet {
		tag, front := flv.PacketTag(p), []byte(nil)
		var err error
		if p.Kind == media.Video {
			h := flv.VideoHeader{
				Enhanced: true, FrameType: flv.FrameInter, PacketType: flv.VideoCodedFrames, Multitrack: true, FourCC: p.Codec, TrackID: 1,
				CompositionTime: int32(p.Offset.Milliseconds()),
			}
			switch {
			case p.Config:
				h.PacketType, h.FrameType = flv.VideoSequenceStart, flv.FrameKey
			case p.Offset == 0:
				h.PacketType = flv.VideoCodedFramesX
			}
			if p.Key {
				h.FrameType = flv.FrameKey
			}
			front, err = flv.AppendVideoHeader(nil, &h)
		} else {
			h := flv.AudioHeader{Enhanced: true, PacketType: flv.AudioCodedFrames, Multitrack: true, FourCC: p.Codec, TrackID: 1}
			if p.Config {
				h.PacketType = flv.AudioSequenceStart
			}
			front, err = flv.AppendAudioHeader(nil, &h)
		}
		if err != nil {
			t.Fatal(err)
		}
		return parsed(t, tag, p.Timestamp, front, p.Data)
	}
	second := slices.Concat(mediatest.HEVC(3*time.Second), mediatest.Opus(3*time.Second))
	for _, p := range mediatest.AVC(3 * time.Second) {
		if p.Config {
			headers = append(headers, p)
		} else {
			rest = append(rest, p)
		}
	}
	for _, p := range second {
		switch {
		case p.Kind == media.Data || p.Codec == media.CodecAAC:
		case p.Config:
			headers = append(headers, number(p))
		default:
			rest = append(rest, number(p))
		}
	}
	var all media.Headers
	for _, p := range headers {
		all.Apply(p)
	}
	slices.SortStableFunc(rest, func(a, b *media.Packet) int {
		return cmp.Or(cmp.Compare(a.Timestamp, b.Timestamp), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Track, b.Track))
	})
	return append(slices.Clone(all.Packets()), rest...)
}

// others returns tracks of the codecs that are left, with frames that are only as long as they are looked at.
func others(t testing.TB) []*media.Packet {
	enhanced := func(first byte, codec string) []byte { return append([]byte{first}, codec...) }
	video := func(first byte, codec string, at int, data string) *media.Packet {
		return parsed(t, flv.TagVideo, time.Duration(at)*time.Millisecond, enhanced(first, codec), []byte(data))
	}
	track := func(first, id byte, codec string, at int, data string) *media.Packet {
		front := append(append([]byte{0x95, first}, codec...), id)
		return parsed(t, flv.TagAudio, time.Duration(at)*time.Millisecond, front, []byte(data))
	}
	const (
		mp3Frame  = "\xff\xfb\x90\x04 mp3"
		ac3Frame  = "\x0b\x77\x00\x00\x14\x40\xe1\x00 ac3"
		eac3Frame = "\x0b\x77\x01\x7f\x34\x86\x00\x00 eac3"
		flacBlock = "fLaC\x80\x00\x00\x22\x10\x00\x10\x00\x00\x00\x00\x00\x00\x00\x0a\xc4\x42\xf0\x00\x00\x00\x00................"
	)
	return []*media.Packet{
		video(0x90, "vp09", 0, "\x01\x00\x00\x00\x00\x0a\x82\x02\x02\x02\x00\x00"),
		track(0x00, 3, "fLaC", 0, flacBlock),
		parsed(t, flv.TagAudio, 0, []byte{0x2f}, []byte(mp3Frame)),
		track(0x01, 1, "ac-3", 0, ac3Frame),
		track(0x01, 2, "ec-3", 0, eac3Frame),
		track(0x01, 3, "fLaC", 0, "flac"),
		video(0x91, "vp09", 0, "a key frame"),
		parsed(t, flv.TagAudio, 26*time.Millisecond, []byte{0x2f}, []byte(mp3Frame)),
		track(0x01, 1, "ac-3", 32, ac3Frame),
		track(0x01, 2, "ec-3", 32, eac3Frame),
		video(0xa1, "vp09", 40, "another"),
		track(0x01, 3, "fLaC", 80, "flac again"),
	}
}

// The configuration boxes that are made of frames are those that ffmpeg makes of them.
func TestDolbyConfigs(t *testing.T) {
	b := fixture(t, "hevc.mp4")
	want := b[bytes.Index(b, []byte("dac3"))+4:][:3]
	for _, p := range frames(readAll(t, open(t, b).NewCursor())) {
		if p.Codec == media.CodecAC3 {
			if got := ac3Config(p.Data); !bytes.Equal(got, want) {
				t.Fatalf("dac3 is %x, want %x", got, want)
			}
		}
	}
	// 192 kbit/s, 48 kHz, stereo.
	if got := fmt.Sprintf("%x", eac3Config([]byte("\x0b\x77\x01\x7f\x34\x87\xc0\x00"))); got != "0600200400" {
		t.Errorf("dec3 is %s, want 0600200400", got)
	}
}

func TestVPConfig(t *testing.T) {
	const want = "010000000029820202020000"
	for _, record := range []string{"\x01\x00\x00\x00\x00\x29\x82\x02\x02\x02\x00\x00", "\x01\x00\x29\x82\x02\x02\x02\x00\x00", "\x00\x29\x82\x02\x02\x02\x00\x00"} {
		if got := fmt.Sprintf("%x", vpConfig([]byte(record))); got != want {
			t.Errorf("%x: %s, want %s", record, got, want)
		}
	}
}

// taking is a Writer to which leaving something out is no error.
type taking struct{ *Writer }

func (w taking) WritePacket(ctx context.Context, p *media.Packet) error {
	err := w.Writer.WritePacket(ctx, p)
	if u := (*UnsupportedError)(nil); errors.As(err, &u) {
		return nil
	}
	return err
}

func TestSuite(t *testing.T) {
	mediatest.TestWriter(t, func(*testing.T) media.Writer { return taking{NewWriter(io.Discard, nil)} })
}

// What cannot be written is said once, and does no harm to the rest.
func TestUnsupported(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, nil)
	want := mediatest.AVC(2 * time.Second)
	var said []string
	for _, p := range want {
		for _, odd := range []*media.Packet{
			{Kind: media.Audio, Track: 3, Timestamp: p.Timestamp, Body: []byte{0x72, 1}, Data: []byte{1}},
			{Kind: media.Video, Track: 4, Codec: 0x78797a31, Timestamp: p.Timestamp, Body: []byte{0x90, 1}, Data: []byte{1}},
			{Kind: media.Data, Name: "onCuePoint", Timestamp: p.Timestamp, Body: []byte{2}},
			p,
		} {
			var u *UnsupportedError
			if err := w.WritePacket(t.Context(), odd); errors.As(err, &u) {
				said = append(said, err.Error())
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(said, "\n"), `mp4: audio track 3 is left out: codec without a name
mp4: video track 4 is left out: codec xyz1
mp4: data messages such as "onCuePoint" are left out`; got != want {
		t.Errorf("said:\n%s\nwant\n%s", got, want)
	}
	if d := mediatest.DiffAll(frames(readAll(t, open(t, b.Bytes()).NewCursor())), frames(want)); d != "" {
		t.Error(d)
	}
}

// A header that changes, or a track that comes up, needs a new file; a header that comes again does not.
func TestNewSegment(t *testing.T) {
	stream := mediatest.AVC(3 * time.Second)
	other := *stream[1]
	other.Data = append(bytes.Clone(other.Data), 0)
	opus := mediatest.Opus(time.Second)
	late := *opus[0]
	late.Track = 1
	mp3 := &media.Packet{Kind: media.Audio, Codec: media.CodecMP3, Track: 2, Body: []byte{0x2f, 1}, Data: []byte{1}}
	for _, test := range []struct {
		name   string
		packet *media.Packet
		want   error
	}{
		{"the same header", stream[1], nil},
		{"another header", &other, ErrNewSegment},
		{"another codec", opus[0], ErrNewSegment},
		{"a new track", &late, ErrNewSegment},
		{"a new track without header", mp3, ErrNewSegment},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			w := NewWriter(&b, nil)
			for _, p := range stream {
				if err := w.WritePacket(t.Context(), p); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.WritePacket(t.Context(), test.packet); !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if d := mediatest.DiffAll(frames(readAll(t, open(t, b.Bytes()).NewCursor())), frames(stream)); d != "" {
				t.Error(d)
			}
		})
	}
}

// Frames that nothing can be done with are left out: before their header, and pictures before the first key frame.
func TestBeforeTheBeginning(t *testing.T) {
	stream := mediatest.AVC(3 * time.Second)
	headers, all := stream[:3], stream[3:]
	from := slices.IndexFunc(all, func(p *media.Packet) bool { return p.Timestamp >= 500*time.Millisecond })
	packets := slices.Concat(all[:10], headers, all[from:])
	var want []*media.Packet
	var first time.Duration
	key := false
	for _, p := range all[from:] {
		if key = key || p.Key; p.Kind == media.Audio || key {
			if len(want) == 0 {
				first = p.Timestamp
			}
			moved := *p
			moved.Timestamp -= first
			want = append(want, &moved)
		}
	}
	if d := mediatest.DiffAll(frames(readAll(t, open(t, write(t, packets)).NewCursor())), want); d != "" {
		t.Error(d)
	}
}

// Times that step back or stand still go on instead.
func TestTimesRise(t *testing.T) {
	stream := mediatest.Opus(time.Second)
	for i, p := range stream {
		if i%10 == 7 {
			p.Timestamp -= 300 * time.Millisecond
		}
	}
	got := frames(readAll(t, open(t, write(t, stream)).NewCursor()))
	if len(got) != len(stream)-1 {
		t.Fatalf("%d frames, want %d", len(got), len(stream)-1)
	}
	for i := range got[1:] {
		if got[i+1].Timestamp < got[i].Timestamp {
			t.Errorf("frame %d at %v behind one at %v", i+1, got[i+1].Timestamp, got[i].Timestamp)
		}
	}
}

// No fragment covers more than a second, and one begins at each key frame.
func TestFragmentsAreShort(t *testing.T) {
	b := write(t, mediatest.AVC(10*time.Second))
	s := &scanner{in: bytes.NewReader(b), size: int64(len(b))}
	count := 0
	for at := int64(0); ; count++ {
		x, err := s.find("moof", at)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		at = x.end
	}
	if count != 10 {
		t.Errorf("%d fragments, want 10", count)
	}
	mfra := findChild(b, "mfra")
	tfra := fields{b: findChild(mfra, "tfra")}
	tfra.skip(12)
	if n := tfra.u32(); n != 10 {
		t.Errorf("%d key frames in the index, want 10", n)
	}
	for range 10 {
		tfra.u64()
		at := tfra.u64()
		tfra.skip(3)
		if kind := string(b[at+4 : at+8]); kind != "moof" {
			t.Errorf("the index has %q at %d", kind, at)
		}
	}
	if size := binary.BigEndian.Uint32(b[len(b)-4:]); int(size) != len(mfra)+boxHeader {
		t.Errorf("mfro says %d bytes, want %d", size, len(mfra)+boxHeader)
	}
}

var errFull = errors.New("no space left")

// full is a disk with little room.
type full struct{ room int }

func (f *full) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	if f.room -= n; n < len(b) {
		return n, errFull
	}
	return n, nil
}

func TestWriteFails(t *testing.T) {
	w := NewWriter(&full{room: 3000}, nil)
	var err error
	for _, p := range mediatest.AVC(5 * time.Second) {
		if err = w.WritePacket(t.Context(), p); err != nil {
			break
		}
	}
	if !errors.Is(err, errFull) || !errors.Is(w.Close(), errFull) || !errors.Is(w.WritePacket(t.Context(), mediatest.Opus(1)[0]), ErrClosed) {
		t.Errorf("error %v, want that of the disk", err)
	}
	if err := NewWriter(&full{}, nil).Close(); err != nil {
		t.Errorf("without packets Close says %v", err)
	}
}

// tempFile returns a file of these bytes.
func tempFile(t testing.TB, b []byte) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "a.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	return f
}

// A file has a duration in its front once it is closed.
func TestDuration(t *testing.T) {
	f := tempFile(t, nil)
	writeTo(t, f, mediatest.AVC(4*time.Second))
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at != int64(len(b)) {
		t.Errorf("position %d, %v, want the end, %d", at, err, len(b))
	}
	if got := mehdOf(b); got < 3990 || got > 4030 {
		t.Errorf("duration %d ms", got)
	}
}

func mehdOf(b []byte) uint64 {
	f := fields{b: findChild(findChild(findChild(b, "moov"), "mvex"), "mehd")}
	version, _ := f.full()
	return f.either(version)
}

// memory is a Repairable in memory.
type memory struct{ b []byte }

func (m *memory) ReadAt(b []byte, offset int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(b, offset)
}

func (m *memory) WriteAt(b []byte, offset int64) (int, error) {
	if grow := int(offset) + len(b) - len(m.b); grow > 0 {
		m.b = append(m.b, zeros(grow)...)
	}
	return copy(m.b[offset:], b), nil
}

func (m *memory) Truncate(size int64) error {
	m.b = m.b[:size]
	return nil
}

// A file that was cut off anywhere is repaired: it holds all fragments that were whole, a duration and an index. To
// repair it again changes nothing.
func TestRepair(t *testing.T) {
	want := frames(mediatest.AVC(3 * time.Second))
	f := tempFile(t, nil)
	w := NewWriter(f, nil)
	for _, p := range mediatest.AVC(3 * time.Second) {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	unfinished, err := os.ReadFile(f.Name()) // as after kill -9
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	closed, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n <= len(closed); n += 3 {
		m := &memory{bytes.Clone(closed[:n])}
		copy(m.b, unfinished) // the duration is filled in when all is written
		size, err := Repair(m, int64(n))
		if err != nil {
			if !errors.Is(err, format.ErrStructure) || n > 2000 {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		if size != int64(len(m.b)) {
			t.Fatalf("%d bytes: size %d, want %d", n, size, len(m.b))
		}
		again := &memory{bytes.Clone(m.b)}
		if size, err := Repair(again, size); err != nil || size != int64(len(m.b)) || !bytes.Equal(again.b, m.b) {
			t.Fatalf("%d bytes: the second repair has %d bytes, %v", n, size, err)
		}
		if n%20 == 0 {
			checkRepaired(t, n, m.b, want)
		}
	}
}

// checkRepaired checks that a repaired file holds the beginning of each track.
func checkRepaired(t *testing.T, n int, b []byte, want []*media.Packet) {
	t.Helper()
	f, err := openBytes(b)
	if errors.Is(err, format.ErrNoTrack) && findChild(b, "moof") == nil {
		return // no fragment was whole
	}
	if err != nil {
		t.Fatalf("%d bytes: %v", n, err)
	}
	if got, want := mehdOf(b), f.Info().Duration.Milliseconds(); int64(got) < want-1 || int64(got) > want+1 {
		t.Fatalf("%d bytes: duration %d, want %d", n, got, want)
	}
	if findChild(b, "mfra") == nil {
		t.Fatalf("%d bytes: no index of key frames", n)
	}
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		other := func(p *media.Packet) bool { return p.Kind != kind }
		got, all := slices.DeleteFunc(frames(readAll(t, f.NewCursor())), other), slices.DeleteFunc(slices.Clone(want), other)
		if d := mediatest.DiffAll(got, all[:len(got)]); d != "" {
			t.Fatalf("%d bytes: %s", n, d)
		}
	}
}

// Files that others have made are repaired as far as that goes, or left alone.
func TestRepairOthers(t *testing.T) {
	for _, name := range fixtures {
		whole := fixture(t, name)
		m := &memory{bytes.Clone(whole)}
		if _, err := Repair(m, int64(len(m.b))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(m.b, whole) {
			t.Errorf("%s was changed", name)
		}
	}
	m := &memory{[]byte("this is not a movie")}
	if _, err := Repair(m, int64(len(m.b))); !errors.Is(err, format.ErrStructure) {
		t.Errorf("error %v, want ErrStructure", err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, name := range fixtures {
		f.Add(fixture(f, name))
	}
	f.Add(write(f, mediatest.AVC(200*time.Millisecond)))
	f.Add(write(f, mediatest.Opus(200*time.Millisecond)))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := openBytes(b)
		if err != nil {
			if !errors.Is(err, format.ErrStructure) && !errors.Is(err, format.ErrNoTrack) {
				t.Fatal(err)
			}
			return
		}
		c := file.NewCursor()
		const enough = 300 // samples may overlap, so that a small file plays for long
		for _, d := range []time.Duration{0, file.Info().Duration / 2, file.Info().Duration} {
			if _, err := c.Seek(d); err != nil {
				t.Fatal(err)
			}
			for range enough {
				p, err := c.ReadPacket(t.Context())
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(p.Body) > len(b)*5+1<<10 {
					t.Fatalf("a packet of %d bytes in a file of %d", len(p.Body), len(b))
				}
			}
		}
	})
}

func FuzzRepair(f *testing.F) {
	f.Add(write(f, mediatest.AVC(200*time.Millisecond)))
	f.Add(fixture(f, "fragmented.mp4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &memory{bytes.Clone(b)}
		size, err := Repair(m, int64(len(b)))
		if err != nil {
			return
		}
		if size != int64(len(m.b)) {
			t.Fatalf("size %d, want %d", size, len(m.b))
		}
	})
}

func BenchmarkReadPacket(b *testing.B) {
	f := open(b, write(b, mediatest.AVC(10*time.Second)))
	c := f.NewCursor()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.ReadPacket(b.Context()); errors.Is(err, io.EOF) {
			c = f.NewCursor()
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeek(b *testing.B) {
	f := open(b, write(b, mediatest.AVC(time.Minute)))
	c := f.NewCursor()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := c.Seek(time.Duration(i%60) * time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWritePacket(b *testing.B) {
	packets := mediatest.AVC(10 * time.Second)
	w := NewWriter(io.Discard, nil)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := *packets[i%len(packets)]
		p.Timestamp += time.Duration(i/len(packets)) * 10 * time.Second
		if err := w.WritePacket(b.Context(), &p); err != nil {
			b.Fatal(err)
		}
	}
}

// TestLive: pieces end where Cut says, times count from the origin, and nothing is written at the end.
func TestLive(t *testing.T) {
	var writes [][]byte
	w := NewWriter(writerFunc(func(b []byte) (int, error) {
		writes = append(writes, bytes.Clone(b))
		return len(b), nil
	}), &WriterOptions{FragmentDuration: time.Hour, Live: true, Origin: -time.Second})
	packets := mediatest.AVC(time.Second)
	frames := 0
	for _, p := range packets {
		if !p.Config && p.Kind == media.Video {
			if frames++; frames == 10 {
				if err := w.Cut(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if len(writes) != 2 {
		t.Fatalf("%d writes, want 2", len(writes))
	}
	init, rest := SplitInit(writes[0])
	if len(init) == 0 || string(rest[4:8]) != "moof" {
		t.Fatalf("the first piece has %d bytes of initialization, then %q", len(init), rest[4:8])
	}
	if init, rest := SplitInit(writes[1]); init != nil || len(rest) != len(writes[1]) {
		t.Error("the second piece begins with an initialization segment")
	}
	for n := range init {
		if cut, _ := SplitInit(init[:n]); cut != nil {
			t.Fatalf("%d bytes are taken for an initialization segment", n)
		}
	}
	if bytes.Contains(writes[1], []byte("mfra")) {
		t.Error("a live stream has an index of key frames")
	}
	if err := w.Cut(nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Cut after Close: %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
