//go:build !race

package abuse

// slowdown is how much longer things may take: not at all without the race detector.
const slowdown = 1
