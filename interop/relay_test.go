//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// serveWith starts a server with a configuration file of its own.
func serveWith(t *testing.T, text string) *liveServer {
	t.Helper()
	file := filepath.Join(t.TempDir(), "leat.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, "--config", file)
}

// certificate returns the path of a server's certificate.
func (s *liveServer) certificate() string {
	args := s.cmd.Args
	return filepath.Join(filepath.Dir(args[slices.Index(args, "--config")+1]), "cert.pem")
}

// TestRelayPush: what ffmpeg publishes to leat is pushed to another server, and played there.
func TestRelayPush(t *testing.T) {
	t.Parallel()
	c := videoAndAAC.make(t, "5")
	t.Run("nginx-rtmp", func(t *testing.T) {
		proves(t)
		target, url := nginx(t)
		waiting := ffmpegPlayer.play(t, url+"/copy")
		target.await(t, "the player", func(line string) bool { return strings.Contains(line, "play: name='copy'") })
		s := serveWith(t, fmt.Sprintf("apps: {live: {push: [{url: %q, key: copy}]}}", url))
		publisher := ffmpegPublish(t, c, s.stream("a"))
		checkPushed(t, waiting.finish(t), c)
		publisher.succeed(t)
	})
	t.Run("leat", func(t *testing.T) {
		proves(t)
		target := serveTLS(t)
		waiting := playAll(t, []player{ffmpegPlayer, leatPlayer}, target.stream("copy"))
		target.events(t, len(waiting), "playing", "copy")
		url := strings.NewReplacer("rtmp://", "rtmps://", "127.0.0.1", "localhost").Replace(target.url)
		s := serveWith(t, fmt.Sprintf("apps: {live: {push: [{url: %q, ca_file: %q}]}}", url+"/live/copy", target.certificate()))
		publisher := ffmpegPublish(t, c, s.stream("a"))
		for _, w := range waiting {
			checkPushed(t, w.finish(t), c)
		}
		publisher.succeed(t)
	})
}

// checkPushed: every frame from the first key frame on.
func checkPushed(t *testing.T, got *recording, c *clip) {
	t.Helper()
	if got.habits.last {
		got.video, got.audio = complete(got.video, c.want.video), complete(got.audio, c.want.audio)
	}
	if d := got.diff(c.want, tail); d != "" {
		t.Error(d)
	}
	if len(got.video) != len(c.want.video) {
		t.Errorf("%d of %d video frames", len(got.video), len(c.want.video))
	}
}

// TestRelayPull: players of leat are shown what ffmpeg publishes to nginx-rtmp, and the connection to it ends with them.
func TestRelayPull(t *testing.T) {
	t.Parallel()
	proves(t)
	c := videoAndAAC.make(t, "10")
	_, url := nginx(t)
	w := watch(t, url+"/far")
	s := serveWith(t, fmt.Sprintf("apps: {live: {pull: [{origins: [%q], idle: 1s}]}}", url+"/{name}"))
	publisher := ffmpegPublish(t, c, url+"/far")
	w.until(t, 2400*time.Millisecond)
	for _, late := range playAll(t, []player{ffmpegPlayer, leatPlayer}, s.stream("far")) {
		got := late.finish(t)
		got.packets = nil // nginx-rtmp sends headers of its own making, in its own order
		checkLate(t, got, c)
	}
	publisher.succeed(t)
	s.event(t, "pull ended", "far")
}
