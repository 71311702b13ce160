package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func recording(name string, take, segment int) *Recording {
	at := noon.Add(time.Duration(take) * time.Hour)
	return &Recording{
		StreamKey: StreamKey{App: "live", Name: name}, Path: fmt.Sprintf("live/%s/%d-%d.flv", name, take, segment), Format: "flv",
		Take: at, Segment: segment, Started: at, Ended: at.Add(time.Minute), Offset: 5, Duration: time.Minute, Size: 9, Complete: true,
	}
}

func put(t *testing.T, s *Store, all ...*Recording) {
	t.Helper()
	for _, r := range all {
		if err := s.PutRecording(r); err != nil {
			t.Fatal(err)
		}
	}
}

func pathsOf(t *testing.T, s *Store, name string) []string {
	t.Helper()
	var paths []string
	each := func(r *Recording) bool {
		paths = append(paths, strings.TrimPrefix(r.Path, "live/"))
		return true
	}
	err := s.Recordings(each)
	if name != "" {
		paths = nil
		err = s.RecordingsOf(StreamKey{App: "live", Name: name}, each)
	}
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestRecordings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, recording("cam", 1, 1), recording("cam", 2, 1), recording("cam", 1, 2), recording("ca", 1, 1), recording("camera", 3, 1))
	again := recording("cam", 1, 2)
	again.Duration, again.Take = time.Hour, noon.Add(9*time.Hour)
	put(t, s, again)
	if err := errors.Join(s.DeleteRecording("live/ca/1-1.flv"), s.DeleteRecording("none"), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, nil)
	if got, want := pathsOf(t, s, "cam"), []string{"cam/1-2.flv", "cam/2-1.flv", "cam/1-1.flv"}; !slices.Equal(got, want) {
		t.Errorf("the stream has %v, want %v", got, want)
	}
	if got := pathsOf(t, s, ""); len(got) != 4 {
		t.Errorf("all are %v", got)
	}
	got, err := s.Recording(again.Path)
	if err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("got %+v (%v), want %+v", got, err, again)
	}
	if _, err := s.Recording("live/ca/1-1.flv"); !errors.Is(err, ErrNoRecording) {
		t.Errorf("a deleted recording: %v", err)
	}
	calls := 0
	if err := s.Recordings(func(*Recording) bool { calls++; return false }); err != nil || calls != 1 {
		t.Errorf("%d calls (%v)", calls, err)
	}
}

func TestRecordingsAreBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "db"), &Options{MaxRecordings: 2})
	put(t, s, recording("cam", 1, 1), recording("cam", 1, 2), recording("cam", 1, 1))
	if err := s.PutRecording(recording("cam", 1, 3)); !errors.Is(err, ErrFull) {
		t.Errorf("a third: %v", err)
	}
	if err := s.DeleteRecording("live/cam/1-1.flv"); err != nil {
		t.Fatal(err)
	}
	put(t, s, recording("cam", 1, 3))
	for _, path := range []string{"", strings.Repeat("x", MaxName+1)} {
		if err := s.PutRecording(&Recording{Path: path}); err == nil {
			t.Errorf("a path of %d bytes was taken", len(path))
		}
	}
	if err := s.PutRecording(&Recording{Path: "x", StreamKey: StreamKey{Name: strings.Repeat("x", MaxName+1)}}); !errors.Is(err, errLongName) {
		t.Error(err)
	}
}

// What is known of a recording changes in one step, and comes back after the store was closed.
func TestChangeRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leat.db")
	s, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &Recording{StreamKey: StreamKey{App: "live", Name: "cam"}, Path: "a.flv", Take: time.Unix(1, 0), Segment: 1}
	if err := s.PutRecording(r); err != nil {
		t.Fatal(err)
	}
	change := func(keep bool) {
		t.Helper()
		err := s.ChangeRecording("a.flv", func(r *Recording) bool {
			r.Place, r.ETag, r.OffDisk = Stored, r.ETag+"x", true
			return keep
		})
		if err != nil {
			t.Error(err)
		}
	}
	change(true)
	change(false)
	if err := s.ChangeRecording("b.flv", func(*Recording) bool { return true }); !errors.Is(err, ErrNoRecording) {
		t.Errorf("one that is not there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(path, nil); err != nil {
		t.Fatal(err)
	}
	got, err := s.Recording("a.flv")
	if err = errors.Join(err, s.Close()); err != nil || got.Remote != (Remote{Place: Stored, OffDisk: true, ETag: "x"}) || got.Place.String() != "stored" {
		t.Errorf("%+v, %v", got, err)
	}
}
