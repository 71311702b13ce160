package record

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

// sameMedia compares the coded data and times of each kind.
func sameMedia(t *testing.T, got, want []*media.Packet) {
	t.Helper()
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		other := func(p *media.Packet) bool { return p.Kind != kind || p.Config }
		got, want := slices.DeleteFunc(slices.Clone(got), other), slices.DeleteFunc(slices.Clone(want), other)
		if len(got) != len(want) {
			t.Errorf("%d %v frames, want %d", len(got), kind, len(want))
			continue
		}
		for i := range got {
			if d := got[i].Timestamp - want[i].Timestamp; d.Abs() > time.Millisecond || string(got[i].Data) != string(want[i].Data) {
				t.Errorf("%v frame %d at %v differs from that at %v", kind, i, got[i].Timestamp, want[i].Timestamp)
				break
			}
		}
	}
}

func TestMP4(t *testing.T) {
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t, nil, nil, nil)
			want := stream(3 * time.Second)
			s.record(t, Spec{Format: MP4}, later(want, time.Hour))
			take := s.take(t)
			if filepath.Ext(take.Segments[0].Path) != ".mp4" || take.Segments[0].Duration < 2900*time.Millisecond {
				t.Errorf("%+v", take)
			}
			sameMedia(t, s.frames(t, take.Segments[0].Path), want)
		})
	}
}

// What is appended to MP4 is another file of the take; what a file has no place for begins one at the next key frame.
func TestMP4NeedsAnotherFile(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(3 * time.Second)
	s.record(t, Spec{Format: MP4}, packets)
	changed := slices.Clone(packets)
	config := *changed[2]
	config.Body = append(slices.Clip(config.Body), 0)
	config.Data = config.Body[2:]
	config.Timestamp = 1500 * time.Millisecond
	at := slices.IndexFunc(changed, func(p *media.Packet) bool { return p.Timestamp >= config.Timestamp && !p.Config })
	s.record(t, Spec{Format: MP4, Mode: Append}, slices.Insert(changed, at, &config))
	take := s.take(t)
	if len(take.Segments) != 3 {
		t.Fatalf("%d segments, want 3", len(take.Segments))
	}
	frames := s.frames(t, take.Segments[2].Path)
	if !frames[0].Key && !frames[1].Key || take.Segments[2].Offset < 5*time.Second {
		t.Errorf("the last segment lies at %v and begins with %v", take.Segments[2].Offset, frames[0].Kind)
	}
	video := 0
	for _, segment := range take.Segments[1:] {
		for _, p := range s.frames(t, segment.Path) {
			if p.Kind == media.Video {
				video++
			}
		}
	}
	if video != 75 {
		t.Errorf("%d pictures, want 75: new sound costs no picture", video)
	}
}

func TestMP4IsRepaired(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(4 * time.Second)
	s.record(t, Spec{Format: MP4}, packets)
	segment := s.take(t).Segments[0]
	f, err := s.OpenFile(segment.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(segment.Size*9/10), f.Close()); err != nil {
		t.Fatal(err)
	}
	report, err := s.Recover(t.Context())
	if err != nil || len(report.Repaired) != 1 {
		t.Fatalf("%+v (%v)", report, err)
	}
	if d := s.take(t).Segments[0].Duration; d < 2*time.Second || d > 4*time.Second {
		t.Errorf("%v are left", d)
	}
	if frames := s.frames(t, segment.Path); len(frames) < len(packets)/2 {
		t.Errorf("%d of %d frames are left", len(frames), len(packets))
	}
}

func TestMP4OnFullDisk(t *testing.T) {
	disk := newMemory()
	s := newStudio(t, disk, nil, nil)
	disk.set(func() { disk.room = 14 << 10 })
	s.record(t, Spec{Format: MP4}, mediatest.AVC(6*time.Second))
	s.want(t, EventStarted, nil)
	s.want(t, EventFailed, errNoSpace)
	if frames := s.frames(t, s.take(t).Segments[0].Path); len(frames) < 20 {
		t.Errorf("%d frames are there", len(frames))
	}
}

// MP4 appears when its first fragment is there: before that the earlier recording stays.
func TestMP4KilledBeforeItsFirstFragment(t *testing.T) {
	folder, err := OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	})
	f, err := folder.Create("x.mp4.part")
	if err != nil {
		t.Fatal(err)
	}
	m := newFragmented(f, slog.New(slog.DiscardHandler))
	for _, p := range mediatest.AVC(200 * time.Millisecond) {
		if err := m.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if f.Size() != 0 {
		t.Errorf("%d bytes are written", f.Size())
	}
	if err := errors.Join(m.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, folder, anyFullness, nil)
	<-s.ready
	if _, err := folder.Open("x.mp4.part"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what never appeared is still there: %v", err)
	}
}
