package relay

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// lookEvery is how often somebody who waits looks whether there is still, or again, something to wait for.
const lookEvery = time.Second

// push brings one stream to one target.
type push struct {
	relay  *Relay
	key    media.Key
	target Target
	static bool // it outlives its stream
	log    *slog.Logger
	cancel context.CancelFunc
	news   chan struct{} // a publisher has come; has room for one
	totals *totals

	mu     sync.Mutex
	status record
}

// equal reports whether two targets are the same in everything.
func (t *Target) equal(other Target) bool { return reflect.DeepEqual(*t, other) }

// poke says that a publisher has come. It does not block.
func (p *push) poke() {
	select {
	case p.news <- struct{}{}:
	default:
	}
}

func (p *push) snapshot() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status.Status
}

// update changes the status.
func (p *push) update(change func(s *record)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.status)
}

// run lasts as long as the push: until ctx is done, or for a rule's until the stream is over.
func (p *push) run(ctx context.Context) {
	defer func() {
		p.cancel()
		p.relay.mu.Lock()
		p.relay.forget(p)
		p.relay.mu.Unlock()
	}()
	for p.awaitStream(ctx) {
		p.serve(ctx)
	}
	if ctx.Err() != nil {
		p.sayEnded("it was stopped")
	}
}

func (p *push) sayEnded(why string) {
	s := p.snapshot()
	p.log.Info("push ended", "reason", why, "packets", s.Packets, "bytes", s.Bytes, "dropped", s.Dropped)
}

// awaitStream waits until the stream is on air. false says that the push is over.
func (p *push) awaitStream(ctx context.Context) bool {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		switch {
		case ctx.Err() != nil:
			return false
		case p.relay.onAir(p.key):
			return true
		case !p.static && p.relay.retire(p):
			return false
		}
		p.update(func(s *record) { s.become(StateIdle) })
		select {
		case <-ctx.Done():
		case <-p.news:
		case <-look.C:
		}
	}
}

// serve connects, again and again, until the stream is over or ctx is done.
func (p *push) serve(ctx context.Context) {
	var retry backoff
	for {
		var published time.Time
		err := p.connect(ctx, func() { published = time.Now() })
		if err == nil || ctx.Err() != nil {
			return
		}
		ran := !published.IsZero()
		if ran && time.Since(published) >= stableAfter {
			retry = backoff{}
		}
		if !p.pause(ctx, p.failed(err, ran, &retry)) {
			return
		}
	}
}

// failed takes note of a failure and returns how long to wait. A target may take us for our own predecessor for a
// while after a connection has broken: what it refuses then is tried again soon.
func (p *push) failed(err error, ran bool, retry *backoff) time.Duration {
	where, placeErr := p.target.address(p.key)
	if placeErr != nil {
		where, err = &place{url: &rtmp.URL{}, secrets: secretsOf(&rtmp.URL{}, p.target.Key)}, placeErr
	}
	why := where.explain(err)
	if ran {
		p.totals.reconnects.Add(1)
		p.update(func(s *record) { s.Reconnects++ })
	}
	if refusal(err) {
		p.totals.refusals.Add(1)
		if wasBusy(err) && (ran || p.snapshot().Reconnects > 0) && retry.failures < 8 {
			wait := retry.next()
			p.update(func(s *record) { s.fail(StateWaiting, why, wait) })
			p.log.Warn("push refused, perhaps because the target has not noticed yet that the connection before has broken", "reason", why, "again", wait.Round(time.Millisecond))
			return wait
		}
		wait := jitter(refusedWait)
		p.update(func(s *record) { s.fail(StateFailed, why, wait) })
		p.log.Error("push refused", "address", where.String(), "reason", why, "again", wait.Round(time.Second))
		return wait
	}
	wait := retry.next()
	p.update(func(s *record) { s.fail(StateWaiting, why, wait) })
	if ran {
		p.log.Warn("push interrupted", "address", where.String(), "reason", why, "again", wait.Round(time.Millisecond))
	} else {
		p.log.Warn("push cannot begin", "address", where.String(), "reason", why, "again", wait.Round(time.Millisecond))
	}
	return wait
}

