package node

import (
	"log/slog"
	"sync"
	"time"

	"leat/internal/fanout"
	"leat/rtmp"
)

// player is a client that plays a live stream: an outlet of its connection in a feed. While it is paused it is in
// none, and it comes back by joining anew.
type player struct {
	node     *Node
	log      *slog.Logger
	outlet   *rtmp.Outlet
	feed     *feed
	started  time.Time
	duration time.Duration // how much the client asked for; 0: no limit
	waiting  *time.Timer   // ends a play of limited duration whose stream never comes; nil otherwise

	mu           sync.Mutex
	member       *fanout.Player // nil while paused
	audio, video bool
	sum          fanout.PlayerStats
	over         bool
}

// join detaches a player from its handler and lets it join its stream's feed.
func (n *Node) join(log *slog.Logger, s *rtmp.PlayStream) error {
	outlet, err := s.Detach()
	if err != nil {
		return nil //nolint:nilerr // the client has gone already; its connection's end is logged with the reason
	}
	p := &player{node: n, log: log, outlet: outlet, started: time.Now(), audio: true, video: true}
	if d := s.Play().Duration; d >= 0 {
		p.duration = max(d, time.Nanosecond) // 0 asks for a single frame
	}
	p.feed = n.enter(feedKey{stream: s.Key(), encoder: outlet.Encoder()})
	n.counters.players.Add(1)
	n.counters.playing.Add(1)
	log.Info("playing", "client", s.Request().FlashVer)
	p.enter()
	if err := p.feed.tell(s); err != nil {
		log.Debug("notice not sent", "err", err)
	}
	p.limitWait()
	outlet.OnCommand(p.command)
	return nil
}

// enter joins the feed. mu is not held: OnEnd may be called before Join returns.
func (p *player) enter() {
	p.mu.Lock()
	opts := fanout.JoinOptions{Audio: p.audio, Video: p.video, Duration: p.remaining(), OnEnd: p.ended}
	p.mu.Unlock()
	member := p.feed.out.Join(p.outlet, opts)
	p.mu.Lock()
	over := p.over
	if !over {
		p.member = member
	}
	p.mu.Unlock()
	if over {
		member.Leave()
	}
}

// remaining is what is left of the duration that the client asked for; 0: it asked for none.
func (p *player) remaining() time.Duration {
	if p.duration == 0 {
		return 0
	}
	return max(p.duration-time.Since(p.started), time.Nanosecond)
}

// limitWait ends a play of limited duration when no publisher has come by its end.
func (p *player) limitWait() {
	if p.duration <= time.Millisecond {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return
	}
	p.waiting = time.AfterFunc(p.duration, func() {
		p.mu.Lock()
		waited := !p.over && p.member != nil && p.member.Stats().Messages == 0
		p.mu.Unlock()
		if waited {
			p.ended(fanout.ReasonDuration)
		}
	})
}

// command obeys the client.
func (p *player) command(cmd rtmp.Command) {
	switch cmd := cmd.(type) {
	case rtmp.PauseCommand:
		p.pause(cmd.Paused)
	case rtmp.ReceiveAudioCommand:
		p.receive(cmd.On, p.video)
	case rtmp.ReceiveVideoCommand:
		p.receive(p.audio, cmd.On)
	case rtmp.CloseCommand:
		p.leave("the client left")
		return
	}
	if err := p.outlet.Stream().Answer(cmd, nil); err != nil {
		p.log.Debug("command not answered", "err", err)
	}
	if cmd, ok := cmd.(rtmp.PauseCommand); ok && !cmd.Paused {
		p.resume()
	}
}

// pause takes the player out of the fan-out.
func (p *player) pause(paused bool) {
	if !paused {
		return
	}
	p.mu.Lock()
	member := p.member
	p.member = nil
	p.mu.Unlock()
	p.part(member)
}

// resume joins again at the newest key frame, behind the answer.
func (p *player) resume() {
	p.mu.Lock()
	playing := p.member != nil || p.over
	p.mu.Unlock()
	if !playing {
		p.enter()
	}
}

// receive turns kinds of media on and off. Only the connection's reading goroutine calls it, so audio and video are
// the ones set last.
func (p *player) receive(audio, video bool) {
	p.mu.Lock()
	p.audio, p.video = audio, video
	member := p.member
	p.mu.Unlock()
	if member != nil {
		member.SetReceive(audio, video)
	}
}

// part leaves the fan-out and keeps the counters.
func (p *player) part(member *fanout.Player) {
	if member == nil {
		return
	}
	member.Leave()
	s := member.Stats()
	p.mu.Lock()
	p.sum.Bytes += s.Bytes
	p.sum.Messages += s.Messages
	p.sum.Dropped += s.Dropped
	p.mu.Unlock()
	p.node.counters.dropped.Add(s.Dropped)
}

// ended is the fan-out's word that the player is over.
func (p *player) ended(reason fanout.Reason) {
	switch reason {
	case fanout.ReasonLag:
		name := p.outlet.Stream().Key().Name
		p.outlet.End(rtmp.Status{Code: string(rtmp.CodePlayInsufficientBW), Description: "Data is playing slower than normal: " + name + " is ended.", Details: name})
		p.outlet.Stream().Conn().Kick("the player is too slow: it fell behind by more than limits.max_lag")
		p.leave("it was too slow for limits.max_lag")
	case fanout.ReasonDuration:
		p.leave("it has had the duration that it asked for")
		p.outlet.Complete()
	case fanout.ReasonClosed, fanout.ReasonError:
		p.leave("the connection is gone")
	}
}

// leave ends the player here; the first call counts.
func (p *player) leave(why string) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	p.over = true
	member := p.member
	p.member = nil
	if p.waiting != nil {
		p.waiting.Stop()
	}
	p.mu.Unlock()
	p.part(member)
	p.feed.leave()
	p.node.counters.playing.Add(-1)
	p.log.Info("play ended", "reason", why, "messages", p.sum.Messages, "bytes", p.sum.Bytes, "dropped", p.sum.Dropped, "dur", time.Since(p.started).Round(time.Millisecond))
}
