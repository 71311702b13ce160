package rtmp

import "time"

// rate is a token bucket: so many a second on average, twice that at once. It begins full.
type rate struct {
	tokens float64
	last   int64 // Unix nanoseconds; 0: nothing has been taken yet
}

// take reports whether one more may come.
func (r *rate) take(perSecond int, now time.Time) bool {
	r.refill(perSecond, now)
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	return true
}

// owe takes one in any case, and returns how long the next should wait for it.
func (r *rate) owe(perSecond int, now time.Time) time.Duration {
	return r.oweMany(1, float64(perSecond), 2*float64(perSecond), now)
}

// oweMany is owe of n at once, of a bucket that holds full.
func (r *rate) oweMany(n int, perSecond, full float64, now time.Time) time.Duration {
	r.fill(perSecond, full, now)
	r.tokens -= float64(n)
	return max(0, time.Duration(-r.tokens/perSecond*float64(time.Second)))
}

func (r *rate) refill(perSecond int, now time.Time) {
	r.fill(float64(perSecond), 2*float64(perSecond), now)
}

func (r *rate) fill(perSecond, full float64, now time.Time) {
	at := now.UnixNano()
	if r.last == 0 {
		r.tokens = full
	} else {
		r.tokens = min(full, r.tokens+time.Duration(max(0, at-r.last)).Seconds()*perSecond)
	}
	r.last = at
}

// isFull reports whether nothing has been taken for so long that it might as well be forgotten.
func (r *rate) isFull(now time.Time) bool { return now.UnixNano()-r.last >= int64(2*time.Second) }
