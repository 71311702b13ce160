package main

import (
	"fmt"
	"io"
	"time"
)

// dumpTalk says on standard error what scripts around rtmpdump look for, in its words. What cannot be said there cannot be
// said anywhere: errors of writing are no reason to stop.
type dumpTalk struct {
	w       io.Writer
	quiet   bool
	counts  bool // shows a line of numbers again and again
	hashes  bool
	isLive  bool
	bar     *progress
	shown   time.Time
	percent int // shown as hash signs so far
}

func newDumpTalk(w io.Writer, a *dumpArgs) *dumpTalk {
	return &dumpTalk{w: w, quiet: a.quiet, hashes: a.hashes, counts: a.verbose}
}

// say writes a line that rtmpdump writes at any level but quiet.
func (t *dumpTalk) say(format string, args ...any) {
	if !t.quiet {
		_, _ = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

func (t *dumpTalk) info(format string, args ...any) { t.say("INFO: "+format, args...) }

func (t *dumpTalk) warn(format string, args ...any) { t.say("WARNING: "+format, args...) }

func (t *dumpTalk) fail(format string, args ...any) { t.say("ERROR: "+format, args...) }

// begin is the line before the first message.
func (t *dumpTalk) begin(resumes bool, f *dumpFile, duration float64) {
	verb := "Starting"
	if resumes {
		verb = "Resuming"
	}
	switch {
	case t.isLive:
		t.say("Starting Live Stream")
	case duration > 0:
		t.say("%s download at: %.3f kB / %.3f sec (%.1f%%)", verb, kilobytes(f.written), inSeconds(f.latest), percentOf(f.latest, duration))
	default:
		t.say("%s download at: %.3f kB", verb, kilobytes(f.written))
	}
}

// at shows how far the file is.
func (t *dumpTalk) at(f *dumpFile, duration float64) {
	switch {
	case t.quiet:
	case t.hashes:
		t.hash(percentOf(f.latest, duration), duration > 0)
	case t.counts && time.Since(t.shown) >= refresh:
		t.shown = time.Now()
		t.line(f, duration)
	case !t.counts && (t.bar != nil || isTerminal(t.w)):
		t.show(f, duration)
	}
}

// show moves the bar of a terminal, which is made anew when the duration becomes known.
func (t *dumpTalk) show(f *dumpFile, duration float64) {
	total := int64(duration * 1000)
	if t.bar == nil || t.bar.total != total {
		t.bar = newProgress(t.w, "saving", total)
	}
	t.bar.at(int64(f.latest), time.Duration(f.latest)*time.Millisecond, f.written)
}

// hash writes a sign for each percent, or five a second when nobody knows how long the stream is.
func (t *dumpTalk) hash(percent float64, known bool) {
	switch {
	case known && int(percent) > t.percent:
		t.percent = int(percent)
	case !known && time.Since(t.shown) >= refresh:
		t.shown = time.Now()
	default:
		return
	}
	_, _ = fmt.Fprint(t.w, "#")
}

func (t *dumpTalk) line(f *dumpFile, duration float64) {
	_, _ = fmt.Fprintf(t.w, "\r%.3f kB / %.2f sec", kilobytes(f.written), inSeconds(f.latest))
	if duration > 0 {
		_, _ = fmt.Fprintf(t.w, " (%.1f%%)", percentOf(f.latest, duration))
	}
}

// end leaves the line with the last numbers, or the hash signs.
func (t *dumpTalk) end(f *dumpFile, duration float64) {
	t.bar.end()
	t.bar = nil
	if t.quiet {
		return
	}
	if !t.hashes {
		t.line(f, duration)
	}
	_, _ = fmt.Fprintln(t.w)
}

func kilobytes(bytes int64) float64 { return float64(bytes) / 1024 }

func inSeconds(milliseconds uint32) float64 { return float64(milliseconds) / 1000 }

// percentOf is how much of a duration a time is, cut to one digit; 0 if the duration is not known.
func percentOf(milliseconds uint32, duration float64) float64 {
	if duration <= 0 {
		return 0
	}
	return float64(int64(float64(milliseconds)/duration)) / 10 // ms/s is a tenth of a percent
}
