package bench

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leat/media"
	"leat/rtmp"
)

// short is a run of a second; small is what it sends, so that it is light with the race detector.
func short(u *rtmp.URL, steps ...Step) Config {
	return Config{
		URL: u, Steps: steps, Media: Media{VideoRate: 200, FrameRate: 20, KeyInterval: 200 * time.Millisecond, AudioRate: 32},
		Settle: time.Millisecond, Warm: 100 * time.Millisecond, Duration: 400 * time.Millisecond, Sample: 2, PID: os.Getpid(),
	}
}

// measure runs a configuration and returns its report.
func measure(t *testing.T, cfg Config) *Report {
	t.Helper()
	if _, ok := usageOf(os.Getpid()); !ok {
		cfg.PID = 0 // this system does not tell
	}
	report, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Steps) != len(cfg.Steps) {
		t.Fatalf("%d steps were measured, want %d", len(report.Steps), len(cfg.Steps))
	}
	return report
}

func TestRun(t *testing.T) {
	t.Parallel()
	serverTLS, clientTLS := certificate()
	for _, scheme := range []string{"rtmp", "rtmps"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			cfg := short(nil, Step{1, 3}, Step{2, 4})
			if scheme == "rtmps" {
				cfg.URL, cfg.TLS = open(t, &server{}, serverTLS), clientTLS
			} else {
				cfg.URL = open(t, &server{}, nil)
			}
			report := measure(t, cfg)
			if got := report.Outcome(); got != Fine {
				t.Errorf("the outcome is %v", got)
			}
			for _, r := range report.Steps {
				switch p := r.Play; {
				case p.Connected != r.Players || r.Publish.Connected != r.Publishers:
					t.Errorf("%d publishers and %d players are connected, want %d and %d",
						r.Publish.Connected, p.Connected, r.Publishers, r.Players)
				case p.Messages == 0 || p.Mbit == 0 || p.Unmarked > 0:
					t.Errorf("%d messages came, %d without a marker", p.Messages, p.Unmarked)
				case p.DelayMS.Count == 0 || p.DelayMS.Max == 0 || p.LazyDelayMS.Count == 0:
					t.Errorf("delays: %v, %v", p.DelayMS, p.LazyDelayMS)
				case p.FirstMS.Count == 0 || p.FirstKeyMS.P50 < p.FirstMS.P50:
					t.Errorf("the first message came after %v, the first key frame after %v", p.FirstMS, p.FirstKeyMS)
				case cfg.PID != 0 && r.Process != nil && r.Process.MemoryPeak == 0:
					t.Errorf("the server has used %+v", r.Process)
				}
			}
		})
	}
}

// TestFaults has a server lose, repeat and delay frames on their way to each player.
func TestFaults(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(i int, p *media.Packet, write func(*media.Packet) error) error
		want  func(p *PlayResult) bool
	}{
		{"lost", func(i int, p *media.Packet, write func(*media.Packet) error) error {
			if i%5 == 4 {
				return nil
			}
			return write(p)
		}, func(p *PlayResult) bool {
			return p.Lost > 0 && p.Gaps > 0 && p.Lossy == 2 && p.Repeated+p.OutOfOrder == 0
		}},
		{"repeated", func(i int, p *media.Packet, write func(*media.Packet) error) error {
			if i%5 == 4 {
				return errors.Join(write(p), write(p))
			}
			return write(p)
		}, func(p *PlayResult) bool { return p.Repeated > 0 && p.Lost+p.OutOfOrder == 0 }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			spoil := func(w media.Writer) media.Writer {
				frames := 0
				return writerFunc(func(ctx context.Context, p *media.Packet) error {
					write := func(p *media.Packet) error { return w.WritePacket(ctx, p) }
					if p.Kind != media.Video || p.Config {
						return write(p)
					}
					frames++
					return test.spoil(frames, p, write)
				})
			}
			report := measure(t, short(open(t, &server{spoil: spoil}, nil), Step{1, 2}))
			if p := report.Steps[0].Play; !test.want(p) || report.Outcome() != Lossy {
				t.Errorf("outcome %v, %+v", report.Outcome(), p)
			}
		})
	}
}

