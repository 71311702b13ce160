package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// WriteTable writes the report for people: a block for one step, a row for each of several.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s://%s: video of %d kbit/s at %d frames/s, key frames every %g s", r.Scheme, r.Server,
		r.Media.Video, r.Media.FrameRate, r.Media.KeyIntervalMS/1000)
	if r.Media.Audio > 0 {
		fmt.Fprintf(&b, ", audio of %d kbit/s", r.Media.Audio)
	}
	b.WriteString("\n")
	if len(r.Steps) > 1 {
		r.rows(&b)
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		if len(r.Steps) == 1 {
			s.block(&b)
		}
		s.remarks(&b, len(r.Steps) > 1)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rows are the steps of a sweep.
func (r *Report) rows(b *strings.Builder) {
	const form = "%10s %8s %10s %9s %9s %9s %9s %8s %9s %8s\n"
	fmt.Fprintf(b, form, "publishers", "players", "Mbit/s", "p50 ms", "p99 ms", "first ms", "s/Gbit", "CPU %", "MB", "lost")
	for i := range r.Steps {
		s := &r.Steps[i]
		out, p50, p99, first, lost := "-", "-", "-", "-", "-"
		if p := s.Publish; p != nil && s.Play == nil {
			out = fmt.Sprintf("%.1f", p.Mbit)
		}
		if p := s.Play; p != nil {
			out, lost = fmt.Sprintf("%.1f", p.Mbit), fmt.Sprint(p.Lost)
			if p.DelayMS.Count > 0 {
				p50, p99 = number2(p.DelayMS.P50), number2(p.DelayMS.P99)
			}
			if p.FirstMS.Count > 0 {
				first = number2(p.FirstMS.P50)
			}
		}
		cost, cpu, memory := "-", "-", "-"
		if p := s.Process; p != nil {
			cpu, memory = fmt.Sprintf("%.1f", p.CPUPercent), fmt.Sprintf("%.1f", float64(p.MemoryPeak)/1e6)
			if c := s.cost(); c > 0 {
				cost = fmt.Sprintf("%.3f", c)
			}
		}
		fmt.Fprintf(b, form, fmt.Sprint(s.Publishers), fmt.Sprint(s.Players), out, p50, p99, first, cost, cpu, memory, lost)
	}
}

// cost is the server's CPU time per gigabit delivered, or received if nobody plays; 0 when it is not known.
func (r *Result) cost() float64 {
	switch {
	case r.Process == nil:
		return 0
	case r.Process.PerGbitOut > 0:
		return r.Process.PerGbitOut
	}
	return r.Process.PerGbitIn
}

// block is one step in full.
func (r *Result) block(b *strings.Builder) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(b, "  %-12s%s\n", name, fmt.Sprintf(format, args...))
	}
	if p := r.Publish; p != nil {
		row("publishers", "%d, %.2f Mbit/s, %d messages in %.1f s; writes waited for the server for %.0f ms in all",
			p.Connected, p.Mbit, p.Messages, r.Seconds, p.BlockedMS)
	}
	if p := r.Play; p != nil {
		row("players", "%d, %.2f Mbit/s, %d messages", p.Connected, p.Mbit, p.Messages)
		if p.DelayMS.Count > 0 {
			row("delay", "%s, of %d messages", p.DelayMS, p.DelayMS.Count)
		}
		if p.FirstMS.Count > 0 {
			row("first", "message after %s", p.FirstMS)
		}
		if p.FirstKeyMS.Count > 0 {
			row("", "key frame after %s", p.FirstKeyMS)
		}
		row("losses", "%d lost in %d gaps, %d repeated, %d out of order, %d stalls", p.Lost, p.Gaps, p.Repeated, p.OutOfOrder, p.Stalls)
	}
	if p := r.Process; p != nil {
		row("server", "process %d: %.1f %% of a core, %.1f MB at most, %.1f kB for each connection",
			p.PID, p.CPUPercent, float64(p.MemoryPeak)/1e6, float64(p.PerConnection)/1e3)
		if c := r.cost(); c > 0 {
			row("cost", "%.4f s of CPU for a gigabit", c)
		}
	}
	if r.Generator.CPUPercent > 0 {
		row("leat bench", "%.1f %% of a core", r.Generator.CPUPercent)
	}
}

// String returns the distribution in milliseconds.
func (s Spread) String() string {
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, most %s ms", number2(s.P50), number2(s.P90), number2(s.P99), number2(s.Max))
}

// number2 writes a number with two digits behind the point where it is small, and fewer where it is large.
func number2(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// remarks are what a user must not overlook.
func (r *Result) remarks(b *strings.Builder, many bool) {
	where := ""
	if many {
		where = fmt.Sprintf("with %d publishers and %d players: ", r.Publishers, r.Players)
	}
	say := func(format string, args ...any) { fmt.Fprintf(b, "  %s%s\n", where, fmt.Sprintf(format, args...)) }
	if p := r.Publish; p != nil {
		p.remarks("publishers", say)
	}
	if p := r.Play; p != nil {
		p.remarks("players", say)
		if p.Silent > 0 {
			say("%d players got nothing", p.Silent)
		}
		if p.Lossy > 0 {
			say("%d players lost messages", p.Lossy)
		}
		if p.Stalls > 0 {
			say("players were without a message for more than a second %d times, %s ms at most", p.Stalls, number2(p.LongestStall))
		}
		if p.Unmarked > 0 {
			say("%d messages are not of leat bench: nothing is known of losses and delays", p.Unmarked)
		}
	}
	for _, text := range r.Generator.Warnings {
		say("%s", text)
	}
	if r.Interrupted {
		say("the measurement was interrupted")
	}
}

func (c *Connections) remarks(who string, say func(string, ...any)) {
	if c.Failed > 0 {
		say("%d %s could not connect", c.Failed, who)
	}
	if c.Closed > 0 {
		say("%d %s were cut off", c.Closed, who)
	}
	for _, text := range slices.Sorted(maps.Keys(c.Reasons)) {
		say("%d × %s", c.Reasons[text], text)
	}
}
