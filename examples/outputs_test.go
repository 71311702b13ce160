package examples_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// documented returns what docs/guide/library.md shows of a program's output: the lines behind the one that calls it.
func documented(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("../docs/guide/library.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "go run ./examples/"+name+" ")
	if !ok {
		t.Fatalf("docs/guide/library.md does not show the program %s", name)
	}
	_, text, _ = strings.Cut(text, "\n")
	text, _, ok = strings.Cut(text, "```")
	if !ok {
		t.Fatalf("docs/guide/library.md does not show the end of the output of %s", name)
	}
	return text
}

// address returns rtmp://host:port of a server's first line.
func (p *program) address(t *testing.T) string {
	t.Helper()
	_, addr, _ := strings.Cut(p.waitFor(t, "serving "), "serving ")
	return addr
}

// rest returns what the program says up to its end, which must be a good one.
func (p *program) rest(t *testing.T) string {
	t.Helper()
	var said strings.Builder
	for line := range p.lines {
		said.WriteString(line + "\n")
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, said.String())
	}
	return said.String()
}

// withoutReason leaves out what the operating system says about a failed connection.
func withoutReason(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), ": dial tcp")
		b.WriteString(line + "\n")
	}
	return b.String()
}

// closedAddress returns an address at which nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "rtmp://" + l.Addr().String()
}

// TestDump saves what publisher sends, in a file that knows its duration.
func TestDump(t *testing.T) {
	sent := mediatest.AVC(time.Second)
	server := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	url, name := server.address(t)+"/live/film", filepath.Join(t.TempDir(), "film.flv")

	dump := start(t, pipes{}, "dump", url+" live=1", name)
	first := dump.waitFor(t, "saving ")
	start(t, pipes{in: encode(t, sent)}, "publisher", url).waitForEnd(t)
	said := first + "\n" + dump.rest(t)
	if said = strings.ReplaceAll(said, name, "film.flv"); said != documented(t, "dump") {
		t.Errorf("dump said\n%s\nand docs/guide/library.md\n%s", said, documented(t, "dump"))
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, bytes.NewReader(file))
	if d := mediatest.DiffAll(frames(got), frames(sent)); d != "" {
		t.Errorf("the file differs from what was published: %s", d)
	}
}

// frames returns the packets of a stream without its metadata, which differ in a file that knows its duration.
func frames(packets []*media.Packet) []*media.Packet {
	var of []*media.Packet
	for _, p := range packets {
		if p.Kind != media.Data {
			of = append(of, p)
		}
	}
	return of
}

// TestRestream publishes to two servers and to one that is not there.
func TestRestream(t *testing.T) {
	sent := mediatest.AVC(time.Second)
	one := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	two := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	urls := []string{one.address(t) + "/live/KEY", two.address(t) + "/app/KEY", closedAddress(t) + "/live/KEY"}
	outputs := make([]bytes.Buffer, 2)
	var players []*program
	for i := range outputs {
		player := start(t, pipes{out: &outputs[i]}, "player", urls[i])
		player.waitFor(t, "playing ")
		players = append(players, player)
	}
	said := start(t, pipes{in: encode(t, sent)}, "restream", urls...).rest(t)
	for i, player := range players {
		player.waitForEnd(t)
		if d := mediatest.DiffAll(decode(t, &outputs[i]), sent); d != "" {
			t.Errorf("the stream at %s differs: %s", urls[i], d)
		}
	}
	names := strings.NewReplacer(urls[0], "rtmp://one.example/live/KEY", urls[1], "rtmp://two.example/app/KEY",
		urls[2], "rtmp://three.example/live/KEY", strings.TrimSuffix(strings.TrimPrefix(urls[2], "rtmp://"), "/live/KEY"), "three.example:1935")
	said = withoutReason(names.Replace(said))
	for line := range strings.Lines(withoutReason(documented(t, "restream"))) { // the servers answer in any order
		if !strings.Contains(said, line) {
			t.Errorf("docs/guide/library.md shows %q, and restream said\n%s", line, said)
		}
	}
}

