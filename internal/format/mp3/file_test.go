package mp3

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/media"
	"leat/media/mediatest"
)

// frame makes a frame of noise behind the header bytes.
func frame(t testing.TB, head ...byte) []byte {
	t.Helper()
	h, ok := parse(head)
	if !ok {
		t.Fatalf("% x is no header", head)
	}
	b := append([]byte{}, head...)
	r := rand.New(rand.NewPCG(1, uint64(head[2])))
	for len(b) < h.size {
		b = append(b, byte(r.IntN(200))) // never 0xff: no false header
	}
	return b
}

func repeat(b []byte, n int) []byte { return bytes.Repeat(b, n) }

// id3 makes an ID3v2.4 tag.
func id3(frames ...[]byte) []byte {
	body := append(bytes.Join(frames, nil), make([]byte, 20)...)
	n := len(body)
	return append([]byte{'I', 'D', '3', 4, 0, 0, byte(n >> 21 & 0x7f), byte(n >> 14 & 0x7f), byte(n >> 7 & 0x7f), byte(n & 0x7f)}, body...)
}

func textFrame(id string, encoding byte, text string) []byte {
	n := len(text) + 1
	return append([]byte{id[0], id[1], id[2], id[3], 0, 0, byte(n >> 7), byte(n & 0x7f), 0, 0, encoding}, text...)
}

func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func sound(t testing.TB, c media.Reader) []*media.Packet {
	t.Helper()
	var all []*media.Packet
	for {
		p, err := c.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind == media.Audio {
			all = append(all, p)
		}
	}
}

var (
	cbr44 = []byte{0xff, 0xfb, 0x90, 0x00} // MPEG-1, 128 kbit/s, 44.1 kHz, stereo: 417 bytes
	low22 = []byte{0xff, 0xf3, 0x40, 0xc0} // MPEG-2, 32 kbit/s, 22.05 kHz, mono
	low8  = []byte{0xff, 0xe3, 0x18, 0xc0} // MPEG-2.5, 8 kbit/s, 8 kHz, mono
)

func TestHeaders(t *testing.T) {
	tests := []struct {
		head []byte
		want header
		tag  byte
	}{
		{cbr44, header{rate: 44100, samples: 1152, size: 417, stereo: true, version: 3}, 0x2f},
		{low22, header{rate: 22050, samples: 576, size: 104, version: 2}, 0x2a},
		{low8, header{rate: 8000, samples: 576, size: 72, version: 0}, 0xe2},
		{[]byte{0xff, 0xfb, 0x94, 0x00}, header{rate: 48000, samples: 1152, size: 384, stereo: true, version: 3}, 0x2f},
	}
	for _, test := range tests {
		h, ok := parse(test.head)
		if !ok || h != test.want || h.audioTag() != test.tag {
			t.Errorf("% x: %+v tag %#x, want %+v tag %#x", test.head, h, h.audioTag(), test.want, test.tag)
		}
	}
	for _, bad := range [][]byte{{0xff, 0xfb, 0x00, 0}, {0xff, 0xfb, 0xf0, 0}, {0xff, 0xfb, 0x9c, 0}, {0xff, 0xeb, 0x90, 0}, {0xff, 0xfd, 0x90, 0}, {0xff}} {
		if h, ok := parse(bad); ok {
			t.Errorf("% x was taken for %+v", bad, h)
		}
	}
}

func TestPlaysEveryFrame(t *testing.T) {
	one := frame(t, cbr44...)
	vbr := frame(t, 0xff, 0xfb, 0xb0, 0x00)
	tag := id3(textFrame("TIT2", 3, "Söng"), textFrame("TPE1", 1, "\xff\xfeA\x00b\x00"))
	xing := frame(t, cbr44...)
	copy(xing[headerSize+32:], "Xing")
	v1 := append([]byte("TAG"), make([]byte, 125)...)
	tests := map[string]struct {
		file   []byte
		frames int
	}{
		"constant":           {repeat(one, 100), 100},
		"variable":           {repeat(append(append([]byte{}, one...), vbr...), 50), 100},
		"tags, Xing, ID3v1":  {bytes.Join([][]byte{tag, xing, repeat(one, 80), v1}, nil), 80},
		"noise in the front": {append([]byte("not a frame"), repeat(one, 10)...), 10},
		"noise in between":   {bytes.Join([][]byte{repeat(one, 10), make([]byte, 333), repeat(one, 10)}, nil), 20},
		"cut off":            {repeat(one, 10)[:417*10-5], 9},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := open(t, test.file)
			got := sound(t, f.NewCursor())
			if len(got) != test.frames {
				t.Fatalf("%d frames, want %d", len(got), test.frames)
			}
			for i, p := range got {
				if want := duration(int64(i)*1152, 44100); p.Timestamp != want || p.Body[0] != 0x2f || p.Data[0] != 0xff {
					t.Fatalf("frame %d at %v (body % x), want %v", i, p.Timestamp, p.Body[:3], want)
				}
			}
			if want := duration(int64(test.frames)*1152, 44100); f.Info().Duration != want {
				t.Errorf("duration %v, want %v", f.Info().Duration, want)
			}
			if diff := mediatest.DiffAll(sound(t, NewStream(iotest.OneByteReader(bytes.NewReader(test.file)))), got); diff != "" {
				t.Errorf("as a stream: %s", diff)
			}
		})
	}
}

