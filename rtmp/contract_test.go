package rtmp_test

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// TestServeAfterClose: the error is the sentinel itself, as net/http's is, and the listener is closed.
func TestServeAfterClose(t *testing.T) {
	srv := &rtmp.Server{Handler: lobby{}}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	l := rtmptest.NewListener()
	if err := srv.Serve(l); err != rtmp.ErrServerClosed { //nolint:errorlint // that is what is tested
		t.Errorf("Serve returned %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener is open")
	}
}

// ender tells how writing to a player has ended.
type ender struct {
	lobby
	ends chan error
}

func (e ender) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	if err := s.Start(false); err != nil {
		return err
	}
	<-ctx.Done()
	for {
		if err := s.WritePacket(context.WithoutCancel(ctx), frame(media.Audio, 0)); err != nil {
			e.ends <- errors.Join(err, s.Start(false))
			return err
		}
	}
}

// TestEndOfPlay: a handler can tell a player that has left from a connection that has broken and a server that shuts down.
func TestEndOfPlay(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(srv *rtmp.Server, c *rtmp.Conn, p *rtmp.Player) error
		want error // nil: neither of the two
	}{
		{"the player leaves", func(_ *rtmp.Server, _ *rtmp.Conn, p *rtmp.Player) error { return p.Close() }, rtmp.ErrClosed},
		{"the connection ends", func(_ *rtmp.Server, c *rtmp.Conn, _ *rtmp.Player) error { return c.Close() }, nil},
		{"the server shuts down", func(srv *rtmp.Server, _ *rtmp.Conn, _ *rtmp.Player) error {
			return srv.Shutdown(context.Background()) //nolint:usetesting // it has all the time it needs
		}, rtmp.ErrServerClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := ender{ends: make(chan error, 1)}
			srv := rtmptest.NewServer(t, h)
			c := srv.Dial(t, "/live/cam", nil)
			p, err := c.Play(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.end(srv.Server, c, p); err != nil {
				t.Fatal(err)
			}
			end := <-h.ends
			for _, known := range []error{rtmp.ErrClosed, rtmp.ErrServerClosed} {
				if is := errors.Is(end, known); is != (known == test.want) { //nolint:errorlint // the table's own
					t.Errorf("WritePacket: %v; that it is %v is %v", end, known, is)
				}
			}
		})
	}
}

// TestTrustedProxyAsks: the function may use the server.
func TestTrustedProxyAsks(t *testing.T) {
	srv := &rtmp.Server{Handler: lobby{}, Logger: slog.New(slog.DiscardHandler)}
	var open int
	srv.TrustedProxy = func(netip.Addr) bool {
		open = srv.Stats().Open
		return false
	}
	s := rtmptest.Start(t, srv)
	s.Dial(t, "/live", nil)
	s.Dial(t, "/live", nil)
	if open != 1 {
		t.Errorf("%d connections were open when the second came", open)
	}
}

// counted is a lobby that tells how many packets were published.
type counted struct {
	lobby
	packets chan int64
}

func (c counted) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	n, err := media.Copy(ctx, nowhere{}, s)
	c.packets <- n
	return err
}

// TestChunkSizes: sizes that RTMP does not have are brought into its bounds, in both directions.
func TestChunkSizes(t *testing.T) {
	clip := mediatest.AVC(200 * time.Millisecond)
	for _, size := range []int{-1, 0, 1, 128, math.MaxInt32, math.MaxInt} {
		h := counted{packets: make(chan int64, 1)}
		srv := rtmptest.Start(t, &rtmp.Server{Handler: h, ChunkSize: size, Logger: slog.New(slog.DiscardHandler)})
		c := srv.Dial(t, "/live/cam", &rtmp.DialConfig{ChunkSize: size})
		player, err := c.Play(t.Context(), "", nil)
		if err != nil {
			t.Fatalf("chunk size %d: %v", size, err)
		}
		if n, err := media.Copy(t.Context(), nowhere{}, player); err != nil || n != int64(len(clip)) {
			t.Errorf("chunk size %d: %d packets were played, want %d: %v", size, n, len(clip), err)
		}
		pub, err := c.Publish(t.Context(), "", nil)
		if err != nil {
			t.Fatalf("chunk size %d: %v", size, err)
		}
		for _, p := range clip {
			if err := pub.WritePacket(t.Context(), p); err != nil {
				t.Fatalf("chunk size %d: publishing: %v", size, err)
			}
		}
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
		if n := <-h.packets; n != int64(len(clip)) {
			t.Errorf("chunk size %d: %d packets were published, want %d", size, n, len(clip))
		}
	}
}

// greeter calls its clients as soon as it has let them in.
type greeter struct{ lobby }

func (greeter) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	go func() { // ends when connect was answered
		for r.Conn.Request() == nil {
			runtime.Gosched()
		}
		_ = r.Conn.Notify("hello") // the client may have gone
	}()
	return nil
}

// asker looks at what the server has said in its answer to connect, as soon as it is called.
type asker struct{ t *testing.T }

func (a asker) ServeCall(_ context.Context, c *rtmp.Conn, _ *rtmp.Call) (any, error) {
	if properties, information := c.ServerProperties(); (properties == nil) != (information == nil) {
		a.t.Errorf("half of the answer to connect: %v, %v", properties, information)
	}
	return nil, nil
}

// TestServerPropertiesMeanwhile: a handler may be called, and ask, while the answer to connect is being taken. It is for the race detector.
func TestServerPropertiesMeanwhile(t *testing.T) {
	srv := rtmptest.NewServer(t, greeter{})
	for range 100 {
		srv.Dial(t, "/live", &rtmp.DialConfig{Handler: asker{t}}).Close()
	}
}
