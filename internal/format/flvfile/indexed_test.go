package flvfile

import (
	"bytes"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/media"
	"leat/media/mediatest"
)

// counted is a file in memory that knows how much was read of it.
type counted struct {
	*bytes.Reader
	read atomic.Int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.read.Add(int64(n))
	return n, err
}

func openIndexedFile(t *testing.T, b []byte) (*File, *counted) {
	t.Helper()
	in := &counted{Reader: bytes.NewReader(b)}
	f, err := OpenIndexed(in)
	if err != nil {
		t.Fatal(err)
	}
	return f, in
}

// long is a recording in which key frames are a part of the whole only.
func long() []*media.Packet {
	packets := mediatest.AVC(60 * time.Second)
	for i, p := range packets {
		if p.Kind == media.Video && !p.Config && !p.Key {
			large := *p
			large.Body = append(slices.Clone(p.Body), make([]byte, 20000)...)
			packets[i] = &large
		}
	}
	return packets
}

// What is played from anywhere is the same with the index of the file and with one made of its tags, and little is read.
func TestOpenIndexed(t *testing.T) {
	b := record(t, long()).b
	whole := open(t, b)
	for _, at := range []time.Duration{0, 31 * time.Second, time.Hour} {
		f, in := openIndexedFile(t, b)
		if f.full == nil {
			t.Fatal("the index in the file was not believed")
		}
		a, z := whole.Info(), f.Info()
		if !slices.Equal(a.Keys, z.Keys) || a.Duration != z.Duration || a.HasAudio != z.HasAudio || a.HasVideo != z.HasVideo {
			t.Errorf("%+v, want %+v", z, a)
		}
		want, got := whole.NewCursor(), f.NewCursor()
		if at > 0 {
			seek(t, want, at)
			if x, y := seek(t, got, at), seek(t, want, at); x != y {
				t.Errorf("seek to %v went to %v, want %v", at, x, y)
			}
		}
		for i := range 40 {
			p, errP := want.ReadPacket(t.Context())
			q, errQ := got.ReadPacket(t.Context())
			if errP != nil || errQ != nil {
				break
			}
			if p.Timestamp != q.Timestamp || !bytes.Equal(p.Body, q.Body) || p.Config != q.Config {
				t.Fatalf("from %v, packet %d: %v, want %v", at, i, q, p)
			}
		}
		if n := in.read.Load(); n > int64(len(b)/8) {
			t.Errorf("from %v: %d of %d bytes were read", at, n, len(b))
		}
	}
}

func seek(t *testing.T, c format.Cursor, d time.Duration) time.Duration {
	t.Helper()
	at, err := c.Seek(d)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A file whose index cannot be believed is read as a whole.
func TestOpenIndexedDoubts(t *testing.T) {
	good := record(t, mediatest.AVC(5*time.Second)).b
	changed := mediatest.AVC(5 * time.Second)
	i := slices.IndexFunc(changed, func(p *media.Packet) bool { return p.Config && p.Kind == media.Video })
	other := *changed[i]
	other.Body = append(slices.Clone(other.Body), 0)
	for n, p := range changed {
		if p.Timestamp > 2*time.Second && p.Key && !p.Config {
			other.Timestamp = p.Timestamp
			changed = slices.Insert(changed, n, &other)
			break
		}
	}
	for name, b := range map[string][]byte{
		"another program's":    written(t, mediatest.AVC(time.Second)),
		"cut":                  good[:len(good)-100],
		"grown":                append(slices.Clone(good), good[len(good)-50:]...),
		"without video":        record(t, mediatest.Opus(time.Second)).b,
		"a header has changed": record(t, changed).b,
	} {
		f, _ := openIndexedFile(t, b)
		if f.full != nil {
			t.Errorf("%s: the index was believed", name)
		}
		if got, want := readAll(t, f.NewCursor()), readAll(t, open(t, b).NewCursor()); len(got) != len(want) {
			t.Errorf("%s: %d packets, want %d", name, len(got), len(want))
		}
	}
	for n := 0; n < len(good); n += 397 {
		f, err := OpenIndexed(bytes.NewReader(good[:n]))
		if err == nil && f.full != nil {
			t.Fatalf("%d of %d bytes: the index was believed", n, len(good))
		}
	}
}

// A place that is no key frame is noticed when somebody begins there.
func TestIndexedPlaceIsWrong(t *testing.T) {
	b := slices.Clone(record(t, mediatest.AVC(5*time.Second)).b)
	whole := open(t, b)
	k := whole.keys[2]
	b[k.offset+tagHeaderSize] = b[k.offset+tagHeaderSize]&0x0f | 0x20 // now an inter frame
	f, _ := openIndexedFile(t, b)
	if f.full == nil {
		t.Fatal("the index was not believed")
	}
	c := f.NewCursor()
	if at := seek(t, c, k.time); at != whole.keys[1].time {
		t.Errorf("seek went to %v, want %v", at, whole.keys[1].time)
	}
	if at := seek(t, c, whole.keys[3].time); at != whole.keys[3].time {
		t.Errorf("then to %v", at)
	}
}

// FuzzOpenIndexed: whatever stands in a file, it opens as Open opens it or with an index whose places are key frames.
func FuzzOpenIndexed(f *testing.F) {
	f.Add(record(f, mediatest.AVC(200*time.Millisecond)).b)
	o := amf.NewObject("duration", 1.0, "filesize", 100.0, "keyframes", amf.NewObject("steady", true, "times", []any{0.0}, "filepositions", []any{1e300}))
	body, err := amf.Append(amf.AppendString(nil, media.NameMetadata), o)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(written(f, []*media.Packet{{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: body}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := OpenIndexed(bytes.NewReader(b))
		if err != nil {
			return
		}
		c := file.NewCursor()
		for _, at := range append(slices.Clone(file.Info().Keys), 0) {
			if _, err := c.Seek(at); err != nil {
				continue
			}
			for range 3 {
				if _, err := c.ReadPacket(t.Context()); err != nil {
					break
				}
			}
		}
	})
}
