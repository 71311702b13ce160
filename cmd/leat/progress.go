package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows on a terminal how far a stream has come. A nil progress shows nothing.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar
	verb  string
	total int64 // 0: unknown
	begun time.Time
	shown time.Time

	// What at was told last.
	done  int64
	media time.Duration
	bytes int64
}

// refresh is how often the line is written anew.
const refresh = 200 * time.Millisecond

// newProgress returns a progress of total units on w, or of an unknown number when that is 0. It returns nil unless w is
// a terminal: a pipe gets nothing.
func newProgress(w io.Writer, verb string, total int64) *progress {
	if !isTerminal(w) {
		return nil
	}
	return startProgress(w, verb, total)
}

func startProgress(w io.Writer, verb string, total int64) *progress {
	most := total
	if total == 0 {
		most = -1
	}
	return &progress{w: w, bar: newBar(w, verb, most), verb: verb, total: total, begun: time.Now()}
}

// newBar returns a bar of so many units, or a spinner when that is -1.
func newBar(w io.Writer, text string, most int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(most,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(text),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(0),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetSpinnerChangeInterval(0), // it needs no goroutine of its own: at moves it
	)
}

// at shows how many units are done, how much media that is and how many bytes.
func (p *progress) at(done int64, media time.Duration, bytes int64) {
	if p == nil {
		return
	}
	p.done, p.media, p.bytes = done, media, bytes
	if time.Since(p.shown) >= refresh {
		p.shown = time.Now()
		p.show()
	}
}

// show writes the line. A terminal that cannot be written to is no reason to stop what it is about.
func (p *progress) show() {
	rate := float64(p.bytes*8) / max(time.Since(p.begun).Seconds(), refresh.Seconds())
	p.bar.Describe(fmt.Sprintf("%s %s, %s, %s", p.verb, clock(p.media), size(p.bytes), bitRate(rate)))
	if p.total == 0 {
		_ = p.bar.Add64(1) // moves the spinner
	} else {
		_ = p.bar.Set64(min(p.done, p.total))
	}
}

// clear takes the line away until it is written anew.
func (p *progress) clear() {
	if p == nil {
		return
	}
	_ = p.bar.Clear()
	p.shown = time.Time{}
}

// end shows what at was told last and leaves the line.
func (p *progress) end() {
	if p == nil {
		return
	}
	p.show()
	_ = p.bar.Exit()
	_, _ = fmt.Fprintln(p.w)
}

// clock writes a time as h:mm:ss.
func clock(d time.Duration) string {
	s := int64(d / time.Second)
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// size writes a number of bytes for people.
func size(bytes int64) string {
	switch n := float64(bytes); {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", n/1e6)
	}
	return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
}

// bitRate writes bits per second for people.
func bitRate(bits float64) string {
	if bits >= 1e6 {
		return fmt.Sprintf("%.2f Mbit/s", bits/1e6)
	}
	return fmt.Sprintf("%.0f kbit/s", bits/1e3)
}
