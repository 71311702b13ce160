package rtmp_test

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// rawClient is a client that does only what the test says.
type rawClient struct {
	wirePeer
	served chan struct{}
}

// connectRaw opens a connection to srv in memory, makes the handshake and sends connect. What arrives is recorded. The test's
// end closes it.
func connectRaw(t *testing.T, srv *rtmp.Server) *rawClient {
	t.Helper()
	client, server := rtmptest.Pipe()
	return serveRaw(t, srv, client, server, nil)
}

// connectLoopback is connectRaw on a real socket.
func connectLoopback(t *testing.T, srv *rtmp.Server) *rawClient {
	t.Helper()
	client, server := loopback(t)
	return serveRaw(t, srv, client, server, nil)
}

func loopback(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// serveRaw is what the two have in common; see may be nil.
func serveRaw(t *testing.T, srv *rtmp.Server, client, server net.Conn, see func(*chunk.Message)) *rawClient {
	t.Helper()
	c := &rawClient{wirePeer: newWirePeer(), served: make(chan struct{})}
	c.nc, c.see = client, see
	go func() { // ends with the connection
		srv.ServeConn(server)
		close(c.served)
	}()
	hs := handshake.NewClient(handshake.ClientConfig{})
	go c.read(hs) // likewise
	if _, err := client.Write(hs.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		<-c.served
		<-c.ended
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	<-c.shaken
	c.write(t, []string{`connect 1 {app: "live"}`})
	return c
}

// logLines collects what a server logs about the ends of connections.
func logLines() (*slog.Logger, *record) {
	r := &record{}
	return slog.New(closeLog{r}), r
}

var quiet = slog.New(slog.DiscardHandler)

// reasons returns why connections have ended so far.
func (r *record) reasons() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.closings...)
}

// lines returns the messages recorded so far.
func (r *record) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := make([]string, len(r.sent))
	for i, s := range r.sent {
		lines[i] = s.text
	}
	return lines
}

// playAndPublish is a handler that reads all that is published, and gives each player a frame. It is safe for any number of
// connections.
type playAndPublish struct{}

func (*playAndPublish) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	_, err := s.WriteTo(ctx, &collector{})
	return err
}

func (*playAndPublish) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	if err := s.WritePacket(ctx, frame(media.Video, 0)); err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// publishAll is a handler that reads all that is published, and plays nothing.
type publishAll struct{ relay }

func newPublishAll() *publishAll {
	h := &publishAll{}
	h.publish = func(ctx context.Context, s *rtmp.PublishStream) error {
		for {
			if _, err := s.ReadPacket(ctx); err != nil {
				return err
			}
		}
	}
	h.play = func(ctx context.Context, s *rtmp.PlayStream) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return h
}
