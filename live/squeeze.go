package live

import (
	"cmp"
	"time"
)

// bounds are what a ring may hold.
type bounds struct {
	age   time.Duration
	bytes int64
}

// Squeeze bounds the rings from now on, to less than Config says or to what it says: besides the newest GOP they hold age of a
// stream, 2 s at least, and in all size bytes. Zeroes mean what Config says. What is too much goes at once. It is for a server
// that is short of memory; subscriptions that keep up notice nothing.
func (h *Hub) Squeeze(age time.Duration, size int64) {
	b := bounds{
		age:   min(h.cfg.RingDuration, cmp.Or(age, h.cfg.RingDuration)),
		bytes: min(h.cfg.RingBytes, cmp.Or(size, h.cfg.RingBytes)),
	}
	b.age = max(b.age, min(leastAge, h.cfg.RingDuration))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bounds = b
	for _, s := range h.streams {
		s.mu.Lock()
		s.bounds = b
		s.trim()
		s.mu.Unlock()
	}
}

// leastAge is how far apart two frames of a slow video may be: without it audio would age the newest key frame away.
const leastAge = 2 * time.Second

// trim lets go of what the ring need not hold any more. s is locked.
func (s *stream) trim() {
	s.ring.evict(s.bounds.age, s.bounds.bytes)
	s.ring.release(s.held(s.ring.tail))
}