// TestCutOff has a server close the connection of one player.
func TestCutOff(t *testing.T) {
	t.Parallel()
	cfg := short(open(t, &server{cuts: 2}, nil), Step{1, 3})
	cfg.Duration = time.Second
	report := measure(t, cfg)
	if p := report.Steps[0].Play; p.Connected != 3 || p.Closed != 1 || len(p.Reasons) != 1 || report.Outcome() != Failed {
		t.Errorf("outcome %v, %+v", report.Outcome(), p)
	}
}

// TestStall has a server send nothing more to one player.
func TestStall(t *testing.T) {
	t.Parallel()
	var players atomic.Int32
	spoil := func(w media.Writer) media.Writer {
		silent, packets := players.Add(1) == 2, 0
		return writerFunc(func(ctx context.Context, p *media.Packet) error {
			if packets++; silent && packets > 20 {
				return nil
			}
			return w.WritePacket(ctx, p)
		})
	}
	cfg := short(open(t, &server{spoil: spoil}, nil), Step{1, 3})
	cfg.Duration = 3 * pauseAfter / 2
	cfg.Warm = pauseAfter
	report := measure(t, cfg)
	if p := report.Steps[0].Play; p.Stalls < 1 || p.LongestStall < milliseconds(pauseAfter) {
		t.Errorf("%+v", p)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	cfg := short(open(t, &server{}, nil), Step{0, 3})
	cfg.Idle = true
	report := measure(t, cfg)
	if p := report.Steps[0].Play; p.Connected != 3 || p.Messages != 0 || p.Silent != 0 || report.Outcome() != Fine {
		t.Errorf("%+v", p)
	}
}

// TestRefused has nobody play.
func TestRefused(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), short(open(t, &server{refuses: true}, nil), Step{1, 2}))
	refused, ok := errors.AsType[*RefusedError](err)
	status, isStatus := errors.AsType[*rtmp.StatusError](err)
	if !ok || refused.Doing != "play" || !isStatus || status.Code != string(rtmp.CodePlayFailed) {
		t.Fatalf("the error is %v", err)
	}
	if strings.Contains(err.Error(), "sesame") {
		t.Errorf("the error tells the token: %v", err)
	}
}

// TestInterrupt ends a run while it measures.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cfg := short(open(t, &server{}, nil), Step{1, 2}, Step{1, 3})
	cfg.Duration = time.Hour
	cfg.Progress = func(p Progress) {
		if p.Doing == phaseNames[phaseMeasuring] && p.Rate > 0 {
			cancel()
		}
	}
	report, err := Run(ctx, cfg)
	if err != nil || len(report.Steps) != 1 || !report.Steps[0].Interrupted || report.Steps[0].Play.Messages == 0 {
		t.Errorf("%v: %+v", err, report)
	}
}

func TestConfig(t *testing.T) {
	u, err := rtmp.ParseURL("rtmp://127.0.0.1/live/cam?token=sesame")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		change func(c *Config)
		want   string
	}{
		{func(c *Config) { c.Duration = -1 }, "duration must be between 0 and 24h0m0s"},
		{func(c *Config) { c.Sample = -1 }, "join and sample must be more than 0"},
		{func(c *Config) { c.Media.VideoRate = 200_000 }, "video must be between 1 and 100000 kbit/s"},
		{func(c *Config) { c.Media.FrameRate = -1 }, "fps must be between 1 and 240"},
		{func(c *Config) { c.Media.KeyInterval = time.Hour }, "key must be between 0 and 1m"},
		{func(c *Config) { c.Media.AudioRate = 5000 }, "audio must be at most 1000 kbit/s"},
		{func(c *Config) { c.Steps = nil }, "there must be 1 to 50 steps"},
		{func(c *Config) { c.Steps = []Step{{0, 0}} }, "a step needs publishers or players"},
		{func(c *Config) { c.Steps = []Step{{1, 1_000_000}} }, "players must be between 0 and 100000"},
		{func(c *Config) { c.Steps = []Step{{-1, 1}} }, "publishers must be between 0 and 10000"},
	}
	for _, test := range tests {
		cfg := Config{URL: u, Steps: []Step{{1, 1}}}
		test.change(&cfg)
		if err := cfg.Check(); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
	cfg := Config{URL: u}
	if one, third := cfg.streamName(0, 1), cfg.streamName(2, 3); one != "cam?token=sesame" || third != "cam-3?token=sesame" {
		t.Errorf("streams are called %s and %s", one, third)
	}
}
