//go:build interop

package interop

import (
	"path/filepath"
	"testing"
)

var gstreamerPlayers = []player{ffmpegPlayer, leatPlayer}

// TestGStreamerPublish: rtmp2sink publishes. What GStreamer makes of the clip, with messages and times of its own, is what the
// same pipeline writes to a file.
func TestGStreamerPublish(t *testing.T) {
	t.Parallel()
	requireElements(t, "flvdemux", "h264parse", "aacparse", "flvmux", "rtmp2sink")
	c := videoAndAAC.make(t, "4")
	file := filepath.Join(t.TempDir(), "gst.flv")
	start(t, "gst-launch-1.0", remux(c.path, "filesink", "location="+file)...).succeed(t)
	published := &clip{source: c.source, want: readFLV(t, file)}
	s := serve(t)
	waiting := playAll(t, gstreamerPlayers, s.stream("gst"))
	s.events(t, len(waiting), "playing", "gst")
	publisher := start(t, "gst-launch-1.0", remux(c.path, "rtmp2sink", "sync=true", "location="+s.stream("gst"))...)
	for _, w := range waiting {
		t.Run(w.player.name, func(t *testing.T) {
			proves(t)
			checkWhole(t, w.finish(t), published)
		})
	}
	publisher.succeed(t)
}

// remux is a pipeline that demultiplexes an FLV file and multiplexes it for a sink.
func remux(path string, sink ...string) []string {
	return concat([]string{
		"-q", "filesrc", "location=" + path, "!", "flvdemux", "name=d",
		"d.video", "!", "queue", "!", "h264parse", "!", "m.",
		"d.audio", "!", "queue", "!", "aacparse", "!", "m.",
		"flvmux", "name=m", "streamable=true", "!",
	}, sink)
}
