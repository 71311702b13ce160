package abuse

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leat/internal/config"
	"leat/internal/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// house is a node with a healthy stream, and the offenders' connections to it.
type house struct {
	t       *testing.T
	node    *node.Node
	lines   *logbook
	healthy *healthy
	open    []net.Conn // of offenders
}

// offence is one way to misbehave.
type offence struct {
	tweak func(*config.Config)         // of the defaults; may be nil
	do    func(t *testing.T, h *house) // the offenders at work
	want  [][]string                   // the lines of the log that they leave, each by its parts
	heap  int64                        // how much the heap may grow meanwhile, bytes; 0: 64 MiB
	keeps usage                        // what may stay for others to come: caches, which are bounded
}

// beside commits an offence beside a healthy stream, and checks that it is none of the healthy stream's business.
func beside(t *testing.T, o offence) {
	t.Helper()
	h := newHouse(t, o.tweak)
	h.healthy.await(warmUp)
	before := takeUsage()
	peak := watchHeap(before)
	h.healthy.mark()
	o.do(t, h)
	for _, parts := range o.want {
		h.lines.wait(t, parts...)
	}
	h.hangUp()
	h.healthy.await(warmUp)
	if grown := peak.end(); grown > allowed(o.heap) {
		t.Errorf("the heap grew by %d KiB meanwhile, more than %d", grown>>10, allowed(o.heap)>>10)
	}
	h.newSession()
	before.with(o.keeps).wantBack(t)
	h.healthy.finish()
	if line := h.lines.find("panic"); line != "" {
		t.Errorf("something panicked: %s", line)
	}
}

// warmUp is how many messages the healthy players get before, and again behind, the offence.
const warmUp = 6

func allowed(heap int64) int64 {
	if heap == 0 {
		return 64 << 20
	}
	return heap
}

// newHouse starts a node and its healthy stream. The defaults of the configuration hold, but for the doors, the merging, which
// would hide delays, and the grace, which would keep the offenders' streams for a while.
func newHouse(t *testing.T, tweak func(*config.Config)) *house {
	t.Helper()
	cfg := config.Default()
	cfg.RTMP, cfg.HTTP, cfg.Admin = "127.0.0.1:0", "", ""
	cfg.Data = t.TempDir()
	cfg.Merge = config.MergeNone
	cfg.Limits.PublisherGrace = 100 * time.Millisecond
	if tweak != nil {
		tweak(cfg)
	}
	lines, logger := newLogbook()
	h := &house{t: t, lines: lines, node: node.New(cfg, logger)}
	if err := h.node.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- h.node.Serve() }() // ends with Shutdown
	h.lines.wait(t, "msg=ready")
	t.Cleanup(func() {
		h.hangUp()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := h.node.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if t.Failed() {
			t.Logf("the log ends with\n%s", tail(h.lines.String()))
		}
	})
	h.healthy = newHealthy(t, h.url("/live/healthy"))
	return h
}

func (h *house) url(path string) string { return "rtmp://" + h.node.Addr("rtmp").String() + path }

// dial opens an offender's connection, which hangUp closes.
func (h *house) dial() net.Conn {
	h.t.Helper()
	nc, err := net.Dial("tcp", h.node.Addr("rtmp").String())
	if err != nil {
		h.t.Fatal(err)
	}
	h.open = append(h.open, nc)
	return nc
}

// hangUp closes the offenders' connections. Most were closed by the server.
func (h *house) hangUp() {
	for _, nc := range h.open {
		nc.Close()
	}
	h.open = nil
}

// newSession checks that somebody new can publish and play. The connections are closed.
func (h *house) newSession() {
	h.t.Helper()
	start := time.Now()
	publisher, player := h.publish("newcomer"), h.play("newcomer")
	publisher.video(0, keyFrame)
	player.media(1)
	if took := time.Since(start); took > h.healthy.allow(100*time.Millisecond) {
		h.t.Errorf("a new session took %v", took)
	}
	h.hangUp()
}

// logbook keeps what is logged and tells when more has come.
type logbook struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed and replaced at each Write
	only  []string      // if not nil, lines with none of these are thrown away
}

func newLogbook() (*logbook, *slog.Logger) {
	b := &logbook{grown: make(chan struct{})}
	return b, slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.only != nil && !slices.ContainsFunc(b.only, func(part string) bool { return bytes.Contains(line, []byte(part)) }) {
		return len(line), nil
	}
	b.text.Write(line)
	close(b.grown)
	b.grown = make(chan struct{})
	return len(line), nil
}

func (b *logbook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// find returns the first line that holds all parts, or "".
func (b *logbook) find(parts ...string) string {
	for line := range strings.Lines(b.String()) {
		if holds(line, parts) {
			return line
		}
	}
	return ""
}

// count returns how many lines hold all parts.
func (b *logbook) count(parts ...string) int {
	n := 0
	for line := range strings.Lines(b.String()) {
		if holds(line, parts) {
			n++
		}
	}
	return n
}

// wait waits for a line that holds all parts.
func (b *logbook) wait(t *testing.T, parts ...string) { t.Helper(); b.waitFor(t, 1, parts...) }

// waitFor waits for n lines that hold all parts.
func (b *logbook) waitFor(t *testing.T, n int, parts ...string) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		b.mu.Lock()
		grown := b.grown
		b.mu.Unlock()
		if b.count(parts...) >= n {
			return
		}
		select {
		case <-grown:
		case <-late.C:
			t.Fatalf("%d of %d lines with %q in the log, which ends with\n%s", b.count(parts...), n, parts, tail(b.String()))
		}
	}
}

// tail is the end of a long text.
func tail(s string) string {
	const most = 4 << 10
	if len(s) <= most {
		return s
	}
	return "..." + s[len(s)-most:]
}

func holds(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// until calls ok again and again until it is true, and fails the test after patience.
func until(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(start) > patience {
			t.Fatalf("it never happened that %s", what)
		}
		<-tick.C
	}
	return time.Since(start)
}
