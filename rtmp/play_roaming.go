package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"leat/media"
)

// RoamingPlayer plays a stream from wherever its server wants it: a media.Reader that follows redirects, and reconnect requests while
// it plays (E-RTMP v2, Reconnect Request). It connects to the new place while the old one is still read, and leaves that when the first
// key frame has come from the new one. The timeline goes on: if both places have sent that key frame, no packet is lost and
// none comes twice; else the key frame follows upon the last frame of the old place. One goroutine at a time may read.
type RoamingPlayer struct {
	cfg  DialConfig
	opts PlayOptions

	current *seat // of ReadPacket
	seam    *seam // of ReadPacket

	ctx    context.Context // of what goes on beside ReadPacket; ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // goroutines, until Close
	trips  trips          // of watch

	mu       sync.Mutex
	newest   *seat         // the last that was opened
	wanted   *move         // where to go; nil when that is done, or given up
	changed  chan struct{} // closed and replaced when one of the two changes
	stranded error         // why the last request could not be followed
	begun    bool          // these three are those of seam
	hasVideo bool
	played   time.Duration
}

// seat is a connection that the stream comes from.
type seat struct {
	conn   *Conn
	player *Player
	since  time.Time
	ahead  []*media.Packet // read before it was sat upon: headers and a key frame
	next   *seat           // where the stream goes on; guarded by RoamingPlayer.mu
}

var _ media.Reader = (*RoamingPlayer)(nil)

// PlayURL connects to a server as DialURL does and plays what the URL names, from another connection if the server sends the client
// elsewhere meanwhile. ctx bounds the beginning only, which includes the answer to play; a new place must send a key frame within
// cfg.Timeout. A recording that was asked for by o.Start or o.Recorded goes on where it was, and o.Duration counts once.
// cfg.OnReconnect, if set, hears of the requests besides. cfg and o may be nil. The errors are those of Dial and Play.
// The caller must Close the RoamingPlayer.
func PlayURL(ctx context.Context, u *URL, cfg *DialConfig, o *PlayOptions) (*RoamingPlayer, error) {
	p := &RoamingPlayer{seam: newSeam(), changed: make(chan struct{})}
	if o != nil {
		p.opts = *o
	}
	p.cfg = following(cfg, func(m move) { p.change(func() { p.wanted = &m }) })
	first, err := p.open(ctx, u, &p.opts)
	if err != nil {
		return nil, err
	}
	p.change(func() { p.current, p.newest = first, first })
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.wg.Go(p.watch)
	return p, nil
}

// open plays from a place, or where that sends us.
func (p *RoamingPlayer) open(ctx context.Context, u *URL, o *PlayOptions) (*seat, error) {
	conn, player, err := beginAnywhere(ctx, u, &p.cfg, func(c *Conn) (*Player, error) { return c.Play(ctx, "", o) })
	if err != nil {
		return nil, err
	}
	return &seat{conn: conn, player: player, since: time.Now()}, nil
}

// watch follows requests until Close.
func (p *RoamingPlayer) watch() {
	for {
		p.mu.Lock()
		m, at, changed := p.wanted, p.newest, p.changed
		p.mu.Unlock()
		if m == nil {
			select {
			case <-changed:
				continue
			case <-p.ctx.Done():
				return
			}
		}
		var next *seat
		var err error
		if m.from == at.conn && p.trips.another(at.conn, at.since, &p.cfg) {
			if next, err = p.follow(m.to); err != nil && p.ctx.Err() == nil {
				at.conn.logger.Warn("reconnect request not followed", "err", err)
			}
		}
		p.change(func() {
			if p.wanted == m {
				p.wanted = nil
			}
			p.stranded = err
			if next != nil {
				at.next, p.newest = next, next
			}
		})
		if next != nil {
			p.wg.Go(at.leave)
		}
	}
}

// follow opens the place to go to and waits until the stream can go on there.
func (p *RoamingPlayer) follow(to *URL) (*seat, error) {
	limit := p.cfg.timeout()
	ctx, cancel := context.WithTimeoutCause(p.ctx, limit, fmt.Errorf("no key frame within %v", limit))
	defer cancel()
	p.mu.Lock()
	begun, hasVideo, played := p.begun, p.hasVideo, p.played
	p.mu.Unlock()
	s, err := p.open(ctx, to, p.opts.rest(played))
	if err == nil && begun {
		if err = s.lookAhead(ctx, hasVideo); err != nil {
			err = errors.Join(err, s.conn.Close())
		}
	}
	if err != nil {
		// Not wrapped: a refusal elsewhere is no refusal of the place where the stream comes from.
		return nil, errors.New("rtmp: the server sent us to " + to.Address() + ", which does not play the stream: " + err.Error())
	}
	return s, nil
}

