package flvfile

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"leat/flv"
	"leat/internal/format"
	"leat/media"
	"leat/media/mediatest"
)

// written returns packets as an FLV file.
func written(t testing.TB, packets []*media.Packet) []byte {
	t.Helper()
	var b bytes.Buffer
	w := flv.NewWriter(&b)
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func readAll(t testing.TB, c format.Cursor) []*media.Packet {
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
		all = append(all, p)
	}
}

// frames leaves out what is state.
func frames(packets []*media.Packet) []*media.Packet {
	var out []*media.Packet
	for _, p := range packets {
		if !p.Config {
			out = append(out, p)
		}
	}
	return out
}

func TestPlaysEveryFrame(t *testing.T) {
	for name, make := range map[string]func(time.Duration) []*media.Packet{
		"avc": mediatest.AVC, "hevc": mediatest.HEVC, "av1": mediatest.AV1, "opus": mediatest.Opus,
	} {
		t.Run(name, func(t *testing.T) {
			want := make(5 * time.Second)
			f := open(t, written(t, want))
			got := readAll(t, f.NewCursor())
			if diff := mediatest.DiffAll(frames(got), frames(want)); diff != "" {
				t.Error(diff)
			}
			if got[0].Name != media.NameMetadata {
				t.Errorf("the first packet is %v %q, want metadata", got[0].Kind, got[0].Name)
			}
			last := want[len(want)-1].Timestamp
			if d := f.Info().Duration; d < last-100*time.Millisecond || d > last {
				t.Errorf("duration %v, want about %v", d, last)
			}
		})
	}
}

// TestNameless: what has no name is no news to players.
func TestNameless(t *testing.T) {
	want := mediatest.AVC(time.Second)
	timecode := &media.Packet{Kind: media.Data, Timestamp: want[4].Timestamp, Body: []byte{0, 1, 2, 3}}
	got := readAll(t, open(t, written(t, slices.Insert(slices.Clone(want), 5, timecode))).NewCursor())
	if diff := mediatest.DiffAll(frames(got), frames(want)); diff != "" {
		t.Error(diff)
	}
}

func TestSeek(t *testing.T) {
	all := mediatest.AVC(6 * time.Second)
	f := open(t, written(t, all))
	keys := f.Info().Keys
	if len(keys) != 6 {
		t.Fatalf("%d key frames, want 6", len(keys))
	}
	c := f.NewCursor()
	for _, target := range []time.Duration{0, 2500 * time.Millisecond, 3 * time.Second, time.Hour, -time.Second, 999 * time.Millisecond} {
		want := keys[0]
		for _, k := range keys {
			if k <= target {
				want = k
			}
		}
		at, err := c.Seek(target)
		if err != nil || at != want {
			t.Fatalf("Seek(%v) = %v, %v, want %v", target, at, err, want)
		}
		got := readAll(t, c)
		var headers int
		for headers < len(got) && got[headers].Config {
			if got[headers].Timestamp != want {
				t.Errorf("header at %v after a seek to %v", got[headers].Timestamp, want)
			}
			headers++
		}
		if headers != 3 || !got[headers].Key || got[headers].Timestamp != want {
			t.Fatalf("after Seek(%v): %d headers, then %v key=%v at %v", target, headers, got[headers].Kind, got[headers].Key, got[headers].Timestamp)
		}
	}
}

// Every prefix of a file opens or says why not, and what it holds is a prefix of the whole.
func TestTruncated(t *testing.T) {
	whole := written(t, mediatest.AVC(time.Second))
	want := readAll(t, open(t, whole).NewCursor())
	for n := range len(whole) {
		f, err := Open(bytes.NewReader(whole[:n]))
		if err != nil {
			if !errors.Is(err, format.ErrStructure) && !errors.Is(err, format.ErrNoTrack) {
				t.Fatalf("%d bytes: %v", n, err)
			}
			continue
		}
		got := frames(readAll(t, f.NewCursor()))
		if diff := mediatest.DiffAll(got, frames(want)[:len(got)]); diff != "" {
			t.Fatalf("%d bytes: %s", n, diff)
		}
	}
}

func TestLongTimestamps(t *testing.T) {
	var packets []*media.Packet
	for _, p := range mediatest.AVC(2 * time.Second) {
		later := *p
		if !p.Config {
			later.Timestamp += 1 << 24 * time.Millisecond
		}
		packets = append(packets, &later)
	}
	var file []byte
	file = flv.AppendHeader(file, true, true)
	for _, p := range packets {
		file = flv.AppendTag(file, p, media.WireTime(p.Timestamp))
	}
	f := open(t, file)
	c := f.NewCursor()
	target := 1<<24*time.Millisecond + 1500*time.Millisecond
	at, err := c.Seek(target)
	if want := 1<<24*time.Millisecond + time.Second; err != nil || at != want {
		t.Fatalf("Seek = %v, %v, want %v", at, err, want)
	}
	for _, p := range frames(readAll(t, c)) {
		if p.Timestamp < at {
			t.Fatalf("a frame at %v after a seek to %v", p.Timestamp, at)
		}
	}
}

func TestFileShrinks(t *testing.T) {
	whole := written(t, mediatest.AVC(2*time.Second))
	shrinking := bytes.NewReader(whole)
	f, err := Open(shrinking)
	if err != nil {
		t.Fatal(err)
	}
	shrinking.Reset(whole[:len(whole)/2])
	if got := frames(readAll(t, f.NewCursor())); len(got) == 0 {
		t.Error("nothing was played of what is left")
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(written(f, mediatest.AVC(200*time.Millisecond)))
	f.Add(written(f, mediatest.Opus(200*time.Millisecond)))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Open(bytes.NewReader(b))
		if err != nil {
			return
		}
		c := file.NewCursor()
		for _, d := range file.Info().Keys {
			if _, err := c.Seek(d); err != nil {
				t.Fatal(err)
			}
		}
		readAll(t, c)
	})
}
