package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"leat/internal/bench"
	"leat/rtmp"
)

// benchCommand is `leat bench`.
type benchCommand struct {
	connectFlags

	URL string `arg:"" name:"url" help:"Server to load: rtmp://host/app/name or rtmps://; several streams are called name-1, name-2 and so on."`

	Publishers []int `help:"Streams to publish; several numbers are measured one after another. 0: somebody else publishes." default:"1" placeholder:"N,…"`
	Players    []int `help:"Players, spread over the streams; several numbers likewise." default:"100" placeholder:"N,…"`

	Duration time.Duration `help:"How long to measure." default:"10s"`
	Settle   time.Duration `help:"How long to wait between the last publisher and the first player." default:"1s"`
	Warm     time.Duration `help:"How long to wait between the last player and the measurement." default:"2s"`
	Join     int           `help:"Connections to open per second." default:"500"`
	Timeout  time.Duration `help:"How long to wait for each answer of the server." default:"10s"`

	Video int           `help:"Video of a stream, kbit/s." default:"1000" placeholder:"KBIT"`
	FPS   int           `name:"fps" help:"Its frames per second." default:"30"`
	Key   time.Duration `help:"Time from key frame to key frame." default:"2s"`
	Audio int           `help:"Audio of a stream, kbit/s; 0 for none." default:"128" placeholder:"KBIT"`

	Sample int           `help:"One player in so many is read at once and measured; the others are read every --tick." default:"16" placeholder:"N"`
	Tick   time.Duration `help:"How often the other players are read." default:"25ms"`
	Idle   bool          `help:"Players only connect, and play nothing."`
	PID    int           `name:"pid" help:"The server's process on this machine; without it, the one that listens at the address." placeholder:"PID"`

	JSON   bool   `name:"json" help:"Print the report as JSON."`
	SVG    string `name:"svg" help:"Draw the report into a file." placeholder:"FILE"`
	Label  string `help:"What the report calls this run." placeholder:"TEXT"`
	Beside string `help:"Draw the steps of this earlier report, made with --json, into the chart too." placeholder:"FILE"`

	Owned bool `name:"yes-i-own-this-server" help:"Load a server whose address is neither loopback nor private."`
}

// cores is how many threads may run at the same time, whatever the number of cores: a player whose message has come must not wait
// for the readers of the others to make room by themselves.
const cores = 4

// Run loads the server, step by step, until all steps are done or a signal comes, and prints what it has found.
func (c *benchCommand) Run(ctx context.Context, std streams) error {
	t, err := c.check(ctx, std.dial)
	if err != nil {
		return err
	}
	beside, err := c.earlier()
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(cores, runtime.GOMAXPROCS(0))))
	progress := newBenchProgress(std.err)
	cfg := c.config(t)
	cfg.Progress = progress.show
	report, err := bench.Run(ctx, cfg)
	progress.end()
	if err != nil && (report == nil || len(report.Steps) == 0) {
		return c.failure(ctx, t, err)
	}
	report.Label = c.Label
	if unwritten := c.write(std.out, report, beside); unwritten != nil {
		return unwritten
	}
	if err != nil {
		return c.failure(ctx, t, err)
	}
	return outcome(ctx, report)
}

// check looks at the arguments and at the address.
func (c *benchCommand) check(ctx context.Context, dial dialFunc) (*target, error) {
	if c.Playpath == "" && !strings.Contains(c.URL, "?") { // a URL that names no stream will do here
		if u, err := rtmp.ParseURL(c.URL); err == nil && u.Name == "" {
			c.Playpath = "bench"
		}
	}
	t, err := c.target(c.URL, c.Timeout, dial)
	if err != nil {
		return nil, err
	}
	switch cfg := c.config(t); {
	case len(c.Publishers) != 1 && len(c.Players) != 1 && len(c.Publishers) != len(c.Players):
		err = fmt.Errorf("--publishers has %d numbers and --players has %d: give one of them one number, or both the same count",
			len(c.Publishers), len(c.Players))
	case c.Audio < 0:
		err = errors.New("--audio must not be negative")
	case c.Beside != "" && c.SVG == "":
		err = errors.New("--beside goes with --svg")
	default:
		err = cfg.Check()
	}
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	if err := checkFolder(c.SVG); err != nil {
		return nil, err
	}
	return t, c.checkOwned(ctx, t.url)
}

