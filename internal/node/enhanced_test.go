package node

import (
	"testing"

	"leat/flv"
	"leat/internal/config"
	"leat/rtmp"
)

// announcesNothing is an encoder or player from before Enhanced RTMP.
var announcesNothing = &rtmp.Capabilities{}

// TestLegacyCodecs: with legacy_codecs a player that announces nothing gets HEVC by the old number, one that knows the FourCC
// gets that.
func TestLegacyCodecs(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.LegacyCodecs = true })
	pub := publish(t, s.url("/live/cam"))
	send(t, pub, tagged(t, flv.TagVideo, 0, "90 68766331 0101")...)
	send(t, pub, tagged(t, flv.TagVideo, 40, "91 68766331 000028 00000002 2601")...)
	send(t, pub, tagged(t, flv.TagVideo, 80, "a3 68766331 00000002 0201")...)
	announce(t, s, announcesNothing).want(t, "1c 00 000000 0101", "1c 01 000028 00000002 2601", "2c 01 000000 00000002 0201")
	announce(t, s, &rtmp.Capabilities{FourCCList: []string{"hvc1"}}).
		want(t, "90 68766331 0101", "91 68766331 000028 00000002 2601", "a3 68766331 00000002 0201")
}

// TestWithoutNegotiation: OBS announces no more than a list, older builds nothing, and send Enhanced RTMP all the same; players that
// announce nothing play it. Nothing is rewritten.
func TestWithoutNegotiation(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	pub := publish(t, s.url("/live/cam"))
	bodies := []string{
		"90 68766331 0101", "93 68766331 00000002 2601", "a1 68766331 000028 00000002 0201",
		"a3 68766331 00000002 0202",
	}
	for i, body := range bodies {
		send(t, pub, tagged(t, flv.TagVideo, 40*i, body)...)
	}
	announce(t, s, announcesNothing).want(t, bodies...)
}

// TestPublishIdle: limits.publish_idle reaches the publisher.
func TestPublishIdle(t *testing.T) {
	cfg := config.Default()
	cfg.Limits.PublishIdle = 3e9
	if got := rtmpLimits(cfg).PublishIdle; got != cfg.Limits.PublishIdle {
		t.Errorf("the server tells publishers after %v, want %v", got, cfg.Limits.PublishIdle)
	}
}
