package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cam is the stream of all tests.
var cam = media.Key{App: "live", Name: "cam"}

// film is another, which is pulled.
var film = media.Key{App: "live", Name: "film"}

// secret is the stream key of all tests. No log may hold it.
const secret = "s3cret"

// network is hosts in memory, by name.
type network struct {
	line rtmptest.FaultConfig // what connections to all hosts are like
	tls  *tls.Config          // of all servers that are started from then on; nil: none speaks TLS
	dns  net.DNSError         // of hosts that are not there; the zero value: there are no such hosts

	mu    sync.Mutex
	hosts map[string]*rtmptest.Listener
	dials map[string]int
}

func newNetwork() *network {
	return &network{hosts: map[string]*rtmptest.Listener{}, dials: map[string]int{}}
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	l := n.hosts[host]
	n.dials[host]++
	n.mu.Unlock()
	if l == nil {
		dns := n.dns
		if dns.Err == "" {
			dns = net.DNSError{Err: "no such host", IsNotFound: true}
		}
		dns.Name = host
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &dns}
	}
	c, err := l.Dial(ctx)
	if err != nil || n.line == (rtmptest.FaultConfig{}) {
		return c, err
	}
	return rtmptest.NewFault(c, n.line), nil
}

func (n *network) dialled(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials[host]
}

// serve runs a server on the network until the test ends or stop is called.
func (n *network) serve(t *testing.T, host string, h rtmp.Handler) (stop func()) {
	t.Helper()
	srv := &rtmp.Server{Handler: h, TLSConfig: n.tls, Logger: slog.New(slog.DiscardHandler)}
	l := rtmptest.NewListener()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	n.mu.Lock()
	n.hosts[host] = l
	n.mu.Unlock()
	stop = sync.OnceFunc(func() {
		n.mu.Lock()
		delete(n.hosts, host)
		n.mu.Unlock()
		if err := srv.Close(); err != nil {
			t.Errorf("closing %s: %v", host, err)
		}
		if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Errorf("serving %s: %v", host, err)
		}
	})
	return stop
}

// station is a server with a hub and a relay.
type station struct {
	*Relay
	t     *testing.T
	hub   *live.Hub
	lines *logbook
	rules map[media.Key]Pull // of pulls on demand; set before they are used
}

func (n *network) station(t *testing.T) *station {
	t.Helper()
	s := &station{t: t, lines: &logbook{}, rules: map[media.Key]Pull{}}
	s.hub = live.NewHub(&live.Config{RingBytes: 256 << 10, OnWanted: func(key media.Key) { s.Want(key) }})
	s.Relay = New(&Config{
		Hub:    s.hub,
		Dial:   n.dial,
		Logger: slog.New(slog.NewTextHandler(s.lines, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Pull: func(key media.Key) (Pull, bool) {
			rule, ok := s.rules[key]
			return rule, ok
		},
		OnAir: func(key media.Key, path Path) func() { return s.Begin(key, path, func() []Target { return nil }) },
	})
	return s
}

// close ends the station; tests that use synctest must do so before their bubble ends.
func (s *station) close() {
	s.Close()
	s.hub.Close()
	if text := s.lines.String(); strings.Contains(text, secret) {
		s.t.Errorf("the log holds a secret:\n%s", text)
	}
	if s.t.Failed() {
		s.t.Logf("the log:\n%s", s.lines)
	}
}

// ServePublish lets a station be a server: streams go into its hub.
func (s *station) ServePublish(ctx context.Context, ps *rtmp.PublishStream) error {
	pub, err := s.hub.Publish(ps.Key(), nil)
	if err != nil {
		return rtmp.Refuse(rtmp.CodePublishBadName, "busy")
	}
	end := s.Begin(ps.Key(), PathOf(ps.Request()), func() []Target { return nil })
	defer end()
	_, err = media.Copy(ctx, pub, ps)
	pub.Close(err == nil)
	return err
}

// ServePlay plays from the hub what is there or can be pulled.
func (s *station) ServePlay(ctx context.Context, ps *rtmp.PlayStream) error {
	if err := s.Await(ctx, ps.Key(), PathOf(ps.Request())); err != nil {
		return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "%v", err)
	}
	if err := ps.Start(false); err != nil {
		return err
	}
	sub := s.hub.Subscribe(ps.Key(), nil)
	defer sub.Close()
	_, err := media.Copy(ctx, ps, sub)
	return err
}

// ServeConnect refuses loops.
func (s *station) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	if err := s.Admit(r); err != nil {
		return rtmp.Refuse(rtmp.CodeConnectRejected, "%v", err)
	}
	return nil
}

// publish puts a stream on air and returns what writes packets and ends it.
func (s *station) publish(key media.Key, targets ...Target) (pub *live.Publication, end func()) {
	s.t.Helper()
	pub, err := s.hub.Publish(key, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	done := s.Begin(key, nil, func() []Target { return targets })
	return pub, func() {
		pub.Close(true)
		done()
	}
}

// feed writes frames in real time, which is fake, until it is stopped.
func feed(t *testing.T, pub media.Writer, d time.Duration) {
	t.Helper()
	begun := time.Now()
	for _, p := range mediatest.AVC(d) {
		if wait := p.Timestamp - time.Since(begun); wait > 0 {
			time.Sleep(wait)
		}
		if err := pub.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

// sink is a server that keeps what is published to it.
type sink struct {
	mu      sync.Mutex
	streams [][]*media.Packet // one for each time that somebody published
	keys    []media.Key
	refuse  error // what publish is answered with
	connect error // what connect is answered with
	ended   int   // streams that were ended in good order
	conn    *rtmp.Conn
}

func (k *sink) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	k.mu.Lock()
	err := k.refuse
	n := len(k.streams)
	if err == nil {
		k.streams = append(k.streams, nil)
		k.keys = append(k.keys, s.Key())
		k.conn = s.Conn()
	}
	k.mu.Unlock()
	if err != nil {
		return err
	}
	if err := s.Accept(); err != nil {
		return err
	}
	for {
		p, err := s.ReadPacket(ctx)
		k.mu.Lock()
		switch {
		case err == nil:
			k.streams[n] = append(k.streams[n], p)
		case errors.Is(err, io.EOF):
			k.ended++
		}
		k.mu.Unlock()
		if err != nil {
			return nil //nolint:nilerr // the end of the stream is the end of the handler
		}
	}
}

func (k *sink) ServePlay(context.Context, *rtmp.PlayStream) error {
	return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "nothing here")
}

func (k *sink) ServeConnect(context.Context, *rtmp.ConnectRequest) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.connect
}

// got returns what came with the n-th publication; nil if there was none.
func (k *sink) got(n int) []*media.Packet {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n >= len(k.streams) {
		return nil
	}
	return k.streams[n]
}

func (k *sink) count() (published, ended int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.streams), k.ended
}

// logbook keeps what is logged.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *logbook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logbook) want(t *testing.T, parts ...string) {
	t.Helper()
	for line := range strings.Lines(b.String()) {
		found := true
		for _, part := range parts {
			found = found && strings.Contains(line, part)
		}
		if found {
			return
		}
	}
	t.Errorf("no line with %q in the log", parts)
}

// sleep lets fake time pass, and everything happen that is due.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
