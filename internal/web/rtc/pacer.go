package rtc

import (
	"context"
	"time"
)

// A pacer lets no more than so many packets go at once, as what is behind it may have small buffers: a viewer's first packets
// are seconds of the stream, and key frames are large.
type pacer struct {
	since time.Time // of the turn
	sent  int       // in it
}

const (
	turn     = 5 * time.Millisecond
	turnSize = 40 // packets: some 75 Mbit/s
)

// wait returns when the next packet may go. The error is ctx's.
func (p *pacer) wait(ctx context.Context) error {
	now := time.Now()
	if now.Sub(p.since) >= turn {
		p.since, p.sent = now, 0
	}
	if p.sent++; p.sent <= turnSize {
		return nil
	}
	timer := time.NewTimer(p.since.Add(turn).Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		p.since, p.sent = time.Now(), 1
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