// TestFailover relays from a server that is not there, from one that is killed, and from one that ends the stream well.
func TestFailover(t *testing.T) {
	sent := mediatest.AVC(time.Second)
	origin := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	target := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	origins := []string{closedAddress(t) + "/live/film", origin.address(t) + "/live/film"}
	to := target.address(t) + "/live/film"
	var out bytes.Buffer
	player := start(t, pipes{out: &out}, "player", to)
	player.waitFor(t, "playing ")
	failover := start(t, pipes{}, "failover", append(origins, to)...)
	said := failover.waitFor(t, " failed: ") + "\n" + failover.waitFor(t, "playing ") + "\n"
	start(t, pipes{in: encode(t, sent)}, "publisher", origins[1]).waitForEnd(t)
	said += failover.rest(t)
	player.waitForEnd(t)
	if d := mediatest.DiffAll(decode(t, &out), sent); d != "" {
		t.Errorf("the player's stream differs: %s", d)
	}
	said = strings.NewReplacer(origins[0], "rtmp://one.example/live/film", origins[1], "rtmp://two.example/live/film",
		strings.TrimSuffix(strings.TrimPrefix(origins[0], "rtmp://"), "/live/film"), "one.example:1935").Replace(said)
	if withoutReason(said) != withoutReason(documented(t, "failover")) {
		t.Errorf("failover said\n%s\nand docs/guide/library.md\n%s", said, documented(t, "failover"))
	}
}

// TestFailoverGoesOn kills an origin while the stream runs: the next one goes on, and timestamps go on with it.
func TestFailoverGoesOn(t *testing.T) {
	first, second, target := serveHub(t), serveHub(t), serveHub(t)
	sub := target.hub.Subscribe(media.Key{App: "live", Name: "film"}, nil)
	defer sub.Close()
	failover := start(t, pipes{}, "failover", first.url, second.url, target.url)
	failover.waitFor(t, "playing "+first.url)
	publish := func(s *hubServer, packets []*media.Packet) *live.Publication {
		pub, err := s.hub.Publish(media.Key{App: "live", Name: "film"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range packets {
			if err := pub.WritePacket(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		return pub
	}
	sent := mediatest.AVC(time.Second)
	publish(first, sent)
	for range sent {
		if _, err := sub.ReadPacket(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first.close(t)
	failover.waitFor(t, "playing "+second.url)
	publish(second, sent).Close(true)
	n, last := 0, time.Duration(0)
	for {
		p, err := sub.ReadPacket(t.Context())
		if err != nil {
			break
		}
		if !p.Config && p.Timestamp < time.Second {
			t.Errorf("the second origin's stream goes on at %v, after a second of the first", p.Timestamp)
		}
		n, last = n+1, p.Timestamp
	}
	if n < len(sent)-5 || last < 1900*time.Millisecond {
		t.Errorf("%d packets up to %v came from the second origin, it had %d", n, last, len(sent))
	}
	failover.waitForEnd(t)
}

// hubServer is what examples/server is, within the test.
type hubServer struct {
	hub *live.Hub
	url string
	srv *rtmp.Server
}

func serveHub(t *testing.T) *hubServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &hubServer{hub: live.NewHub(nil), url: "rtmp://" + l.Addr().String() + "/live/film"}
	s.srv = &rtmp.Server{Handler: s, Logger: slog.New(slog.DiscardHandler)}
	served := make(chan error, 1)
	go func() { served <- s.srv.Serve(l) }()
	t.Cleanup(func() {
		s.close(t)
		if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s
}

// close ends the server as a crash does: its clients hear nothing of it.
func (s *hubServer) close(t *testing.T) {
	t.Helper()
	if err := s.srv.Close(); err != nil {
		t.Error(err)
	}
	s.hub.Close()
}

func (s *hubServer) ServePublish(ctx context.Context, p *rtmp.PublishStream) error {
	pub, err := s.hub.Publish(p.Key(), nil)
	if err != nil {
		return err
	}
	_, err = media.Copy(ctx, pub, p)
	pub.Close(err == nil)
	return err
}

func (s *hubServer) ServePlay(ctx context.Context, p *rtmp.PlayStream) error {
	sub := s.hub.Subscribe(p.Key(), nil)
	defer sub.Close()
	if err := p.Start(false); err != nil {
		return err
	}
	_, err := media.Copy(ctx, p, sub)
	return err
}

// TestTrace: what docs/guide/library.md shows of each side is said by it in that order, whatever else is said between.
func TestTrace(t *testing.T) {
	server := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	var out bytes.Buffer
	start(t, pipes{out: &out}, "trace", server.address(t)+"/live/film").waitForEnd(t)
	for _, side := range []string{"→", "←", "closed"} {
		said := linesOf(out.String(), side)
		for line := range strings.Lines(linesOf(documented(t, "trace"), side)) {
			_, rest, ok := strings.Cut(said, line)
			if !ok {
				t.Fatalf("docs/guide/library.md shows %q, and trace said\n%s", line, out.String())
			}
			said = rest
		}
	}
}

// linesOf returns the lines of text that begin with side.
func linesOf(text, side string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, side) {
			b.WriteString(line)
		}
	}
	return b.String()
}
