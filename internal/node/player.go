package node

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"leat/internal/dvr"
	"leat/internal/fanout"
	"leat/internal/vod"
	"leat/internal/web/api"
	"leat/media"
	"leat/rtmp"
)

// player is a client that plays a live stream: an outlet of its connection in a feed. While it is paused it is in
// no log, and it comes back by joining anew.
type player struct {
	node     *Node
	conn     *rtmp.Conn
	key      media.Key
	outlet   *rtmp.Outlet
	feed     *feed
	started  time.Time
	duration time.Duration // how much the client asked for; 0: no limit
	waiting  *time.Timer   // ends a play of limited duration whose stream never comes; nil otherwise

	turn    sync.Mutex   // held while a command is obeyed, and while the player changes between log and session
	session *vod.Session // plays behind the live stream; guarded by turn
	current media.Key    // what it plays: key, or another rendition; guarded by turn
	full    *vod.Marks   // what the session before has told it; guarded by turn
	others  []*feed      // of renditions that it may change to; guarded by mu

	mu           sync.Mutex
	member       *fanout.Player // nil while paused or behind
	away         bool           // behind the live stream
	audio, video bool
	sum          fanout.PlayerStats // of the times in a log that are over
	over         bool
}

// frameTime is how long the last frame of a live stream is shown before what follows it in a playlist.
const frameTime = 33 * time.Millisecond

// join detaches a player from its handler and lets it join its stream's feed.
func (n *Node) join(log *slog.Logger, s *rtmp.PlayStream, key media.Key) error {
	p := &player{node: n, conn: s.Conn(), key: key, current: key, started: time.Now()}
	p.audio, p.video = s.Receives()
	if d := s.Play().Duration; d >= 0 {
		p.duration = max(d, time.Nanosecond) // 0 asks for a single frame
	}
	onAir := n.onAir(key)
	var err error
	if p.feed, err = n.enter(feedKey{stream: key, encoder: s.Encoder()}, p); err != nil {
		return n.turnAway(log, s, err)
	}
	if p.outlet, err = s.Detach(false); err != nil {
		p.feed.leave(p)
		return nil //nolint:nilerr // the client has gone already; its connection's end is logged with the reason
	}
	n.counters.plays.Add(1)
	if onAir {
		log.Info("playing")
	} else {
		log.Info("playing", "waits", "nobody publishes this stream yet")
	}
	n.tell(api.EventPlaying, s.Conn().ID(), s.Conn().RemoteAddr().String(), key, "")
	var first func()
	if onAir { // who waits for a publisher waits as long as it takes
		first = func() { n.counters.firstFrame.observe(time.Since(p.started), 1) }
	}
	p.begin(s, first)
	if err := p.feed.tell(s); err != nil {
		log.Debug("notice not sent", "err", err)
	}
	p.limitWait()
	p.outlet.OnCommand(p.command)
	return nil
}

// turnAway refuses a player that enter has refused.
func (n *Node) turnAway(log *slog.Logger, s *rtmp.PlayStream, err error) error {
	if errors.Is(err, errStopping) {
		n.counters.refuse(toPlay, byShutdown)
		return rtmp.Refuse(rtmp.CodePlayFailed, "The server is shutting down.")
	}
	n.counters.refuse(toPlay, byLimit)
	log.Warn("player refused: limits.players_per_stream is reached", "limit", n.Config().Limits.PlayersPerStream)
	return rtmp.Refuse(rtmp.CodePlayFailed, "%s has as many players as it takes.", s.Key().Name)
}

// log returns a logger that names the player. It is made for each line: a player has few.
func (p *player) log() *slog.Logger { return p.node.streamLog(p.conn, p.key) }

// begin lets the player begin where it has asked to: in what is kept of the stream, or live.
func (p *player) begin(s *rtmp.PlayStream, first func()) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if window, place := p.node.rewound(s, p.key); window != nil {
		at, _ := s.Continued()
		p.behind(vod.NewTitle(window, window.Leave), place, nil, at)
		return
	}
	if at, follows := s.Continued(); follows && p.follow(at) {
		return
	}
	p.enter(first, 0)
}

// follow lets the player of a playlist go on where the entry before has ended: what is live has other times. turn is held.
func (p *player) follow(at time.Duration) bool {
	ring := dvr.NewRing(p.node.hub, p.current)
	_, to, ok := ring.Span()
	if !ok {
		return false
	}
	title := vod.NewTitle(ring, func() {})
	if window := p.node.window(p.current); window != nil {
		title = vod.NewTitle(window, window.Leave)
	}
	return p.behind(title, &vod.Place{At: to}, nil, at)
}

// goOn lets a player whose stream is over go on with its playlist, when it has had all of the stream.
func (p *player) goOn() {
	p.mu.Lock()
	member := p.member
	p.mu.Unlock()
	if member != nil && p.outlet.HasNext() {
		member.Finish()
	}
}

