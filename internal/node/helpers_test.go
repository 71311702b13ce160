package node

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"leat/internal/config"
	"leat/media"
	"leat/rtmp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// secret is the token of all tests. No log may ever hold it.
const secret = "s3cret"

// server is a node on a free port of the loopback, with its log.
type server struct {
	*Node
	lines *logbook
}

// start runs a node; tweak, if not nil, changes the defaults.
func start(t *testing.T, tweak func(*config.Config)) *server {
	t.Helper()
	return startAt(t, nil, tweak)
}

// startAt is start with an RTMP door of the test's own, unless that is nil.
func startAt(t *testing.T, l net.Listener, tweak func(*config.Config)) *server {
	t.Helper()
	cfg := config.Default()
	cfg.RTMP, cfg.HTTP, cfg.Admin = "127.0.0.1:0", "", ""
	cfg.Data = t.TempDir()
	cfg.Merge = config.MergeNone
	if tweak != nil {
		tweak(cfg)
	}
	s := &server{lines: &logbook{grown: make(chan struct{})}}
	s.Node = New(cfg, slog.New(slog.NewTextHandler(s.lines, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l != nil {
		s.doors = append(s.doors, door{name: "rtmp", listener: l, serve: s.rtmp.Serve})
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	s.lines.wait(t, "msg=ready")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if text := s.lines.String(); strings.Contains(text, secret) {
			t.Errorf("the log holds a token:\n%s", text)
		}
		if t.Failed() {
			t.Logf("the log:\n%s", s.lines)
		}
	})
	return s
}

// url is the address of an app and stream ("/live/cam") of the server.
func (s *server) url(path string) string { return "rtmp://" + s.Addr("rtmp").String() + path }

// logbook keeps what is logged and tells when more has come.
type logbook struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed and replaced at each Write
}

func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
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

// wait waits for a line that holds all parts, and returns it.
func (b *logbook) wait(t *testing.T, parts ...string) string {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		b.mu.Lock()
		text, grown := b.text.String(), b.grown
		b.mu.Unlock()
		for line := range strings.Lines(text) {
			if holds(line, parts) {
				return line
			}
		}
		select {
		case <-grown:
		case <-late.C:
			t.Fatalf("no line with %q in the log:\n%s", parts, text)
		}
	}
}

func holds(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// limit returns a context that ends when a test has waited too long.
func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, url string) *rtmp.Conn {
	t.Helper()
	c, err := rtmp.Dial(limit(t), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func publish(t *testing.T, url string) *rtmp.Publisher {
	t.Helper()
	p, err := dial(t, url).Publish(limit(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func play(t *testing.T, url string, o *rtmp.PlayOptions) *rtmp.Player {
	t.Helper()
	p, err := dial(t, url).Play(limit(t), "", o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send publishes packets.
func send(t *testing.T, p *rtmp.Publisher, packets ...*media.Packet) {
	t.Helper()
	ctx := limit(t)
	for _, pkt := range packets {
		if err := p.WritePacket(ctx, pkt); err != nil {
			t.Fatal(err)
		}
	}
}

// take reads so many packets.
func take(t *testing.T, p *rtmp.Player, n int) []*media.Packet {
	t.Helper()
	got, err := read(limit(t), p, n)
	if err != nil {
		t.Fatalf("after %d of %d packets: %v", len(got), n, err)
	}
	return got
}

// rest reads what comes until the end of the stream.
func rest(t *testing.T, p *rtmp.Player) []*media.Packet {
	t.Helper()
	got, err := read(limit(t), p, 1<<30)
	if !errors.Is(err, io.EOF) {
		t.Fatalf("after %d packets: %v, want the end of the stream", len(got), err)
	}
	return got
}

func read(ctx context.Context, p *rtmp.Player, n int) ([]*media.Packet, error) {
	var got []*media.Packet
	for len(got) < n {
		pkt, err := p.ReadPacket(ctx)
		if err != nil {
			return got, err
		}
		got = append(got, pkt)
	}
	return got, nil
}

// code returns the code of a refusal, or the error's text.
func code(err error) string {
	if status, ok := errors.AsType[*rtmp.StatusError](err); ok {
		return status.Code
	}
	if err == nil {
		return "success"
	}
	return err.Error()
}

// until calls ok again and again until it is true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("it never happened that %s", what)
		}
	}
}

// key is the stream that tests publish.
var key = media.Key{App: "live", Name: "cam"}

// addressed is a connection that claims to come from elsewhere.
type addressed struct {
	net.Conn
	from net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.from }
