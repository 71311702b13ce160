package rtmp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"leat/media"
)

// RoamingPublisher publishes a stream wherever its server wants it: a media.Writer that follows redirects, and reconnect requests
// while it publishes (E-RTMP v2, Reconnect Request). It connects to the new place while the old one is still served, and goes on there
// with the headers in force and the next key frame, so that no packet is lost and the timeline goes on. A server that does not take
// the stream twice is left first. One goroutine at a time may write.
type RoamingPublisher struct {
	cfg  DialConfig
	opts PublishOptions

	headers  media.Headers // in force, of WritePacket
	hasVideo bool
	needsKey bool // frames of video are left out until a key frame: the old connection broke before the new one was ready

	ctx    context.Context // of what goes on beside WritePacket; ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // goroutines, until Close
	asked  chan move
	trips  trips         // of watch
	done   chan struct{} // closed with err

	mu      sync.Mutex
	current *berth
	next    *berth        // ready, for the next key frame
	leave   *URL          // where to go at the next key frame after the old place was left
	moving  bool          // next or leave will be set
	changed chan struct{} // closed and replaced when one of the three changes
	err     error
}

// berth is a connection with the stream.
type berth struct {
	conn  *Conn
	pub   *Publisher
	since time.Time
}

// PublishURL connects to a server as DialURL does and publishes under the URL's name, on another connection if the server sends
// the client elsewhere meanwhile. ctx bounds the beginning only; the wait for the answer to publish has cfg.Timeout again.
// cfg.OnReconnect, if set, hears of the requests besides. cfg and o may be nil. The errors are those of Dial and Publish.
// The caller must Close the RoamingPublisher.
func PublishURL(ctx context.Context, u *URL, cfg *DialConfig, o *PublishOptions) (*RoamingPublisher, error) {
	p := &RoamingPublisher{asked: make(chan move, 1), done: make(chan struct{}), changed: make(chan struct{})}
	if o != nil {
		p.opts = *o
	}
	p.cfg = following(cfg, func(m move) {
		select {
		case p.asked <- m:
		default: // one is under way
		}
	})
	var err error
	if p.current, err = p.open(ctx, u); err != nil {
		return nil, err
	}
	p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.wg.Go(p.watch)
	return p, nil
}

// open publishes at a place, or where that sends us.
func (p *RoamingPublisher) open(ctx context.Context, u *URL) (*berth, error) {
	conn, pub, err := beginAnywhere(ctx, u, &p.cfg, func(c *Conn) (*Publisher, error) {
		limit := p.cfg.timeout()
		answering, done := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %v", limit))
		defer done()
		return c.Publish(answering, "", &p.opts)
	})
	if err != nil {
		return nil, err
	}
	return &berth{conn, pub, time.Now()}, nil
}

