package rtmp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// harbour is a server that keeps what is published, from one publisher at a time.
type harbour struct {
	lingers time.Duration // how long it does not notice that a publisher has gone

	mu      sync.Mutex
	packets []*media.Packet
	conn    *rtmp.Conn // of the publisher
	busy    bool
	came    int
	ended   int    // publications that were ended in good order
	moves   string // asks every publisher to go there
}

func (h *harbour) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	h.mu.Lock()
	busy, moves := h.busy, h.moves
	if !busy {
		h.busy, h.conn = true, s.Conn()
		h.came++
	}
	h.mu.Unlock()
	if busy {
		return rtmp.Refuse(rtmp.CodePublishBadName, "taken")
	}
	defer func() {
		time.Sleep(h.lingers)
		h.mu.Lock()
		h.busy = false
		h.mu.Unlock()
	}()
	if err := s.Accept(); err != nil {
		return err
	}
	if moves != "" {
		s.Conn().RequestReconnect(moves, "go")
	}
	for {
		p, err := s.ReadPacket(ctx)
		h.mu.Lock()
		switch {
		case err == nil:
			h.packets = append(h.packets, p)
		case errors.Is(err, io.EOF):
			h.ended++
		}
		h.mu.Unlock()
		if err != nil {
			return nil //nolint:nilerr // the end of the stream is the end of the handler
		}
	}
}

func (*harbour) ServePlay(context.Context, *rtmp.PlayStream) error {
	return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "no")
}

func (h *harbour) state() (packets []*media.Packet, came, ended int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.packets, h.came, h.ended
}

// harbours serves hosts by name and returns what dials them.
func harbours[H rtmp.Handler](t *testing.T, hosts map[string]H) func(ctx context.Context, network, address string) (net.Conn, error) {
	listeners := map[string]*rtmptest.Server{}
	for name, h := range hosts {
		listeners[name+":1935"] = rtmptest.Start(t, &rtmp.Server{Handler: h, Logger: slog.New(slog.DiscardHandler)})
	}
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		s := listeners[address]
		if s == nil {
			return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
		}
		return s.Listener.Dial(ctx)
	}
}

// roam publishes seconds of a stream in their time. at is called at the beginning of each.
func roam(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error), seconds int, at func(second int)) error {
	t.Helper()
	u, err := rtmp.ParseURL("rtmp://first/live/cam")
	if err != nil {
		t.Fatal(err)
	}
	p, err := rtmp.PublishURL(t.Context(), u, &rtmp.DialConfig{Dial: dial}, nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	second := 0
	for _, pkt := range mediatest.AVC(time.Duration(seconds) * time.Second) {
		time.Sleep(pkt.Timestamp - time.Since(begun))
		if pkt.Timestamp >= time.Duration(second)*time.Second && !pkt.Config {
			synctest.Wait()
			at(second)
			synctest.Wait()
			second++
		}
		if err := p.WritePacket(t.Context(), pkt); err != nil {
			return errors.Join(err, p.Close(t.Context()))
		}
	}
	err = p.Close(t.Context())
	synctest.Wait()
	return err
}

// whole reports what is missing of the stream in what two places got one after the other.
func whole(first, second []*media.Packet, seconds int) string {
	frames := func(packets []*media.Packet) (all []*media.Packet) {
		for _, p := range packets {
			if !p.Config {
				all = append(all, p)
			}
		}
		return all
	}
	return mediatest.DiffAll(append(frames(first), frames(second)...), frames(mediatest.AVC(time.Duration(seconds)*time.Second)))
}

// TestRoamingPublisher: the stream goes on elsewhere without losing a packet.
func TestRoamingPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &harbour{}, &harbour{}
		dial := harbours(t, map[string]*harbour{"first": first, "second": second})
		err := roam(t, dial, 6, func(s int) {
			if s == 2 && !first.conn.RequestReconnect("rtmp://second/other", "maintenance") {
				t.Error("the publisher does not understand reconnect requests")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		a, _, endedA := first.state()
		b, _, endedB := second.state()
		if endedA != 1 || endedB != 1 || len(b) < 4 || !b[0].Config {
			t.Errorf("%d and %d packets; ended %d and %d times", len(a), len(b), endedA, endedB)
		}
		if d := whole(a, b, 6); d != "" {
			t.Error(d)
		}
		for _, p := range b {
			if p.Kind == media.Video && !p.Config {
				if !p.Key {
					t.Error("the second place begins with another frame than a key frame")
				}
				break
			}
		}
	})
}

// TestRoamingPublisherSamePlace: a server that does not take the stream twice is left first, and has a moment to see it.
func TestRoamingPublisherSamePlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		only := &harbour{lingers: 100 * time.Millisecond}
		dial := harbours(t, map[string]*harbour{"first": only})
		err := roam(t, dial, 6, func(s int) {
			if s == 2 {
				only.conn.RequestReconnect("", "again")
			}
		})
		packets, came, ended := only.state()
		if err != nil || came != 2 || ended != 2 {
			t.Errorf("it came %d times and ended %d times: %v", came, ended, err)
		}
		if d := whole(packets, nil, 6); d != "" {
			t.Error(d)
		}
	})
}

// TestRoamingPublisherStays: nobody is followed to where nobody is, nor round in circles.
func TestRoamingPublisherStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &harbour{}
		dial := harbours(t, map[string]*harbour{"first": first})
		err := roam(t, dial, 4, func(s int) {
			if s == 1 {
				first.conn.RequestReconnect("rtmp://nowhere/live", "go")
			}
		})
		packets, came, _ := first.state()
		if d := whole(packets, nil, 4); err != nil || came != 1 || d != "" {
			t.Errorf("it came %d times: %v; %s", came, err, d)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		first, second := &harbour{moves: "rtmp://second/live"}, &harbour{moves: "rtmp://first/live"}
		dial := harbours(t, map[string]*harbour{"first": first, "second": second})
		err := roam(t, dial, 12, func(int) {})
		a, cameA, _ := first.state()
		b, cameB, _ := second.state()
		if err != nil || cameA+cameB != 6 || len(a)+len(b) < len(mediatest.AVC(12*time.Second)) {
			t.Errorf("it came %d and %d times, with %d and %d packets: %v", cameA, cameB, len(a), len(b), err)
		}
	})
}

// TestRoamingPublisherLeft: the old place goes before the new one is ready, and the stream goes on with a key frame.
func TestRoamingPublisherLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := &harbour{}, &harbour{}
		dial := harbours(t, map[string]*harbour{"first": first, "second": second})
		slow := func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "second:1935" {
				time.Sleep(1500 * time.Millisecond)
			}
			return dial(ctx, network, address)
		}
		err := roam(t, slow, 6, func(s int) {
			if s == 2 {
				first.conn.RequestReconnect("rtmp://second/live", "now")
				synctest.Wait()
				first.conn.Kick("gone")
			}
		})
		b, _, ended := second.state()
		if err != nil || ended != 1 || len(b) < 50 {
			t.Errorf("%d packets came, ended %d times: %v", len(b), ended, err)
		}
	})
}
