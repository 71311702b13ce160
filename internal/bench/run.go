package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"leat/rtmp"
)

// usage is what a process has used.
type usage struct {
	cpu    time.Duration
	memory int64 // resident, bytes
}

// A RefusedError says that nobody could publish, or nobody could play, and why the last of them could not.
type RefusedError struct {
	Doing string // "publish" or "play"
	Err   error  // of package rtmp
}

// Error returns the reason.
func (e *RefusedError) Error() string { return fmt.Sprintf("nobody could %s: %v", e.Doing, e.Err) }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// Run does all steps and returns what it has found. When ctx is done it ends at once: a measurement that had begun counts, and is
// marked as interrupted. If nobody can publish or nobody can play in a step the error is a *RefusedError; a configuration
// that makes no sense is an error, too.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	most := 0
	for _, s := range cfg.Steps {
		most = max(most, s.Publishers+s.Players)
	}
	if err := allowFiles(most); err != nil {
		return nil, err
	}
	if cfg.PID == 0 {
		cfg.PID = localServer(ctx, cfg.URL)
	} else if _, ok := usageOf(cfg.PID); !ok {
		return nil, fmt.Errorf("nothing is known of the process %d: it does not run, or this system does not tell", cfg.PID)
	}
	report := &Report{
		Server: cfg.URL.Address(), Scheme: cfg.URL.Scheme, Started: time.Now().UTC().Truncate(time.Second),
		Media: MediaRate{
			Video: cfg.Media.VideoRate, FrameRate: cfg.Media.FrameRate,
			KeyIntervalMS: milliseconds(cfg.Media.KeyInterval), Audio: max(cfg.Media.AudioRate, 0),
		},
	}
	run := run{cfg: &cfg, pictures: newPictures(), dialer: newDialer(&cfg), begun: time.Now(), id: rand.Uint32()}
	for i := range cfg.Steps {
		result, err := run.step(ctx, i)
		if err != nil {
			return report, err
		}
		report.Steps = append(report.Steps, *result)
		if result.Interrupted {
			break
		}
	}
	return report, nil
}

// localServer returns the process that serves an address of this machine, or 0.
func localServer(ctx context.Context, u *rtmp.URL) int {
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Host)
	if err != nil {
		return 0 // dialling will say it better
	}
	for _, a := range addresses {
		if a = a.Unmap(); !isOwn(a) {
			continue
		}
		if pid := findServer(netip.AddrPortFrom(a, u.Port)); pid != 0 {
			return pid
		}
	}
	return 0
}

// isOwn reports whether an address is one of this machine's.
func isOwn(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, o := range own {
		if p, err := netip.ParsePrefix(o.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}

// run is what all steps have in common.
type run struct {
	cfg      *Config
	pictures *pictures
	dialer   *dialer
	begun    time.Time
	id       uint32
}

// errOver ends the goroutines of a step.
var errOver = errors.New("the step is over")

// step does one step.
func (r *run) step(ctx context.Context, index int) (*Result, error) {
	s := &step{
		Step: r.cfg.Steps[index], index: index, cfg: r.cfg, pictures: r.pictures, dialer: r.dialer, begun: r.begun,
		run: r.id + uint32(index),
	}
	inner, cancel := context.WithCancelCause(ctx)
	s.running.Go(func() { s.report(inner) })
	result, err := s.measure(inner)
	s.phase.Store(phaseClosing)
	cancel(errOver)
	s.end()
	if err != nil {
		return nil, err
	}
	s.finish(result)
	return result, nil
}
