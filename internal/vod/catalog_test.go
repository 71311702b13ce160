package vod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/internal/format"
	"leat/media"
)

func TestParseName(t *testing.T) {
	tests := []struct {
		text  string
		files string // space-separated; "" is no name
		stem  string
	}{
		{"sample", "sample.flv sample.mp4 sample.f4v sample.m4v sample.mov sample.mp3 sample.m4a", "sample"},
		{"sample.FLV", "sample.FLV", "sample"},
		{"flv:sample", "sample.flv", "sample"},
		{"flv:sample.flv", "sample.flv", "sample"},
		{"mp4:dir/sample.m4v", "dir/sample.m4v", "dir/sample"},
		{"mp4:sample", "sample.mp4 sample.f4v sample.m4v sample.mov sample.m4a", "sample"},
		{"mp4:sample.v2", "sample.v2.mp4 sample.v2.f4v sample.v2.m4v sample.v2.mov sample.v2.m4a", "sample.v2"},
		{"mp3:song", "song.mp3", "song"},
		{"id3:song", "song.mp3", "song"},
		{"%2e%2e/x.flv", "%2e%2e/x.flv", "%2e%2e/x"},
		{"", "", ""},
		{"..", "", ""},
		{"../x", "", ""},
		{"a/../../x", "", ""},
		{"a/./x", "", ""},
		{"/etc/passwd", "", ""},
		{"mp4:/etc/passwd", "", ""},
		{"mp4:../x.mp4", "", ""},
		{"a\\..\\x", "", ""},
		{"a\x00.flv", "", ""},
		{"raw:x", "", ""},
		{":x", "", ""},
		{"c:x", "", ""},
	}
	for _, test := range tests {
		n, err := ParseName(test.text)
		if test.files == "" {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: %+v, %v; want no file", test.text, n, err)
			}
			continue
		}
		if got := strings.Join(n.Files(), " "); err != nil || got != test.files || n.Stem() != test.stem {
			t.Errorf("%q: %s, %s, %v; want %s, %s", test.text, got, n.Stem(), err, test.files, test.stem)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("mp4:dir/sample.m4v")
	f.Add("a/../../x")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseName(text)
		if err != nil {
			return
		}
		for _, file := range n.Files() {
			if !filepath.IsLocal(file) {
				t.Errorf("%q leads out as %q", text, file)
			}
		}
	})
}

// hall is a folder and a catalog.
type hall struct {
	t       *testing.T
	dir     string
	folder  *Folder
	catalog Catalog
}

func newHall(t *testing.T) *hall {
	h := &hall{t: t, dir: t.TempDir()}
	var err error
	if h.folder, err = OpenFolder(h.dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.catalog.Close()
		if err := h.folder.Close(); err != nil {
			t.Error(err)
		}
		if n := len(h.catalog.titles); n > 0 {
			t.Errorf("%d titles are left", n)
		}
	})
	return h
}

func (h *hall) open(name string) (*Title, error) {
	return h.catalog.Open(h.t.Context(), media.Key{App: "vod", Name: name}, h.folder)
}