// reopen is open for a place that has refused the stream before we left ours, which was perhaps the same. A server may need a moment to
// see that we have left.
func (p *RoamingPublisher) reopen(ctx context.Context, u *URL) (*berth, error) {
	const leaving = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, leaving+p.cfg.timeout())
	defer cancel()
	begun := time.Now()
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		b, err := p.open(ctx, u)
		if e, ok := errors.AsType[*StatusError](err); !ok || Code(e.Code) != CodePublishBadName || time.Since(begun)+wait > leaving {
			return b, err
		}
		if err := rest(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// watch follows requests until the stream ends.
func (p *RoamingPublisher) watch() {
	for {
		b := p.berth()
		select {
		case m := <-p.asked:
			if p.isNext(m.from) && !p.awaitChange(b) {
				return
			}
			if b = p.berth(); m.from == b.conn && p.trips.another(b.conn, b.since, &p.cfg) {
				p.prepare(m.to)
			}
		case <-b.pub.Done():
			if p.berth() == b && !p.isMoving() {
				p.fail(b.pub.Err())
				return
			}
			if !p.awaitChange(b) {
				return
			}
		case <-p.ctx.Done():
			return
		}
	}
}

// prepare opens the place to go to.
func (p *RoamingPublisher) prepare(to *URL) {
	p.change(func() { p.moving = true })
	b, err := p.open(p.ctx, to)
	_, refused := errors.AsType[*StatusError](err)
	p.change(func() {
		switch {
		case err == nil:
			p.next = b
		case refused: // perhaps because the stream is still published there, by us
			p.leave = to
		default:
			p.moving = false
			p.current.conn.logger.Warn("reconnect request not followed", "err", err)
		}
	})
}

// awaitChange waits until the stream has another berth than b, or none is to come. false says that it is over.
func (p *RoamingPublisher) awaitChange(b *berth) bool {
	for {
		p.mu.Lock()
		current, moving, changed, err := p.current, p.moving, p.changed, p.err
		p.mu.Unlock()
		switch {
		case err != nil:
			return false
		case current != b || !moving:
			return true
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
			return false
		}
	}
}

// change changes the state and tells those who wait for that.
func (p *RoamingPublisher) change(what func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	what()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *RoamingPublisher) berth() *berth {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

func (p *RoamingPublisher) isMoving() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.moving
}

// isNext reports whether the stream is about to go to a connection.
func (p *RoamingPublisher) isNext(c *Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next != nil && p.next.conn == c
}

// fail ends the stream; the first reason counts.
func (p *RoamingPublisher) fail(err error) {
	p.change(func() {
		if p.err == nil {
			p.err = err
			close(p.done)
		}
	})
}

// WritePacket is Publisher.WritePacket at the place where the stream is. It waits for the new place when the old one is gone
// before that was ready, for two times DialConfig.Timeout at most.
func (p *RoamingPublisher) WritePacket(ctx context.Context, pkt *media.Packet) error {
	p.headers.Apply(pkt)
	p.hasVideo = p.hasVideo || pkt.Kind == media.Video
	if isBoundary(pkt, p.hasVideo) {
		if err := p.moveAt(ctx, pkt); err != nil {
			return err
		}
	}
	for {
		b := p.berth()
		if p.needsKey && pkt.Kind == media.Video && !pkt.Config {
			if !pkt.Key {
				return nil
			}
			p.needsKey = false
		}
		err := b.pub.WritePacket(ctx, pkt)
		if err == nil || ctx.Err() != nil || !p.isMoving() {
			return err
		}
		if err := p.moveOn(ctx, b, pkt, err); err != nil {
			return err
		}
	}
}

// moveAt goes to the new place if there is one.
func (p *RoamingPublisher) moveAt(ctx context.Context, pkt *media.Packet) error {
	p.mu.Lock()
	old, next, to := p.current, p.next, p.leave
	p.mu.Unlock()
	if next == nil && to == nil {
		return nil
	}
	if next != nil {
		p.part(old)
	} else {
		err := p.end(ctx, old)
		if err == nil {
			next, err = p.reopen(ctx, to)
		}
		if err != nil {
			// Not wrapped: a refusal elsewhere is no refusal of the place where the stream was.
			err = errors.New("rtmp: the server sent us to " + to.Address() + ", which does not take the stream: " + err.Error())
			p.fail(err)
			return err
		}
	}
	p.needsKey = false
	p.change(func() { p.current, p.next, p.leave, p.moving = next, nil, nil, false })
	return p.writeHeaders(ctx, next, pkt)
}

// moveOn waits for the new place when the old one is gone, for the reason given.
func (p *RoamingPublisher) moveOn(ctx context.Context, old *berth, pkt *media.Packet, gone error) error {
	for {
		p.mu.Lock()
		ready, moving, changed := p.next != nil || p.leave != nil, p.moving, p.changed
		p.mu.Unlock()
		switch {
		case ready:
			if err := p.moveAt(ctx, pkt); err != nil {
				return err
			}
			p.needsKey = p.hasVideo
			return nil
		case !moving:
			p.fail(gone)
			return gone
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// writeHeaders tells a new place what is in force at a packet.
func (p *RoamingPublisher) writeHeaders(ctx context.Context, b *berth, at *media.Packet) error {
	for _, h := range p.headers.Packets() {
		header := *h
		header.Timestamp = at.Timestamp
		if err := b.pub.WritePacket(ctx, &header); err != nil {
			return err
		}
	}
	return nil
}

// part ends the stream at a place that is left, beside what goes on.
func (p *RoamingPublisher) part(b *berth) {
	p.wg.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), linger)
		defer cancel()
		if err := p.end(ctx, b); err != nil {
			b.conn.logger.Debug("the end of the stream was not taken at the place that was left", "err", err)
		}
	})
}

// end ends the stream at a place, which has until ctx is done to take all of it, and hangs up.
func (p *RoamingPublisher) end(ctx context.Context, b *berth) error {
	err := b.pub.Close()
	if err == nil {
		err = b.conn.Flush(ctx)
	}
	return errors.Join(err, b.conn.Close())
}

// Conn returns the connection that the stream is on now.
func (p *RoamingPublisher) Conn() *Conn { return p.berth().conn }

// Done is closed when the stream has ended and does not go on elsewhere.
func (p *RoamingPublisher) Done() <-chan struct{} { return p.done }

// Err says why the stream has ended; nil while it lives.
func (p *RoamingPublisher) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil && !p.moving {
		return p.current.pub.Err()
	}
	return p.err
}

// Close ends the stream, waits until the server has taken all of it or ctx is done, and ends its connections. The error says why
// that was not everything; it is nil for a stream that had ended before, of which Err has told. Later calls do nothing.
func (p *RoamingPublisher) Close(ctx context.Context) error {
	b := p.berth()
	over := p.Err()
	p.fail(ErrClosed)
	err := p.end(ctx, b)
	p.cancel()
	p.wg.Wait()
	p.mu.Lock()
	next := p.next
	p.next = nil
	p.mu.Unlock()
	if next != nil {
		err = errors.Join(err, next.conn.Close())
	}
	if over != nil {
		return nil //nolint:nilerr // it is known why the stream has ended
	}
	return err
}
