package fanout

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tick is the grain of the times at which gathered messages are due, so that many streams share one
	// expiry of the timer.
	tick = 4 * time.Millisecond
	// hurry divides the rest after a sweep of a log with MergeNone: who chooses that wants no delay. A fifth of a core is left.
	hurry = 4
	// minRest is below what a rest is not worth it: the timer could not fire in time.
	minRest = 500 * time.Microsecond
	// fewPlayers are served by who writes to the log.
	fewPlayers = 4
	// checkEvery is how often players are looked at that take nothing.
	checkEvery = time.Second
)

// Sweeper serves the players of any number of logs. A process has one.
type Sweeper struct {
	epoch  time.Time
	shards int
	stop   chan struct{}
	views  sync.Pool    // of *view, for joins and sweepOwn
	most   atomic.Int64 // bytes of each log; 0: what its LogConfig says
	wg     sync.WaitGroup

	mu      sync.Mutex
	work    sync.Cond // there is something in the queue for an idle shard, or the end
	idle    int       // shards that wait and were not signalled yet
	first   *task     // queue
	last    *task
	groups  map[*group]struct{} // of all logs
	waiting []*group            // may hold groups that wait no more
	timer   *time.Timer
	armed   int64 // when the timer fires, never when it does not
	checkAt int64
	closed  bool
}

// task is a place in the queue, for a group or for one player of it. Guarded by Sweeper.mu.
type task struct {
	next   *task
	queued bool
	group  *group
	player *Player
}

// group is a part of the players of a log, swept by one shard at a time.
type group struct {
	log *Log

	// Guarded by Log.mu.
	players []*Player // appended to by Join, cleared of ended ones by the sweep alone
	floor   int64     // no player in the fast lane is before this offset
	keep    int64     // no player is before this message
	joined  floors    // of those who joined since the sweep began
	swept   int64     // messages before this one have been offered to all

	// Guarded by Sweeper.mu.
	task      task
	state     state
	due       int64 // when a waiting group is to be swept
	again     int64 // due time of news that came since it was queued or the sweep began; never when none
	notBefore int64 // the load's batching: no sweep before
	flush     bool  // the queued sweep is to write, not only to check
	check     bool  // the queued sweep is to look for players without progress
	listed    bool  // in Sweeper.waiting
}

// floors is how far back players reach.
type floors struct{ floor, keep int64 }

type state uint8

const (
	idle state = iota
	waiting
	queued
	sweeping
)

// NewSweeper returns a Sweeper with that many shards; 0 and less means runtime.GOMAXPROCS. Close ends
// it.
func NewSweeper(shards int) *Sweeper {
	if shards <= 0 {
		shards = runtime.GOMAXPROCS(0)
	}
	s := &Sweeper{
		epoch:  time.Now(),
		shards: shards,
		stop:   make(chan struct{}),
		groups: make(map[*group]struct{}),
		armed:  never,
	}
	s.views.New = func() any { return new(view) }
	s.work.L = &s.mu
	s.timer = time.AfterFunc(time.Hour, s.expire)
	for range shards {
		s.wg.Go(func() { s.run(new(view)) })
	}
	return s
}

// Close stops the shards and waits for them. The logs should be closed before: their players
// get nothing any more.
func (s *Sweeper) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
		s.timer.Stop()
		s.work.Broadcast()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Squeeze bounds every log to most bytes, where LogConfig.MaxBytes is more; 0 means what that says. It is for a server that is
// short of memory: a log is held to it when something is written to it, and players that are behind lose what goes.
func (s *Sweeper) Squeeze(most int64) { s.most.Store(most) }

// now returns the nanoseconds since the Sweeper was made. It is never 0 where 0 means "not set": a log is
// made later.
func (s *Sweeper) now() int64 { return int64(time.Since(s.epoch)) }

// nextTick rounds a time up.
func nextTick(t int64) int64 { return (t + int64(tick) - 1) / int64(tick) * int64(tick) }

// run is the life of a shard.
func (s *Sweeper) run(v *view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.first == nil && !s.closed {
			s.idle++
			s.work.Wait()
		}
		if s.closed {
			return
		}
		t := s.first
		s.first, t.next, t.queued = t.next, nil, false
		g := t.group
		if t.player != nil {
			s.mu.Unlock()
			v.serve(t.player)
			s.mu.Lock()
			continue
		}
		flush, check := g.flush, g.check
		g.state, g.flush, g.check = sweeping, false, false
		if flush {
			g.again = never
		}
		s.mu.Unlock()
		start, end := v.sweep(g, flush, check)
		s.mu.Lock()
		s.swept(g, flush, start, end)
	}
}

