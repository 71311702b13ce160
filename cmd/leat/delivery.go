package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"leat/internal/sendqueue"
	"leat/media"
	"leat/rtmp"
)

// delivery takes a queue to its target, however often the connection to it breaks. Nothing that happens to it touches
// another delivery.
type delivery struct {
	target  *target
	queue   *sendqueue.Queue
	publish rtmp.PublishType
	patient bool // the source waits for this target
	retry   int  // attempts in a row; -1: no end of them
	only    bool // there is no other target
	console *console

	settled    chan<- struct{} // gets a value when the delivery is ready for the first time, or given up before
	sourceOver chan struct{}   // closed when the source has ended

	mu         sync.Mutex
	state      deliveryState
	reached    bool // it has published
	reconnects int  // that came about
	packets    int64
	bytes      int64 // of message bodies
	frames     int64 // of the first video track
	hasFrames  bool
	first      time.Duration
	last       time.Duration
	sent       time.Time // when the latest packet was taken

	// Set when run has returned.
	ended ending
	err   error
}

// deliveryState is what a delivery does.
type deliveryState string

const (
	stateConnecting deliveryState = "connecting"
	stateLive       deliveryState = "live"
	stateWaiting    deliveryState = "waiting" // to connect again
	stateFailed     deliveryState = "failed"  // and given up
	stateDone       deliveryState = "done"
)

// setback is what has come between a delivery and its end. Its error is for the user.
type setback struct {
	err    error
	final  bool          // another attempt would end as this one did
	lasted time.Duration // how long the stream was live and the server took packets
}

// run delivers until the source is over, the target is given up or ctx is done.
func (d *delivery) run(ctx context.Context) {
	d.queue.Suspend()
	d.err = d.deliver(ctx)
	d.queue.Abandon()
	if d.err != nil {
		d.become(stateFailed)
		if !d.only {
			d.console.say("leat: %v", d.err)
		}
	} else {
		d.become(stateDone)
	}
	if !d.wasReached() {
		d.settled <- struct{}{}
	}
}

// steady is how long a connection must have lasted for the one after it to count as a first attempt again.
const steady = 10 * time.Second

func (d *delivery) deliver(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		failed := d.once(ctx)
		switch {
		case failed == nil:
			return nil
		case ctx.Err() != nil && d.wasReached():
			d.ended = endedByInterrupt
			return nil
		}
		if failed.lasted > steady {
			attempt = 0
		}
		d.ended = endedByServer
		if failed.final || ctx.Err() != nil || d.retry >= 0 && attempt >= d.retry {
			return failed.err
		}
		wait := backoff(attempt)
		d.console.say("leat: %v; connecting again in %v", failed.err, wait.Round(100*time.Millisecond))
		if !d.pause(ctx, wait) {
			if ctx.Err() != nil && d.wasReached() {
				d.ended = endedByInterrupt
				return nil
			}
			return failed.err
		}
		d.become(stateConnecting)
	}
}

// Bounds of the wait between two attempts.
const (
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
)

// backoff doubles with each attempt, and differs by up to a quarter, so that those who lost a server at once do not all come
// back at once.
func backoff(attempt int) time.Duration {
	d := maxBackoff
	if attempt < 5 {
		d = firstBackoff << attempt
	}
	return d - time.Duration(rand.Int64N(int64(d/4)))
}

// pause waits before another attempt. It returns false when there will be nothing to send any more.
func (d *delivery) pause(ctx context.Context, wait time.Duration) bool {
	d.become(stateWaiting)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	over := d.sourceOver
	if d.patient {
		over = nil // what waits is to be sent nevertheless
	}
	select {
	case <-timer.C:
		return true
	case <-over:
		return false
	case <-ctx.Done():
		return false
	}
}

// once delivers until the connection is lost, or the one that its server sends us to meanwhile. It returns nil when all is sent.
func (d *delivery) once(ctx context.Context) *setback {
	cfg := d.target.config(toPublish)
	cfg.Logger = d.target.logger(d.console)
	cfg.OnReconnect = func(_ *rtmp.Conn, r *rtmp.ReconnectRequest) {
		d.console.say("leat: %s asks us to go on at %s", d.target.url.Address(), r.URL.Address())
	}
	pub, err := rtmp.PublishURL(ctx, d.target.url, cfg, &rtmp.PublishOptions{Type: d.publish})
	if err != nil {
		return d.refused(ctx, err)
	}
	return d.over(ctx, pub)
}

