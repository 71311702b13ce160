//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// webOutputs are the addresses of a stream on the public door, behind its name.
var webOutputs = []string{".flv", ".mp4", ".m3u8"}

// serveWeb starts a server with a public door and more lines of configuration, which records everything, and returns the door's address.
func serveWeb(t *testing.T, more ...string) (s *liveServer, door string) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "leat.yaml")
	text := "http: 127.0.0.1:0\nrtmp: 127.0.0.1:0\nadmin: ''\nlog: {format: json}\nrecordings: {min_free: 0}\ndefaults: {record: {when: always}}\n" + strings.Join(more, "\n")
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

// TestPlaylists: ffprobe reads every playlist: master and media, with parts and without, of the live stream and of its recording.
func TestPlaylists(t *testing.T) {
	for _, mode := range []string{"lowlatency", "plain"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			proves(t)
			c := videoAndAAC.make(t, "12")
			s, door := serveWeb(t, "hls: {mode: "+mode+", segment: 1s}")
			w := watch(t, s.stream("web"))
			publisher := ffmpegPublish(t, c, s.stream("web"))
			w.until(t, 4400*time.Millisecond)
			wants := map[string]string{
				".m3u8": "h264 aac", "/index.m3u8": "h264 aac", "/_hls/video0.m3u8": "h264", "/_hls/audio0.m3u8": "aac",
			}
			t.Run("live", func(t *testing.T) { // ends when all have ended
				for ending, want := range wants {
					t.Run(ending, func(t *testing.T) {
						t.Parallel()
						if got := codecsIn(t, door+"/live/web"+ending); got != want {
							t.Errorf("%q, want %q", got, want)
						}
					})
				}
			})
			publisher.succeed(t)
			s.event(t, "recording ended", "web")
			for ending, want := range wants {
				ending = strings.Replace(ending, "_hls", "_vod", 1)
				if got := codecsIn(t, door+"/live/web"+ending); got != want {
					t.Errorf("recorded %s has %q, want %q", ending, got, want)
				}
			}
		})
	}
}

// codecsIn returns the codecs of what ffprobe finds at an address, video first.
func codecsIn(t *testing.T, url string) string {
	text := output(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of", "csv=p=0", url)
	lines := strings.Fields(text)
	slices.SortFunc(lines, func(a, b string) int {
		return strings.Compare(b[strings.IndexByte(b, ',')+1:], a[strings.IndexByte(a, ',')+1:])
	})
	var names []string
	for _, line := range slices.Compact(lines) {
		name, _, _ := strings.Cut(line, ",")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// remuxed are the arguments with which ffmpeg copies what it reads from an address into a file.
func remuxed(url, file string) []string {
	return []string{"-nostdin", "-v", "error", "-copyts", "-i", url, "-map", "0:v:0", "-map", "0:a:0", "-c", "copy", file}
}
