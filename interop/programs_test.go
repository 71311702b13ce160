//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"testing"
)

// player is a program that plays a stream to its end and leaves something to compare.
type player struct {
	name string
	// command returns the program and its arguments; what it receives goes to out.
	command func(url, out string) []string
	element string // of GStreamer, that it needs
	stdout  bool   // the program writes to its standard output
	read    func(t *testing.T, out string) *recording
	habits  habits
}

// habits is what a program does not keep of what it received.
type habits struct {
	small bool // video messages of five bytes or less: ffmpeg ends an H.264 stream with one
	last  bool // the message that it holds when it is told that the stream is over
}

var (
	ffmpegPlayer = player{
		name: "ffmpeg",
		command: func(url, out string) []string {
			return []string{"ffmpeg", "-nostdin", "-v", "error", "-i", url, "-c", "copy", "-copyts", "-f", "framemd5", out}
		},
		read: readFrameMD5,
	}
	ffprobePlayer = player{
		name: "ffprobe",
		command: func(url, _ string) []string {
			return []string{"ffprobe", "-v", "error", "-show_streams", "-show_packets", "-show_data_hash", "MD5", "-of", "json", url}
		},
		stdout: true,
		read:   readProbe,
	}
	rtmpdumpPlayer = player{
		name: "rtmpdump",
		command: func(url, out string) []string {
			return []string{"rtmpdump", "-q", "-v", "-r", url, "-o", out}
		},
		read:   readFLV,
		habits: habits{small: true},
	}
	gstreamerPlayer = player{
		name:    "GStreamer rtmp2src",
		element: "rtmp2src",
		command: func(url, out string) []string {
			return []string{"gst-launch-1.0", "-q", "rtmp2src", "location=" + url, "!", "filesink", "location=" + out}
		},
		read:   readFLV,
		habits: habits{small: true, last: true},
	}
	leatPlayer = player{
		name: "leat play",
		command: func(url, out string) []string {
			return []string{leat, "play", url, "-o", out}
		},
		read: readFLV,
	}
	players = []player{ffmpegPlayer, ffprobePlayer, rtmpdumpPlayer, gstreamerPlayer, leatPlayer}
)

// playing is a player at work.
type playing struct {
	player
	*process
	out string
}

// play starts a player.
func (p player) play(t *testing.T, url string) *playing {
	t.Helper()
	if p.element != "" {
		requireElements(t, p.element)
	}
	w := &playing{player: p, out: filepath.Join(t.TempDir(), "out")}
	args := p.command(url, w.out)
	if !p.stdout {
		w.process = start(t, args[0], args[1:]...)
		return w
	}
	file, err := os.Create(w.out)
	if err != nil {
		t.Fatal(err)
	}
	w.process = startTo(t, file, args[0], args[1:]...)
	closeAll(t, file) // the process has its own
	return w
}

// playAll starts several players of one stream.
func playAll(t *testing.T, all []player, url string) []*playing {
	t.Helper()
	started := make([]*playing, len(all))
	for i, p := range all {
		started[i] = p.play(t, url)
	}
	return started
}

// finish waits until the player has ended by itself, as it must when the publisher does, and returns what it received.
func (w *playing) finish(t *testing.T) *recording {
	t.Helper()
	w.succeed(t)
	r := w.read(t, w.out)
	r.habits = w.habits
	return r
}

// ffmpegPublish publishes a clip in real time.
func ffmpegPublish(t *testing.T, c *clip, url string) *process {
	t.Helper()
	return start(t, "ffmpeg", "-nostdin", "-v", "error", "-re", "-i", c.path, "-c", "copy", "-f", "flv", url)
}
