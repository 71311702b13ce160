package relay

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// TestPush: what is published arrives, headers and key frame first, under the target's own key, and ends in good order.
func TestPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, k := newNetwork(), &sink{}
		defer n.serve(t, "target", k)()
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam, Target{URL: "rtmp://target/live2", Key: secret})
		feed(t, pub, 3*time.Second)
		sleep(time.Second)
		got := k.got(0)
		if len(got) < 3 || !got[0].Config || got[0].Name != media.NameMetadata {
			t.Fatalf("%d packets, want a stream that begins with its metadata", len(got))
		}
		if d := mediatest.DiffAll(fromKey(got), fromKey(mediatest.AVC(3*time.Second))); d != "" {
			t.Error(d)
		}
		status := s.Pushes()
		if len(status) != 1 || status[0].State != StatePublishing || status[0].Packets != uint64(len(got)) || status[0].Target != "target" ||
			status[0].Address != "rtmp://target:1935/live2" {
			t.Errorf("status: %+v", status)
		}
		end()
		sleep(time.Second)
		if published, ended := k.count(); published != 1 || ended != 1 {
			t.Errorf("published %d times, ended %d times, want once each", published, ended)
		}
		if k.keys[0].Name != secret || k.keys[0].App != "live2" {
			t.Errorf("published as %v", k.keys[0])
		}
		if left := s.Pushes(); len(left) != 0 {
			t.Errorf("pushes are left: %+v", left)
		}
		if sums := s.PushTotals(); len(sums) != 1 || sums[0].Packets != uint64(len(got)) {
			t.Errorf("totals: %+v", sums)
		}
	})
}

// TestPushComesBack: a target that dies is tried again, and what it gets then is one timeline from a key frame on.
func TestPushComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, k := newNetwork(), &sink{}
		stop := n.serve(t, "target", k)
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam, Target{URL: "rtmp://target/live/{name}"})
		defer end()
		fed := make(chan struct{})
		go func() {
			defer close(fed)
			feed(t, pub, 40*time.Second)
		}()
		sleep(5 * time.Second)
		stop()
		sleep(5 * time.Second)
		if state := s.Pushes()[0]; state.State != StateWaiting || state.RetryAt.IsZero() || state.Error == "" {
			t.Errorf("status while the target is away: %+v", state)
		}
		defer n.serve(t, "target", k)()
		<-fed
		sleep(time.Second)
		again := k.got(1)
		if len(again) == 0 {
			t.Fatal("the target was not published to again")
		}
		video := false
		for i, p := range again {
			if p.Kind == media.Video && !p.Config && !video {
				video = true
				if !p.Key || p.Timestamp < 5*time.Second {
					t.Errorf("packet %d is the first frame: key %v at %v", i, p.Key, p.Timestamp)
				}
			}
		}
		if got := s.Pushes()[0]; got.Reconnects != 1 || got.State != StatePublishing {
			t.Errorf("status: %+v", got)
		}
		s.lines.want(t, "push interrupted")
	})
}

// TestPushIsRefused: a target that refuses is left alone for minutes, and no log or status holds the key that it quotes.
func TestPushIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, k := newNetwork(), &sink{refuse: rtmp.Refuse(rtmp.CodePublishBadName, "The stream %s is not allowed.", secret)}
		defer n.serve(t, "target", k)()
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam, Target{URL: "rtmp://target/app", Key: secret})
		feed(t, pub, time.Second)
		sleep(time.Minute)
		if dials := n.dialled("target"); dials != 1 {
			t.Errorf("%d connections within a minute, want 1", dials)
		}
		status := s.Pushes()[0]
		if status.State != StateFailed || status.Error == "" {
			t.Errorf("status: %+v", status)
		}
		s.lines.want(t, "push refused", "[hidden] is not allowed", "check the stream key")
		sleep(2 * time.Minute)
		if dials := n.dialled("target"); dials != 2 {
			t.Errorf("%d connections within three minutes, want 2", dials)
		}
		end()
		sleep(2 * time.Second)
		if left := s.Pushes(); len(left) != 0 {
			t.Errorf("pushes are left: %+v", left)
		}
	})
}

// TestBadTargets: of twenty targets five are bad, each in its own way. The others get everything.
func TestBadTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		var targets []Target
		good := map[string]*sink{}
		for i := range 15 {
			host := fmt.Sprintf("good%d", i)
			good[host] = &sink{}
			defer n.serve(t, host, good[host])()
			targets = append(targets, Target{URL: "rtmp://" + host + "/live"})
		}
		defer n.serve(t, "refuses", &sink{connect: rtmp.Refuse(rtmp.CodeConnectInvalidApp, "no such application")})()
		defer n.serve(t, "unwilling", &sink{refuse: rtmp.Refuse(rtmp.CodePublishBadName, "busy")})()
		dead := newSilent(t, n, "dead")
		defer dead()
		stuck := newStuck(t, n, "stuck")
		defer stuck()
		for _, host := range []string{"refuses", "unwilling", "dead", "stuck", "nowhere"} {
			targets = append(targets, Target{URL: "rtmp://" + host + "/live"})
		}
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam, targets...)
		defer end()
		want := fromKey(mediatest.AVC(30 * time.Second))
		feed(t, pub, 30*time.Second)
		sleep(time.Second)
		for host, k := range good {
			if d := mediatest.DiffAll(fromKey(k.got(0)), want); d != "" {
				t.Errorf("%s: %s", host, d)
			}
		}
		for _, status := range s.Pushes() {
			if _, ok := good[status.Target]; ok == (status.Error != "") {
				t.Errorf("status: %+v", status)
			}
		}
	})
}