// over delivers to a server that has accepted the stream, and takes leave of it.
func (d *delivery) over(ctx context.Context, pub *rtmp.RoamingPublisher) *setback {
	d.mu.Lock()
	first := !d.reached
	d.state, d.reached = stateLive, true
	if !first {
		d.reconnects++
	}
	d.mu.Unlock()
	begun := time.Now()
	d.queue.Resume() // before settled: a pipe does not wait, and is read from then on
	defer d.queue.Suspend()
	if first {
		d.settled <- struct{}{}
	} else {
		d.console.say("leat: publishing %s again", d.target)
	}
	err := d.send(ctx, pub)
	switch {
	case ctx.Err() != nil:
		d.ended = endedByInterrupt
		leave(ctx, pub) // the user wants to go; what does not get through in time is lost
		return nil
	case err == nil:
		d.ended = endedByFile
		err = pub.Close(ctx)
		if ctx.Err() != nil {
			return nil
		}
	default:
		leave(ctx, pub)
	}
	if err != nil {
		return d.broken(err, d.sent.Sub(begun))
	}
	return nil
}

// flushTime is how long a server has to take what was sent before an interrupt.
const flushTime = 2 * time.Second

// leave ends a publication. It waits for the server for a moment only.
func leave(ctx context.Context, pub *rtmp.RoamingPublisher) {
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	_ = pub.Close(late) // why the stream has ended is known
}

// send moves packets from the queue to the server until there are no more (nil), or it cannot go on.
func (d *delivery) send(ctx context.Context, pub *rtmp.RoamingPublisher) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
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
	for {
		p, err := d.queue.Next(inner)
		if errors.Is(err, io.EOF) {
			return pub.Err()
		} else if err != nil {
			return err
		}
		if err := pub.WritePacket(inner, p); err != nil {
			return lastWords(pub, err)
		}
		d.note(p)
	}
}

// lastWords waits for what the server says at the end when a packet could not be sent: it may still be unread.
func lastWords(pub *rtmp.RoamingPublisher, err error) error {
	moment := time.NewTimer(time.Second)
	defer moment.Stop()
	select {
	case <-pub.Done():
		return pub.Err()
	case <-moment.C:
		return err
	}
}

// refused is the setback of a connection that did not come about, or of a stream that was not accepted. A server that has taken
// the stream before may still hold the old connection for alive: then the name is not free yet, which passes.
func (d *delivery) refused(ctx context.Context, err error) *setback {
	said, isStatus := errors.AsType[*rtmp.StatusError](err)
	final := false
	switch {
	case d.wasReached():
		final = isStatus && rtmp.Code(said.Code) != rtmp.CodePublishBadName
	default:
		_, unreachable := errors.AsType[*rtmp.DialError](err)
		final = d.only || isStatus || !unreachable
	}
	return &setback{err: d.target.failure(ctx, err, "publish"), final: final}
}

// broken is the setback of a stream that was under way. What the server itself has ended is not begun again.
func (d *delivery) broken(err error, lasted time.Duration) *setback {
	t := d.target
	if said, ok := errors.AsType[*rtmp.StatusError](err); ok {
		code := exitIncomplete
		if said.Level == rtmp.LevelError {
			code = exitRefused
		}
		text := t.secrets.Replace(fmt.Sprintf("%s ended the stream %s: %v", t.url.Address(), t.stream(), said))
		return &setback{err: &exitError{code, errors.New(text)}, final: true}
	}
	return &setback{
		lasted: lasted,
		err:    &exitError{exitIncomplete, fmt.Errorf("the connection to %s ended before the stream did: %s", t.url.Address(), connectionText(err))},
	}
}

func (d *delivery) note(p *media.Packet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.packets++
	d.sent = time.Now()
	d.bytes += int64(len(p.Body))
	if p.Config {
		return
	}
	if p.Kind == media.Video && p.Track == 0 {
		d.frames++
	}
	if !d.hasFrames {
		d.hasFrames, d.first, d.last = true, p.Timestamp, p.Timestamp
	}
	d.last = max(d.last, p.Timestamp)
}

func (d *delivery) become(s deliveryState) {
	d.mu.Lock()
	d.state = s
	d.mu.Unlock()
}

func (d *delivery) current() deliveryState {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

func (d *delivery) wasReached() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reached
}
