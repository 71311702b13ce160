package node

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"leat/internal/config"
	"leat/internal/metrics"
	"leat/internal/relay"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// newRelay makes the hub and the relay, which know each other.
func (n *Node) newRelay(cfg *config.Config) {
	hub := hubConfig(cfg)
	hub.OnWanted = func(key media.Key) { n.relay.Want(key) }
	n.hub = live.NewHub(hub)
	n.relay = relay.New(&relay.Config{
		Hub:  n.hub,
		Pull: n.pullOf,
		OnAir: func(key media.Key, path relay.Path) func() {
			var recording *recording
			if _, app, ok := n.Config().Lookup("", key.App); ok {
				n.keepWindow(key, &app)
				recording = n.recordPulled(key, &app.Record)
			}
			end := n.relay.Begin(key, path, n.targetsOf("", key))
			return func() {
				recording.leave()
				end()
			}
		},
		Logger: n.log,
	})
}

// Pushes returns what the pushes are doing, ordered by stream and target. It holds no secret.
func (n *Node) Pushes() []relay.Status { return n.relay.Pushes() }

// StartPush pushes a stream to a target whenever it is published, until StopPush or the end of the server, whatever the
// configuration says. It returns the ID of the push. The error is about the target's URL, or says that there are too many.
func (n *Node) StartPush(key media.Key, target relay.Target) (id string, err error) {
	return n.relay.StartPush(key, target)
}

// StopPush ends a push. One that the configuration asks for comes back when its stream is published anew. The error is
// relay.ErrUnknown.
func (n *Node) StopPush(id string) error { return n.relay.StopPush(id) }

// Pulls returns what the pulls are doing, ordered by stream. It holds no secret.
func (n *Node) Pulls() []relay.Status { return n.relay.Pulls() }

// StartPull pulls a stream, whether anybody plays it or not, until StopPull or the end of the server, whatever the configuration
// says. It returns the ID of the pull. The error is about the URL of an origin, or says that there are too many.
func (n *Node) StartPull(key media.Key, rule relay.Pull) (id string, err error) {
	return n.relay.StartPull(key, rule)
}

// StopPull ends a pull and waits for that. One that the configuration asks for comes back when somebody plays the stream, or with
// the next reload. The error is relay.ErrUnknown.
func (n *Node) StopPull(id string) error { return n.relay.StopPull(id) }

// targetsOf returns where the configuration in force wants a stream pushed whose publisher named host.
func (n *Node) targetsOf(host string, key media.Key) func() []relay.Target {
	return func() []relay.Target {
		_, app, ok := n.Config().Lookup(host, key.App)
		if !ok {
			return nil
		}
		var targets []relay.Target
		for i := range app.Push {
			if p := &app.Push[i]; p.Names.Match(key.Name) {
				targets = append(targets, target(p))
			}
		}
		return targets
	}
}

// target is what a push rule says, in the words of the relay.
func target(p *config.Push) relay.Target {
	t := relay.Target{
		Name: p.Name, URL: p.URL.Reveal(), Key: p.Key.Reveal(), User: p.User, Password: p.Password.Reveal(), CA: p.CA,
		Video: track(p.VideoTrack), Audio: track(p.AudioTrack), LegacyCodecs: p.LegacyCodecs,
	}
	for _, name := range p.Codecs {
		if codec, ok := media.ParseFourCC(string(name)); ok {
			t.Codecs = append(t.Codecs, codec)
		}
	}
	return t
}

func track(c config.TrackChoice) relay.Track {
	switch {
	case c.None:
		return relay.TrackNone
	case c.One:
		return relay.Only(c.Number)
	}
	return relay.TrackAll
}

// pullOf returns how the configuration in force wants a stream fetched that somebody asks for. Streams of virtual hosts share their
// names with the others, so the first rule that fits counts, those of apps before those of vhosts.
func (n *Node) pullOf(key media.Key) (relay.Pull, bool) {
	cfg := n.Config()
	for _, apps := range allApps(cfg) {
		app, _ := apps.Lookup(key.App)
		if rule, ok := app.Pull.Lookup(key.Name); ok {
			return pull(&rule), true
		}
	}
	return relay.Pull{}, false
}

