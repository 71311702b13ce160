package record

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
)

var streams = map[string]func(time.Duration) []*media.Packet{
	"avc": mediatest.AVC, "hevc": mediatest.HEVC, "av1": mediatest.AV1, "opus": mediatest.Opus, "frames of 26 ms": oddAudio,
}

// oddAudio is a stream whose frames do not fill a second, as those of AAC and MP3.
func oddAudio(length time.Duration) []*media.Packet {
	packets := mediatest.Opus(length)
	for i, p := range packets {
		again := *p
		again.Timestamp = p.Timestamp * 26 / 20
		packets[i] = &again
	}
	return packets
}

func TestRecordsEveryFrame(t *testing.T) {
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t, nil, nil, nil)
			want := stream(3 * time.Second)
			s.record(t, Spec{}, later(want, time.Hour))
			s.want(t, EventStarted, nil)
			s.want(t, EventStopped, nil)
			take := s.take(t)
			same(t, s.played(t, take), want)

			// What is played back and recorded again is the same.
			headers := slices.DeleteFunc(slices.Clone(want), func(p *media.Packet) bool { return !p.Config })
			s.record(t, Spec{}, slices.Concat(headers, s.frames(t, take.Segments[0].Path)))
			same(t, s.played(t, s.take(t)), want)
		})
	}
}

// A stream of which nothing but half a second of sound comes is a recording, too.
func TestShortAudio(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	want := mediatest.Opus(500 * time.Millisecond)
	s.record(t, Spec{}, want)
	same(t, s.played(t, s.take(t)), want)
}

func TestStartWhileLive(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(4 * time.Second)
	p := s.publish(t)
	half := slices.IndexFunc(packets, func(p *media.Packet) bool { return p.Key && p.Timestamp == 2*time.Second })
	send(t, p, packets[:half+1])
	c := s.start(t, Spec{})
	if _, err := s.Start(s.hub, cam, Spec{}); !errors.Is(err, ErrRecording) {
		t.Errorf("a second recorder: %v", err)
	}
	send(t, p, packets[half+1:])
	packet := packets[len(packets)-1]
	waitFor(t, s.hub, func(i live.SubscriptionInfo) bool { return i.Lag == 0 && i.LagBytes == 0 })
	if err := s.Stop(cam); err != nil {
		t.Fatal(err)
	}
	done(t, c)
	if err := s.Stop(cam); !errors.Is(err, ErrNotRecording) {
		t.Errorf("stopping again: %v", err)
	}
	got := s.played(t, s.take(t))
	want := later(packets[half:], -2*time.Second)
	same(t, got, want)
	if err := p.WritePacket(t.Context(), packet); err != nil {
		t.Errorf("the live stream has ended with the recording: %v", err)
	}
	p.Close(true)
}

// waitFor waits until the recorder's subscription is as wanted.
func waitFor(t *testing.T, hub *live.Hub, ok func(live.SubscriptionInfo) bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		info, _ := hub.Stream(cam)
		if len(info.Subscriptions) == 1 && ok(info.Subscriptions[0]) {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatal("the recorder does not come along")
		}
	}
}

// An earlier recording goes when the first key frame of the new one is in its file, and no sooner.
func TestVersions(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(time.Second)
	var paths []string
	for range 3 {
		s.record(t, Spec{KeepVersions: 1}, packets)
		paths = append(paths, s.take(t).Segments[0].Path)
	}
	if got := s.paths(t); !slices.Equal(got, []string{paths[2], paths[1]}) {
		t.Errorf("the recordings are %v, want the last two of %v", got, paths)
	}
	if _, err := s.OpenFile(paths[0]); err == nil {
		t.Error("the oldest file is still there")
	}
	s.record(t, Spec{}, packets[:3])
	if got := s.paths(t); len(got) != 2 {
		t.Errorf("a recording without a frame left %v", got)
	}
	s.record(t, Spec{KeepVersions: -1}, packets)
	s.record(t, Spec{}, packets)
	if got := s.paths(t); len(got) != 1 {
		t.Errorf("without versions there are %v", got)
	}
}

func TestAppend(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(2 * time.Second)
	for range 3 {
		s.record(t, Spec{Mode: Append}, later(packets, time.Minute))
	}
	take := s.take(t)
	if len(take.Segments) != 1 {
		t.Fatalf("%d files, want one", len(take.Segments))
	}
	got := s.frames(t, take.Segments[0].Path)
	if len(got) != 3*len(framesOf(packets)) {
		t.Errorf("%d frames, want three times %d", len(got), len(framesOf(packets)))
	}
	var times []time.Duration
	for _, p := range got {
		if p.Kind == media.Video {
			times = append(times, p.Timestamp)
		}
	}
	for i := 1; i < len(times); i++ {
		if step := times[i] - times[i-1]; step < 35*time.Millisecond || step > 65*time.Millisecond {
			t.Errorf("a step of %v at %v", step, times[i])
		}
	}
	s.record(t, Spec{Mode: AppendWithGap}, packets)
	if d := s.take(t).Segments[0].Duration; d < 7900*time.Millisecond || d > 10*time.Second {
		t.Errorf("the duration is %v", d)
	}
}

