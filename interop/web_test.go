//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// webOutputs are the addresses of a stream on the public door, behind its name.
var webOutputs = []string{".flv", ".mp4", ".m3u8"}

// serveWeb starts a server with a public door, which records everything, and returns the door's address.
func serveWeb(t *testing.T) (s *liveServer, door string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "leat.yaml")
	text := "http: 127.0.0.1:0\nrtmp: 127.0.0.1:0\nadmin: ''\nlog: {format: json}\nrecordings: {min_free: 0}\ndefaults: {record: {when: always}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s = &liveServer{process: start(t, leat, "serve", "--config", config, "--data", filepath.Join(t.TempDir(), "data"))}
	ready := s.event(t, "ready", "")
	s.url = ready["rtmp"].(string)
	return s, ready["http"].(string)
}

// TestWebOutputs: what ffmpeg reads over HTTP of a live stream is what was published, from a key frame to the end, on the same
// clock. Behind the end it reads the recording, all of it.
func TestWebOutputs(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "12")
	s, door := serveWeb(t)
	w := watch(t, s.stream("web"))
	publisher := ffmpegPublish(t, c, s.stream("web"))
	w.until(t, 4400*time.Millisecond)
	type reading struct {
		*process
		file string
	}
	under := make(map[string]reading)
	for _, o := range webOutputs {
		file := filepath.Join(t.TempDir(), "got.flv") // its clock is that of RTMP, in milliseconds
		under[o] = reading{start(t, "ffmpeg", remuxed(door+"/live/web"+o, file)...), file}
	}
	for _, o := range webOutputs {
		t.Run("live "+o, func(t *testing.T) {
			under[o].succeed(t)
			got := received(t, "-i", under[o].file)
			if d := someFrames(got, c.want); d != "" {
				t.Fatal(d)
			}
			if n := len(c.want.video); got.video[len(got.video)-1].sum != c.want.video[n-1].sum {
				t.Errorf("the last picture is missing")
			}
			if len(got.video) == len(c.want.video) && o != ".m3u8" {
				t.Error("all pictures: that is no late join")
			}
		})
	}
	publisher.succeed(t)
	s.event(t, "recording ended", "web")
	for _, o := range webOutputs {
		t.Run("recording "+o, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "got.flv")
			output(t, "ffmpeg", remuxed(door+"/live/web"+o, file)...)
			if d := sameFrames(received(t, "-i", file), c.want); d != "" {
				t.Error(d)
			}
		})
	}
}

// remuxed are the arguments with which ffmpeg copies what it reads from an address into a file.
func remuxed(url, file string) []string {
	return []string{"-nostdin", "-v", "error", "-copyts", "-i", url, "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", file}
}
