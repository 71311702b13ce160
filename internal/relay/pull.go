package relay

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"sync"
	"time"

	"leat/live"
	"leat/media"
)

var (
	// ErrNotFound says that no origin has the stream, or none could be reached.
	ErrNotFound = errors.New("relay: no origin has the stream")

	errUnwanted = errors.New("relay: the last player has gone")
	errOwn      = errors.New("relay: somebody publishes the stream here")
	errStalled  = errors.New("nothing came from the origin for 10 s")
	errEmpty    = errors.New("the origin does not have the stream, or nobody publishes it there")
)

// pull fetches one stream.
type pull struct {
	relay  *Relay
	key    media.Key
	rule   Pull
	places []*place
	static bool // wanted without anybody who plays
	byHand bool // started by StartPull: no reload ends it
	path   Path // of those who asked for the stream
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned

	mu      sync.Mutex
	status  record
	waiting int           // players in await
	wanted  time.Time     // when somebody wanted the stream last
	rounds  int           // times that every origin has failed
	playing bool          // packets come
	changed chan struct{} // closed and replaced when rounds or playing changes
}

// newPull wants r.mu held.
func (r *Relay) newPull(key media.Key, rule *Pull, path Path, static bool) (*pull, error) {
	switch {
	case r.closed:
		return nil, ErrClosed
	case len(r.pulls) >= maxPulls:
		return nil, ErrTooMany
	}
	places, err := rule.places(key)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &pull{
		relay: r, key: key, rule: *rule, places: places, static: static, path: path, cancel: cancel,
		done: make(chan struct{}), wanted: time.Now(), changed: make(chan struct{}),
	}
	p.status = record{Status{ID: "pull-" + r.nextID(), Stream: key, Static: static}}
	p.status.become(StateIdle)
	p.log = r.log.With("pull", p.status.ID, "stream", key.String())
	r.pulls[key] = p
	r.running.Go(func() { p.run(ctx) })
	return p, nil
}

