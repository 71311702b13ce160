package main

import (
	"context"
	"time"

	"leat/media"
)

// pacer lets packets pass at their times. The clock is the timestamps' own, counted from the first frame, so that no wait
// or write adds to another and a long stream does not drift; a packet that is late passes at once.
type pacer struct {
	speed float64 // media seconds in a second; 0: everything passes at once

	timer *time.Timer // nil before the first frame
	begun time.Time
	first time.Duration
}

// wait returns when p is due, or with the cause of ctx when that is done before. Headers in front of the first
// frame are due at once, whatever their timestamps.
func (c *pacer) wait(ctx context.Context, p *media.Packet) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if c.speed == 0 || c.timer == nil && p.Config {
		return nil
	}
	if c.timer == nil {
		c.timer, c.begun, c.first = time.NewTimer(0), time.Now(), p.Timestamp
		<-c.timer.C
		return nil
	}
	due := time.Duration(float64(p.Timestamp-c.first) / c.speed)
	left := due - time.Since(c.begun)
	if left <= 0 {
		return nil
	}
	c.timer.Reset(left)
	select {
	case <-c.timer.C:
		return nil
	case <-ctx.Done():
		c.timer.Stop()
		return context.Cause(ctx)
	}
}

// shift puts off all that is due by d, which was spent in a wait for something else.
func (c *pacer) shift(d time.Duration) {
	if c.timer != nil {
		c.begun = c.begun.Add(d)
	}
}
