package rtmp_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// relay is a server without a hub: what one client publishes goes to the handlers that the test sets.
type relay struct {
	publish func(ctx context.Context, s *rtmp.PublishStream) error
	play    func(ctx context.Context, s *rtmp.PlayStream) error
}

func (r *relay) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	return r.publish(ctx, s)
}

func (r *relay) ServePlay(ctx context.Context, s *rtmp.PlayStream) error { return r.play(ctx, s) }

// collector keeps packets.
type collector struct{ packets []*media.Packet }

func (c *collector) WritePacket(_ context.Context, p *media.Packet) error {
	c.packets = append(c.packets, p)
	return nil
}

func TestPublishArrivesWhole(t *testing.T) {
	for _, way := range []string{"WriteTo", "ReadPacket"} {
		t.Run(way, func(t *testing.T) {
			got := make(chan []*media.Packet, 1)
			h := &relay{publish: func(ctx context.Context, s *rtmp.PublishStream) error {
				var c collector
				var src media.Reader = s
				if way == "ReadPacket" {
					src = struct{ media.Reader }{s}
				}
				_, err := media.Copy(ctx, &c, src)
				got <- c.packets
				return err
			}}
			srv := rtmptest.NewServer(t, h)
			c := srv.Dial(t, "/live/cam", nil)
			p, err := c.Publish(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			want := mediatest.AVC(3 * time.Second)
			for _, pkt := range want {
				if err := p.WritePacket(t.Context(), pkt); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := mediatest.DiffAll(withoutReceived(<-got), want); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func withoutReceived(packets []*media.Packet) []*media.Packet {
	out := make([]*media.Packet, len(packets))
	for i, p := range packets {
		q := *p
		q.Received = time.Time{}
		out[i] = &q
	}
	return out
}

func TestPlayArrivesWhole(t *testing.T) {
	want := mediatest.HEVC(3 * time.Second)
	h := &relay{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		for _, p := range want {
			if err := s.WritePacket(ctx, p); err != nil {
				return err
			}
		}
		return nil
	}}
	srv := rtmptest.NewServer(t, h)
	p, err := srv.Dial(t, "/live/cam", nil).Play(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []*media.Packet
	for {
		pkt, err := p.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, pkt)
	}
	if diff := mediatest.DiffAll(withoutReceived(got), want); diff != "" {
		t.Error(diff)
	}
}

// TestPlayerClosed proves that a stream which this end has closed is over for ReadPacket and WriteTo alike.
func TestPlayerClosed(t *testing.T) {
	h := &relay{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		if err := s.Start(false); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}}
	srv := rtmptest.NewServer(t, h)
	for what, end := range map[string]func(*rtmp.Conn, *rtmp.Player) error{
		"Player.Close": func(_ *rtmp.Conn, p *rtmp.Player) error { return p.Close() },
		"Conn.Close":   func(c *rtmp.Conn, _ *rtmp.Player) error { return c.Close() },
	} {
		t.Run(what, func(t *testing.T) {
			c := srv.Dial(t, "/live/cam", nil)
			p, err := c.Play(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			copied := make(chan error, 1)
			go func() {
				_, err := media.Copy(t.Context(), &collector{}, p)
				copied <- err
			}()
			if err := end(c, p); err != nil {
				t.Fatal(err)
			}
			if err := <-copied; err != nil {
				t.Errorf("Copy: %v, want nil", err)
			}
			if _, err := p.ReadPacket(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("ReadPacket: %v, want io.EOF", err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	h := &relay{
		publish: func(context.Context, *rtmp.PublishStream) error {
			return rtmp.Refuse(rtmp.CodePublishBadName, "taken")
		},
		play: func(context.Context, *rtmp.PlayStream) error {
			return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "no such stream")
		},
	}
	srv := rtmptest.NewServer(t, h)
	wantStatus := func(err error, code rtmp.Code, text string) {
		t.Helper()
		status, ok := errors.AsType[*rtmp.StatusError](err)
		if !ok || status.Code != string(code) || status.Description != text || !status.Remote {
			t.Errorf("got %v, want %s %q from the peer", err, code, text)
		}
	}
	_, err := srv.Dial(t, "/live/cam", nil).Publish(t.Context(), "", nil)
	wantStatus(err, rtmp.CodePublishBadName, "taken")
	_, err = srv.Dial(t, "/live/cam", nil).Play(t.Context(), "", nil)
	wantStatus(err, rtmp.CodePlayStreamNotFound, "no such stream")
}
