package main

import (
	"fmt"
	"io"

	"github.com/schollz/progressbar/v3"

	"leat/internal/bench"
)

// benchProgress shows on a terminal how far `leat bench` has come. A nil benchProgress shows nothing.
type benchProgress struct{ bar *progressbar.ProgressBar }

// newBenchProgress returns nil unless w is a terminal: a pipe gets nothing.
func newBenchProgress(w io.Writer) *benchProgress {
	if !isTerminal(w) {
		return nil
	}
	return startBenchProgress(w)
}

func startBenchProgress(w io.Writer) *benchProgress {
	return &benchProgress{bar: newBar(w, "connecting", 100)}
}

// show writes the line anew. A terminal that cannot be written to is no reason to stop.
func (b *benchProgress) show(p bench.Progress) {
	if b == nil {
		return
	}
	b.bar.Describe(benchLine(p))
	_ = b.bar.Set(int(p.Done * 100))
}

// benchLine is what the terminal shows beside the bar.
func benchLine(p bench.Progress) string {
	line := p.Doing
	if p.Steps > 1 {
		line = fmt.Sprintf("%d/%d %s", p.Step, p.Steps, p.Doing)
	}
	line += fmt.Sprintf(": %d publishers, %d players, %s", p.Publishers, p.Players, bitRate(p.Rate))
	if p.Failed > 0 {
		line += fmt.Sprintf(", %d failed", p.Failed)
	}
	return line
}

// end takes the line away.
func (b *benchProgress) end() {
	if b != nil {
		_ = b.bar.Clear()
	}
}
