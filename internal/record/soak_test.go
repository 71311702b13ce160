//go:build soak

package record

import "testing"

func TestKilledFiftyTimes(t *testing.T) {
	for format := range containers {
		t.Run(string(format), func(t *testing.T) { testKilled(t, format, 50) })
	}
}
