package record

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"leat/internal/object"
	"leat/internal/object/objecttest"
	"leat/internal/store"
	"leat/media/mediatest"
)

// remote is an object store in memory, and the bucket in it.
func remote(t *testing.T) (*objecttest.Server, *object.Bucket) {
	t.Helper()
	server := objecttest.New()
	t.Cleanup(server.Close)
	bucket, err := object.New(object.Options{
		Endpoint: server.URL, Bucket: objecttest.Bucket, AccessKey: "key", SecretKey: "secret", Retry: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bucket.Close)
	return server, bucket
}

func openFolder(t *testing.T, path string) *Folder {
	t.Helper()
	folder, err := OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	})
	return folder
}

// until waits for something that other goroutines do.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// awaitPlace waits until the newest take is there, and off the disk or not.
func (s *studio) awaitPlace(t *testing.T, place store.Place, offDisk bool) store.Recording {
	t.Helper()
	var last store.Recording
	until(t, "a recording that is "+place.String(), func() bool {
		take, ok, err := s.Lookup(cam)
		if err != nil || !ok {
			return false
		}
		last = take.Segments[len(take.Segments)-1]
		return last.Place == place && last.OffDisk == offDisk
	})
	return last
}

// A recording goes to the object store when it is complete, and is played from there.
func TestUpload(t *testing.T) {
	for _, format := range []Format{FLV, MP4} {
		t.Run(string(format), func(t *testing.T) {
			server, bucket := remote(t)
			s := newStudio(t, nil, func(o *Options) { o.Store = bucket }, nil)
			packets := mediatest.AVC(3 * time.Second)
			s.record(t, Spec{Format: format}, packets)
			info := s.awaitPlace(t, store.Stored, true)
			if len(server.Object(info.Path)) != int(info.Size) {
				t.Errorf("the store has %d bytes of %d", len(server.Object(info.Path)), info.Size)
			}
			if _, err := s.OpenFile(info.Path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the file on the disk: %v", err)
			}
			source, err := s.OpenSegment(&info)
			if err != nil || !source.Remote || source.Size() != info.Size {
				t.Fatalf("%+v, %v", source, err)
			}
			before := info
			before.Remote = store.Remote{} // as somebody has looked it up while it was on the disk
			if source, err = s.OpenSegment(&before); err != nil || !source.Remote {
				t.Errorf("a recording that has left the disk meanwhile: %v", err)
			}
			until(t, "an idle store", func() bool { return s.Uploads() == UploadStats{Uploaded: 1} })
		})
	}
}

