package mp4

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

// progressively returns packets as a file that is not fragmented.
func progressively(t testing.TB, packets []*media.Packet) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "a.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	w := NewProgressiveWriter(f)
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// boxes returns the kinds of the boxes of a file.
func boxes(t testing.TB, b []byte) []string {
	t.Helper()
	s := &scanner{in: bytes.NewReader(b), size: int64(len(b))}
	var kinds []string
	for at := int64(0); ; {
		x, err := s.next(at)
		if errors.Is(err, io.EOF) {
			return kinds
		}
		if err != nil || x.cut {
			t.Fatalf("the box at %d: %v", at, err)
		}
		kinds, at = append(kinds, x.kind), x.end
	}
}

// TestProgressive: what was written comes back from a file whose movie box is in front.
func TestProgressive(t *testing.T) {
	late := slices.DeleteFunc(mediatest.AVC(5*time.Second), func(p *media.Packet) bool {
		return p.Kind == media.Audio && p.Timestamp < 2500*time.Millisecond && !p.Config
	})
	for name, packets := range map[string][]*media.Packet{
		"avc": mediatest.AVC(5 * time.Second), "hevc": mediatest.HEVC(5 * time.Second), "av1": mediatest.AV1(5 * time.Second),
		"opus": mediatest.Opus(5 * time.Second), "multitrack": multitrack(t), "others": others(t), "late": late,
	} {
		t.Run(name, func(t *testing.T) {
			b := progressively(t, packets)
			if got, want := boxes(t, b), []string{"ftyp", "moov", "mdat"}; !slices.Equal(got, want) {
				t.Errorf("boxes %v, want %v", got, want)
			}
			f := open(t, b)
			got, want := withoutMetadata(readAll(t, f.NewCursor())), withoutMetadata(packets)
			if name == "late" { // a header comes where its track begins
				got, want = slices.DeleteFunc(got, isConfig), slices.DeleteFunc(want, isConfig)
			}
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

func isConfig(p *media.Packet) bool { return p.Config }

// TestProgressiveTracks: a track may come up at any time, but not change.
func TestProgressiveTracks(t *testing.T) {
	packets := mediatest.AVC(6 * time.Second)
	early := slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return p.Kind == media.Audio })
	sound := slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return p.Kind != media.Audio })
	f := open(t, progressively(t, append(early, sound...)))
	if info := f.Info(); !info.HasAudio || !info.HasVideo {
		t.Errorf("a track is missing: %+v", info)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "b.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}()
	w := NewProgressiveWriter(file)
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	other := *packets[slices.IndexFunc(packets, func(p *media.Packet) bool { return p.Config && p.Kind == media.Video })]
	other.Data = append(bytes.Clone(other.Data), 0)
	if err := w.WritePacket(t.Context(), &other); !errors.Is(err, ErrNewSegment) {
		t.Errorf("another configuration: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	for _, far := range []bool{false, true} { // beyond 4 GiB offsets have 64 bits
		stbl := w.progressiveMovie(far).Traks[0].Mdia.Minf.Stbl
		w.tracks[0].table.moveChunks(stbl, 5)
		if far && (stbl.Co64 == nil || stbl.Stco != nil || stbl.Co64.ChunkOffset[0] != uint64(w.tracks[0].table.chunks[0])+5) {
			t.Errorf("far: %+v, %+v", stbl.Co64, stbl.Stco)
		}
		if !far && (stbl.Co64 != nil || stbl.Stco.ChunkOffset[0] != uint32(w.tracks[0].table.chunks[0])+5) {
			t.Errorf("near: %+v, %+v", stbl.Co64, stbl.Stco)
		}
	}
}

// brokenFile fails at its n-th write.
type brokenFile struct {
	*os.File
	n int
}

var errBroken = errors.New("no space")

func (f *brokenFile) fails() bool { f.n--; return f.n < 0 }

func (f *brokenFile) Write(b []byte) (int, error) {
	if f.fails() {
		return 0, errBroken
	}
	return f.File.Write(b)
}

func (f *brokenFile) WriteAt(b []byte, at int64) (int, error) {
	if f.fails() {
		return 0, errBroken
	}
	return f.File.WriteAt(b, at)
}

// TestProgressiveFails: whatever write fails, somebody is told.
func TestProgressiveFails(t *testing.T) {
	for n := range 20 {
		file, err := os.Create(filepath.Join(t.TempDir(), "a.mp4"))
		if err != nil {
			t.Fatal(err)
		}
		w := NewProgressiveWriter(&brokenFile{file, n})
		for _, p := range mediatest.AVC(3 * time.Second) {
			if err = w.WritePacket(t.Context(), p); err != nil {
				break
			}
		}
		closed := w.Close()
		if err == nil {
			err = closed
		}
		if whole := opens(file); err == nil != whole || err != nil && !errors.Is(err, errBroken) {
			t.Errorf("at write %d: %v, whole %v", n, err, whole)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func opens(f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	_, err = Open(io.NewSectionReader(f, 0, info.Size()))
	return err == nil
}
