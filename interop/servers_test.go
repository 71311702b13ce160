//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNginx: leat publishes to nginx-rtmp, and plays from it.
func TestNginx(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "4")
	server, url := nginx(t)
	waiting := leatPlayer.play(t, url+"/a")
	server.await(t, "the player", func(line string) bool { return strings.Contains(line, "play: name='a'") })
	publisher := start(t, leat, "publish", c.path, url+"/a")
	got := waiting.finish(t)
	got.packets = nil // nginx-rtmp sends headers of its own making, in its own order
	checkWhole(t, got, c)
	publisher.succeed(t)
}

// TestFFmpegListens: leat publishes to ffmpeg, which is the server.
func TestFFmpegListens(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "4")
	sums := filepath.Join(t.TempDir(), "sums")
	server := withListener(t,
		func(url string) []string {
			return []string{"-listen", "1", "-i", url, "-c", "copy", "-copyts", "-f", "framemd5", sums}
		},
		func(url string) []string { return []string{leat, "publish", c.path, url} })
	server.succeed(t)
	checkWhole(t, readFrameMD5(t, sums), c)
}

// TestFFmpegServes: leat plays from ffmpeg, which is the server.
func TestFFmpegServes(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "4")
	out := filepath.Join(t.TempDir(), "out")
	withListener(t,
		func(url string) []string {
			return []string{"-re", "-i", c.path, "-c", "copy", "-f", "flv", "-listen", "1", url}
		},
		func(url string) []string { return []string{leat, "play", url, "-o", out} })
	checkWhole(t, readFLV(t, out), c)
}

// withListener starts ffmpeg as a server and runs its client, to its end. Should the port be taken from under
// ffmpeg, it tries another.
func withListener(t *testing.T, ffmpeg, client func(url string) []string) *process {
	t.Helper()
	const attempts = 5
	for range attempts {
		url := fmt.Sprintf("rtmp://127.0.0.1:%d/live/a", freePort(t))
		server := start(t, "ffmpeg", concat([]string{"-nostdin", "-v", "error"}, ffmpeg(url))...)
		if p := onceListening(t, server, client(url)); p != nil {
			p.succeed(t)
			return server
		}
	}
	t.Fatal("ffmpeg does not listen")
	return nil
}

// onceListening runs a client until it could connect to a server that takes one connection and does not say when, and
// then to its end. nil says that the server has ended before.
func onceListening(t *testing.T, server *process, command []string) *process {
	t.Helper()
	const cannotConnect = 3
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		p := start(t, command[0], command[1:]...)
		if p.end(t) != cannotConnect {
			return p
		}
		select {
		case <-server.done:
			return nil
		case <-tick.C:
		}
	}
}
