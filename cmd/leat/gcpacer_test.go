package main

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestThrift(t *testing.T) {
	begun := time.Now()
	account := thrift{at: begun, left: thriftMost}
	for _, step := range []struct {
		what  string
		at    time.Duration
		spent time.Duration
		want  int
	}{
		{"a burst that the savings cover", time.Second, thriftMost - 10*time.Millisecond, leastGarbage},
		{"the rest is spent", 2 * time.Second, thriftMost + 10*time.Millisecond, mostGarbage},
		{"more than can be saved meanwhile", 3 * time.Second, thriftMost + 20*time.Millisecond, mostGarbage},
		{"less than was saved meanwhile", time.Minute, thriftMost + 30*time.Millisecond, leastGarbage},
		{"no more is saved than what is most", 100 * time.Hour, 2*thriftMost + 31*time.Millisecond, mostGarbage},
	} {
		if got := account.percent(begun.Add(step.at), step.spent); got != step.want {
			t.Errorf("%s: %d %% may be garbage, %d wanted", step.what, got, step.want)
		}
	}
}

// TestGCPacer: while collections are rare little garbage lies about, much when they are not, and stop puts back what was.
func TestGCPacer(t *testing.T) {
	was := debug.SetGCPercent(70)
	defer debug.SetGCPercent(was)
	c := startGCPacer()
	until := func(want int) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); ; runtime.GC() {
			c.mu.Lock()
			got := c.percent
			c.mu.Unlock()
			if got == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d %% may be garbage, %d wanted", got, want)
			}
		}
	}
	until(leastGarbage)
	until(mostGarbage) // no savings last when one collection follows the other
	c.stop()
	if got := debug.SetGCPercent(-1); got != 70 {
		t.Errorf("afterwards %d %% may be garbage, 70 wanted", got)
	}
}
