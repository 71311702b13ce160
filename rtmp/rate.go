package rtmp

import "time"

// rate is a token bucket: so many a second on average, twice that at once. It begins full.
type rate struct {
	tokens float64
	last   time.Time
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
	r.refill(perSecond, now)
	r.tokens--
	return max(0, time.Duration(-r.tokens/float64(perSecond)*float64(time.Second)))
}

func (r *rate) refill(perSecond int, now time.Time) {
	full := float64(2 * perSecond)
	if r.last.IsZero() {
		r.tokens = full
	} else {
		r.tokens = min(full, r.tokens+now.Sub(r.last).Seconds()*float64(perSecond))
	}
	r.last = now
}

// isFull reports whether nothing has been taken for so long that it might as well be forgotten.
func (r *rate) isFull(now time.Time) bool { return now.Sub(r.last) >= 2*time.Second }
