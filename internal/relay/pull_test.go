package relay

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/live"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// origin is a server that plays one endless stream to everybody.
type origin struct {
	mu      sync.Mutex
	playing int
	served  int
	conn    *rtmp.Conn // of the newest player
	silent  bool       // says that it plays and sends nothing
	begun   time.Time  // of the stream, which is joined at a key frame; zero: everybody gets the beginning
}

func (*origin) ServePublish(context.Context, *rtmp.PublishStream) error {
	return rtmp.Refuse(rtmp.CodePublishBadName, "an origin for tests")
}

func (o *origin) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	o.mu.Lock()
	o.playing++
	o.served++
	o.conn = s.Conn()
	silent := o.silent
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		o.playing--
		o.mu.Unlock()
	}()
	if err := s.Start(false); err != nil {
		return err
	}
	if silent {
		<-ctx.Done()
		return nil
	}
	begun := time.Now()
	packets := mediatest.AVC(time.Hour / 12)
	if !o.begun.IsZero() {
		begun = o.begun
		packets = joined(packets, time.Since(begun))
	}
	for _, p := range packets {
		due := time.NewTimer(p.Timestamp - time.Since(begun))
		select {
		case <-due.C:
		case <-ctx.Done():
			due.Stop()
			return nil
		}
		if err := s.WritePacket(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// joined returns what a player gets of a stream that it joins.
func joined(packets []*media.Packet, at time.Duration) []*media.Packet {
	first := 0
	for i, p := range packets {
		if p.Kind == media.Video && p.Key && p.Timestamp > 0 && p.Timestamp <= at {
			first = i
		}
	}
	rest := slices.DeleteFunc(slices.Clone(packets[:first]), func(p *media.Packet) bool { return !p.Config })
	return append(rest, packets[first:]...)
}

func (o *origin) counts() (playing, served int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.playing, o.served
}

// TestPullOnDemand: the first player starts it, and some time after the last one it stops.
func TestPullOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, o := newNetwork(), &origin{}
		defer n.serve(t, "origin", o)()
		s := n.station(t)
		defer s.close()
		s.rules[cam] = Pull{Origins: []string{"rtmp://origin/{app}/{name}"}, Idle: 5 * time.Second}
		if err := s.Await(t.Context(), media.Key{App: "live", Name: "other"}, nil); err != nil {
			t.Errorf("a stream without a rule: %v", err)
		}
		if err := s.Await(t.Context(), cam, nil); err != nil {
			t.Fatal(err)
		}
		subs := []*live.Subscription{s.hub.Subscribe(cam, nil), s.hub.Subscribe(cam, nil)}
		for _, sub := range subs {
			if _, err := sub.ReadPacket(t.Context()); err != nil {
				t.Fatal(err)
			}
			sleep(20 * time.Second)
			if playing, served := o.counts(); playing != 1 || served != 1 {
				t.Errorf("the origin plays %d streams of %d, want one", playing, served)
			}
			sub.Close()
		}
		if state := s.Pulls()[0]; state.State != StatePlaying || state.Packets == 0 {
			t.Errorf("status: %+v", state)
		}
		sleep(10 * time.Second)
		if playing, _ := o.counts(); playing != 0 || len(s.Pulls()) != 0 {
			t.Errorf("after the last player the origin plays %d streams, pulls: %+v", playing, s.Pulls())
		}
		if s.onAir(cam) {
			t.Error("the stream is still on air")
		}
	})
}

// TestPullIsNotFound: players of a stream that no origin has are told so, and the origins are not asked by each of them.
func TestPullIsNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		defer n.serve(t, "one", &sink{})()
		defer n.serve(t, "two", &sink{})()
		s := n.station(t)
		defer s.close()
		s.rules[cam] = Pull{Origins: []string{"rtmp://one/live", "rtmp://nowhere/live", "rtmp://two/live"}}
		var players sync.WaitGroup
		for range 50 {
			players.Go(func() {
				if err := s.Await(t.Context(), cam, nil); !errors.Is(err, ErrNotFound) {
					t.Errorf("got %v, want ErrNotFound", err)
				}
			})
		}
		players.Wait()
		if dials := n.dialled("one"); dials > 2 { // who comes after the first round waits for the second
			t.Errorf("an origin was asked %d times, want it once or twice", dials)
		}
		sleep(time.Minute)
		if left := s.Pulls(); len(left) != 0 {
			t.Errorf("pulls are left: %+v", left)
		}
	})
}

// TestPullFailsOver: players of a stream see one timeline, whatever becomes of the origins.
func TestPullFailsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, first, second := newNetwork(), &origin{}, &origin{}
		stop := n.serve(t, "first", first)
		defer n.serve(t, "mute", &origin{silent: true})()
		defer n.serve(t, "second", second)()
		s := n.station(t)
		defer s.close()
		s.rules[cam] = Pull{Origins: []string{"rtmp://first/live", "rtmp://mute/live", "rtmp://second/live"}}
		if err := s.Await(t.Context(), cam, nil); err != nil {
			t.Fatal(err)
		}
		sub := s.hub.Subscribe(cam, nil)
		defer sub.Close()
		last := time.Duration(0)
		read := func(until time.Duration) {
			for last < until {
				p, err := sub.ReadPacket(t.Context())
				if err != nil {
					t.Fatalf("at %v: %v", last, err)
				}
				if p.Kind == media.Video && !p.Config {
					if p.Timestamp < last {
						t.Fatalf("a frame at %v comes after one at %v", p.Timestamp, last)
					}
					last = p.Timestamp
				}
			}
		}
		read(5 * time.Second)
		stop()
		read(10 * time.Second)
		if playing, _ := second.counts(); playing != 1 {
			t.Error("the second origin does not play")
		}
		s.lines.want(t, "pull interrupted", "first")
		s.lines.want(t, "pull fails at this origin", "mute")
	})
}

