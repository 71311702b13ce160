package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"leat/rtmp"
)

// The phases of a step.
const (
	phasePublishing int32 = iota
	phaseJoining
	phaseWarming
	phaseMeasuring
	phaseClosing
)

// phaseNames are what Progress.Doing says.
var phaseNames = [...]string{"publishing", "joining", "warming up", "measuring", "closing"}

// A step is one load, from its first connection to its last.
type step struct {
	Step
	index    int
	cfg      *Config
	pictures *pictures
	dialer   *dialer
	begun    time.Time // when the run's clock was 0
	run      uint32

	running sync.WaitGroup // everything but the lazy readers
	lazies  []*lazy
	phase   atomic.Int32
	since   atomic.Int64 // when the measurement began, on the run's clock

	// What is counted while it runs.
	bytesIn, messagesIn   atomic.Uint64
	bytesOut, messagesOut atomic.Uint64
	unmarked              atomic.Uint64
	blocked               atomic.Int64 // nanoseconds
	delays, lazyDelays    histogram
	lateness              histogram

	publishers, players crowd
	all                 []*player
	allMu               sync.Mutex
	before              usage // of the server
}

// crowd counts what becomes of the connections of one kind.
type crowd struct {
	mu      sync.Mutex
	Conns   Connections
	lastErr error
}

func (c *crowd) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Conns.Connected++
}

// failed counts a connection that was never made.
func (c *crowd) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Conns.Failed++
	c.lastErr = err
	c.count(err)
}

// closed counts a connection that has ended before its time.
func (c *crowd) closed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Conns.Closed++
	c.count(err)
}

// mostReasons bounds the kinds of reasons that are told apart.
const mostReasons = 20

func (c *crowd) count(err error) {
	if c.Conns.Reasons == nil {
		c.Conns.Reasons = make(map[string]int)
	}
	text := reason(err)
	if _, known := c.Conns.Reasons[text]; !known && len(c.Conns.Reasons) >= mostReasons {
		text = "others"
	}
	c.Conns.Reasons[text]++
}

func (c *crowd) read() Connections {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conns
}

func (s *step) clock() time.Duration { return time.Since(s.begun) }

func (s *step) streamName(i int) string { return s.cfg.streamName(i, s.Publishers) }

// isWatched reports whether player i is read at once.
func (s *step) isWatched(i int) bool { return i%s.cfg.Sample == 0 }

func (s *step) noAnswer(doing string) error {
	return fmt.Errorf("no answer to %s within %v", doing, s.cfg.Timeout)
}

// open makes n connections, at most Config.Join per second and a few at the same time.
func (s *step) open(ctx context.Context, n int, c *crowd, connect func(i int) error) {
	var opening sync.WaitGroup
	slots := make(chan struct{}, 16)
	begin := s.clock()
	for i := range n {
		due := begin + time.Duration(i)*time.Second/time.Duration(s.cfg.Join)
		if !wait(ctx, due-s.clock()) {
			break
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		opening.Go(func() {
			defer func() { <-slots }()
			switch err := connect(i); {
			case err == nil:
				c.connected()
			case ctx.Err() == nil:
				c.failed(err)
			}
		})
	}
	opening.Wait()
}

// wait waits for d and reports whether ctx still goes on.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// publish opens the publishers, which go on by themselves.
func (s *step) publish(ctx context.Context) error {
	if s.Publishers == 0 {
		return nil
	}
	s.open(ctx, s.Publishers, &s.publishers, func(i int) error {
		p, err := announce(ctx, s, i)
		if err != nil {
			return err
		}
		s.running.Go(func() {
			if err := p.run(ctx); err != nil && ctx.Err() == nil {
				s.publishers.closed(err)
			}
		})
		return nil
	})
	if c := s.publishers.read(); c.Connected == 0 && ctx.Err() == nil {
		return &RefusedError{"publish", s.publishers.lastErr}
	}
	wait(ctx, s.cfg.Settle)
	return ctx.Err()
}

// join opens the players.
func (s *step) join(ctx context.Context) error {
	if s.Players == 0 {
		return nil
	}
	for range runtime.NumCPU() {
		l := &lazy{players: make(chan *player), step: s}
		s.lazies = append(s.lazies, l)
		s.running.Go(func() { l.run(ctx) })
	}
	s.open(ctx, s.Players, &s.players, func(i int) error {
		p, err := join(ctx, s, i)
		if err != nil {
			return err
		}
		s.allMu.Lock()
		s.all = append(s.all, p)
		s.allMu.Unlock()
		if p.watched {
			s.running.Go(p.watch)
			return nil
		}
		if err := p.link.detach(); err != nil {
			return err
		}
		select {
		case s.lazies[i%len(s.lazies)].players <- p:
		case <-ctx.Done():
		}
		return nil
	})
	if c := s.players.read(); c.Connected == 0 && ctx.Err() == nil {
		return &RefusedError{"play", s.players.lastErr}
	}
	return ctx.Err()
}

// report tells Config.Progress how things go until ctx is done.
func (s *step) report(ctx context.Context) {
	if s.cfg.Progress == nil {
		return
	}
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	last, lastAt := uint64(0), s.clock()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		p := Progress{
			Step: s.index + 1, Steps: len(s.cfg.Steps), Doing: phaseNames[s.phase.Load()],
			Publishers: s.publishers.read().Connected, Players: s.players.read().Connected,
			Failed: s.publishers.read().Failed + s.players.read().Failed,
		}
		bytes, now := s.bytesOut.Load(), s.clock()
		p.Rate = float64(bytes-last) * 8 / (now - lastAt).Seconds()
		last, lastAt = bytes, now
		if s.phase.Load() >= phaseMeasuring {
			p.Done = min(1, float64(now-time.Duration(s.since.Load()))/float64(s.cfg.Duration))
		}
		s.cfg.Progress(p)
	}
}

const progressEvery = 250 * time.Millisecond

// end closes everything that is still open and waits for all goroutines. The step's context is done already.
func (s *step) end() {
	for _, p := range s.all {
		if p.watched {
			p.abort()
		}
	}
	s.running.Wait()
	var closing sync.WaitGroup
	for _, p := range s.all {
		closing.Go(p.close)
	}
	closing.Wait()
}

// reason says in few words why a connection failed, without what differs from one to the next.
func reason(err error) string {
	if refused, ok := errors.AsType[*rtmp.StatusError](err); ok {
		return "refused: " + refused.Code
	}
	if failed, ok := errors.AsType[*rtmp.DialError](err); ok {
		return failed.Step + ": " + innermost(failed.Err)
	}
	return innermost(err)
}

// innermost takes off what the net package says about addresses.
func innermost(err error) string {
	text := err.Error()
	if at := strings.LastIndex(text, "->"); at >= 0 {
		if _, rest, ok := strings.Cut(text[at:], ": "); ok {
			return rest
		}
	}
	return text
}
