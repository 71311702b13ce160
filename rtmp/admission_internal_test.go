package rtmp

import (
	"net/netip"
	"testing"
	"time"
)

// TestArrivalsAreForgotten: addresses that come once cost nothing for long, however many there are.
func TestArrivalsAreForgotten(t *testing.T) {
	var a arrivals
	now := time.Now()
	addr := netip.MustParseAddr("2001:db8::")
	most := 0
	for range 100 {
		for range 1000 {
			addr = addr.Next()
			if !a.from(addr, now).take(1, now) {
				t.Fatal("the first connection of an address was refused")
			}
		}
		now = now.Add(time.Second)
		most = max(most, len(a.addresses))
	}
	if most > 3*leastSweep+1000 {
		t.Errorf("%d addresses are remembered at 1000 a second", most)
	}
}