func TestKeepLocal(t *testing.T) {
	_, bucket := remote(t)
	keep := time.Hour
	s := newStudio(t, nil, func(o *Options) {
		o.Store = bucket
		o.KeepLocal = func() time.Duration { return keep }
	}, nil)
	s.record(t, Spec{}, mediatest.AVC(time.Second))
	info := s.awaitPlace(t, store.Stored, false)
	source, err := s.OpenSegment(&info)
	if err != nil || source.Remote {
		t.Fatalf("a recording on the disk: %+v, %v", source, err)
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	if err := s.findWork(time.Now().Add(2 * time.Hour)); err != nil { // too early by the clock of the workers
		t.Fatal(err)
	}
	until(t, "an idle store", func() bool { return s.Uploads().Waiting == 0 })
	s.awaitPlace(t, store.Stored, false)
}

// What was not uploaded when a server ended, or died, is by the next one; what is appended replaces the object.
func TestUploadAfterRestart(t *testing.T) {
	server, bucket := remote(t)
	server.Fail(objecttest.Down)
	dir := t.TempDir()
	folder := openFolder(t, filepath.Join(dir, "records"))
	index := openIndex(t, filepath.Join(dir, "leat.db"))
	day := 24 * time.Hour
	options := func(o *Options) {
		*o = Options{
			Disk: folder, Index: index, MinFree: -1, Store: bucket, Logger: slog.New(slog.DiscardHandler),
			KeepLocal: func() time.Duration { return day },
		}
	}
	first := newStudio(t, nil, options, nil)
	first.record(t, Spec{}, mediatest.AVC(time.Second))
	first.awaitPlace(t, store.Uploading, false)
	until(t, "a failure", func() bool { return first.Uploads().Failures > 0 })
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Fail(nil)
	second := newStudio(t, nil, options, nil)
	before := second.awaitPlace(t, store.Stored, false)
	until(t, "an idle store", func() bool { return second.Uploads().Waiting == 0 })
	second.record(t, Spec{Mode: Append}, mediatest.AVC(time.Second))
	after := second.awaitPlace(t, store.Stored, false)
	if after.Path != before.Path || after.Size <= before.Size || after.ETag == before.ETag {
		t.Errorf("appended: %+v, before %+v", after, before)
	}
	if got := len(server.Object(after.Path)); got != int(after.Size) {
		t.Errorf("the store has %d bytes of %d", got, after.Size)
	}
}

// A take goes on in another file when its last one has left the disk.
func TestAppendToStored(t *testing.T) {
	_, bucket := remote(t)
	s := newStudio(t, nil, func(o *Options) { o.Store = bucket }, nil)
	s.record(t, Spec{}, mediatest.AVC(time.Second))
	first := s.awaitPlace(t, store.Stored, true)
	s.record(t, Spec{Mode: Append}, mediatest.AVC(time.Second))
	second := s.awaitPlace(t, store.Stored, true)
	if !second.Take.Equal(first.Take) || second.Segment != 2 || second.Offset <= first.Duration {
		t.Errorf("%+v goes on with %+v", second, first)
	}
}

// A dead store holds up neither recording nor the removal of versions; it is told what to remove when it is back.
func TestDeadStore(t *testing.T) {
	server, bucket := remote(t)
	keep := time.Hour
	s := newStudio(t, nil, func(o *Options) {
		o.Store = bucket
		o.KeepLocal = func() time.Duration { return keep }
	}, nil)
	s.record(t, Spec{}, mediatest.AVC(time.Second))
	old := s.awaitPlace(t, store.Stored, false)
	release := make(chan struct{})
	server.Fail(func(w http.ResponseWriter, r *http.Request) bool { // it takes requests, and does not answer
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return objecttest.Down(w, r)
	})
	s.record(t, Spec{KeepVersions: 0}, mediatest.AVC(time.Second))
	take := s.take(t)
	if take.Segments[0].Path == old.Path {
		t.Error("the old version is still there")
	}
	if err := s.Delete(old.Path); !errors.Is(err, store.ErrNoRecording) {
		t.Errorf("deleting it again: %v", err)
	}
	if err := s.Delete(take.Segments[0].Path); err != nil { // while it is on its way
		t.Error(err)
	}
	if n := count(t, s.List); n != 0 {
		t.Errorf("%d recordings are listed", n)
	}
	server.Fail(nil)
	close(release)
	until(t, "an empty store", func() bool {
		return len(server.Names()) == 0 && server.Uploads() == 0 && count(t, s.opts.Index.Recordings) == 0
	})
}

func count(t *testing.T, list func(func(*store.Recording) bool) error) (n int) {
	t.Helper()
	if err := list(func(*store.Recording) bool { n++; return true }); err != nil {
		t.Fatal(err)
	}
	return n
}

// Retention counts what is in the store only, and removes it there.
func TestKeepSizeOfStored(t *testing.T) {
	server, bucket := remote(t)
	s := newStudio(t, nil, func(o *Options) {
		o.Store = bucket
		o.Keep = func(string) Keep { return Keep{Group: "g", Size: 1} }
	}, nil)
	s.record(t, Spec{}, mediatest.AVC(time.Second))
	until(t, "an empty store", func() bool {
		return s.Uploads().Waiting == 0 && len(server.Names()) == 0 && count(t, s.opts.Index.Recordings) == 0
	})
}

// Repair finds recordings in the store without an index, and forgets or uploads what the store has lost.
func TestRecoverStore(t *testing.T) {
	server, bucket := remote(t)
	s := newStudio(t, nil, func(o *Options) { o.Store = bucket }, nil)
	s.record(t, Spec{SegmentTime: time.Second}, mediatest.AVC(3*time.Second))
	s.awaitPlace(t, store.Stored, true)
	until(t, "an idle store", func() bool { return s.Uploads().Waiting == 0 })
	want, _, err := s.Lookup(cam)
	if err != nil {
		t.Fatal(err)
	}
	folder := openFolder(t, t.TempDir())
	idle := OpenIdle(Options{
		Disk: folder, Index: openIndex(t, filepath.Join(t.TempDir(), "new.db")), Store: bucket, Logger: slog.New(slog.DiscardHandler),
	})
	repair := func() Report {
		t.Helper()
		report, err := idle.Recover(t.Context())
		if err == nil {
			err = idle.RecoverStore(t.Context(), &report)
		}
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := repair(); len(report.Added) != len(want.Segments) || len(want.Segments) < 2 {
		t.Fatalf("%+v", report)
	}
	got, _, err := idle.Lookup(cam)
	if err != nil || len(got.Segments) != len(want.Segments) {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, a := range got.Segments {
		b := want.Segments[i]
		if a.Path != b.Path || a.Duration != b.Duration || a.Size != b.Size || a.ETag != b.ETag || (a.Offset-b.Offset).Abs() > 100*time.Millisecond {
			t.Errorf("%+v, want %+v", a, b)
		}
	}
	if report := repair(); len(report.Added)+len(report.Missing) != 0 {
		t.Errorf("the second time: %+v", report)
	}
	lost := got.Segments[1].Path
	server.Delete(lost)
	if report := repair(); !slices.Equal(report.Missing, []string{lost}) {
		t.Errorf("an object was lost: %+v", report)
	}
	if err := idle.Delete(got.Segments[0].Path); err != nil || slices.Contains(server.Names(), got.Segments[0].Path) {
		t.Errorf("delete: %v, %q", err, server.Names())
	}
}
