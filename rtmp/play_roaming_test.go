package rtmp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// quay is a server that plays a live stream, from the last key frame on.
type quay struct {
	clip  []*media.Packet
	shift time.Duration // of its timeline
	begun time.Time     // of the stream
	moves string        // asks every player to go there

	mu   sync.Mutex
	conn *rtmp.Conn // of the newest player
	came int
}

func (*quay) ServePublish(context.Context, *rtmp.PublishStream) error {
	return rtmp.Refuse(rtmp.CodePublishBadName, "no")
}

func (q *quay) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	q.mu.Lock()
	q.conn = s.Conn()
	q.came++
	q.mu.Unlock()
	if err := s.Start(false); err != nil {
		return err
	}
	if q.moves != "" {
		s.Conn().RequestReconnect(q.moves, "go")
	}
	first := 0
	for i, p := range q.clip {
		if p.Kind == media.Video && p.Key && p.Timestamp > 0 && p.Timestamp <= time.Since(q.begun) {
			first = i
		}
	}
	for i, p := range q.clip {
		if i < first && !p.Config {
			continue
		}
		select {
		case <-time.After(p.Timestamp - time.Since(q.begun)):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		shifted := *p
		shifted.Timestamp += q.shift
		if err := s.WritePacket(ctx, &shifted); err != nil {
			return err
		}
	}
	return nil
}

func (q *quay) state() (conn *rtmp.Conn, came int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.conn, q.came
}

// voyage plays a stream to its end. at is called when its time has come, once.
func voyage(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error), due time.Duration, at func()) ([]*media.Packet, error) {
	t.Helper()
	u, err := rtmp.ParseURL("rtmp://first/live/cam")
	if err != nil {
		t.Fatal(err)
	}
	p, err := rtmp.PlayURL(t.Context(), u, &rtmp.DialConfig{Dial: dial, Player: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var packets []*media.Packet
	for {
		pkt, err := p.ReadPacket(t.Context())
		if err != nil {
			if closing := p.Close(); closing != nil {
				t.Error(closing)
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return packets, err
		}
		packets = append(packets, pkt)
		if !pkt.Config && pkt.Timestamp >= due && at != nil {
			at()
			at = nil
		}
	}
}

// ask makes a server send its player elsewhere.
func (q *quay) ask(t *testing.T, to string) func() {
	return func() {
		if conn, _ := q.state(); !conn.RequestReconnect(to, "maintenance") {
			t.Error("the player does not understand reconnect requests")
		}
	}
}

// frames returns what is no header.
func frames(packets []*media.Packet) (all []*media.Packet) {
	for _, p := range packets {
		if !p.Config {
			all = append(all, p)
		}
	}
	return all
}

// TestRoamingPlayer: each packet comes once, on one timeline, however the new place counts; and from the same place anew.
func TestRoamingPlayer(t *testing.T) {
	for _, to := range []string{"rtmp://second/other", ""} {
		synctest.Test(t, func(t *testing.T) {
			clip := mediatest.AVC(6 * time.Second)
			first, second := &quay{clip: clip, begun: time.Now()}, &quay{clip: clip, begun: time.Now(), shift: time.Hour}
			dial := harbours(t, map[string]*quay{"first": first, "second": second})
			got, err := voyage(t, dial, 2500*time.Millisecond, first.ask(t, to))
			_, cameA := first.state()
			_, cameB := second.state()
			if err != nil || cameA+cameB != 2 {
				t.Errorf("%q: it came %d and %d times: %v", to, cameA, cameB, err)
			}
			if d := mediatest.DiffAll(got, clip); d != "" {
				t.Errorf("%q: %s", to, d)
			}
		})
	}
}

// TestRoamingPlayerOther: another stream follows upon what came, with its headers and a key frame.
func TestRoamingPlayerOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &quay{clip: mediatest.AVC(6 * time.Second), begun: time.Now()}
		second := &quay{clip: mediatest.HEVC(6 * time.Second), begun: time.Now(), shift: time.Hour}
		dial := harbours(t, map[string]*quay{"first": first, "second": second})
		got, err := voyage(t, dial, 2*time.Second, first.ask(t, "rtmp://second/live"))
		if err != nil {
			t.Fatal(err)
		}
		var last time.Duration
		seam := -1
		configured := false
		for i, p := range got {
			if p.Timestamp < last-100*time.Millisecond || p.Timestamp > last+100*time.Millisecond {
				t.Fatalf("packet %d is at %v, behind one at %v", i, p.Timestamp, last)
			}
			last = max(last, p.Timestamp)
			if p.Codec != media.CodecHEVC {
				continue
			}
			configured = configured || p.Config
			if !p.Config && seam < 0 {
				if seam = i; !p.Key || !configured {
					t.Errorf("the second place begins with key %v, header %v", p.Key, configured)
				}
			}
		}
		if seam < 0 {
			t.Error("nothing came from the second place")
		}
	})
}

