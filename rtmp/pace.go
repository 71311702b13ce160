package rtmp

import (
	"context"
	"sync"
	"time"
)

// leastPause is the shortest time for which reading stops: shorter ones would cost more than they spare.
const leastPause = 20 * time.Millisecond

// paceMedia lets the peer wait that sends more media than its share: nothing is read meanwhile, so that TCP holds it up.
// Whoever sends a file as fast as it goes is an honest encoder, and closing it would help nobody.
func (c *Conn) paceMedia(ctx context.Context) error {
	if c.limits.MediaPerSecond == 0 {
		return nil
	}
	pause := c.in.media.rate.owe(c.limits.MediaPerSecond, c.in.now)
	if pause < leastPause {
		return nil
	}
	c.sayPaced("messages_per_second", c.limits.MediaPerSecond)
	err := rest(ctx, pause)
	c.in.now = time.Now()
	return err
}

// A connection may bring this part of Limits.ReadTotal whatever the others do.
const ownShare = 256

// reading is what all connections of a server have brought beyond their own shares.
type reading struct {
	mu   sync.Mutex
	rate rate
}

// owe takes n bytes and returns how long who has brought them should wait.
func (r *reading) owe(n, perSecond int) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rate.oweMany(n, float64(perSecond), float64(perSecond)/8, time.Now())
}

// paceBytes lets the peer wait when all connections together bring more bytes than they may, and this one more than its own
// share, so that modest streams go on beside any flood.
func (c *Conn) paceBytes(ctx context.Context, n int) error {
	total := c.limits.ReadTotal
	side, ok := c.side.(*serverSide)
	if total == 0 || !ok {
		return nil
	}
	share := float64(total) / ownShare
	if c.in.byteRate.oweMany(n, share, share, c.in.now) == 0 {
		return nil
	}
	c.in.byteRate.tokens = max(0, c.in.byteRate.tokens) // what was too much is owed to all
	pause := side.srv.reading.owe(n, total)
	if pause < leastPause {
		return nil
	}
	c.sayPaced("bytes_per_second", total)
	return rest(ctx, pause)
}

func (c *Conn) sayPaced(limit string, value int) {
	if c.in.paced {
		return
	}
	c.in.paced = true
	c.logger.Warn("the peer sends more media than it may, it is read more slowly", "of", limit, "limit", value)
}

// rest waits for so long, or until the connection ends.
func rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
