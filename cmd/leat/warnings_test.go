package main

import (
	"bytes"
	"errors"
	"testing"

	"leat/rtmp"
)

// TestWarnings: what the library warns of is said in the words of the rest, without secrets; lower levels are not.
func TestWarnings(t *testing.T) {
	u, err := rtmp.ParseURL("rtmp://server/live/cam?token=sesame")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := (&target{secrets: secretsOf(u)}).logger(&console{w: &out})
	log.Info("connected")
	log.Warn("reconnect request not followed", "err", errors.New("no server at token=sesame"))
	log.With("stream", "cam").WithGroup("g").Warn("the server does not take a track", "kind", "audio")
	want := "leat: reconnect request not followed: no server at …\nleat: the server does not take a track (stream cam, kind audio)\n"
	if out.String() != want {
		t.Errorf("it said\n%swant\n%s", out.String(), want)
	}
}