// TestRoamingPlayerStays: nobody is followed to where nobody is, nor round in circles.
func TestRoamingPlayerStays(t *testing.T) {
	clip := mediatest.AVC(4 * time.Second)
	synctest.Test(t, func(t *testing.T) {
		first := &quay{clip: clip, begun: time.Now()}
		got, err := voyage(t, harbours(t, map[string]*quay{"first": first}), time.Second, first.ask(t, "rtmp://nowhere/live"))
		if d := mediatest.DiffAll(got, clip); err != nil || d != "" {
			t.Errorf("%v; %s", err, d)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		first := &quay{clip: clip, begun: time.Now(), moves: "rtmp://second/live"}
		second := &quay{clip: clip, begun: time.Now(), moves: "rtmp://first/live"}
		got, err := voyage(t, harbours(t, map[string]*quay{"first": first, "second": second}), 0, nil)
		_, cameA := first.state()
		_, cameB := second.state()
		if d := mediatest.DiffAll(frames(got), frames(clip)); err != nil || cameA+cameB != 6 || d != "" {
			t.Errorf("it came %d and %d times: %v; %s", cameA, cameB, err, d)
		}
	})
}

// TestRoamingPlayerLeft: the old place goes before the new one is ready, and before one that never is.
func TestRoamingPlayerLeft(t *testing.T) {
	clip := mediatest.AVC(6 * time.Second)
	synctest.Test(t, func(t *testing.T) {
		first, second := &quay{clip: clip, begun: time.Now()}, &quay{clip: clip, begun: time.Now()}
		dial := harbours(t, map[string]*quay{"first": first, "second": second})
		slow := func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "second:1935" {
				time.Sleep(1500 * time.Millisecond)
			}
			return dial(ctx, network, address)
		}
		got, err := voyage(t, slow, 2*time.Second, func() {
			first.ask(t, "rtmp://second/live")()
			synctest.Wait()
			first.conn.Kick("gone")
		})
		if end := got[len(got)-1].Timestamp; err != nil || end < 4*time.Second {
			t.Errorf("it ended at %v: %v", end, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		first := &quay{clip: clip, begun: time.Now()}
		_, err := voyage(t, harbours(t, map[string]*quay{"first": first}), 2*time.Second, func() {
			first.ask(t, "rtmp://nowhere/live")()
			synctest.Wait()
			first.conn.Kick("gone")
		})
		const also = "; before that the server sent us to nowhere:1935, which does not play the stream"
		if closed, ok := errors.AsType[*rtmp.CloseReason](err); !ok || !strings.Contains(closed.Text, also) {
			t.Errorf("it ended with %v", err)
		}
	})
}

// TestRoamingPlayerBegins: a player that has got nothing yet does not wait for a key frame to move.
func TestRoamingPlayerBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clip := mediatest.AVC(2 * time.Second)
		first := &quay{moves: "rtmp://second/live", clip: clip, begun: time.Now().Add(time.Minute)}
		second := &quay{clip: clip, begun: time.Now().Add(time.Minute)}
		got, err := voyage(t, harbours(t, map[string]*quay{"first": first, "second": second}), 0, nil)
		if _, came := second.state(); came != 1 {
			t.Errorf("it came %d times", came)
		}
		if d := mediatest.DiffAll(got, clip); err != nil || d != "" {
			t.Errorf("%v; %s", err, d)
		}
	})
}