// checkOwned keeps users from loading servers of others by mistake.
func (c *benchCommand) checkOwned(ctx context.Context, u *rtmp.URL) error {
	if c.Owned {
		return nil
	}
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Host)
	if err != nil {
		return &exitError{exitNoConnect, fmt.Errorf("cannot look up %q: %w", u.Host, innermost(err))}
	}
	for _, a := range addresses {
		if a = a.Unmap(); !isNear(a) {
			return &exitError{exitUsage, fmt.Errorf(
				"%s is a public address: a load test of a server that is not yours is an attack; add --yes-i-own-this-server if it is yours", a)}
		}
	}
	return nil
}

// isNear reports whether an address is of this machine or a private network.
func isNear(a netip.Addr) bool { return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() }

// earlier reads the report to draw beside this one; nil without --beside.
func (c *benchCommand) earlier() (*bench.Report, error) {
	if c.Beside == "" {
		return nil, nil
	}
	f, err := os.Open(c.Beside)
	if err != nil {
		return nil, fmt.Errorf("cannot read the earlier report: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	r, err := bench.ReadJSON(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Beside, err)
	}
	return r, nil
}

func (c *benchCommand) config(t *target) bench.Config {
	cfg := bench.Config{
		URL: t.url, TLS: t.tls, Dial: t.dialer,
		Media: bench.Media{VideoRate: c.Video, FrameRate: c.FPS, KeyInterval: c.Key, AudioRate: c.Audio},
		Join:  c.Join, Settle: c.Settle, Warm: c.Warm, Duration: c.Duration, Timeout: c.Timeout,
		Sample: c.Sample, Tick: c.Tick, Idle: c.Idle, PID: c.PID,
	}
	if c.Audio == 0 {
		cfg.Media.AudioRate = -1
	}
	for i := range max(len(c.Publishers), len(c.Players)) {
		cfg.Steps = append(cfg.Steps, bench.Step{
			Publishers: c.Publishers[min(i, len(c.Publishers)-1)], Players: c.Players[min(i, len(c.Players)-1)],
		})
	}
	return cfg
}

// failure says for the user why there is no load, or no more of it.
func (c *benchCommand) failure(ctx context.Context, t *target, err error) error {
	if ctx.Err() != nil {
		return &exitError{exitFailed, errInterrupted}
	}
	if refused, ok := errors.AsType[*bench.RefusedError](err); ok {
		return t.failure(ctx, refused.Err, refused.Doing)
	}
	return err
}

// write prints the report and draws it.
func (c *benchCommand) write(w io.Writer, report, beside *bench.Report) error {
	print := report.WriteTable
	if c.JSON {
		print = report.WriteJSON
	}
	if err := print(w); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	if c.SVG == "" {
		return nil
	}
	reports := []*bench.Report{report}
	if beside != nil {
		reports = []*bench.Report{beside, report}
	}
	out := &output{name: c.SVG, std: w}
	if err := errors.Join(bench.WriteSVG(out, reports...), out.Close()); err != nil {
		return fmt.Errorf("draw the report: %w", err)
	}
	return nil
}

// outcome is what the exit code says about a report.
func outcome(ctx context.Context, r *bench.Report) error {
	switch r.Outcome() {
	case bench.Failed:
		return &exitError{exitFailed, errors.New("connections failed, were closed or stayed silent: see the report")}
	case bench.Lossy:
		return &exitError{exitIncomplete, errors.New("messages were lost, repeated or out of order: see the report")}
	}
	if ctx.Err() != nil {
		return &exitError{exitFailed, errInterrupted}
	}
	return nil
}
