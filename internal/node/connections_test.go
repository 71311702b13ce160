package node

import (
	"slices"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

func TestConnections(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	pub := publish(t, s.url("/live/cam?token="+secret))
	send(t, pub, mediatest.AVC(time.Second)...)
	player := play(t, s.url("/live/cam"), nil)
	until(t, "both are there", func() bool {
		all := s.Connections()
		return len(all) == 2 && all[0].Role == RolePublisher && all[1].Role == RolePlayer
	})
	all := s.Connections()
	want := []media.Key{{App: "live", Name: "cam"}}
	for _, c := range all {
		if c.App != "live" || c.Transport != "rtmp" || c.TCURL != s.url("/live") || c.FlashVer == "" || c.Since.IsZero() {
			t.Errorf("connection %d is %+v", c.ID, c)
		}
		if !slices.Equal(c.Streams, want) {
			t.Errorf("connection %d has the streams %v, want %v", c.ID, c.Streams, want)
		}
		if c.BytesIn == 0 || c.BytesOut == 0 {
			t.Errorf("connection %d has %d bytes in and %d out", c.ID, c.BytesIn, c.BytesOut)
		}
	}
	if _, ok := s.Connection(all[0].ID); !ok {
		t.Errorf("connection %d is listed and not found", all[0].ID)
	}
	if err := s.Kick(all[0].ID, "it was time"); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "msg=closed", `reason="it was time"`)
	until(t, "the publisher is gone", func() bool { return len(s.Connections()) == 1 })
	if err := s.Kick(all[0].ID, "again"); err == nil {
		t.Error("a connection that has ended can be kicked")
	}
	if _, ok := s.Connection(all[0].ID); ok {
		t.Error("a connection that has ended is found")
	}
	if err := player.Close(); err != nil {
		t.Error(err)
	}
}
