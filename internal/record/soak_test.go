//go:build soak

package record

import "testing"

func TestKilledFiftyTimes(t *testing.T) { testKilled(t, 50) }
