package relay

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/hostile"
	"leat/rtmp/rtmptest"
)

// against runs a test with a station, and a hostile server that is called bad on its network.
func against(t *testing.T, c hostile.Case, test func(t *testing.T, s *station)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		l := rtmptest.NewListener()
		n.hosts["bad"] = l
		bad := hostile.Serve(l, c.Behave)
		defer bad.Close()
		s := n.station(t)
		defer s.close()
		test(t, s)
	})
}

// patience is how long a hostile server is looked at: longer than the time-outs, but of those that send much not so often.
func patience(c hostile.Case) time.Duration {
	if strings.HasPrefix(c.Name, "sends ") {
		return 2 * time.Second
	}
	return 15 * time.Second
}

// met checks what a push or pull has made of a hostile server after a time.
func met(t *testing.T, c hostile.Case, list []Status) {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("%d of them are there", len(list))
	}
	got := list[0]
	switch got.State {
	case StateWaiting, StateFailed:
		if got.Error == "" || got.RetryAt.IsZero() || len(got.Error) > 1000 || strings.Contains(got.Error, secret) {
			t.Errorf("a server that %s: %+v", c.Name, got)
		}
	case StateConnecting, StatePublishing, StatePlaying, StateIdle:
	default:
		t.Errorf("a server that %s: it is %q", c.Name, got.State)
	}
}

// TestHostileTargets: whatever a target does, the ingest does not notice, and the push has a state and a reason.
func TestHostileTargets(t *testing.T) {
	for _, c := range hostile.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			against(t, c, func(t *testing.T, s *station) {
				pub, end := s.publish(cam, Target{URL: "rtmp://bad/live", Key: secret})
				defer end()
				begun := time.Now()
				feed(t, pub, 3*time.Second)
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("the ingest took %v", took)
				}
				sleep(patience(c))
				met(t, c, s.Pushes())
			})
		})
	}
}

// TestHostileOrigins: whatever an origin does, the pull has a state and a reason, and ends when it is stopped.
func TestHostileOrigins(t *testing.T) {
	for _, c := range hostile.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			against(t, c, func(t *testing.T, s *station) {
				id, err := s.StartPull(cam, Pull{Origins: []string{"rtmp://bad/live/" + secret}})
				if err != nil {
					t.Fatal(err)
				}
				sleep(patience(c))
				met(t, c, s.Pulls())
				begun := time.Now()
				if err := s.StopPull(id); err != nil || time.Since(begun) > 10*time.Second {
					t.Errorf("it was stopped after %v: %v", time.Since(begun), err)
				}
			})
		})
	}
}
