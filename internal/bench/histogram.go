package bench

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets that are a thirty-second of their size wide, from a microsecond to twelve days.
// It may be added to and read by any number of goroutines.
type histogram struct {
	buckets [histogramSize]atomic.Uint64
	most    atomic.Int64 // the largest, microseconds
}

const (
	fineBits      = 5 // a power of two is divided into so many bits of buckets
	fine          = 1 << fineBits
	histogramSize = (40 - fineBits + 1) * fine
)

// bucketOf returns the bucket of a number of microseconds.
func bucketOf(us uint64) int {
	if us < fine {
		return int(us)
	}
	shift := bits.Len64(us) - fineBits - 1
	return min(shift*fine+int(us>>shift), histogramSize-1)
}

// bucketStart is the least number of microseconds in a bucket.
func bucketStart(bucket int) uint64 {
	if bucket < 2*fine {
		return uint64(bucket)
	}
	shift := bucket/fine - 1
	return uint64(bucket-shift*fine) << shift
}

func (h *histogram) add(d time.Duration) {
	us := max(d.Microseconds(), 0)
	h.buckets[bucketOf(uint64(us))].Add(1)
	for {
		most := h.most.Load()
		if us <= most || h.most.CompareAndSwap(most, us) {
			return
		}
	}
}

// counts is a histogram at one moment.
type counts struct {
	buckets [histogramSize]uint64
	total   uint64
	most    int64
}

// begin returns what was counted so far, and forgets the largest.
func (h *histogram) begin() counts {
	h.most.Store(0)
	return *h.read()
}

// take returns what was counted since last, which it sets to now.
func (h *histogram) take(last *counts) (since counts) {
	now := h.read()
	since = *now
	for i, n := range last.buckets {
		since.buckets[i] -= n
	}
	since.total -= last.total
	*last = *now
	return since
}

func (h *histogram) read() *counts {
	c := &counts{most: h.most.Load()}
	for i := range h.buckets {
		n := h.buckets[i].Load()
		c.buckets[i] = n
		c.total += n
	}
	return c
}

// quantile returns the duration below which a share q of all are: the middle of its bucket.
func (c *counts) quantile(q float64) time.Duration {
	if c.total == 0 {
		return 0
	}
	rest := uint64(q * float64(c.total-1))
	for i, n := range c.buckets {
		if rest < n {
			middle := (bucketStart(i) + bucketStart(i+1)) / 2
			return time.Duration(min(int64(middle), c.most)) * time.Microsecond
		}
		rest -= n
	}
	return time.Duration(c.most) * time.Microsecond
}

// spread sums it up.
func (c *counts) spread() Spread {
	if c.total == 0 {
		return Spread{}
	}
	return Spread{
		Count: c.total,
		P50:   milliseconds(c.quantile(.5)), P90: milliseconds(c.quantile(.9)), P99: milliseconds(c.quantile(.99)),
		Max: milliseconds(time.Duration(c.most) * time.Microsecond),
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
