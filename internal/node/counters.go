package node

import (
	"sync/atomic"
	"time"
)

// counters are what the node counts besides what its rooms count themselves.
type counters struct {
	published atomic.Int64 // publications that have ended
	players   atomic.Int64 // plays begun
	playing   atomic.Int64 // plays under way
	dropped   atomic.Int64 // messages that slow players did not get

	lag histogram
}

// swept takes the delay of a sweep.
func (c *counters) swept(delay time.Duration, players int) { c.lag.observe(delay, int64(players)) }

// lagBounds are the upper bounds of the delay histogram's buckets.
var lagBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
}

// histogram counts delays without a lock: sweeps of several shards observe at once.
type histogram struct {
	buckets [len(lagBounds) + 1]atomic.Int64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration, weight int64) {
	i := 0
	for i < len(lagBounds) && d > lagBounds[i] {
		i++
	}
	h.buckets[i].Add(weight)
	h.sum.Add(int64(d) * weight)
}