func TestFolder(t *testing.T) {
	h := newHall(t)
	film := fileOf(t, film(time.Second, 1, false))
	write(t, h.dir, "film.flv", film)
	write(t, h.dir, "deep/film.flv", film)
	outside := t.TempDir()
	write(t, outside, "secret.flv", film)
	for name, target := range map[string]string{
		"out.flv": filepath.Join(outside, "secret.flv"), "up": outside, "in.flv": "deep/film.flv", "circle.flv": "circle.flv",
	} {
		if err := os.Symlink(target, filepath.Join(h.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"film", "deep/film", "in"} {
		title, err := h.open(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		title.Release()
	}
	for _, name := range []string{
		"out", "up/secret", "circle", "deep", "deep.flv", "film/x", "none", "../" + filepath.Base(outside) + "/secret", "film.flv/x",
		strings.Repeat("x", 300), strings.Repeat("x/", 3000) + "y",
	} {
		if title, err := h.open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%.40s: %v, %v; want no such file", name, title, err)
		}
	}
	write(t, h.dir, "text.flv", []byte("hello, world"))
	write(t, h.dir, "empty.flv", nil)
	write(t, h.dir, "head.flv", film[:13])
	for name, want := range map[string]error{"text": format.ErrStructure, "empty": format.ErrStructure, "head": format.ErrNoTrack} {
		if _, err := h.open(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}

func TestCatalogShares(t *testing.T) {
	h := newHall(t)
	b := fileOf(t, film(2*time.Second, 1, false))
	write(t, h.dir, "film.flv", b)
	titles := make([]*Title, 20)
	var wg sync.WaitGroup
	for i := range titles {
		wg.Go(func() {
			var err error
			if titles[i], err = h.open("film"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, title := range titles {
		if title.file != titles[0].file {
			t.Fatal("an index was made twice")
		}
	}
	// It goes on being read after it was deleted, and a file that has grown is another one.
	if err := os.Remove(filepath.Join(h.dir, "film.flv")); err != nil {
		t.Fatal(err)
	}
	if n := len(framesFrom(t, titles[0], 0)); n != 40 {
		t.Errorf("%d frames of a deleted file, want 40", n)
	}
	write(t, h.dir, "film.flv", fileOf(t, film(3*time.Second, 1, false)))
	longer, err := h.open("film")
	if err != nil {
		t.Fatal(err)
	}
	if got := longer.Info().Duration; got != 2950*time.Millisecond {
		t.Errorf("a file that has grown has %v, want 2.95s", got)
	}
	for _, title := range append(titles, longer) {
		title.Release()
	}
}

// TestCatalogIsBounded opens more files than it keeps.
func TestCatalogIsBounded(t *testing.T) {
	h := newHall(t)
	b := fileOf(t, film(100*time.Millisecond, 1, false))
	for i := range maxIdle + 20 {
		name := fmt.Sprint("film", i)
		write(t, h.dir, name+".flv", b)
		title, err := h.open(name)
		if err != nil {
			t.Fatal(err)
		}
		title.Release()
	}
	if n := len(h.catalog.titles); n != maxIdle {
		t.Errorf("%d titles are kept, want %d", n, maxIdle)
	}
	h.catalog.Close()
	if _, err := h.open("film1"); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed catalog: %v", err)
	}
}

// broken is a library whose disk is.
type broken struct{}

func (broken) Open(context.Context, media.Key) (Parts, error) { return nil, io.ErrNoProgress }

func TestLibrariesInOrder(t *testing.T) {
	h := newHall(t)
	write(t, h.dir, "film.flv", fileOf(t, film(time.Second, 1, false)))
	title, err := h.catalog.Open(t.Context(), media.Key{Name: "film"}, h.folder, broken{})
	if err != nil {
		t.Fatal(err)
	}
	title.Release()
	if _, err := h.catalog.Open(t.Context(), media.Key{Name: "film"}, broken{}, h.folder); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a broken library is passed over: %v", err)
	}
}

// split is a library of one recording in several files.
type split struct{ h *hall }

func (s split) Open(context.Context, media.Key) (Parts, error) {
	var parts Parts
	for i, name := range []string{"1.flv", "2.flv", "3.flv"} {
		source, err := s.h.folder.open(name)
		if err != nil {
			return nil, errors.Join(err, parts.Close())
		}
		source.Offset = time.Duration(i) * 2 * time.Second
		parts = append(parts, source)
	}
	return parts, nil
}

func TestPartsAreOne(t *testing.T) {
	h := newHall(t)
	for i := range 3 {
		write(t, h.dir, fmt.Sprint(i+1, ".flv"), fileOf(t, film(2*time.Second, byte(i), false)))
	}
	title, err := h.catalog.Open(t.Context(), media.Key{Name: "film"}, split{h})
	if err != nil {
		t.Fatal(err)
	}
	defer title.Release()
	info := title.Info()
	if info.Duration != 5950*time.Millisecond || !slices.Equal(info.Keys, []time.Duration{0, second, 2 * second, 3 * second, 4 * second, 5 * second}) {
		t.Errorf("the whole is %v long with keys at %v", info.Duration, info.Keys)
	}
	c := title.file.NewCursor()
	for _, at := range []time.Duration{0, 1500 * time.Millisecond, 2 * second, 4100 * time.Millisecond, time.Hour} {
		place, err := c.Seek(at)
		if err != nil {
			t.Fatal(err)
		}
		if want := min(at, 5*second).Truncate(second); place != want {
			t.Errorf("seek to %v gets to %v, want %v", at, place, want)
		}
		var metadata, last int
		for {
			p, err := c.ReadPacket(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Name == media.NameMetadata {
				metadata++
			}
			if ms := int(p.Timestamp.Milliseconds()); ms < last {
				t.Errorf("the time goes back from %d to %d", last, ms)
			} else {
				last = ms
			}
		}
		if metadata != 1 || last != 5950 {
			t.Errorf("from %v: metadata %d times, end at %d ms", at, metadata, last)
		}
	}
}
