package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// ErrRefused is returned by Dial when the server opens no more sessions.
var ErrRefused = errors.New("tunnel: the server opens no session")

// A DialConfig configures Dial.
type DialConfig struct {
	// Dial connects to the server: plain TCP for RTMPT, TLS for RTMPTS. It is called again whenever a connection
	// has ended while the session goes on. Required.
	Dial func(ctx context.Context) (net.Conn, error)

	// Host is the Host header: host name and, if it is not the scheme's own, port. Required.
	Host string

	// UserAgent is the User-Agent header; "" means "Shockwave Flash", which servers expect.
	UserAgent string

	// RequestTimeout is how long one request may take, or one part of a long answer; 0 means 30 s.
	RequestTimeout time.Duration
}

const (
	clientInLimit  = 256 << 10 // bytes from the server that the application has not read
	clientOutLimit = 64 << 10  // bytes for the server that no request has taken
	maxSessionID   = 63        // FFmpeg takes no longer ones either
	pollUnit       = 16 * time.Millisecond
	longestPoll    = 0x21        // the highest poll byte
	fullAnswer     = 32 << 10    // bytes in an answer from which on the server is taken to have more
	closeTimeout   = time.Second // for what is left to send, and for close
)

// maxSend is the largest body of a send. It is not more than an answer brings back, or two sides that wait for each
// other to read could wait for ever.
const maxSend = clientOutLimit

// nothing is the body of requests that carry none: HTTP bodies of length 0 do not pass everywhere.
var nothing = []byte{0}

// Dial opens a session and returns it as a connection. The context is for opening only.
//
// What is written goes out with the next request, one at a time; while Read waits and there is nothing to send the
// server is asked for news as often as it wishes, and may hold its answer for most of a second, which is how long
// a Write can be delayed. A connection that nobody reads from is not kept alive. Close sends what is queued
// before it tells the server, and waits for that, but no longer than a second.
func Dial(ctx context.Context, cfg *DialConfig) (net.Conn, error) {
	c := &conn{
		link:  newLink(cfg.withDefaults()),
		kick:  make(chan struct{}, 1),
		ended: make(chan struct{}),
	}
	c.in = queue{limit: clientInLimit, watch: c.wake}
	c.out = queue{limit: clientOutLimit, watch: c.wake}
	if err := c.open(ctx); err != nil {
		c.link.close()
		return nil, err
	}
	c.local, c.remote = c.link.local, c.link.remote
	// The session outlives the opening; Close ends it.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	go c.run(running)
	return c, nil
}

func (cfg *DialConfig) withDefaults() DialConfig {
	d := *cfg
	if d.UserAgent == "" {
		d.UserAgent = "Shockwave Flash"
	}
	if d.RequestTimeout == 0 {
		d.RequestTimeout = 30 * time.Second
	}
	return d
}

// A conn is the client's end of a tunnel. One goroutine, run, makes all requests.
type conn struct {
	duplex
	id   string
	link *link // belongs to run
	next int64 // number of the next request; belongs to run

	kick   chan struct{} // has an element when run has something to look at
	cancel context.CancelFunc
	once   sync.Once
	ended  chan struct{} // closed when run has returned
}

// open sends the request for a session.
func (c *conn) open(ctx context.Context) error {
	var id []byte
	first, _, err := c.link.post(ctx, "/open/1", nothing, func(b []byte) error {
		if id = append(id, b...); len(id) > maxSessionID {
			return errors.New("the session id is too long")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if first == 0 {
		return ErrRefused
	}
	id = bytes.TrimRight(append([]byte{first}, id...), " \t\r\n")
	for _, b := range id {
		if b <= ' ' || b >= 0x7f || bytes.IndexByte([]byte("/?#%"), b) >= 0 {
			return fmt.Errorf("tunnel: %q is no session id", id)
		}
	}
	c.id = string(id)
	if c.id == "" {
		return errors.New("tunnel: the server's session id is empty")
	}
	return nil
}

// wake lets run look again at what there is to do.
func (c *conn) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// Close sends what is queued and ends the session. It waits for both, for a second at most.
func (c *conn) Close() error {
	c.once.Do(func() {
		c.in.end(net.ErrClosed, net.ErrClosed, true)
		c.out.end(io.EOF, net.ErrClosed, false)
		c.stopTimers()
		limit := time.AfterFunc(closeTimeout, c.cancel)
		<-c.ended
		limit.Stop()
		c.cancel()
	})
	return nil
}

// run makes the requests until the session ends, and leaves the reason to readers and writers.
func (c *conn) run(ctx context.Context) {
	defer close(c.ended)
	defer c.link.close()
	err := c.exchangeAll(ctx)
	writeErr := err
	if errors.Is(err, io.EOF) {
		writeErr = io.ErrClosedPipe
	}
	c.out.end(writeErr, writeErr, true) // first: whoever reads the end can write no more
	c.in.end(err, err, false)
}

// exchangeAll makes requests until the session is over: io.EOF is the orderly end.
func (c *conn) exchangeAll(ctx context.Context) error {
	var (
		body  []byte        // of the current send
		pause time.Duration // before the next idle
	)
	for {
		filled, _, closing := c.out.status()
		_, wanted, _ := c.in.status()
		var command string
		switch {
		case filled:
			command = "send"
			body = c.out.appendTo(body[:0], maxSend)
		case closing:
			_, _, err := c.post(ctx, "close", nothing)
			if err == nil {
				err = io.EOF
			}
			return err
		case wanted && c.rest(ctx, pause):
			command = "idle"
			body = append(body[:0], nothing...)
		case wanted:
			continue // there is something better to do than to ask
		default:
			select {
			case <-c.kick:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		poll, n, err := c.post(ctx, command, body)
		switch {
		case err != nil:
			return err
		case poll == 0 && n == 0:
			return io.EOF
		case n >= fullAnswer:
			pause = 0
		default:
			pause = time.Duration(min(poll, longestPoll)) * pollUnit
		}
	}
}

// rest waits before an idle request, and reports whether the time has passed without anything to send: what
// the application answers to the bytes that it has just got should not have to wait for a held request.
func (c *conn) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case <-ctx.Done():
			return true
		case <-c.kick:
			if filled, _, closing := c.out.status(); filled || closing {
				return false
			}
		}
	}
}

// post makes one numbered request.
func (c *conn) post(ctx context.Context, command string, body []byte) (poll byte, n int, err error) {
	path := "/" + command + "/" + c.id + "/" + strconv.FormatInt(c.next, 10)
	poll, n, err = c.link.post(ctx, path, body, func(b []byte) error {
		if _, err := c.in.write(b, ctx.Done()); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil // after Close what arrives is of no interest, but the rest of the answer must be read
	})
	c.next++
	return poll, n, err
}