func TestAppendTakesAnotherFile(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(2 * time.Second)
	s.record(t, Spec{SegmentTime: time.Second}, packets)
	s.record(t, Spec{Mode: Append, SegmentTime: 500 * time.Millisecond}, packets)
	take := s.take(t)
	if len(take.Segments) != 4 {
		t.Fatalf("%d segments, want 4", len(take.Segments))
	}
	for i, segment := range take.Segments[1:] {
		before := take.Segments[i]
		if gap := segment.Offset - before.Offset - before.Duration; gap <= 0 || gap > 60*time.Millisecond || segment.Segment != i+2 {
			t.Errorf("segment %d begins %v behind the one before", segment.Segment, gap)
		}
	}
	gone := take.Segments[3].Path
	if err := s.opts.Disk.Remove(gone); err != nil {
		t.Fatal(err)
	}
	s.record(t, Spec{Mode: Append}, packets)
	if take := s.take(t); len(take.Segments) != 1 {
		t.Errorf("where a file is missing a new take begins, not one of %d segments", len(take.Segments))
	}
}

func TestSegments(t *testing.T) {
	tests := map[string]struct {
		spec   Spec
		stream func(time.Duration) []*media.Packet
		count  int
	}{
		"time":  {Spec{SegmentTime: 1500 * time.Millisecond}, mediatest.AVC, 3},
		"size":  {Spec{SegmentSize: 1}, mediatest.HEVC, 6},
		"both":  {Spec{SegmentSize: 1 << 30, SegmentTime: 3 * time.Second}, mediatest.AV1, 2},
		"audio": {Spec{SegmentTime: 2 * time.Second}, mediatest.Opus, 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t, nil, nil, nil)
			want := test.stream(6 * time.Second)
			s.record(t, test.spec, want)
			take := s.take(t)
			if len(take.Segments) != test.count {
				t.Errorf("%d segments, want %d", len(take.Segments), test.count)
			}
			for _, segment := range take.Segments {
				frames := s.frames(t, segment.Path)
				if frames[0].Timestamp != 0 || name != "audio" && segment.Segment > 1 && !frames[0].Key {
					t.Errorf("segment %d begins with %v at %v", segment.Segment, frames[0].Kind, frames[0].Timestamp)
				}
			}
			same(t, s.played(t, take), want)
		})
	}
}

// A publisher that comes back within the grace goes on with the recording.
func TestPublisherComesBack(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	packets := mediatest.AVC(time.Second)
	c := s.start(t, Spec{})
	p := s.publish(t)
	send(t, p, packets)
	p.Close(false)
	p = s.publish(t)
	send(t, p, packets)
	p.Close(true)
	// A new publisher of the name begins another one, while the first is perhaps still being written.
	again := s.start(t, Spec{KeepVersions: -1})
	p = s.publish(t)
	send(t, p, packets)
	p.Close(true)
	done(t, c)
	done(t, again)
	takes, err := s.takes(cam, 0)
	if err != nil || len(takes) != 2 {
		t.Fatalf("%d takes (%v), want 2", len(takes), err)
	}
	if n, want := len(s.played(t, takes[1])), 2*len(framesOf(packets)); n != want {
		t.Errorf("the first take has %d frames, want %d", n, want)
	}
}

func TestClosed(t *testing.T) {
	s := newStudio(t, nil, nil, nil)
	c := s.start(t, Spec{})
	if n, _ := s.Stats(); n != 1 {
		t.Errorf("%d streams are recorded", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v", err)
	}
	done(t, c)
	if _, err := s.Start(s.hub, cam, Spec{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Start: %v", err)
	}
}

func BenchmarkRecord(b *testing.B) {
	folder, err := OpenFolder(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	r := newRecordings(Options{MinFree: -1, Disk: folder, Index: openIndex(b, b.TempDir()+"/leat.db")})
	close(r.ready)
	hub := live.NewHub(nil)
	c, err := r.Start(hub, cam, Spec{})
	if err != nil {
		b.Fatal(err)
	}
	p, err := hub.Publish(cam, nil)
	if err != nil {
		b.Fatal(err)
	}
	packets := mediatest.AVC(time.Second)
	send(b, p, packets[:4])
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		q := *packets[4+i%(len(packets)-4)]
		q.Timestamp = time.Duration(i) * 20 * time.Millisecond
		if err := p.WritePacket(b.Context(), &q); err != nil {
			b.Fatal(err)
		}
	}
	p.Close(true)
	done(b, c)
}

// TestHoldsLittle: what comes before the first picture is held within bounds, also if it is empty and time stands still.
func TestHoldsLittle(t *testing.T) {
	for name, body := range map[string][]byte{"empty": nil, "a byte": {0xaf}} {
		c := &Recorder{main: -1, hasVideo: true}
		for range 1 << 16 {
			c.packet(t.Context(), &media.Packet{Kind: media.Audio, Body: body})
		}
		if most := maxHeld / packetCost; len(c.held) > most {
			t.Errorf("%s: %d packets are held, more than %d", name, len(c.held), most)
		}
	}
}
