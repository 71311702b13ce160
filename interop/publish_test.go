//go:build interop

package interop

import "testing"

// TestFFmpegPublish: ffmpeg publishes each kind of media; every player, there from the start, gets every frame
// and ends by itself when ffmpeg does.
func TestFFmpegPublish(t *testing.T) {
	t.Parallel()
	for _, src := range []source{videoAndAAC, videoAndMP3, audioOnly, videoOnly} {
		t.Run(src.name, func(t *testing.T) {
			t.Parallel()
			c := src.make(t, "5")
			s := serve(t)
			waiting := playAll(t, players, s.stream("a"))
			s.events(t, len(players), "playing", "a")
			publisher := ffmpegPublish(t, c, s.stream("a"))
			for _, w := range waiting {
				t.Run(w.player.name, func(t *testing.T) {
					proves(t)
					checkWhole(t, w.finish(t), c)
				})
			}
			publisher.succeed(t)
			if connected := s.events(t, len(players)+1, "connected", ""); connected["handshake"] != "digest" {
				t.Errorf("the handshake of ffmpeg was %v, want digest", connected["handshake"])
			}
		})
	}
}

// checkWhole: the player has all of the clip, and nothing else.
func checkWhole(t *testing.T, got *recording, c *clip) {
	t.Helper()
	if d := got.diff(c.want, whole); d != "" {
		t.Error(d)
	}
	if got.streams != 0 && got.streams != c.streams {
		t.Errorf("%d streams, want %d", got.streams, c.streams)
	}
	if got.packets == nil {
		return
	}
	if d := got.diffBodies(c.want); d != "" {
		t.Error(d)
	}
}
