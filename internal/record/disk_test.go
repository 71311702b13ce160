package record

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

// openAll opens every file of the newest take and returns how many frames they hold.
func (s *studio) openAll(t *testing.T) int {
	t.Helper()
	return len(s.played(t, s.take(t)))
}

func TestFullDiskAndRoomAgain(t *testing.T) {
	disk := newMemory()
	s := newStudio(t, disk, nil, nil)
	packets := mediatest.AVC(2 * time.Second)
	disk.set(func() { disk.room = 40 << 10 })
	c := s.start(t, Spec{})
	p := s.publish(t)
	send(t, p, packets)
	s.want(t, EventStarted, nil)
	s.want(t, EventFailed, errNoSpace)
	disk.set(func() { disk.room = -1 })
	// It is tried again a second later, so the stream must go on for longer than that.
	stop := make(chan struct{})
	sent := make(chan int)
	go func() {
		n := 0
		defer func() { sent <- n }()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		frames := framesOf(packets)
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			q := *frames[n%len(frames)]
			q.Timestamp = 2*time.Second + time.Duration(n)*20*time.Millisecond
			if err := p.WritePacket(t.Context(), &q); err != nil {
				return
			}
			n++
		}
	}()
	s.want(t, EventResumed, nil)
	close(stop)
	<-sent
	p.Close(true)
	done(t, c)
	s.want(t, EventStopped, nil)
	if take := s.take(t); len(take.Segments) != 2 || take.Segments[1].Offset < 2*time.Second {
		t.Errorf("the take is %+v, want two segments with the gap between them", take)
	}
	if n := s.openAll(t); n < 20 {
		t.Errorf("only %d frames are there", n)
	}
	if names := disk.leftovers(); names != "" {
		t.Errorf("left over: %s", names)
	}
	if _, failures := s.Stats(); failures != 1 {
		t.Errorf("%d failures were counted", failures)
	}
}

// A disk that has no room for a single frame leaves nothing behind.
func TestNoRoomAtAll(t *testing.T) {
	disk := newMemory()
	s := newStudio(t, disk, nil, nil)
	disk.set(func() { disk.room = 100 })
	s.record(t, Spec{}, mediatest.AVC(time.Second))
	s.want(t, EventStarted, nil)
	s.want(t, EventFailed, errNoSpace)
	s.want(t, EventStopped, nil)
	if len(disk.files) != 0 || len(s.paths(t)) != 0 {
		t.Errorf("left over: %v, %v", disk.files, s.paths(t))
	}
}

func TestDiskLow(t *testing.T) {
	disk := newMemory()
	s := newStudio(t, disk, nil, nil)
	packets := mediatest.AVC(time.Second)
	c := s.start(t, Spec{})
	p := s.publish(t)
	send(t, p, packets)
	waitFor(t, s.hub, func(i live.SubscriptionInfo) bool { return i.LagBytes == 0 })
	disk.set(func() { disk.low = true })
	if _, err := s.Start(s.hub, media.Key{App: "live", Name: "other"}, Spec{}); !errors.Is(err, ErrDiskLow) {
		t.Errorf("a start on a disk that is nearly full: %v", err)
	}
	s.want(t, EventStarted, nil)
	beat := time.NewTicker(50 * time.Millisecond)
	defer beat.Stop()
	for n := 0; len(s.events) == 0 && n < 100; n++ {
		<-beat.C
		q := *packets[len(packets)-1]
		q.Timestamp += time.Duration(n) * 20 * time.Millisecond
		send(t, p, []*media.Packet{&q})
	}
	s.want(t, EventFailed, ErrDiskLow)
	p.Close(true)
	done(t, c)
	s.take(t)
}

// A disk that takes nothing for a while holds up nobody. What does not fit into memory is a gap, and a new segment.
func TestSlowDisk(t *testing.T) {
	disk := newMemory()
	s := newStudio(t, disk, func(o *Options) { o.Buffer = 64 << 10 }, &live.Config{RingDuration: time.Second, RingBytes: 64 << 10})
	packets := mediatest.AVC(40 * time.Second)
	gate := make(chan struct{})
	disk.set(func() { disk.gate = gate })
	c := s.start(t, Spec{})
	p := s.publish(t)
	send(t, p, packets[:10])
	<-disk.stuck
	send(t, p, packets[10:len(packets)/2])
	disk.set(func() { disk.gate = nil })
	close(gate)
	s.want(t, EventStarted, nil)
	s.want(t, EventFailed, ErrGap)
	s.want(t, EventResumed, nil)
	waitFor(t, s.hub, func(i live.SubscriptionInfo) bool { return i.LagBytes == 0 })
	send(t, p, packets[len(packets)/2:len(packets)/2+20])
	p.Close(true)
	done(t, c)
	if take := s.take(t); len(take.Segments) != 2 || take.Segments[1].Offset < 5*time.Second {
		t.Errorf("the take is %+v, want two segments with a gap between them", take.Segments)
	}
	s.openAll(t)
}

func TestFolderConfines(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	if err := os.Mkdir(outside, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "secret.flv"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, err := OpenFolder(filepath.Join(dir, "records"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	}()
	for name, target := range map[string]string{"live": outside, "file.flv": filepath.Join(outside, "secret.flv")} {
		if err := os.Symlink(target, filepath.Join(dir, "records", name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"../outside/x.flv", "live/x.flv", "/etc/x.flv", "live/../../x.flv", "file.flv", "live/secret.flv", ""} {
		if f, err := folder.Create(name); err == nil {
			t.Errorf("%q was created (%v)", name, f.Close())
		}
		if f, err := folder.Open(name); err == nil {
			t.Errorf("%q was opened (%v)", name, f.Close())
		}
	}
	if err := folder.Walk(func(name string, _ int64, _ time.Time) error {
		t.Errorf("%s was found", name)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("outside there is %v (%v)", entries, err)
	}

	f, err := folder.Create("a/b/c.flv")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := folder.Rename("a/b/c.flv", "file.flv"); !errors.Is(err, os.ErrExist) {
		t.Errorf("renaming onto another file: %v", err)
	}
	if err := folder.Remove("a/b/c.flv"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "records", "a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folders are still there: %v", err)
	}
	if free, total, err := folder.Free(); err != nil || free > total {
		t.Errorf("%d of %d bytes are free (%v)", free, total, err)
	}
}

// A folder of a stream that leads outside is a failure, and nothing is written there.
func TestSymlinkOut(t *testing.T) {
	dir := t.TempDir()
	folder, err := OpenFolder(filepath.Join(dir, "records"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := os.Symlink(dir, filepath.Join(dir, "records", "live")); err != nil {
		t.Fatal(err)
	}
	s := newStudio(t, folder, anyFullness, nil)
	s.record(t, Spec{}, mediatest.AVC(time.Second))
	s.want(t, EventStarted, nil)
	if e := <-s.events; e.Kind != EventFailed || e.Err == nil {
		t.Errorf("event %+v, want a failure", e)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("outside there is %v (%v)", entries, err)
	}
}