// rest returns what to ask for when so much has been played.
func (o *PlayOptions) rest(played time.Duration) *PlayOptions {
	rest := *o
	if o.Recorded || o.Start > 0 {
		rest.Start, rest.Recorded = o.Start+played, true
	}
	if o.Duration > 0 {
		rest.Duration = max(o.Duration-played, time.Millisecond)
	}
	return &rest
}

// lookAhead reads up to the first packet that a stream can go on with. Frames before that are left out.
func (s *seat) lookAhead(ctx context.Context, hasVideo bool) error {
	var headers media.Headers
	for {
		pkt, err := s.player.ReadPacket(ctx)
		if err != nil {
			return err
		}
		headers.Apply(pkt)
		hasVideo = hasVideo || pkt.Kind == media.Video
		if isBoundary(pkt, hasVideo) {
			s.ahead = slices.Concat(headers.Packets(), []*media.Packet{pkt})
			return nil
		}
	}
}

// read returns the next packet of a seat.
func (s *seat) read(ctx context.Context) (*media.Packet, error) {
	if len(s.ahead) == 0 {
		return s.player.ReadPacket(ctx)
	}
	pkt := s.ahead[0]
	s.ahead = s.ahead[1:]
	return pkt, nil
}

// leave ends the stream at a seat. What waits there can still be read.
func (s *seat) leave() {
	if err := errors.Join(s.player.Close(), s.conn.Close()); err != nil {
		s.conn.logger.Debug("the place that was left has not been told", "err", err)
	}
}

// change changes the state and tells those who wait for that.
func (p *RoamingPlayer) change(what func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what()
	close(p.changed)
	p.changed = make(chan struct{})
}

// ReadPacket is Player.ReadPacket at the place where the stream is. It waits for the new place when the old one is gone before that
// was ready, for DialConfig.Timeout at most. If the old one has broken the connection then and the new one could not be followed
// to, the error says both.
func (p *RoamingPlayer) ReadPacket(ctx context.Context) (*media.Packet, error) {
	for {
		pkt, err := p.current.read(ctx)
		if err != nil && ctx.Err() == nil {
			err = p.moveOn(ctx, err)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		if pkt = p.seam.take(pkt); pkt == nil {
			continue
		}
		p.mu.Lock()
		p.begun, p.hasVideo, p.played = p.seam.begun, p.seam.hasVideo, p.seam.end-p.seam.start
		p.mu.Unlock()
		return pkt, nil
	}
}

// moveOn goes on elsewhere when the stream has ended at the current place, for the reason given.
func (p *RoamingPlayer) moveOn(ctx context.Context, gone error) error {
	for {
		p.mu.Lock()
		next, moving, changed, stranded := p.current.next, p.wanted != nil, p.changed, p.stranded
		p.mu.Unlock()
		switch {
		case next != nil:
			p.current = next
			p.seam.join()
			return nil
		case !moving:
			return afterwards(gone, stranded)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ctx.Done():
			return io.EOF
		}
	}
}

// afterwards is why the stream has ended at a place that had sent us to another one which it did not go on at.
func afterwards(gone, stranded error) error {
	closed, broken := errors.AsType[*CloseReason](gone)
	if !broken || stranded == nil {
		return gone
	}
	both := *closed
	both.Text += "; before that " + strings.TrimPrefix(stranded.Error(), "rtmp: ")
	return &both
}

// Conn returns the connection that the stream comes from, or is about to.
func (p *RoamingPlayer) Conn() *Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.newest.conn
}

// Close ends the stream and its connections. ReadPacket returns what waits, then io.EOF.
func (p *RoamingPlayer) Close() error {
	p.cancel()
	p.wg.Wait()
	p.mu.Lock()
	last := p.newest
	p.mu.Unlock()
	return errors.Join(last.player.Close(), last.conn.Close())
}
