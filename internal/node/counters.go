package node

import (
	"sync/atomic"
	"time"

	"leat/internal/metrics"
)

// counters are what the node counts besides what its rooms count themselves.
type counters struct {
	publications atomic.Uint64 // begun
	plays        atomic.Uint64
	dropped      atomic.Int64 // messages that players which have ended did not get
	refused      [len(requestNames)][len(reasonNames)]atomic.Uint64

	delay      histogram // of the fan-out
	connect    histogram
	firstFrame histogram

	rtc rtcCounters
}

// request is what a client asked for.
type request uint8

const (
	toConnect request = iota
	toPublish
	toPlay
)

var requestNames = [...]string{"connect", "publish", "play"}

// reason is why it was refused.
type reason uint8

const (
	byApp reason = iota
	byAddress
	byToken
	byUser
	byBusy
	byLimit
	byNotFound
	byUnplayable
	byLoop
	byMemory
	byShutdown
)

var reasonNames = [...]string{"app", "address", "token", "user", "busy", "limit", "not_found", "unplayable", "loop", "memory", "shutdown"}

func (c *counters) refuse(what request, why reason) { c.refused[what][why].Add(1) }

// refusals are those that have happened.
func (c *counters) refusals() []metrics.Refusal {
	var list []metrics.Refusal
	for what := range c.refused {
		for why := range c.refused[what] {
			if n := c.refused[what][why].Load(); n > 0 {
				list = append(list, metrics.Refusal{Request: requestNames[what], Reason: reasonNames[why], Count: n})
			}
		}
	}
	return list
}

// swept takes the delay of a sweep.
func (c *counters) swept(delay time.Duration, players int) { c.delay.observe(delay, players) }

// bounds are the upper bounds of the histograms' buckets.
var bounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 5 * time.Second,
}

// histogram counts durations without a lock: sweeps of several shards observe at once.
type histogram struct {
	counts [len(bounds) + 1]atomic.Uint64
	sum    atomic.Int64 // nanoseconds
}

func (h *histogram) observe(d time.Duration, times int) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.counts[i].Add(uint64(times))
	h.sum.Add(int64(d) * int64(times))
}

func (h *histogram) snapshot() metrics.Histogram {
	s := metrics.Histogram{Bounds: bounds[:], Counts: make([]uint64, len(h.counts)), Sum: time.Duration(h.sum.Load())}
	for i := range h.counts {
		s.Counts[i] = h.counts[i].Load()
	}
	return s
}
