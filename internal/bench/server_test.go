package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server passes streams on. Its fields say what goes wrong on the way.
type server struct {
	hub     *live.Hub
	spoil   func(w media.Writer) media.Writer // nil: nothing
	refuses bool
	cuts    int32 // which player's connection is closed once it plays; 0 for none's
	players atomic.Int32
}

func (s *server) ServePublish(ctx context.Context, p *rtmp.PublishStream) error {
	pub, err := s.hub.Publish(p.Key(), nil)
	if err != nil {
		return rtmp.Refuse(rtmp.CodePublishBadName, "%s is being published already.", p.Key())
	}
	_, err = media.Copy(ctx, pub, p)
	pub.Close(err == nil)
	return err
}

func (s *server) ServePlay(ctx context.Context, p *rtmp.PlayStream) error {
	if s.refuses {
		return rtmp.Refuse(rtmp.CodePlayFailed, "No.")
	}
	sub := s.hub.Subscribe(p.Key(), nil)
	defer sub.Close()
	if err := p.Start(false); err != nil {
		return err
	}
	w := media.Writer(p)
	if s.players.Add(1) == s.cuts {
		packets := 0
		w = writerFunc(func(ctx context.Context, packet *media.Packet) error {
			if packets++; packets == 15 {
				go p.Conn().Close() // which waits for this handler
			}
			return p.WritePacket(ctx, packet)
		})
	}
	if s.spoil != nil {
		w = s.spoil(w)
	}
	_, err := media.Copy(ctx, w, sub)
	return err
}

// writerFunc is a media.Writer.
type writerFunc func(ctx context.Context, p *media.Packet) error

func (f writerFunc) WritePacket(ctx context.Context, p *media.Packet) error { return f(ctx, p) }

// open starts a server on loopback and returns where it is. With a TLS configuration it speaks RTMPS.
func open(t *testing.T, s *server, secure *tls.Config) *rtmp.URL {
	t.Helper()
	s.hub = live.NewHub(nil)
	t.Cleanup(s.hub.Close)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &rtmp.Server{Handler: s, TLSConfig: secure, Logger: slog.New(slog.DiscardHandler)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Error(err)
		}
	})
	scheme := "rtmp"
	if secure != nil {
		scheme = "rtmps"
	}
	u, err := rtmp.ParseURL(scheme + "://" + l.Addr().String() + "/live/test?token=sesame")
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// certificate returns TLS for a server on loopback and for its clients.
func certificate() (server, client *tls.Config) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: s.TLS.Certificates},
		&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}
