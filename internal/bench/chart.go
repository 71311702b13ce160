package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// A panel is one diagram of a chart.
type panel struct {
	title string // with its unit
	x     string // what the horizontal axis counts
	lines []line
}

// A line joins points of increasing x.
type line struct {
	name   string // "" when the panel needs no legend
	color  string
	dashed bool
	points [][2]float64
}

// colors tell reports apart: a palette that people with any colour vision can read.
var colors = [...]string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}

// The sizes of a chart, in pixels.
const (
	panelWidth, panelHeight = 440, 250
	plotLeft, plotRight     = 64, 20
	plotTop, plotBottom     = 44, 46
	across                  = 2 // panels in a row
	headHeight              = 34
)

// MaxReports is how many reports one chart can tell apart.
const MaxReports = len(colors)

// WriteSVG draws reports into one chart, of which there are 1 to MaxReports. When each has one step the chart shows how its
// measurement went; otherwise it shows how the results change from step to step.
func WriteSVG(w io.Writer, reports ...*Report) error {
	if len(reports) == 0 || len(reports) > MaxReports {
		return fmt.Errorf("a chart shows 1 to %d reports", MaxReports)
	}
	panels := timePanels(reports)
	for _, r := range reports {
		if len(r.Steps) > 1 {
			panels = stepPanels(reports)
		}
	}
	rows := (len(panels) + across - 1) / across
	width, height := across*panelWidth, headHeight+rows*panelHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	x := plotLeft
	for i, r := range reports {
		name := reportName(r)
		fmt.Fprintf(&b, `<rect x="%d" y="12" width="12" height="12" fill="%s"/><text x="%d" y="22" fill="#222">%s</text>`+"\n",
			x, colors[i], x+18, escape(name))
		x += 40 + 7*len([]rune(name))
	}
	for i := range panels {
		panels[i].draw(&b, i%across*panelWidth, headHeight+i/across*panelHeight)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func reportName(r *Report) string {
	if r.Label != "" {
		return r.Label
	}
	return r.Scheme + "://" + r.Server
}

// stepPanels show a point for each step.
func stepPanels(reports []*Report) []panel {
	x, of := "players", func(r *Result) float64 { return float64(r.Players) }
	if !varies(reports, of) {
		x, of = "publishers", func(r *Result) float64 { return float64(r.Publishers) }
	}
	draw := func(title string, values ...value) panel {
		p := panel{title: title, x: x}
		for i, r := range reports {
			for _, v := range values {
				l := line{name: v.name, color: colors[i], dashed: v.dashed}
				for j := range r.Steps {
					if y, ok := v.of(&r.Steps[j]); ok {
						l.points = append(l.points, [2]float64{of(&r.Steps[j]), y})
					}
				}
				p.lines = append(p.lines, l)
			}
		}
		return p
	}
	return []panel{
		draw("server, % of a core", value{of: func(r *Result) (float64, bool) {
			if r.Process == nil {
				return 0, false
			}
			return r.Process.CPUPercent, true
		}}),
		draw("server, CPU seconds for a gigabit", value{of: func(r *Result) (float64, bool) { return r.cost(), r.cost() > 0 }}),
		draw("delay, ms", value{name: "p50", of: delayOf(func(s *Spread) float64 { return s.P50 })},
			value{name: "p99", dashed: true, of: delayOf(func(s *Spread) float64 { return s.P99 })}),
		draw("server, memory in MB", value{of: func(r *Result) (float64, bool) {
			if r.Process == nil {
				return 0, false
			}
			return float64(r.Process.MemoryPeak) / 1e6, true
		}}),
	}
}

// A value is one of a result's, if it has it.
type value struct {
	name   string
	dashed bool
	of     func(*Result) (float64, bool)
}

func delayOf(part func(*Spread) float64) func(*Result) (float64, bool) {
	return func(r *Result) (float64, bool) {
		if r.Play == nil || r.Play.DelayMS.Count == 0 {
			return 0, false
		}
		return part(&r.Play.DelayMS), true
	}
}

// varies reports whether a number differs between the steps of one report.
func varies(reports []*Report, of func(*Result) float64) bool {
	for _, r := range reports {
		for i := range r.Steps {
			if of(&r.Steps[i]) != of(&r.Steps[0]) {
				return true
			}
		}
	}
	return false
}

// timePanels show the seconds of a measurement.
func timePanels(reports []*Report) []panel {
	draw := func(title string, parts ...part) panel {
		p := panel{title: title, x: "seconds"}
		for i, r := range reports {
			for _, v := range parts {
				l := line{name: v.name, color: colors[i], dashed: v.dashed}
				for _, at := range r.Steps[0].Series {
					l.points = append(l.points, [2]float64{at.Seconds, v.of(&at)})
				}
				p.lines = append(p.lines, l)
			}
		}
		return p
	}
	return []panel{
		draw("delivered, Mbit/s", part{of: func(p *Point) float64 { return p.Mbit }}),
		draw("server, % of a core", part{of: func(p *Point) float64 { return p.CPUPercent }}),
		draw("delay, ms", part{name: "p50", of: func(p *Point) float64 { return p.DelayP50 }},
			part{name: "p99", dashed: true, of: func(p *Point) float64 { return p.DelayP99 }}),
		draw("server, memory in MB", part{of: func(p *Point) float64 { return float64(p.Memory) / 1e6 }}),
	}
}

// A part is one of a point's.
type part struct {
	name   string
	dashed bool
	of     func(*Point) float64
}

// draw writes a panel whose corner is at x, y. Both axes begin at 0, so that what is in proportion looks like it.
func (p *panel) draw(b *strings.Builder, x, y int) {
	const width, height = panelWidth - plotLeft - plotRight, panelHeight - plotTop - plotBottom
	most := [2]float64{}
	for _, l := range p.lines {
		for _, at := range l.points {
			most[0], most[1] = max(most[0], at[0]), max(most[1], at[1])
		}
	}
	fmt.Fprintf(b, `<g transform="translate(%d %d)">`+"\n", x+plotLeft, y+plotTop)
	fmt.Fprintf(b, `<text x="0" y="-16" font-weight="bold" fill="#222">%s</text>`+"\n", escape(p.title))
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end" fill="#666">%s</text>`+"\n", width, height+36, escape(p.x))
	stepX, stepY := tickStep(most[0]), tickStep(most[1])
	endX, endY := roundUp(most[0], stepX), roundUp(most[1], stepY)
	for i := 0; float64(i)*stepY <= endY; i++ {
		at := height - float64(i)*stepY/endY*height
		fmt.Fprintf(b, `<path d="M0 %.1fH%d" stroke="#ddd"/><text x="-6" y="%.1f" text-anchor="end" fill="#666">%s</text>`+"\n",
			at, width, at+4, tickText(float64(i)*stepY))
	}
	for i := 0; float64(i)*stepX <= endX; i++ {
		at := float64(i) * stepX / endX * width
		fmt.Fprintf(b, `<path d="M%.1f %dv4" stroke="#999"/><text x="%.1f" y="%d" text-anchor="middle" fill="#666">%s</text>`+"\n",
			at, height, at, height+18, tickText(float64(i)*stepX))
	}
	for _, l := range p.lines {
		l.draw(b, width/endX, height/endY, height)
	}
	b.WriteString("</g>\n")
}

func (l *line) draw(b *strings.Builder, scaleX, scaleY, height float64) {
	if len(l.points) == 0 {
		return
	}
	var path strings.Builder
	command := "M"
	for _, at := range l.points {
		fmt.Fprintf(&path, "%s%.1f %.1f", command, at[0]*scaleX, height-at[1]*scaleY)
		command = "L"
	}
	dashes := ""
	if l.dashed {
		dashes = ` stroke-dasharray="5 4"`
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.8"%s/>`+"\n", &path, l.color, dashes)
	for _, at := range l.points {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="2.2" fill="%s"/>`+"\n", at[0]*scaleX, height-at[1]*scaleY, l.color)
	}
	if last := l.points[len(l.points)-1]; l.name != "" {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end" font-size="10" fill="%s">%s</text>`+"\n",
			last[0]*scaleX, height-last[1]*scaleY-5, l.color, escape(l.name))
	}
}

// tickStep is the distance of an axis's ticks: 1, 2 or 5 times a power of ten, at most five to the largest value.
func tickStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, factor := range []float64{1, 2, 5} {
		if most/(step*factor) <= 5 {
			return step * factor
		}
	}
	return step * 10
}

// roundUp is the end of an axis: the first tick that no value is above.
func roundUp(most, step float64) float64 { return max(math.Ceil(most/step-1e-9), 1) * step }

func tickText(f float64) string { return fmt.Sprintf("%.4g", f) }

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func escape(text string) string { return escaper.Replace(text) }