// wasBusy reports a refusal that another publisher of the same name may have caused.
func wasBusy(err error) bool {
	said, ok := errors.AsType[*rtmp.StatusError](err)
	return ok && rtmp.Code(said.Code) == rtmp.CodePublishBadName
}

// pause waits for the next try. false says that the stream is over, or ctx done.
func (p *push) pause(ctx context.Context, wait time.Duration) bool {
	due := time.NewTimer(wait)
	defer due.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-due.C:
			return p.relay.onAir(p.key)
		case <-look.C:
			if !p.relay.onAir(p.key) {
				p.sayEnded("the stream is over")
				return false
			}
		}
	}
}

// connect publishes to the target over one connection. nil says that the stream is over. published is called when the target
// has accepted the stream.
func (p *push) connect(ctx context.Context, published func()) error {
	to, err := p.target.address(p.key)
	if err != nil {
		return err
	}
	path := p.relay.path(p.key)
	if err := path.next(p.relay.id).check(""); err != nil {
		return err
	}
	p.update(func(s *record) {
		s.become(StateConnecting)
		s.Address = to.String()
	})
	p.log.Debug("push connects", "address", to.String())
	cfg := p.relay.dialConfig(to, path, p.log)
	cfg.LegacyCodecs = p.target.LegacyCodecs
	cfg.OnReconnect = func(_ *rtmp.Conn, r *rtmp.ReconnectRequest) {
		p.log.Info("push goes on elsewhere: its target asked for it", "address", r.URL.Address())
	}
	pub, err := rtmp.PublishURL(ctx, to.url, cfg, nil)
	if err != nil {
		return err
	}
	if serverPath(pub.Conn()).meets(path.next(p.relay.id)) {
		p.takeLeave(pub)
		return ErrLoop
	}
	published()
	p.update(func(s *record) { s.become(StatePublishing) })
	announced := pub.Conn().Capabilities()
	p.log.Info("pushing", "address", to.String(), "enhanced", announced.Announced())
	return p.send(ctx, pub)
}

// send moves packets until the stream, the connection or ctx ends, and takes leave.
func (p *push) send(ctx context.Context, pub *rtmp.RoamingPublisher) error {
	sub := p.relay.cfg.Hub.Subscribe(p.key, &live.SubscribeOptions{Name: "push to " + p.target.name(), Passive: true})
	defer sub.Close()
	if !p.relay.onAir(p.key) {
		p.takeLeave(pub)
		p.sayEnded("the stream is over")
		return nil
	}
	inner, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() {
		select {
		case <-pub.Done():
			cancel(pub.Err())
		case <-inner.Done():
		}
	})
	c := &carrier{push: p, pub: pub, filter: newFilter(&p.target, p.key.Name), announced: pub.Conn().Capabilities()}
	err := c.copy(inner, sub)
	switch {
	case ctx.Err() != nil:
		p.takeLeave(pub)
		return nil
	case errors.Is(err, io.EOF):
		p.takeLeave(pub)
		p.sayEnded("the stream is over")
		return nil
	}
	why := lastWords(pub, err)
	p.takeLeave(pub)
	return why
}

// takeLeave ends the stream at the target, lets it have the last frames, and hangs up.
func (p *push) takeLeave(pub *rtmp.RoamingPublisher) {
	ctx, cancel := context.WithTimeout(context.Background(), partingTime)
	defer cancel()
	if err := pub.Close(ctx); err != nil {
		p.log.Debug("the target did not take the end of the stream", "err", err)
	}
}

// lastWords returns why a connection has ended: what the target said, which may still be unread when a packet cannot be sent.
func lastWords(pub *rtmp.RoamingPublisher, err error) error {
	moment := time.NewTimer(partingTime)
	defer moment.Stop()
	select {
	case <-pub.Done():
		return pub.Err()
	case <-moment.C:
		return err
	}
}