// TestSlowTarget: a target that cannot keep up loses frames up to a key frame, again and again, and stays near the present.
func TestSlowTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, k := newNetwork(), &sink{}
		n.line = rtmptest.FaultConfig{WriteSize: 250, WriteDelay: 100 * time.Millisecond} // half of what the stream needs
		defer n.serve(t, "slow", k)()
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam, Target{URL: "rtmp://slow/live"})
		defer end()
		feed(t, pub, 10*time.Minute)
		status := s.Pushes()[0]
		if status.Dropped == 0 || status.State != StatePublishing || status.Reconnects != 0 {
			t.Errorf("status: %+v", status)
		}
		s.lines.want(t, "push target is too slow")
		got := k.got(0)
		if last := got[len(got)-1].Timestamp; last < 7*time.Minute { // what waits to be sent is counted in bytes, and this stream is thin
			t.Errorf("after ten minutes the target is at %v", last)
		}
		var before *media.Packet
		for _, p := range got {
			if p.Kind != media.Video || p.Config {
				continue
			}
			if before != nil && p.Timestamp-before.Timestamp > time.Second && !p.Key {
				t.Errorf("behind a gap from %v to %v there is no key frame", before.Timestamp, p.Timestamp)
			}
			before = p
		}
	})
}

// TestChosenTracks: a target gets one track of several, as a plain message of old.
func TestChosenTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, k := newNetwork(), &sink{}
		defer n.serve(t, "target", k)()
		s := n.station(t)
		defer s.close()
		pub, end := s.publish(cam, Target{URL: "rtmp://target/live", Video: Only(0), Audio: TrackNone, Codecs: []media.FourCC{media.CodecAVC}})
		defer end()
		feed(t, pub, time.Second)
		sleep(time.Second)
		got := k.got(0)
		if len(got) == 0 {
			t.Fatal("nothing came")
		}
		for i, p := range got {
			if p.Kind == media.Audio || p.Track != 0 {
				t.Fatalf("packet %d is %v of track %d", i, p.Kind, p.Track)
			}
		}
	})
}

// TestStartPush: a push started by hand waits for its stream, follows it, and stays.
func TestStartPush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, k := newNetwork(), &sink{}
		defer n.serve(t, "target", k)()
		s := n.station(t)
		defer s.close()
		if _, err := s.StartPush(cam, Target{URL: "http://target/live"}); err == nil {
			t.Error("a target with a URL that is none was taken")
		}
		id, err := s.StartPush(cam, Target{URL: "rtmp://target/live"})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			sleep(time.Minute)
			if state := s.Pushes()[0].State; state != StateIdle {
				t.Errorf("state without a stream: %s", state)
			}
			pub, end := s.publish(cam)
			feed(t, pub, time.Second)
			sleep(time.Second)
			if len(k.got(i)) == 0 {
				t.Error("nothing came")
			}
			end()
		}
		if err := s.StopPush(id); err != nil {
			t.Error(err)
		}
		if err := s.StopPush(id); err == nil {
			t.Error("a push was stopped twice")
		}
	})
}

// TestReload: rules come and go without the others' noticing.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, stays, goes, comes := newNetwork(), &sink{}, &sink{}, &sink{}
		defer n.serve(t, "stays", stays)()
		defer n.serve(t, "goes", goes)()
		defer n.serve(t, "comes", comes)()
		s := n.station(t)
		defer s.close()
		targets := []Target{{URL: "rtmp://stays/live"}, {URL: "rtmp://goes/live"}}
		pub, err := s.hub.Publish(cam, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer pub.Close(true)
		defer s.Begin(cam, nil, func() []Target { return targets })()
		feed(t, pub, time.Second)
		targets = []Target{{URL: "rtmp://stays/live"}, {URL: "rtmp://comes/live"}}
		s.Reload(nil)
		sleep(2 * time.Second)
		if _, ended := goes.count(); ended != 1 {
			t.Error("the push whose rule has gone was not ended")
		}
		if published, ended := stays.count(); published != 1 || ended != 0 {
			t.Errorf("the push that stays was published %d times, ended %d times", published, ended)
		}
		if published, _ := comes.count(); published != 1 {
			t.Error("the push whose rule is new was not begun")
		}
	})
}

// fromKey leaves out the frames before the first key frame: a push that begins in mid-stream does not get them.
func fromKey(packets []*media.Packet) []*media.Packet {
	key := slices.IndexFunc(packets, func(p *media.Packet) bool { return p.Kind == media.Video && p.Key && !p.Config })
	var kept []*media.Packet
	for i, p := range packets {
		if i >= key || p.Config {
			kept = append(kept, p)
		}
	}
	return kept
}