// TestPullIsMoved: an origin that asks for a reconnect is obeyed, and players get each frame once.
func TestPullIsMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, first, second := newNetwork(), &origin{begun: time.Now()}, &origin{begun: time.Now()}
		defer n.serve(t, "first", first)()
		defer n.serve(t, "second", second)()
		s := n.station(t)
		defer s.close()
		s.rules[cam] = Pull{Origins: []string{"rtmp://first/live"}}
		if err := s.Await(t.Context(), cam, nil); err != nil {
			t.Fatal(err)
		}
		sub := s.hub.Subscribe(cam, nil)
		defer sub.Close()
		asked := false
		var last, gap time.Duration
		for last < 8*time.Second {
			p, err := sub.ReadPacket(t.Context())
			if err != nil {
				t.Fatalf("at %v: %v", last, err)
			}
			if p.Kind != media.Video || p.Config {
				continue
			}
			if p.Timestamp <= last && last > 0 {
				t.Fatalf("a frame at %v comes after one at %v", p.Timestamp, last)
			}
			gap = max(gap, p.Timestamp-last)
			last = p.Timestamp
			if last < 3*time.Second || asked {
				continue
			}
			first.mu.Lock()
			asked = first.conn.RequestReconnect("rtmp://second/live", "maintenance")
			first.mu.Unlock()
			if !asked {
				t.Fatal("the pull does not understand reconnect requests")
			}
		}
		old, _ := first.counts()
		now, _ := second.counts()
		if old != 0 || now != 1 || gap > 50*time.Millisecond {
			t.Errorf("the first origin plays %d streams, the second %d; the longest gap is %v", old, now, gap)
		}
		s.lines.want(t, "pull goes on elsewhere", "second")
		if log := s.lines.String(); strings.Contains(log, "pull interrupted") {
			t.Error(log)
		}
	})
}

// TestPullStays: a pull that is not on demand needs no player, gives way to a publisher and comes back.
func TestPullStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, o := newNetwork(), &origin{}
		defer n.serve(t, "origin", o)()
		s := n.station(t)
		defer s.close()
		s.Reload(map[media.Key]Pull{cam: {Origins: []string{"rtmp://origin/live"}}})
		sleep(time.Minute)
		if playing, served := o.counts(); playing != 1 || served != 1 {
			t.Errorf("the origin plays %d streams of %d, want one", playing, served)
		}
		_, end := s.publish(cam)
		sleep(5 * time.Second)
		if state := s.Pulls()[0].State; state != StateIdle {
			t.Errorf("state beside a publisher: %s", state)
		}
		if playing, _ := o.counts(); playing != 0 {
			t.Error("the origin still plays")
		}
		end()
		sleep(5 * time.Second)
		if state := s.Pulls()[0].State; state != StatePlaying {
			t.Errorf("state after the publisher: %s", state)
		}
		s.Reload(nil)
		sleep(time.Second)
		if left := s.Pulls(); len(left) != 0 || s.onAir(cam) {
			t.Errorf("pulls are left: %+v", left)
		}
	})
}

// TestStartPull: a pull started by hand stays over reloads until it is stopped.
func TestStartPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		defer n.serve(t, "origin", &origin{})()
		s := n.station(t)
		defer s.close()
		if _, err := s.StartPull(cam, Pull{}); err == nil {
			t.Error("a pull without an origin was taken")
		}
		id, err := s.StartPull(cam, Pull{Origins: []string{"rtmp://origin/live"}})
		if err != nil {
			t.Fatal(err)
		}
		sleep(time.Second)
		s.Reload(nil)
		sleep(time.Second)
		if !s.onAir(cam) {
			t.Error("the stream is not on air")
		}
		if err := s.StopPull(id); err != nil {
			t.Error(err)
		}
		if s.onAir(cam) {
			t.Error("the stream is still on air")
		}
		if err := s.StopPull(id); !errors.Is(err, ErrUnknown) {
			t.Errorf("stopping it again: %v, want ErrUnknown", err)
		}
	})
}

// TestAwaitAfterFailure: who has begun a pull hears at once that all origins have failed, even if he looks only afterwards; who comes
// later waits for the next try.
func TestAwaitAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNetwork().station(t)
		defer s.close()
		s.rules[cam] = Pull{Origins: []string{"rtmp://none/live"}}
		p, err := s.demand(cam, nil)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begun := time.Now()
		if err := p.await(t.Context(), 0); !errors.Is(err, ErrNotFound) || time.Since(begun) != 0 {
			t.Errorf("who has begun it got %v after %v", err, time.Since(begun))
		}
		if err := s.Await(t.Context(), cam, nil); !errors.Is(err, ErrNotFound) || time.Since(begun) == 0 {
			t.Errorf("who came later got %v after %v", err, time.Since(begun))
		}
	})
}
