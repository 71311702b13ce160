package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leat/media"
	"leat/rtmp"
)

// run lasts as long as the pull: until ctx is done or nobody wants the stream.
func (p *pull) run(ctx context.Context) {
	defer close(p.done)
	defer p.cancel()
	defer p.relay.dropPull(p)
	var retry backoff
	for ctx.Err() == nil && !p.relay.retirePull(p) {
		if p.isOwn() {
			p.update(func(s *record) { s.become(StateIdle) })
			p.sleep(ctx, lookEvery)
			continue
		}
		if p.round(ctx, &retry) || ctx.Err() != nil {
			continue
		}
		wait := retry.next()
		p.tell(func() {
			p.rounds++
			p.status.fail(StateWaiting, p.status.Error, wait)
		})
		if len(p.places) > 1 {
			p.log.Warn("pull has tried all origins", "again", wait.Round(time.Millisecond))
		}
		p.sleep(ctx, wait)
	}
	if ctx.Err() == nil {
		p.log.Info("pull ended", "reason", "nobody plays the stream any more")
	} else {
		p.log.Info("pull ended", "reason", "it was stopped")
	}
}

// retirePull forgets a pull that nobody wants any more.
func (r *Relay) retirePull(p *pull) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.isWanted() {
		return false
	}
	if r.pulls[p.key] == p {
		delete(r.pulls, p.key)
	}
	return true
}

func (r *Relay) dropPull(p *pull) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pulls[p.key] == p {
		delete(r.pulls, p.key)
	}
}

// isOwn reports whether somebody publishes the stream here. The pull itself does not, when this is asked.
func (p *pull) isOwn() bool {
	info, ok := p.relay.cfg.Hub.Stream(p.key)
	return ok && info.Publisher != nil
}

// sleep waits, but not for longer than somebody wants the stream.
func (p *pull) sleep(ctx context.Context, d time.Duration) {
	due := time.NewTimer(d)
	defer due.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
			return
		case <-look.C:
			if !p.isWanted() {
				return
			}
		}
	}
}

// round tries the origins in turn, each once, and begins anew when one has played. It returns true when there is no reason to wait
// before the next round, and false when all have failed.
func (p *pull) round(ctx context.Context, retry *backoff) bool {
	for _, at := range p.relay.health.order(p.places) {
		began := time.Now()
		played, err := p.fetch(ctx, at)
		switch {
		case ctx.Err() != nil || errors.Is(err, errUnwanted) || errors.Is(err, errOwn):
			return true
		case played && time.Since(began) >= stableAfter:
			*retry = backoff{}
		}
		if err != nil {
			p.failed(at, err, played)
		} else {
			p.log.Info("pull has come to the end of the stream at its origin", "address", at.String())
		}
		if played {
			return p.sleepShort(ctx, retry)
		}
	}
	return false
}

// sleepShort keeps an origin whose streams are short, or break at once, from being asked without a pause. Players do not wait for the
// first pause: another origin may go on.
func (p *pull) sleepShort(ctx context.Context, retry *backoff) bool {
	if retry.failures++; retry.failures > 1 {
		again := backoff{failures: retry.failures - 2}
		p.sleep(ctx, again.next())
	}
	return true
}

// failed takes note of an origin's failure.
func (p *pull) failed(at *place, err error, played bool) {
	why := at.explain(err)
	p.relay.fetched.refusals.Add(1)
	p.update(func(s *record) {
		s.Error = why
		if played {
			s.Reconnects++
		}
	})
	if played {
		p.log.Warn("pull interrupted", "address", at.String(), "reason", why)
		return
	}
	p.log.Warn("pull fails at this origin", "address", at.String(), "reason", why)
}

// fetch plays the stream from one origin, and from where that asks to go on. played says that packets came. The error is nil when the origin has ended the stream.
func (p *pull) fetch(ctx context.Context, at *place) (played bool, err error) {
	if err := p.path.next(p.relay.id).check(""); err != nil {
		return false, err
	}
	p.update(func(s *record) {
		s.become(StateConnecting)
		s.Address = at.String()
	})
	p.log.Debug("pull connects", "address", at.String())
	cfg := p.relay.dialConfig(at, p.path, p.log)
	cfg.Player = true
	cfg.OnReconnect = func(_ *rtmp.Conn, r *rtmp.ReconnectRequest) {
		p.log.Info("pull goes on elsewhere: its origin asked for it", "address", r.URL.Address())
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer p.watch(inner, cancel)()
	answering, stop := context.WithTimeoutCause(inner, answerTime, fmt.Errorf("no answer within %v", answerTime))
	defer stop()
	player, err := rtmp.PlayURL(answering, at.url, cfg, &rtmp.PlayOptions{Start: rtmp.StartLive})
	p.noteHealth(ctx, at, err)
	if err != nil {
		return false, cause(inner, err)
	}
	defer p.relay.hangUp(player, p.log)
	path := serverPath(player.Conn())
	if path.meets(p.path.next(p.relay.id)) {
		return false, ErrLoop
	}
	in := &intake{pull: p, player: player, at: at, path: path}
	in.silence = time.AfterFunc(p.firstPacketTime(), func() { cancel(in.silent()) })
	defer in.silence.Stop()
	_, err = media.Copy(inner, in, player)
	if err != nil {
		err = cause(inner, err)
	}
	in.close(err == nil || errors.Is(err, errUnwanted) || ctx.Err() != nil)
	return in.pub != nil, err
}

// firstPacketTime is how long an origin may take to send something: a share of what players wait, if there are others to ask. An
// origin that is alone may take for ever, so that what is published there comes here at once.
func (p *pull) firstPacketTime() time.Duration {
	if len(p.places) == 1 {
		return 1 << 62
	}
	return max(p.rule.wait()/time.Duration(len(p.places)), 2*time.Second)
}

// cause is why something was given up; err unless inner was ended.
func cause(inner context.Context, err error) error {
	if why := context.Cause(inner); why != nil {
		return why
	}
	return err
}

// noteHealth takes down whether the origin could be reached. One that refuses could.
func (p *pull) noteHealth(ctx context.Context, at *place, err error) {
	_, notReached := errors.AsType[*rtmp.DialError](err)
	if ctx.Err() == nil {
		p.relay.health.note(at.url.Address(), !notReached)
	}
}

// watch ends a stream that nobody wants any more. The caller calls stop, which waits for it.
func (p *pull) watch(inner context.Context, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		for {
			select {
			case <-inner.Done():
				return
			case <-look.C:
				if !p.isWanted() {
					cancel(errUnwanted)
				}
			}
		}
	}()
	return func() {
		cancel(nil)
		<-done
	}
}
