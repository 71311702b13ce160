package rtmp_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// seekTaker detaches its players and takes their seeks.
type seekTaker struct{ taken chan rtmp.SeekCommand }

func (h *seekTaker) ServePublish(context.Context, *rtmp.PublishStream) error { return nil }

func (h *seekTaker) ServePlay(_ context.Context, s *rtmp.PlayStream) error {
	o, err := s.Detach(true)
	if err != nil {
		return err
	}
	o.OnCommand(func(cmd rtmp.Command) {
		if seek, ok := cmd.(rtmp.SeekCommand); ok { // a buffer length comes, too
			h.taken <- seek
		}
	})
	return nil
}

// TestDetachMissesNoCommand: whoever seeks as soon as he plays is heard by the outlet, and not told that this is impossible.
func TestDetachMissesNoCommand(t *testing.T) {
	h := &seekTaker{taken: make(chan rtmp.SeekCommand, 1)}
	c := rtmptest.NewServer(t, h).Dial(t, "/vod/film", nil)
	for range 200 {
		p, err := c.Play(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Seek(time.Second); err != nil {
			t.Fatal(err)
		}
		if cmd := <-h.taken; cmd.Position != time.Second {
			t.Fatalf("the outlet got %+v", cmd)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// pinger measures its publishers' way all the time, and counts what they send.
type pinger struct{ packets chan int }

func (h *pinger) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	n := 0
	for {
		if _, err := s.ReadPacket(ctx); err != nil {
			h.packets <- n
			return nil //nolint:nilerr // the publisher left
		}
		if n++; n%4 == 0 {
			_ = s.Conn().Notify("ping") // which clients answer by pong, if they are there still
		}
	}
}

func (h *pinger) ServePlay(context.Context, *rtmp.PlayStream) error { return nil }

// TestCloseWhileAnswering: a client that closes does not reset the connection under what it has sent because an answer to the
// server found its sending side closed.
func TestCloseWhileAnswering(t *testing.T) {
	h := &pinger{packets: make(chan int, 1)}
	l, err := net.Listen("tcp", "127.0.0.1:0") // only a socket can be reset
	if err != nil {
		t.Fatal(err)
	}
	srv := &rtmp.Server{Handler: h}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }() // ends with Close
	defer func() {
		if err := errors.Join(srv.Close(), <-ended); !errors.Is(err, rtmp.ErrServerClosed) {
			t.Error(err)
		}
	}()
	const all = 200
	for range 50 {
		c, err := rtmp.Dial(t.Context(), "rtmp://"+l.Addr().String()+"/live/cam", nil)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Publish(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			if err := p.WritePacket(t.Context(), frame(media.Audio, time.Duration(i)*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if n := <-h.packets; n != all {
			t.Fatalf("%d of %d packets have come", n, all)
		}
	}
}
