package tunnel

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// ErrIdle is what reading and writing a session returns after its client has sent no request for Config.IdleTimeout.
var ErrIdle = errors.New("tunnel: the client has sent no request for too long")

const (
	inLimit      = 64 << 10        // bytes from the client that the application has not read
	outLimit     = 128 << 10       // bytes for the client that it has not fetched
	answerLimit  = 64 << 10        // bytes of the stream in one answer
	scratchSize  = 16 << 10        // of a body at a time
	maxHeld      = 4               // requests that wait for their turn
	heldFor      = 5 * time.Second // how long one waits
	lingerFor    = 5 * time.Second // how long a closed session waits for a client to fetch the rest
	patientPolls = 10              // empty answers before the poll byte rises
)

// pollBytes are the first bytes of answers, from "ask again at once" to about half a second.
var pollBytes = [...]byte{0x01, 0x03, 0x05, 0x09, 0x11, 0x21}

// closing is the answer that ends a session.
var closing = []byte{0}

// A session is the server's end of a tunnel. Its requests take turns by their numbers; whoever has the turn moves
// bytes between the bodies and the queues.
type session struct {
	duplex
	id        string
	server    *Server
	idleAfter time.Duration
	gone      chan struct{} // closed when the server has forgotten the session

	scratch  []byte // for the bodies; belongs to whoever has the turn
	consumed int64  // bytes of request next that are in the stream already; belongs to whoever has the turn
	empties  int    // empty answers in a row; belongs to whoever has the turn

	mu        sync.Mutex
	started   bool // the first request has come
	busy      bool // somebody has the turn
	next      int64
	last      []byte        // the answer to next-1
	interrupt func()        // makes the one who has the turn give it back soon
	held      int           // requests that wait for their turn
	moved     chan struct{} // if not nil, closed when the turn is free again
	idle      *time.Timer   // runs while nobody has the turn
	idleSince time.Time
	closed    bool // by the application
}

func newSession(s *Server, id string, local, remote net.Addr) *session {
	c := &session{
		duplex:    duplex{local: local, remote: remote, in: queue{limit: inLimit}, out: queue{limit: outLimit}},
		id:        id,
		server:    s,
		idleAfter: s.cfg.IdleTimeout,
		gone:      make(chan struct{}),
		idleSince: time.Now(),
	}
	c.mu.Lock() // expire waits until the timer is stored
	defer c.mu.Unlock()
	c.idle = time.AfterFunc(c.idleAfter, c.expire)
	return c
}

// Close ends the session. The client still gets what was written before, and then learns of the end; if it does not
// fetch it within some seconds it is dropped. Close does not wait for that.
func (c *session) Close() error {
	c.in.end(net.ErrClosed, net.ErrClosed, true)
	c.out.end(io.EOF, net.ErrClosed, false)
	c.stopTimers()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		c.idleAfter = min(c.idleAfter, lingerFor)
		if !c.busy {
			c.restartIdle()
		}
	}
	return nil
}

// drop ends the session without a word to the client, which learns of it by its next request.
func (c *session) drop(readErr, writeErr error) {
	if !c.server.forget(c) {
		return
	}
	close(c.gone)
	c.out.end(readErr, writeErr, true) // first: whoever reads the end can write no more
	c.in.end(readErr, writeErr, false)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle.Stop()
	c.last = nil
}

func (c *session) expire() {
	c.mu.Lock()
	over := !c.busy && time.Since(c.idleSince) >= c.idleAfter
	c.mu.Unlock()
	if over {
		c.drop(ErrIdle, ErrIdle)
	}
}

// restartIdle is called with mu held.
func (c *session) restartIdle() {
	c.idleSince = time.Now()
	c.idle.Reset(c.idleAfter)
}

var (
	errStale = errors.New("request number out of turn")
	errHeld  = errors.New("too many requests wait for their turn")
	errGone  = errors.New("session closed")
)

// begin waits for the turn of request n, and returns nil when the caller has it: then finish must follow. For
// a request that has been answered before it returns that answer instead. The interrupt function may be called until
// finish is.
func (c *session) begin(ctx context.Context, n int64, interrupt func()) (again []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, heldFor)
	defer cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if isClosed(c.gone) {
			return nil, errGone
		}
		if !c.started {
			if n > 1 {
				return nil, errStale // clients begin with 0 or 1
			}
			c.started, c.next = true, n
		}
		switch {
		case n == c.next-1 && c.last != nil:
			return c.last, nil
		case n < c.next:
			return nil, errStale
		case n == c.next && !c.busy:
			c.busy, c.interrupt = true, interrupt
			c.idle.Stop()
			return nil, nil
		case n == c.next:
			c.interrupt() // the client has given up on its first try
		}
		if c.held == maxHeld || n > c.next+maxHeld {
			return nil, errHeld
		}
		if err := c.awaitTurn(ctx); err != nil {
			return nil, err
		}
	}
}

// awaitTurn releases mu until the turn has been given back.
func (c *session) awaitTurn(ctx context.Context) error {
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	moved := c.moved
	c.held++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.held--
	}()
	select {
	case <-moved:
		return nil
	case <-c.gone:
		return errGone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// finish gives the turn back. A nil answer means that the request failed: it may be repeated. Any other is
// kept until the next one.
func (c *session) finish(answer []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy, c.interrupt = false, nil
	if answer != nil {
		c.last = answer
		c.next++
		c.consumed = 0
	}
	if c.moved != nil {
		close(c.moved)
		c.moved = nil
	}
	if !isClosed(c.gone) {
		c.restartIdle()
	}
}

// receive moves the body of a send into the stream. What an earlier try of the same request brought is skipped.
func (c *session) receive(ctx context.Context, body io.Reader) error {
	if c.scratch == nil {
		c.scratch = make([]byte, scratchSize)
	}
	skip := c.consumed
	for {
		n, err := body.Read(c.scratch)
		repeated := min(skip, int64(n))
		skip -= repeated
		if fresh := c.scratch[repeated:n]; len(fresh) > 0 {
			n, err := c.in.write(fresh, ctx.Done())
			c.consumed += int64(n)
			if errors.Is(err, net.ErrClosed) {
				return nil // the application is done; the answer says so
			}
			if err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// answer takes what is there for the client. The second result reports that the session is over with it.
func (c *session) answer() (answer []byte, last bool) {
	filled, _, ended := c.out.status()
	if !filled {
		if ended {
			return closing, true
		}
		c.empties++
		step := min(max(c.empties-patientPolls, 0), len(pollBytes)-1)
		return pollBytes[step : step+1], false
	}
	c.empties = 0
	return c.out.appendTo([]byte{pollBytes[0]}, answerLimit), false
}
