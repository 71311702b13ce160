//go:build interop

package interop

import (
	"path/filepath"
	"slices"
	"testing"
)

// TestFFmpegEchoesChunkSize: ffmpeg, when it publishes, tells the server the chunk size that the server told it, and
// uses it. The server must obey that, and the stream arrives.
func TestFFmpegEchoesChunkSize(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "2")
	s := serve(t)
	w := leatPlayer.play(t, s.stream("echo"))
	s.event(t, "playing", "echo")
	tapped := newTap(t, s.url)
	ffmpegPublish(t, c, tapped.url+"/live/echo").succeed(t)
	checkWhole(t, w.finish(t), c)
	sizes := tapped.chunkSizes(t)
	if !slices.Contains(sizes, 65536) {
		t.Errorf("ffmpeg announced the chunk sizes %v, not that of the server, 65536", sizes)
	}
}

// TestRtmpdumpStops: rtmpdump asks for two seconds of a live stream (-B), gets them, and ends by itself while the
// publisher goes on.
func TestRtmpdumpStops(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "8")
	s := serve(t)
	publisher := ffmpegPublish(t, c, s.stream("stop"))
	s.event(t, "stream carries", "stop")
	out := filepath.Join(t.TempDir(), "out")
	dump := start(t, "rtmpdump", "-q", "-v", "-r", s.stream("stop"), "-B", "2", "-o", out)
	dump.succeed(t)
	select {
	case <-publisher.done:
		t.Error("rtmpdump has ended no sooner than the publisher")
	default:
	}
	got := readFLV(t, out)
	if len(got.video) == 0 || len(got.audio) == 0 {
		t.Fatalf("%d video frames and %d audio frames", len(got.video), len(got.audio))
	}
	// What a player gets begins with a group of pictures that is up to a second old.
	const least, most = 1500, 3500
	if long := got.video[len(got.video)-1].dts - got.video[0].dts; long < least || long > most {
		t.Errorf("it has got %d ms of video, asked for 2000", long)
	}
	s.event(t, "play ended", "stop")
}