// swept takes note of the end of a sweep. The group rests then for as long as the sweep took, which leaves half of a core to everything
// else and delays a message by no more than the sweep itself does. s.mu is held.
func (s *Sweeper) swept(g *group, flush bool, start, end int64) {
	rest := end - start
	if g.log.cfg.Merge == MergeNone {
		rest /= hurry
	}
	if flush && rest >= int64(minRest) {
		g.notBefore = end + rest
	}
	again := g.again
	g.state, g.again = idle, never
	if again != never {
		s.due(g, again, end)
	}
}

// sweepOwn sweeps a group that schedule has left to the caller.
func (s *Sweeper) sweepOwn(g *group) {
	v := s.views.Get().(*view)
	start, end := v.sweep(g, true, false)
	s.views.Put(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swept(g, true, start, end)
}

// enqueue puts a task into the queue and wakes a shard if one is idle. s.mu is held.
func (s *Sweeper) enqueue(t *task) {
	if t.queued {
		return
	}
	t.queued = true
	if s.first == nil {
		s.first = t
	} else {
		s.last.next = t
	}
	s.last = t
	if s.idle > 0 {
		s.idle--
		s.work.Signal()
	}
}

// ready has a shard serve p.
func (s *Sweeper) ready(p *Player) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.enqueue(&p.task)
	}
}

// schedule announces news for groups of one log, to be sent at due or when the load allows it. The only group of a log with few players, if
// it is due now, is left to the caller for sweepOwn when no lock is held any more: to wake a shard for it would cost as much as the writes.
func (s *Sweeper) schedule(groups []*group, due, now int64, few bool) (own *group) {
	if len(groups) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	if g := groups[0]; few && len(groups) == 1 && max(due, g.notBefore) <= now && (g.state == idle || g.state == waiting) {
		g.state, g.again = sweeping, never
		return g
	}
	for _, g := range groups {
		s.due(g, due, now)
	}
	return nil
}

// due is schedule for one group. s.mu is held.
func (s *Sweeper) due(g *group, due, now int64) {
	due = max(due, g.notBefore)
	switch g.state {
	case idle, waiting:
		if due <= now {
			s.queue(g)
			return
		}
		if g.state == idle || due < g.due {
			g.due = due
		}
		g.state = waiting
		if !g.listed {
			g.listed = true
			s.waiting = append(s.waiting, g)
		}
		s.arm(g.due, now)
	case queued:
		if due <= now {
			g.flush = true
		} else if !g.flush {
			g.again = min(g.again, due)
		}
	case sweeping:
		g.again = min(g.again, due)
	}
}

// queue has an idle or waiting group swept. s.mu is held.
func (s *Sweeper) queue(g *group) {
	g.state, g.flush = queued, true
	s.enqueue(&g.task)
}

// check has a group looked through for players without progress. s.mu is held.
func (s *Sweeper) check(g *group) {
	switch g.state {
	case waiting:
		g.again = min(g.again, g.due)
		fallthrough
	case idle:
		g.state, g.check = queued, true
		s.enqueue(&g.task)
	case queued:
		g.check = true
	case sweeping: // the next time will do
	}
}

// register takes a new group into the second's check.
func (s *Sweeper) register(g *group) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if len(s.groups) == 0 {
		s.checkAt = now + int64(checkEvery)
		s.arm(s.checkAt, now)
	}
	s.groups[g] = struct{}{}
}

// forget is called when a log is closed.
func (s *Sweeper) forget(groups []*group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range groups {
		delete(s.groups, g)
	}
}

// arm has the timer fire at due at the latest. s.mu is held.
func (s *Sweeper) arm(due, now int64) {
	if due < s.armed {
		s.armed = due
		s.timer.Reset(time.Duration(due - now))
	}
}

// expire is the timer's function: it queues what is due.
func (s *Sweeper) expire() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	next := int64(never)
	s.waiting = slices.DeleteFunc(s.waiting, func(g *group) bool {
		if g.state == waiting && g.due > now {
			next = min(next, g.due)
			return false
		}
		g.listed = false
		if g.state == waiting {
			s.queue(g)
		}
		return true
	})
	if len(s.groups) > 0 {
		if now >= s.checkAt {
			s.checkAt = now + int64(checkEvery)
			for g := range s.groups {
				s.check(g)
			}
		}
		next = min(next, s.checkAt)
	}
	s.armed = never
	if next != never {
		s.arm(next, now)
	}
}
