package main

import (
	"bytes"
	"strings"
	"testing"

	"leat/internal/bench"
)

// TestBenchProgress looks at the line that a terminal shows.
func TestBenchProgress(t *testing.T) {
	var out bytes.Buffer
	b := startBenchProgress(&out)
	b.show(bench.Progress{Step: 2, Steps: 3, Doing: "measuring", Publishers: 1, Players: 1000, Done: .5, Rate: 1.13e9, Failed: 2})
	for _, want := range []string{"2/3 measuring: 1 publishers, 1000 players, 1130.00 Mbit/s, 2 failed", "50%"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %q", want, &out)
		}
	}
	b.end()
	if nobody := newBenchProgress(&out); nobody != nil {
		t.Error("a pipe gets a progress")
	}
	var none *benchProgress
	none.show(bench.Progress{})
	none.end()
}
