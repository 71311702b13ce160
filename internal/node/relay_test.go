package node

import (
	"context"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/relay"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// relays sets what the application live pushes and pulls.
func relays(c *config.Config, push config.Pushes, pull config.Pulls) {
	app := c.Defaults
	app.Push, app.Pull = push, pull
	c.Apps = config.Apps{{Pattern: "live", App: app}}
}

// TestPushAndPull: a stream travels over three servers, pushed to the second under a secret key and pulled from there by the third
// when somebody plays it, and arrives as it was sent.
func TestPushAndPull(t *testing.T) {
	t.Parallel()
	middle := start(t, nil)
	first := start(t, func(c *config.Config) {
		relays(c, config.Pushes{{
			Name: "middle", URL: config.NewRelayURL(middle.url("/live")), Key: config.NewSecret("show?token=" + secret), Names: config.NamePatterns{"cam"},
		}}, nil)
	})
	last := start(t, func(c *config.Config) {
		relays(c, nil, config.Pulls{{
			Names: config.NamePatterns{"sh*"}, Origins: []config.RelayURL{config.NewRelayURL(middle.url("/live/{name}"))}, OnDemand: true,
			Idle: time.Second, Wait: patience,
		}})
	})
	pub := publish(t, first.url("/live/cam"))
	first.lines.wait(t, "msg=pushing", "target=middle")
	played := make(chan *rtmp.Player)
	go func() {
		defer close(played)
		c, err := rtmp.Dial(limit(t), last.url("/live/show"), nil)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = c.Close() }) // the player that counts is in the channel
		p, err := c.Play(limit(t), "", nil)
		if err != nil {
			t.Error(err)
			return
		}
		played <- p
	}()
	middle.lines.wait(t, "msg=playing", "stream=live/show")
	want := mediatest.AVC(time.Second)
	send(t, pub, want...)
	player := <-played
	if player == nil {
		return
	}
	got := take(t, player, 1)
	for mediatest.Diff(got[len(got)-1], want[len(want)-1]) != "" { // how many come depends on which of them makes the stream begin
		got = append(got, take(t, player, 1)...)
	}
	if d := mediatest.DiffAll(onAirFromKey(got), onAirFromKey(want)); d != "" {
		t.Error(d)
	}
	if all := first.Pushes(); len(all) != 1 || all[0].State != relay.StatePublishing {
		t.Errorf("pushes: %+v", all)
	}
	if all := last.Pulls(); len(all) != 1 || all[0].State != relay.StatePlaying {
		t.Errorf("pulls: %+v", all)
	}
	if s := first.snapshot(); len(s.PushTargets) != 1 || s.PushTargets[0].Name != "middle" || s.PushTargets[0].Bytes == 0 {
		t.Errorf("metrics: %+v", s.PushTargets)
	}
	if err := player.Close(); err != nil {
		t.Error(err)
	}
	last.lines.wait(t, "pull ended", "nobody plays the stream any more")
}

// onAirFromKey leaves out the frames before the first key frame, which nobody gets who joins behind them.
func onAirFromKey(packets []*media.Packet) []*media.Packet {
	var kept []*media.Packet
	begun := false
	for _, p := range packets {
		begun = begun || p.Kind == media.Video && p.Key && !p.Config
		if begun || p.Config {
			kept = append(kept, p)
		}
	}
	return kept
}

// TestPullOfNothing: a player of a stream that no origin has is told so.
func TestPullOfNothing(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		relays(c, nil, config.Pulls{{
			Names: config.NamePatterns{"*"}, Origins: []config.RelayURL{config.NewRelayURL("rtmp://127.0.0.1:1/live?token=" + secret)}, OnDemand: true,
			Idle: time.Second, Wait: patience,
		}})
	})
	_, err := dial(t, s.url("/live/nothing")).Play(limit(t), "", nil)
	if got := code(err); got != string(rtmp.CodePlayStreamNotFound) {
		t.Errorf("the player got %s", got)
	}
	s.lines.wait(t, "player refused: the stream could not be pulled")
}

// TestRelayToItself: a server that pushes to itself refuses that, and the stream goes on.
func TestRelayToItself(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	id, err := s.StartPush(key, relay.Target{URL: s.url("/live/other")})
	if err != nil {
		t.Fatal(err)
	}
	pub := publish(t, s.url("/live/cam"))
	s.lines.wait(t, "push refused", "loop")
	s.lines.wait(t, "refused: a relay would bring a stream back")
	send(t, pub, mediatest.AVC(time.Second)...)
	if err := s.StopPush(id); err != nil {
		t.Error(err)
	}
}

// TestReloadRelays: rules that come by a reload are obeyed for streams that run, and those that go are not any more.
func TestReloadRelays(t *testing.T) {
	t.Parallel()
	other := start(t, nil)
	s := start(t, nil)
	publish(t, s.url("/live/cam"))
	change := func(push config.Pushes, pull config.Pulls) {
		cfg := *s.Config()
		relays(&cfg, push, pull)
		s.Reload(&cfg)
	}
	change(config.Pushes{{URL: config.NewRelayURL(other.url("/live/copy")), Names: config.NamePatterns{"*"}}}, config.Pulls{{
		Names: config.NamePatterns{"still"}, Origins: []config.RelayURL{config.NewRelayURL(other.url("/live/still"))}, Wait: patience, Idle: patience,
	}})
	other.lines.wait(t, "msg=publishing", "stream=live/copy")
	other.lines.wait(t, "msg=playing", "stream=live/still")
	change(nil, nil)
	s.lines.wait(t, "push ended", "it was stopped")
	s.lines.wait(t, "pull ended", "it was stopped")
}

// TestRelayKeepsSecrets: what is shown of relays holds no key, password or token.
func TestRelayKeepsSecrets(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	_, err := s.StartPush(key, relay.Target{URL: "rtmp://user:" + secret + "@127.0.0.1:1/live?auth=" + secret, Key: secret})
	if err != nil {
		t.Fatal(err)
	}
	publish(t, s.url("/live/cam"))
	line := s.lines.wait(t, "push cannot begin")
	if !strings.Contains(line, "nothing listens there") {
		t.Errorf("the log says %s", line)
	}
	for _, status := range s.Pushes() {
		for _, text := range []string{status.Address, status.Error, status.Target} {
			if strings.Contains(text, secret) {
				t.Errorf("the status holds a secret: %+v", status)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.relay.Await(ctx, media.Key{App: "live", Name: "none"}, nil); err != nil {
		t.Errorf("a stream without a rule: %v", err)
	}
}

// TestPulledStreamIsRecorded: what record: always says goes for streams that are pulled, too.
func TestPulledStreamIsRecorded(t *testing.T) {
	t.Parallel()
	origin := start(t, nil)
	pub := publish(t, origin.url("/live/cam"))
	s := start(t, func(c *config.Config) {
		app := c.Defaults
		app.Record.When = config.RecordAlways
		app.Pull = config.Pulls{{Names: config.NamePatterns{"cam"}, Origins: []config.RelayURL{config.NewRelayURL(origin.url("/live/cam"))}}}
		c.Apps = config.Apps{{Pattern: "live", App: app}}
	})
	origin.lines.wait(t, "msg=playing", "stream=live/cam")
	send(t, pub, mediatest.AVC(2*time.Second)...)
	cam := media.Key{App: "live", Name: "cam"}
	until(t, "the stream is recorded", func() bool { return s.isRecorded(cam) })
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "the recording is complete", func() bool { return !s.isRecorded(cam) })
	if _, found, err := s.archive.all.Lookup(cam); !found || err != nil {
		t.Errorf("there is no recording: %v", err)
	}
}
