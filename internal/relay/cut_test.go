package relay

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/hostile"
	"leat/rtmp/rtmptest"
)

// TestCutServers: a target and an origin that break off behind any byte of a good conversation cost the ingest nothing, and are tried
// again.
func TestCutServers(t *testing.T) {
	const handshake, all = 3073, 5000
	stride := int64(13)
	if testing.Short() {
		stride *= 5
	}
	for at := int64(0); at < all; at += stride {
		if at > 10 && at < handshake {
			at = handshake
		}
		c := hostile.Case{Name: fmt.Sprintf("breaks off behind byte %d", at), Behave: hostile.BreakOff(at, nil)}
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			n.hosts["bad"] = rtmptest.NewListener()
			bad := hostile.Serve(n.hosts["bad"], c.Behave)
			defer bad.Close()
			s := n.station(t)
			defer s.close()
			pub, end := s.publish(cam, Target{URL: "rtmp://bad/live", Key: secret})
			defer end()
			if _, err := s.StartPull(film, Pull{Origins: []string{"rtmp://bad/live/" + secret}}); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			feed(t, pub, time.Second)
			if took := time.Since(begun); took > time.Second {
				t.Errorf("%s: the ingest took %v", c.Name, took)
			}
			sleep(time.Second)
			met(t, c, s.Pushes())
			met(t, c, s.Pulls())
			if bad.Accepted() < 2 || at < 3300 && bad.Accepted() < 3 {
				t.Errorf("%s: it was tried %d times", c.Name, bad.Accepted())
			}
		})
	}
}
