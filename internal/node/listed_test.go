package node

import (
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/media/mediatest"
)

// TestListed: the front page names no stream that is not listed, or that not everybody may play.
func TestListed(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		listed := c.Defaults
		listed.Listed = true
		guarded, far := listed, listed
		guarded.PlayToken = config.NewSecret(secret)
		far.PlayFrom = nil
		c.Apps = config.Apps{{Pattern: "shown", App: listed}, {Pattern: "guarded", App: guarded}, {Pattern: "far", App: far}, {Pattern: "*", App: c.Defaults}}
	})
	if text := body(t, fetch(t, s, "/_/streams.json", "")); text != "[]" {
		t.Errorf("before: %s", text)
	}
	for _, name := range []string{"/hidden/cam", "/guarded/cam", "/far/cam", "/shown/cam"} {
		send(t, publish(t, s.url(name)), mediatest.AVC(time.Second)...)
	}
	play(t, s.url("/shown/waiting"), nil)
	var text string
	until(t, "the stream is listed with its picture", func() bool {
		text = body(t, fetch(t, s, "/_/streams.json", ""))
		return strings.Contains(text, `"name":"shown/cam","players":0,"width":96,"height":54`)
	})
	if strings.Count(text, "name") != 1 {
		t.Errorf("the list is %s", text)
	}
}
