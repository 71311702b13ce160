package node

import (
	"slices"
	"testing"
	"time"

	"leat/internal/diagnose"
	"leat/media"
	"leat/media/mediatest"
)

// TestFindings publishes without a sequence header and with one too late: the log has it once, and the API the rest.
func TestFindings(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	pub := publish(t, s.url("/live/cam"))
	packets := mediatest.AVC(2 * time.Second)
	isConfig := func(p *media.Packet) bool { return p.Kind == media.Video && p.Config }
	i := slices.IndexFunc(packets, isConfig)
	send(t, pub, slices.DeleteFunc(slices.Clone(packets), isConfig)...)
	send(t, pub, packets[i])
	s.lines.wait(t, "msg=found", "code=sequence-header-late", "level=WARN", "conn=1")
	var codes []diagnose.Code
	for _, f := range s.Connections()[0].Findings {
		codes = append(codes, f.Code)
	}
	for _, want := range []diagnose.Code{diagnose.ConfigMissing, diagnose.ConfigLate} {
		if !slices.Contains(codes, want) {
			t.Errorf("found %v, and not %s", codes, want)
		}
	}
	if err := s.Kick(1, "enough"); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "msg=closed")
	until(t, "the listener is gone", func() bool {
		s.findings.mu.Lock()
		defer s.findings.mu.Unlock()
		return len(s.findings.sessions) == 0
	})
}

// TestNoFindings has nothing to say of a good publisher and its player.
func TestNoFindings(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	pub := publish(t, s.url("/live/cam"))
	player := play(t, s.url("/live/cam"), nil)
	packets := mediatest.AVC(2 * time.Second)
	send(t, pub, packets...)
	take(t, player, 10)
	for _, c := range s.Connections() {
		for _, f := range c.Findings {
			t.Errorf("connection %d: %s", c.ID, f)
		}
	}
}
