package record

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/internal/store"
	"leat/media/mediatest"
)

// Without an index all is found again; what was cut off is made whole.
func TestRecover(t *testing.T) {
	dir := t.TempDir()
	folder, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	})
	s := newStudio(t, folder, anyFullness, nil)
	want := mediatest.AVC(4 * time.Second)
	s.record(t, Spec{SegmentTime: 2 * time.Second}, want)
	before := s.take(t)

	last := filepath.Join(dir, before.Segments[1].Path)
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(last, info.Size()-7); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"live/cam/20200101T000000.000Z.flv.part": "FLV", "live/cam/notes.txt": "x", "mine.flv": "FLV", "live/cam/20200101T000000.000Z.flv": "no FLV",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := newStudio(t, folder, anyFullness, nil)
	<-again.ready
	take := again.take(t)
	if len(take.Segments) != 2 || !take.Started.Equal(before.Started) {
		t.Fatalf("found %+v", take)
	}
	if off := take.Segments[1].Offset; off < 1900*time.Millisecond || off > 2100*time.Millisecond {
		t.Errorf("the second segment lies at %v", off)
	}
	if got, want := len(again.played(t, take)), len(framesOf(want))-1; got != want {
		t.Errorf("%d frames, want %d", got, want)
	}
	for name, there := range map[string]bool{"live/cam/20200101T000000.000Z.flv.part": false, "live/cam/notes.txt": true, "mine.flv": true} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	var scanned []string
	if err := Scan(folder, nil, func(s *store.Recording) bool { scanned = append(scanned, s.Path); return true }); err != nil || len(scanned) != 3 {
		t.Errorf("a scan finds %v (%v)", scanned, err)
	}
	idle := OpenIdle(again.opts)
	if _, err := idle.Start(again.hub, cam, Spec{}); !errors.Is(err, ErrClosed) {
		t.Errorf("recording to an idle folder: %v", err)
	}
	// A second look finds nothing to do.
	report, err := again.Recover(t.Context())
	if err != nil || len(report.Repaired)+len(report.Added)+len(report.Missing)+len(report.Removed) > 0 {
		t.Errorf("%+v (%v)", report, err)
	}
	if !slices.Equal(report.Failed, []string{"live/cam/20200101T000000.000Z.flv"}) {
		t.Errorf("failed: %v", report.Failed)
	}
}

func TestRecoverIndex(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	s.record(t, Spec{KeepVersions: -1}, mediatest.AVC(time.Second))
	s.record(t, Spec{KeepVersions: -1}, mediatest.AVC(time.Second))
	takes, err := s.takes(cam, 0)
	if err != nil {
		t.Fatal(err)
	}
	unfinished := takes[0].Segments[0]
	unfinished.Complete, unfinished.Size, unfinished.Duration = false, 0, 0
	if err := errors.Join(s.opts.Index.PutRecording(&unfinished), s.opts.Disk.Remove(takes[1].Segments[0].Path)); err != nil {
		t.Fatal(err)
	}
	empty := unfinished
	empty.Path = "live/cam/20200101T000000.000Z.flv"
	f, err := s.opts.Disk.Create(empty.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00"), 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), s.opts.Index.PutRecording(&empty)); err != nil {
		t.Fatal(err)
	}
	report, err := s.Recover(t.Context())
	if err != nil || len(report.Repaired) != 1 || len(report.Missing) != 1 || len(report.Removed) != 1 {
		t.Errorf("%+v (%v)", report, err)
	}
	if take := s.take(t); take.Segments[0].Duration != takes[0].Segments[0].Duration {
		t.Errorf("repaired: %+v", take)
	}
	if err := s.Repair(unfinished.Path); err != nil {
		t.Error(err)
	}
	if err := s.Repair("none"); !errors.Is(err, store.ErrNoRecording) {
		t.Error(err)
	}
}

func TestDelete(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(time.Second)
	s.record(t, Spec{}, packets)
	old := s.take(t).Segments[0].Path
	c := s.start(t, Spec{KeepVersions: -1})
	p := s.publish(t)
	send(t, p, packets)
	for {
		if take, ok, err := s.Lookup(cam); err != nil || !ok {
			t.Fatal(err)
		} else if path := take.Segments[0].Path; path != old {
			if err := s.Delete(path); !errors.Is(err, ErrInUse) {
				t.Errorf("deleting what is being written: %v", err)
			}
			break
		}
	}
	if err := s.Delete(old); err != nil {
		t.Error(err)
	}
	if err := s.Delete(old); !errors.Is(err, store.ErrNoRecording) {
		t.Errorf("deleting again: %v", err)
	}
	if _, err := s.OpenFile(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
	p.Close(true)
	done(t, c)
	s.take(t)
}

func TestLookupAt(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	if _, ok, err := s.Lookup(cam); ok || err != nil {
		t.Errorf("there is a recording (%v)", err)
	}
	s.record(t, Spec{}, mediatest.AVC(time.Second))
	first := s.take(t)
	s.record(t, Spec{KeepVersions: 1}, mediatest.AVC(time.Second))
	for _, test := range []struct {
		at   time.Time
		want bool
	}{{first.Started.Add(-time.Hour), false}, {first.Started, true}} {
		got, ok, err := s.LookupAt(cam, test.at)
		if ok != test.want || ok && !got.Started.Equal(first.Started) || err != nil {
			t.Errorf("%v: %+v, %v (%v)", test.at, got, ok, err)
		}
	}
}

func TestKeep(t *testing.T) {
	keep := map[string]Keep{}
	s := newStudio(t, newMemory(), func(o *Options) {
		o.Keep = func(app string) Keep { return keep[app] }
	}, nil)
	<-s.ready
	now := time.Now()
	add := func(app, name string, age time.Duration, size int64, complete bool) {
		t.Helper()
		path := app + "/" + name
		if _, err := s.opts.Disk.Create(path); err != nil {
			t.Fatal(err)
		}
		r := store.Recording{
			StreamKey: store.StreamKey{App: app, Name: name}, Path: path, Format: "flv",
			Take: now.Add(-age), Segment: 1, Ended: now.Add(-age), Size: size, Complete: complete,
		}
		if err := s.opts.Index.PutRecording(&r); err != nil {
			t.Fatal(err)
		}
	}
	add("age", "old", 3*time.Hour, 1, true)
	add("age", "new", time.Hour, 1, true)
	add("age", "writing", 9*time.Hour, 1, false)
	add("size", "a", 3*time.Hour, 60, true)
	add("size", "b", 2*time.Hour, 60, true)
	add("more", "c", time.Hour, 30, true)
	add("free", "d", 1000*time.Hour, 1<<40, true)
	if !s.use("size/a") {
		t.Fatal("it is in use")
	}
	keep["age"] = Keep{Group: "x", Age: 2 * time.Hour}
	keep["size"], keep["more"] = Keep{Group: "y", Size: 100}, Keep{Group: "y", Size: 100}
	if err := s.removeOld(now); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.paths(t), " "); got != "age/new age/writing free/d more/c size/a size/b" {
		t.Errorf("left: %s", got)
	}
	s.release("size/a")
	if err := s.removeOld(now); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.paths(t), " "); got != "age/new age/writing free/d more/c size/b" {
		t.Errorf("left: %s", got)
	}
}
