//go:build interop

package interop

import (
	"slices"
	"testing"
	"time"

	"leat/media"
)

// TestLateJoin: players that come in mid-stream begin with the headers and a key frame, find the streams that there are
// and no others, and have every frame from there on.
func TestLateJoin(t *testing.T) {
	t.Parallel()
	c := videoAndAAC.make(t, "10")
	s := serve(t)
	w := watch(t, s.stream("late"))
	publisher := ffmpegPublish(t, c, s.stream("late"))
	w.until(t, 2400*time.Millisecond) // in the middle of a group of pictures
	late := playAll(t, players, s.stream("late"))
	for _, l := range late {
		t.Run(l.player.name, func(t *testing.T) {
			proves(t)
			checkLate(t, l.finish(t), c)
		})
	}
	publisher.succeed(t)
}

func checkLate(t *testing.T, got *recording, c *clip) {
	t.Helper()
	part := tail
	if got.habits.last { // its end may be missing; that it is the same program at the end is proved elsewhere
		got.video, got.audio = complete(got.video, c.want.video), complete(got.audio, c.want.audio)
	}
	if d := got.diff(c.want, part); d != "" {
		t.Error(d)
	}
	if len(got.video) == 0 || len(got.video) == len(c.want.video) {
		t.Fatalf("%d of %d video frames: that is no late join", len(got.video), len(c.want.video))
	}
	if !slices.Contains(keySums(c.want.packets), got.video[0].sum) {
		t.Error("the first video frame is no key frame")
	}
	if got.streams != 0 && got.streams != c.streams {
		t.Errorf("%d streams, want %d", got.streams, c.streams)
	}
	if got.packets != nil {
		checkHeadersFirst(t, got.packets)
	}
}

// complete adds the last frame of want to got if it is what got lacks at its end.
func complete(got, want []frame) []frame {
	if len(got) == 0 || len(want) < 2 || got[len(got)-1].sum != want[len(want)-2].sum {
		return got
	}
	last, before := want[len(want)-1], want[len(want)-2]
	shift := got[len(got)-1].dts - before.dts
	return append(got, frame{dts: last.dts + shift, pts: last.pts + shift, sum: last.sum})
}

// keySums returns the sums of the key frames.
func keySums(packets []*media.Packet) []string {
	keys := recordingOf(slices.DeleteFunc(slices.Clone(packets), func(p *media.Packet) bool { return !p.Key }))
	sums := make([]string, len(keys.video))
	for i, f := range keys.video {
		sums[i] = f.sum
	}
	return sums
}

// checkHeadersFirst: metadata and the sequence headers of both tracks stand before the first frame of any.
func checkHeadersFirst(t *testing.T, packets []*media.Packet) {
	t.Helper()
	first := slices.IndexFunc(packets, func(p *media.Packet) bool { return !p.Config && p.Kind != media.Data })
	var metadata, video, audio bool
	for _, p := range packets[:max(first, 0)] {
		metadata = metadata || p.Name == media.NameMetadata
		video = video || p.Kind == media.Video
		audio = audio || p.Kind == media.Audio
	}
	if !metadata || !video || !audio {
		t.Errorf("before the first frame: metadata %v, video header %v, audio header %v; want all", metadata, video, audio)
	}
}