// enter joins the log, behind the packet numbered after if that is not 0, and reports false if it is not there. first is called
// with its first bytes, and may be nil. mu is not held: ended may be called before Join returns.
func (p *player) enter(first func(), after uint64) bool {
	p.mu.Lock()
	opts := fanout.JoinOptions{Audio: p.audio, Video: p.video, Duration: p.remaining(), After: after, OnFirst: first, OnEnd: p.ended}
	p.mu.Unlock()
	member := p.feed.out.Join(p.outlet, opts)
	if member == nil {
		return false
	}
	p.mu.Lock()
	over := p.over
	if !over {
		p.member = member
	}
	p.mu.Unlock()
	if over {
		member.Leave()
	}
	return true
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

// command obeys the client. It runs on the connection's reading goroutine, but for CloseCommand.
func (p *player) command(cmd rtmp.Command) {
	if c, ok := cmd.(rtmp.Play2Command); ok {
		c.Name, c.OldName = liveName(c.Name), liveName(c.OldName)
		cmd = c
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.session != nil {
		p.session.Command(cmd) // one that is over has told the client what there was to tell
		return
	}
	switch cmd := cmd.(type) {
	case rtmp.PauseCommand:
		if cmd.Paused && p.playing() && p.back(cmd) {
			return
		}
		if cmd.Paused {
			p.part()
		}
	case rtmp.SeekCommand:
		if p.playing() && p.back(cmd) {
			return
		}
	case rtmp.Play2Command:
		if p.playing() {
			p.change(cmd)
			return
		}
	case rtmp.QueuedCommand:
		if p.hasSeenAll() {
			p.goOn()
		}
	case rtmp.ReceiveAudioCommand:
		p.receive(&p.audio, cmd.On)
	case rtmp.ReceiveVideoCommand:
		p.receive(&p.video, cmd.On)
	case rtmp.CloseCommand:
		p.leave("the client left")
		return
	}
	if err := p.outlet.Stream().Answer(cmd, nil); err != nil {
		p.log().Debug("command not answered", "err", err)
	}
	if cmd, ok := cmd.(rtmp.PauseCommand); ok && !cmd.Paused {
		p.resume()
	}
}

// resume joins again at the newest key frame, behind the answer.
func (p *player) resume() {
	p.mu.Lock()
	playing := p.member != nil || p.over
	p.mu.Unlock()
	if !playing {
		p.enter(nil, 0)
	}
}

// playing reports whether it is in the log.
func (p *player) playing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.member != nil && !p.over
}

// hasSeenAll reports whether it is in the log of a stream that is over, and has got something of that.
func (p *player) hasSeenAll() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.member != nil && p.member.Stats().Messages > 0 && p.feed.over.Load()
}

// receive turns a kind of media, audio or video of p, on or off.
func (p *player) receive(kind *bool, on bool) {
	p.mu.Lock()
	*kind = on
	member, audio, video := p.member, p.audio, p.video
	p.mu.Unlock()
	if member != nil {
		member.SetReceive(audio, video)
	}
}

// part leaves the log, keeps what was counted there, and returns where it was.
func (p *player) part() fanout.Place {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.member == nil {
		return fanout.Place{}
	}
	place := p.member.Part()
	s := p.member.Stats()
	p.member = nil
	p.sum.Bytes += s.Bytes
	p.sum.Messages += s.Messages
	p.sum.Dropped += s.Dropped
	return place
}

// stats are those of all its times in a log.
func (p *player) stats() fanout.PlayerStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.sum
	if p.member != nil {
		now := p.member.Stats()
		s.Bytes += now.Bytes
		s.Messages += now.Messages
		s.Dropped += now.Dropped
		s.Lag = now.Lag
	}
	return s
}

// paused reports whether it is in no log now.
func (p *player) paused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.member == nil && !p.away
}

// isAway reports whether it plays behind the live stream.
func (p *player) isAway() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.away
}

// dropped is how many messages it should have had, but for being too slow. It never goes back.
func (p *player) dropped() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.sum.Dropped
	if p.member != nil {
		n += p.member.Stats().Dropped
	}
	return n
}

// ended is the fan-out's word that the player is over.
func (p *player) ended(reason fanout.Reason) {
	switch reason {
	case fanout.ReasonLag:
		stream := p.outlet.Stream()
		name := stream.Key().Name
		p.leave("it was too slow for limits.max_lag")
		// Servers that go on send this as a warning. Clients take it for the end as an error only.
		err := stream.Status(rtmp.Status{
			Level: rtmp.LevelError, Code: string(rtmp.CodePlayInsufficientBW),
			Description: "Data is playing slower than normal: " + name + " is ended.", Details: name,
		})
		if err != nil {
			p.log().Debug("status not sent", "err", err)
		}
		stream.Conn().Kick("the player was too slow: it fell behind by more than limits.max_lag")
		p.outlet.Close()
	case fanout.ReasonDuration, fanout.ReasonFinished:
		at, played := p.reached()
		p.leave("it has had what it asked for")
		if !played || !p.outlet.Next(at) {
			p.outlet.Complete()
		}
	case fanout.ReasonClosed:
		p.leave("the server is shutting down")
		p.outlet.Complete()
	case fanout.ReasonError:
		p.leave("the connection is gone")
	}
}

// reached returns where on its client's timeline a player is that has ended: what follows begins there.
func (p *player) reached() (at time.Duration, played bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.member == nil || p.member.Stats().Messages == 0 {
		return 0, false
	}
	return p.member.Part().At + frameTime, true
}

// leave ends the player here; the first call counts.
func (p *player) leave(why string) {
	p.mu.Lock()
	if p.over {
		p.mu.Unlock()
		return
	}
	p.over = true
	if p.waiting != nil {
		p.waiting.Stop()
	}
	p.mu.Unlock()
	p.part()
	p.mu.Lock()
	last, others := p.feed, p.others
	p.others = nil
	p.mu.Unlock()
	for _, f := range others {
		f.release(p)
	}
	last.leave(p)
	p.node.tell(api.EventLeft, p.conn.ID(), p.conn.RemoteAddr().String(), p.key, why)
	p.log().Info("play ended", "reason", why, "messages", p.sum.Messages, "bytes", p.sum.Bytes, "dropped", p.sum.Dropped, "dur", time.Since(p.started).Round(time.Millisecond))
}
