//go:build interop

package interop

import (
	"testing"
	"time"
)

var stayingPlayers = []player{ffmpegPlayer, rtmpdumpPlayer, leatPlayer}

// TestPublisherReturns: a publisher is killed and comes back within the grace. Its players hear nothing of it: what they
// got of the first publication is a beginning of the clip, then the whole clip follows, and time goes on.
func TestPublisherReturns(t *testing.T) {
	t.Parallel()
	c := videoAndAAC.make(t, "4")
	s := serve(t)
	staying := playAll(t, stayingPlayers, s.stream("back"))
	w := watch(t, s.stream("back"))
	s.events(t, len(staying)+1, "playing", "back")
	first := ffmpegPublish(t, c, s.stream("back"))
	w.until(t, 1500*time.Millisecond)
	first.kill()
	s.event(t, "publish ended", "back")
	second := ffmpegPublish(t, c, s.stream("back"))
	for _, p := range staying {
		t.Run(p.player.name, func(t *testing.T) {
			proves(t)
			checkReturn(t, p.finish(t), c)
		})
	}
	second.succeed(t)
}

func checkReturn(t *testing.T, got *recording, c *clip) {
	t.Helper()
	before, after := &recording{}, &recording{}
	for _, kind := range []struct {
		name          string
		got, want     []frame
		before, after *[]frame
	}{
		{"video", got.video, c.want.video, &before.video, &after.video},
		{"audio", got.audio, c.want.audio, &before.audio, &after.audio},
	} {
		split := len(kind.got) - len(kind.want)
		if split <= 0 {
			t.Fatalf("%s: %d frames, want those of the first publication and %d more", kind.name, len(kind.got), len(kind.want))
		}
		for i := 1; i < len(kind.got); i++ {
			if kind.got[i].dts <= kind.got[i-1].dts {
				t.Errorf("%s: frame %d is at %d, the one before at %d", kind.name, i, kind.got[i].dts, kind.got[i-1].dts)
			}
		}
		*kind.before, *kind.after = kind.got[:split], kind.got[split:]
	}
	if d := before.diff(c.want, head); d != "" {
		t.Errorf("before: %s", d)
	}
	if d := after.diff(c.want, whole); d != "" {
		t.Errorf("after: %s", d)
	}
}