// pull is what a pull rule says, in the words of the relay.
func pull(p *config.Pull) relay.Pull {
	rule := relay.Pull{User: p.User, Password: p.Password.Reveal(), CA: p.CA, Idle: p.Idle, Wait: p.Wait}
	for _, origin := range p.Origins {
		rule.Origins = append(rule.Origins, origin.Reveal())
	}
	return rule
}

// useRelays puts the rules of a configuration into force.
func (n *Node) useRelays(cfg *config.Config) {
	static := map[media.Key]relay.Pull{}
	for _, apps := range allApps(cfg) {
		for i := range apps {
			for j := range apps[i].Pull {
				rule := &apps[i].Pull[j]
				if rule.OnDemand {
					continue
				}
				for _, name := range rule.Names {
					key := media.Key{App: apps[i].Pattern, Name: string(name)}
					if _, taken := static[key]; !taken {
						static[key] = pull(rule)
					}
				}
			}
		}
	}
	n.relay.Reload(static)
}

// begin tells the relay of a publisher's stream.
func (n *Node) begin(p *publication) (end func()) {
	return n.relay.Begin(p.key, p.path, n.targetsOf(p.host, p.key))
}

// admit refuses a relay whose stream would go round in a loop.
func (n *Node) admit(r *rtmp.ConnectRequest) error {
	err := n.relay.Admit(r)
	if err == nil {
		return nil
	}
	n.counters.refuse(toConnect, byLoop)
	n.log.Warn("refused: a relay would bring a stream back, or too far; take out one of the push or pull rules, here or there",
		"conn", r.Conn.ID(), "remote", r.Conn.RemoteAddr().String(), "app", brief(r.App), "err", err)
	return rtmp.Refuse(rtmp.CodeConnectRejected, "%s.", inWords(err))
}

// fetch brings the stream here that a player wants, if a rule says from where, and waits for it.
func (n *Node) fetch(ctx context.Context, log *slog.Logger, s *rtmp.PlayStream, key media.Key) error {
	err := n.relay.Await(ctx, key, relay.PathOf(s.Request()))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, relay.ErrLoop), errors.Is(err, relay.ErrTooFar):
		n.counters.refuse(toPlay, byLoop)
	case errors.Is(err, relay.ErrClosed):
		n.counters.refuse(toPlay, byShutdown)
	case errors.Is(err, relay.ErrTooMany):
		n.counters.refuse(toPlay, byLimit)
	default:
		n.counters.refuse(toPlay, byNotFound)
	}
	log.Warn("player refused: the stream could not be pulled", "err", err)
	return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "%s: %s.", s.Key().Name, inWords(err))
}

// inWords is an error of the relay for a client.
func inWords(err error) string { return strings.TrimPrefix(err.Error(), "relay: ") }

// relayStats adds the pushes and pulls to a snapshot.
func (n *Node) relayStats(s *metrics.Snapshot) {
	s.Pushes = states(n.relay.Pushes())
	s.Pulls = states(n.relay.Pulls())
	for _, t := range n.relay.PushTotals() {
		s.PushTargets = append(s.PushTargets, metrics.PushTarget{
			Name: t.Target, Bytes: t.Bytes, Dropped: t.Dropped, Reconnects: t.Reconnects, Refusals: t.Refusals,
		})
	}
	pulled := n.relay.PullTotals()
	s.PulledBytes, s.PullFailures = pulled.Bytes, pulled.Failures
}

// states counts what is in the same state, of the same target.
func states(all []relay.Status) []metrics.RelayState {
	counts := map[metrics.RelayState]int{}
	for i := range all {
		counts[metrics.RelayState{Target: all[i].Target, State: string(all[i].State)}]++
	}
	list := make([]metrics.RelayState, 0, len(counts))
	for state, count := range counts {
		state.Count = count
		list = append(list, state)
	}
	return list
}
