//go:build race

package abuse

// slowdown is how much longer things may take under the race detector, which makes the media path some ten times slower.
const slowdown = 10
