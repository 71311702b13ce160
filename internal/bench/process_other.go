//go:build !linux

package bench

import "net/netip"

// usageOf knows nothing: there is no /proc.
func usageOf(int) (u usage, ok bool) { return usage{}, false }

// findServer finds nothing.
func findServer(netip.AddrPort) int { return 0 }
