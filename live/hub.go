package live

import (
	"fmt"
	"sync"
	"time"

	"leat/media"
)

// Hub holds the live streams of a server by their keys. Its methods may be called from several goroutines.
type Hub struct {
	cfg Config

	mu      sync.Mutex
	streams map[media.Key]*stream
	bounds  bounds // of the rings, as Squeeze has set them
	closed  bool

	timers sync.WaitGroup // one for each running grace
}

// NewHub returns a hub. A nil cfg is the zero Config; it is not used after NewHub returns.
func NewHub(cfg *Config) *Hub {
	h := &Hub{cfg: cfg.withDefaults(), streams: make(map[media.Key]*stream)}
	h.bounds = h.cfg.bounds()
	return h
}

// Publish takes the stream key for a publisher, who must close the Publication. It does not block but
// for the OnTakeover of the publisher it replaces. The error wraps ErrBusy if the policy leaves the stream
// to its publisher, and is ErrClosed if the hub is closed. Nil opts are the zero PublishOptions.
func (h *Hub) Publish(key media.Key, opts *PublishOptions) (*Publication, error) {
	if opts == nil {
		opts = &PublishOptions{}
	}
	p, replaced, err := h.publish(key, opts)
	if replaced != nil && replaced.onTakeover != nil {
		replaced.onTakeover()
	}
	return p, err
}

func (h *Hub) publish(key media.Key, opts *PublishOptions) (p, replaced *Publication, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, ErrClosed
	}
	s := h.stream(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	replaced = s.pub
	if replaced != nil && !h.mayReplace(replaced, opts) {
		return nil, nil, fmt.Errorf("publish %v: %w", key, ErrBusy)
	}
	now := time.Now()
	p = &Publication{
		hub: h, stream: s,
		remote: opts.RemoteAddr, onTakeover: opts.OnTakeover, onWatched: opts.OnWatched, yields: opts.Yields,
		since: now, lastWrite: now,
	}
	h.stopGrace(s)
	s.begin(p)
	return p, replaced, nil
}

// mayReplace reports whether the policy lets another publisher have p's stream. The stream is locked.
func (h *Hub) mayReplace(p *Publication, opts *PublishOptions) bool {
	if p.yields {
		return true
	}
	policy := opts.Policy
	if policy == PolicyDefault {
		policy = h.cfg.Policy
	}
	switch policy {
	case PolicyTakeover:
		return true
	case PolicyTakeoverIfDead:
		return p.deadFor(opts.RemoteAddr)
	}
	return false
}

// Subscribe returns a new subscription to the stream key, which may have no publisher yet. It does not block but for
// Config.OnWanted.
// The caller must close it. Nil opts are the zero SubscribeOptions. On a closed hub the subscription
// is at its end.
func (h *Hub) Subscribe(key media.Key, opts *SubscribeOptions) *Subscription {
	if opts == nil {
		opts = &SubscribeOptions{}
	}
	sub, vacant := h.subscribe(key, opts)
	if vacant && !opts.Passive && h.cfg.OnWanted != nil {
		h.cfg.OnWanted(key)
	}
	return sub
}

// subscribe also reports whether the stream has no publisher.
func (h *Hub) subscribe(key media.Key, opts *SubscribeOptions) (sub *Subscription, vacant bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sub = &Subscription{hub: h, opts: *opts, since: time.Now(), wake: make(chan struct{}, 1)}
	if h.closed {
		sub.stream = h.newStream(key)
		sub.stream.closed = true
		return sub, false
	}
	s := h.stream(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	sub.stream = s
	sub.join()
	s.subs = append(s.subs, sub)
	s.tellWatched()
	return sub, s.pub == nil
}

// Close ends all streams: publishers get ErrClosed; subscriptions get what there is still to read, and then io.EOF.
// It waits for the hub's timers, and returns at once if the hub is closed already.
func (h *Hub) Close() {
	h.shut()
	h.timers.Wait()
}

func (h *Hub) shut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, s := range h.streams {
		s.mu.Lock()
		h.stopGrace(s)
		if s.pub != nil {
			s.pub.err = ErrClosed
		}
		s.closed = true
		s.end()
		s.mu.Unlock()
	}
	clear(h.streams)
}

// stream returns the stream of a key, which it makes if need be. h is locked, here and below.
func (h *Hub) stream(key media.Key) *stream {
	s := h.streams[key]
	if s == nil {
		s = h.newStream(key)
		h.streams[key] = s
	}
	return s
}

func (h *Hub) newStream(key media.Key) *stream {
	return &stream{cfg: &h.cfg, key: key, bounds: h.bounds, state: &state{}}
}

// vacate forgets a stream that has neither publisher nor subscription. It is locked.
func (h *Hub) vacate(s *stream) {
	if s.pub != nil || len(s.subs) > 0 || h.streams[s.key] != s {
		return
	}
	h.stopGrace(s)
	s.end()
	delete(h.streams, s.key)
}

// startGrace ends the stream, which is locked, after the grace if no publisher has come by then.
func (h *Hub) startGrace(s *stream) {
	left := s.state.publication
	h.timers.Add(1)
	s.grace = time.AfterFunc(h.cfg.PublisherGrace, func() {
		defer h.timers.Done()
		h.expire(s, left)
	})
}

// stopGrace stops the timer of a locked stream. One that has fired already finds nothing to do.
func (h *Hub) stopGrace(s *stream) {
	if s.grace != nil && s.grace.Stop() {
		h.timers.Done()
	}
	s.grace = nil
}

// expire ends a stream if nobody has published it since publication left.
func (h *Hub) expire(s *stream, left uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != nil || !s.live || s.state.publication != left {
		return
	}
	s.grace = nil
	s.end()
	h.vacate(s)
}