func TestTags(t *testing.T) {
	one := frame(t, cbr44...)
	f := open(t, append(id3(textFrame("TIT2", 3, "Söng"), textFrame("TPE1", 1, "\xff\xfeA\x00b\x00"), textFrame("TALB", 0, "\xe9t\xe9"),
		textFrame("COMM", 1, "eng\xff\xfed\x00\x00\x00\xff\xfeN\x00o\x00")), repeat(one, 3)...))
	values, err := amf.Decode(f.Tags().Body, amf.Limits{})
	if err != nil || len(values) != 2 {
		t.Fatal(values, err)
	}
	o := values[1].(*amf.Object)
	for name, want := range map[string]string{"songname": "Söng", "TIT2": "Söng", "artist": "Ab", "album": "été", "comment": "No"} {
		if got := o.Text(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestSeek(t *testing.T) {
	f := open(t, repeat(frame(t, cbr44...), 400)) // 10.4 s
	c := f.NewCursor()
	for _, target := range []time.Duration{0, 5 * time.Second, 20 * time.Second, -1} {
		at, err := c.Seek(target)
		if err != nil {
			t.Fatal(err)
		}
		want := min(max(target, 0), f.Info().Duration)
		if at > want || want-at > 1100*time.Millisecond {
			t.Errorf("Seek(%v) went to %v", target, at)
		}
		if got := sound(t, c); got[0].Timestamp != at {
			t.Errorf("the first frame after a seek to %v is at %v", at, got[0].Timestamp)
		}
	}
}

func TestNoMP3(t *testing.T) {
	for _, b := range [][]byte{nil, []byte("text"), make([]byte, 100_000), id3(), []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f")} {
		if _, err := Open(bytes.NewReader(b)); !errors.Is(err, format.ErrStructure) {
			t.Errorf("%d bytes: %v, want ErrStructure", len(b), err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(repeat(frame(f, cbr44...), 3))
	f.Add(append(id3(textFrame("TIT2", 3, "x"), textFrame("COMM", 1, "eng\xff\xfe\x00\x00")), repeat(frame(f, low8...), 3)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		stream := NewStream(bytes.NewReader(b))
		for {
			if _, err := stream.ReadPacket(t.Context()); err != nil {
				break
			}
		}
		file, err := Open(bytes.NewReader(b))
		if err != nil {
			return
		}
		c := file.NewCursor()
		sound(t, c)
		if _, err := c.Seek(file.Info().Duration / 2); err != nil {
			t.Fatal(err)
		}
		sound(t, c)
	})
}

func TestStreamHeaders(t *testing.T) {
	tag := id3(textFrame("TIT2", 3, "Song"))
	s := NewStream(bytes.NewReader(append(tag, repeat(frame(t, cbr44...), 3)...)))
	for _, want := range []string{media.NameMetadata, "onID3", ""} {
		p, err := s.ReadPacket(t.Context())
		if err != nil || p.Name != want {
			t.Fatalf("%v, %v; want %q", p, err, want)
		}
	}
	for _, none := range []string{"", "ID3", "no MP3 at all", string(tag)} {
		if _, err := NewStream(bytes.NewReader([]byte(none))).ReadPacket(t.Context()); !errors.Is(err, format.ErrStructure) {
			t.Errorf("%q: %v", none, err)
		}
	}
	broken := NewStream(io.MultiReader(bytes.NewReader(repeat(frame(t, cbr44...), 3)), iotest.ErrReader(io.ErrClosedPipe)))
	for {
		if _, err := broken.ReadPacket(t.Context()); err != nil {
			if !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("a reader that fails: %v", err)
			}
			break
		}
	}
}

// TestTruncated: however much is missing, what is whole plays.
func TestTruncated(t *testing.T) {
	whole := append(id3(textFrame("TIT2", 3, "Song")), repeat(frame(t, cbr44...), 6)...)
	front := len(whole) - 6*417
	for n := range len(whole) {
		f, err := Open(bytes.NewReader(whole[:n]))
		frames := (n - front) / 417
		switch {
		case err != nil && !errors.Is(err, format.ErrStructure):
			t.Fatalf("%d bytes: %v", n, err)
		case err != nil && frames > 1:
			t.Fatalf("%d bytes with %d frames: %v", n, frames, err)
		case err == nil && len(sound(t, f.NewCursor())) != frames:
			t.Fatalf("%d bytes: %d frames, want %d", n, len(sound(t, f.NewCursor())), frames)
		}
	}
}

// TestTagLengths: a tag that claims any length hides frames, and does no harm.
func TestTagLengths(t *testing.T) {
	whole := append(id3(textFrame("TIT2", 3, "Song")), repeat(frame(t, cbr44...), 6)...)
	for at := range 20 { // lengths of the tag and of the frame in it
		for _, wrong := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			b := bytes.Clone(whole)
			b[at] = wrong
			if f, err := Open(bytes.NewReader(b)); err == nil {
				sound(t, f.NewCursor())
			} else if !errors.Is(err, format.ErrStructure) {
				t.Errorf("byte %d is %#x: %v", at, wrong, err)
			}
		}
	}
}