// places fills in the origins.
func (rule *Pull) places(key media.Key) ([]*place, error) {
	if len(rule.Origins) == 0 {
		return nil, errors.New("relay: a pull needs an origin")
	}
	places := make([]*place, len(rule.Origins))
	for i, template := range rule.Origins {
		var err error
		if places[i], err = newPlace(template, "", rule.User, rule.Password, rule.CA, key); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// demand returns the pull of a stream, which it starts if need be; nil if no rule fits.
func (r *Relay) demand(key media.Key, path Path) (*pull, error) {
	if p := r.existing(key); p != nil || r.cfg.Pull == nil {
		return p, nil
	}
	rule, ok := r.cfg.Pull(key)
	if !ok {
		return nil, nil //nolint:nilnil // there is nothing to fetch, which is no failure
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.pulls[key]; p != nil {
		return p, nil
	}
	return r.newPull(key, &rule, path, false)
}

// existing returns the pull of a stream, which does not end in the next moment then; nil if there is none.
func (r *Relay) existing(key media.Key) *pull {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pulls[key]
	if p != nil {
		p.count(0)
	}
	return p
}

// Want says that somebody waits for a stream that is not here (live.Config.OnWanted). It does not wait for it.
func (r *Relay) Want(key media.Key) {
	if _, err := r.demand(key, nil); err != nil {
		r.log.Error("a stream cannot be pulled", "stream", key.String(), "err", err)
	}
}

// Await brings a stream here that a player wants, if a rule says how, and waits until it plays. path is the way that the player has
// named in connect. nil says that the stream is on air, or that no rule fits. The error is ErrNotFound, ErrLoop, ErrTooFar, ErrTooMany,
// ErrClosed, or ctx's.
func (r *Relay) Await(ctx context.Context, key media.Key, path Path) error {
	if r.path(key).meets(path) {
		return ErrLoop
	}
	if r.onAir(key) {
		return nil
	}
	before, rounds := r.existing(key), 0
	if before != nil {
		rounds = before.failures()
	}
	p, err := r.demand(key, path)
	if p == nil || err != nil {
		return err
	}
	if p != before {
		rounds = 0 // of a pull that begins with us the first failure counts, however soon it comes
	}
	return p.await(ctx, rounds)
}

// failures returns how often all origins have failed.
func (p *pull) failures() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rounds
}

// await waits until packets come, or all origins have failed more than rounds times.
func (p *pull) await(ctx context.Context, rounds int) error {
	p.count(1)
	defer p.count(-1)
	late := time.NewTimer(p.rule.wait())
	defer late.Stop()
	for {
		p.mu.Lock()
		playing, failed, changed := p.playing, p.rounds > rounds, p.changed
		p.mu.Unlock()
		switch {
		case playing || p.relay.onAir(p.key):
			return nil
		case failed:
			return ErrNotFound
		}
		select {
		case <-changed:
		case <-p.done:
			return ErrNotFound
		case <-late.C:
			return ErrNotFound
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// count adds players that wait.
func (p *pull) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting += n
	p.wanted = time.Now()
}

// isWanted reports whether somebody wants the stream, or has until a moment ago.
func (p *pull) isWanted() bool {
	if p.static {
		return true
	}
	info, _ := p.relay.cfg.Hub.Stream(p.key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting > 0 || plays(&info) {
		p.wanted = time.Now()
	}
	return time.Since(p.wanted) < p.rule.idle()
}

// plays reports whether a stream has a subscription that asks for it.
func plays(info *live.StreamInfo) bool {
	for i := range info.Subscriptions {
		if !info.Subscriptions[i].Passive {
			return true
		}
	}
	return false
}

// update changes the status.
func (p *pull) update(change func(s *record)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.status)
}

// tell wakes those who wait.
func (p *pull) tell(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// StartPull pulls a stream from now on, whether anybody plays it or not, until StopPull, in place of a pull of it that there may be. It
// returns the ID of the pull. The error is about the URL of an origin, ErrTooMany or ErrClosed.
func (r *Relay) StartPull(key media.Key, rule Pull) (id string, err error) {
	if _, err := rule.places(key); err != nil {
		return "", err
	}
	r.end(key)
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.pulls[key]; p != nil { // somebody was quicker
		p.cancel()
		delete(r.pulls, key)
	}
	p, err := r.newPull(key, &rule, nil, true)
	if err != nil {
		return "", err
	}
	p.byHand = true
	return p.status.ID, nil
}

// StopPull ends a pull and waits for that. One that a rule asks for comes back when its stream is wanted anew. The error is
// ErrUnknown.
func (r *Relay) StopPull(id string) error {
	r.mu.Lock()
	var found *pull
	for _, p := range r.pulls {
		if p.status.ID == id {
			found = p
		}
	}
	r.mu.Unlock()
	if found == nil {
		return ErrUnknown
	}
	r.end(found.key)
	return nil
}

// end ends the pull of a stream and waits for that.
func (r *Relay) end(key media.Key) {
	r.mu.Lock()
	p := r.pulls[key]
	delete(r.pulls, key)
	r.mu.Unlock()
	if p != nil {
		p.cancel()
		<-p.done
	}
}

// Pulls returns what the pulls are doing, ordered by stream.
func (r *Relay) Pulls() []Status {
	r.mu.Lock()
	pulls := make([]*pull, 0, len(r.pulls))
	for _, p := range r.pulls {
		pulls = append(pulls, p)
	}
	r.mu.Unlock()
	list := make([]Status, len(pulls))
	for i, p := range pulls {
		p.mu.Lock()
		list[i] = p.status.Status
		p.mu.Unlock()
	}
	sortStatus(list)
	return list
}

// reloadPulls ends the pulls whose rule has gone or changed, and starts those that are wanted anyway.
func (r *Relay) reloadPulls(static map[media.Key]Pull) {
	r.mu.Lock()
	pulls := maps.Clone(r.pulls)
	r.mu.Unlock()
	var ended []media.Key
	for key, p := range pulls {
		if !p.byHand && !r.isRuled(p, static) {
			ended = append(ended, key)
		}
	}
	for _, key := range ended {
		r.end(key)
		if info, ok := r.cfg.Hub.Stream(key); ok && plays(&info) {
			r.Want(key) // by its new rule
		}
	}
	for key, rule := range static {
		r.mu.Lock()
		var err error
		if r.pulls[key] == nil {
			_, err = r.newPull(key, &rule, nil, true)
		}
		r.mu.Unlock()
		if err != nil && !errors.Is(err, ErrClosed) {
			r.log.Error("a stream cannot be pulled", "stream", key.String(), "err", err)
		}
	}
}

// isRuled reports whether the rules ask for a pull as it is.
func (r *Relay) isRuled(p *pull, static map[media.Key]Pull) bool {
	rule, ok := static[p.key]
	if !p.static {
		_, isStatic := static[p.key]
		if isStatic || r.cfg.Pull == nil {
			return false
		}
		rule, ok = r.cfg.Pull(p.key)
	}
	return ok && reflect.DeepEqual(rule, p.rule)
}
