package node

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/media"
	"leat/rtmp"
)

func TestShortageOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		used, limit int64
		want        shortage
	}{
		{0, 1000, roomy},
		{699, 1000, roomy},
		{700, 1000, tight},
		{849, 1000, tight},
		{850, 1000, short},
		{920, 1000, severe},
		{969, 1000, severe},
		{970, 1000, spent},
		{5000, 1000, spent},
		{100 << 30, 200 << 30, roomy},
	} {
		if got := shortageOf(tt.used, tt.limit); got != tt.want {
			t.Errorf("%d of %d: %d, want %d", tt.used, tt.limit, got, tt.want)
		}
	}
}

// TestMemoryUsed: garbage does not count, what is held does.
func TestMemoryUsed(t *testing.T) {
	s := start(t, nil)
	s.stopMemory()
	if used := s.memory.used(); used < 1<<20 || used > 4<<30 {
		t.Errorf("the process uses %d bytes", used)
	}
}

// TestOutOfMemory: with little memory left new work is refused in words, what runs goes on, and there is room again after a while.
func TestOutOfMemory(t *testing.T) {
	s := start(t, func(c *config.Config) { c.HTTP = "127.0.0.1:0" })
	s.stopMemory() // the test says how much there is
	publisher := publish(t, s.url("/live/cam"))
	key := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Key: true, Body: []byte{0x17, 1, 0, 0, 0, 1}}
	send(t, publisher, key)
	player := play(t, s.url("/live/cam"), nil)
	take(t, player, 1)
	waiting := dial(t, s.url("/live"))

	now := time.Now()
	const limit = 1000
	s.relieve(now, limit, 870)
	s.lines.wait(t, "level=WARN", "memory is short: new publishers and players are refused")
	if _, err := waiting.Publish(t.Context(), "other", nil); code(err) != string(rtmp.CodePublishBadName) || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("a new publisher got %v", err)
	}
	c := dial(t, s.url("/live"))
	if _, err := c.Play(t.Context(), "cam", nil); code(err) != string(rtmp.CodePlayFailed) || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("a new player got %v", err)
	}
	answer := fetch(t, s, "/live/cam.flv", "")
	if text := body(t, answer); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "out of memory") {
		t.Errorf("a player over HTTP got %s: %s", answer.Status, text)
	}
	s.relieve(now, limit, 950)
	s.lines.wait(t, "level=ERROR", "memory is nearly used up: new connections are refused")
	if _, err := rtmp.Dial(t.Context(), s.url("/live"), nil); code(err) != string(rtmp.CodeConnectRejected) || !strings.Contains(err.Error(), "out of memory") {
		t.Errorf("a new connection got %v", err)
	}
	send(t, publisher, key)
	take(t, player, 1)

	s.relieve(now.Add(time.Second), limit, 100)
	if got := s.memory.shortage(); got != severe {
		t.Errorf("shortage %d a second later, want the same", got)
	}
	s.relieve(now.Add(time.Second+reliefAfter), limit, 100)
	s.lines.wait(t, "there is room in memory again")
	if _, err := dial(t, s.url("/live")).Play(t.Context(), "cam", nil); err != nil {
		t.Errorf("with room again a player got %v", err)
	}
	if err := publisher.Close(); err != nil {
		t.Error(err)
	}
	if _, err := player.ReadPacket(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("the player ended with %v", err)
	}
	refusals := map[string]uint64{}
	for _, r := range s.snapshot().Refusals {
		refusals[r.Request+" "+r.Reason] = r.Count
	}
	if refusals["connect memory"] != 1 || refusals["publish memory"] != 1 || refusals["play memory"] != 2 {
		t.Errorf("counted %v", refusals)
	}
}
