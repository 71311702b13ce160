package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"leat/media"
)

// publication moves packets from a source to the queues of its targets, at their times. What becomes of a queue is its
// delivery's matter.
type publication struct {
	source     *source
	packets    media.Reader // source, or loop
	loop       *repeater    // nil: the source is read once
	pace       pacer
	deliveries []*delivery
	settled    chan struct{} // each delivery sends once, when it is ready or given up; it has room for all

	stats   bool
	json    bool
	out     io.Writer
	console *console
	begun   time.Time

	// Of the source, for the progress.
	bytes       int64
	hasFrames   bool
	first, last time.Duration
}

// ending says who ended a stream.
type ending string

const (
	endedByFile      ending = "file"      // its end
	endedByServer    ending = "server"    // or the connection to it
	endedByInterrupt ending = "interrupt" // a signal
)

// run publishes until the source or all targets are over, or ctx is done. inner is ctx and what cancel makes of it: reading
// from the source ends with it.
func (p *publication) run(ctx, inner context.Context, cancel context.CancelCauseFunc) error {
	var delivering, rest sync.WaitGroup
	for _, d := range p.deliveries {
		delivering.Go(func() { d.run(ctx) })
	}
	rest.Go(func() {
		delivering.Wait()
		cancel(nil) // nobody is left to read for
	})
	if p.stats {
		rest.Go(func() { p.report(inner) })
	}
	err := p.feed(ctx, inner)
	for _, d := range p.deliveries {
		d.queue.End()
		close(d.sourceOver)
	}
	rest.Wait()
	p.console.end()
	return p.outcome(ctx, err)
}

// feed returns how the source has ended; nil for its end and for everything that was not its fault.
func (p *publication) feed(ctx, inner context.Context) error {
	if !p.start(inner) {
		return nil
	}
	for {
		pkt, err := p.packets.ReadPacket(inner)
		switch {
		case inner.Err() != nil:
			return nil
		case errors.Is(err, io.EOF) && !p.hasFrames:
			return fmt.Errorf("%s holds no frames", p.source.name)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := p.pace.wait(inner, pkt); err != nil {
			return nil //nolint:nilerr // it is the end of inner
		}
		p.put(ctx, pkt)
		p.note(pkt)
	}
}

// together is how long the first target that is ready waits for the others, so that all get the beginning.
const together = 3 * time.Second

// start waits for the targets: until all are ready or given up, but not for long once there is one. It returns false when none is
// left.
func (p *publication) start(inner context.Context) bool {
	var late <-chan time.Time
	for range p.deliveries {
		select {
		case <-p.settled:
		case <-late:
			return true
		case <-inner.Done():
			return false
		}
		if late == nil {
			late = time.After(together)
		}
	}
	return inner.Err() == nil
}

// hiccup is a wait for a server that is made up for. After a longer one the stream goes on where it was.
const hiccup = time.Second

// put gives a packet to all targets. It waits only for those that nothing is left out for.
func (p *publication) put(ctx context.Context, pkt *media.Packet) {
	begun := time.Now()
	for _, d := range p.deliveries {
		if d.queue.Put(ctx, pkt) != nil {
			return // an interrupt
		}
	}
	if waited := time.Since(begun); waited > hiccup {
		p.pace.shift(waited)
	}
}

func (p *publication) note(pkt *media.Packet) {
	p.bytes += int64(len(pkt.Body))
	if !pkt.Config {
		if !p.hasFrames {
			p.hasFrames, p.first, p.last = true, pkt.Timestamp, pkt.Timestamp
		}
		p.last = max(p.last, pkt.Timestamp)
	}
	_, done := p.source.progress()
	p.console.at(p.verb(), done, p.last-p.first, p.bytes)
}

// verb says what is going on, and to how many it is.
func (p *publication) verb() string {
	if len(p.deliveries) == 1 {
		if d := p.deliveries[0]; d.current() == stateLive {
			return "publishing"
		}
		return "connecting"
	}
	live := 0
	for _, d := range p.deliveries {
		if d.current() == stateLive {
			live++
		}
	}
	return fmt.Sprintf("publishing to %d of %d", live, len(p.deliveries))
}

// outcome is the error of the verb, after the summaries were printed. failed is what was wrong with the source.
func (p *publication) outcome(ctx context.Context, failed error) error {
	var errs []error
	for _, d := range p.deliveries {
		if d.err != nil {
			errs = append(errs, d.err)
		}
	}
	var printed error
	if p.json {
		for _, d := range p.deliveries {
			printed = errors.Join(printed, p.summary(d, failed))
		}
	}
	if len(p.deliveries) == 1 {
		if len(errs) == 1 && errs[0] != nil {
			failed = errs[0] // it came first: the source is not read any more then
		}
		return errors.Join(failed, printed)
	}
	if failed != nil || len(errs) == 0 {
		return errors.Join(failed, printed)
	}
	return errors.Join(&exitError{p.exitCode(errs), errSaid}, printed)
}

// exitCode is that of several targets of which some have failed, and have said so: incomplete, or what all have in common.
func (p *publication) exitCode(errs []error) int {
	if len(errs) < len(p.deliveries) {
		return exitIncomplete
	}
	code := exitCode(errs[0])
	for _, err := range errs {
		if exitCode(err) != code {
			return exitFailed
		}
	}
	return code
}
