package live

import "time"

// bounds are what a ring may hold.
type bounds struct {
	rewind time.Duration // for newcomers
	age    time.Duration // for subscriptions that are behind
	bytes  int64
}

// Squeeze bounds the rings from now on, to less than Config says or to what it says: nobody can be further behind than age, 2 s at
// least, and each ring holds size bytes. Zeroes mean what Config says. What is too much goes at once. It is for a server
// that is short of memory; subscriptions that keep up notice nothing.
func (h *Hub) Squeeze(age time.Duration, size int64) {
	b := h.cfg.bounds()
	if age > 0 {
		b.age = min(b.age, max(age, leastAge))
		b.rewind = min(b.rewind, b.age)
	}
	if size > 0 {
		b.bytes = min(b.bytes, size)
	}
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
	s.ring.evict(s.bounds)
	s.ring.release(s.held(s.ring.tail))
}
