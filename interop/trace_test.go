//go:build interop

package interop

import (
	"strings"
	"testing"
)

// TestTrace puts `leat trace` between ffmpeg and the server, and between the server and its players: it changes nothing, and
// has nothing to warn of.
func TestTrace(t *testing.T) {
	t.Parallel()
	c := videoAndAAC.make(t, "5")
	s := serve(t)
	trace := start(t, leat, "trace", "--listen", "127.0.0.1:0", "--to", s.url, "--chunks")
	line := trace.await(t, "the address of leat trace", func(line string) bool { return strings.Contains(line, "listening on ") })
	_, addr, _ := strings.Cut(line, "listening on ")
	addr, _, _ = strings.Cut(addr, ",")
	url := "rtmp://" + addr + "/live/a"
	waiting := playAll(t, players, url)
	s.events(t, len(players), "playing", "a")
	publisher := ffmpegPublish(t, c, url)
	for _, w := range waiting {
		t.Run(w.player.name, func(t *testing.T) {
			proves(t)
			checkWhole(t, w.finish(t), c)
		})
	}
	publisher.succeed(t)
	ended := 0
	trace.await(t, "the summaries of all connections", func(line string) bool {
		if strings.Contains(line, "!! warning") || strings.Contains(line, "!! error") {
			t.Errorf("a false alarm: %s", line)
		}
		if strings.HasPrefix(line, "summary of connection") {
			ended++
		}
		return ended == len(players)+1
	})
}
