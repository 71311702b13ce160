package tunnel

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Config configures a Server. Its zero value is ready for use.
type Config struct {
	// MaxSessions is how many sessions may be open at once; 0 means 1000. Others are refused.
	MaxSessions int

	// IdleTimeout ends a session whose client sends no request; 0 means 60 s.
	IdleTimeout time.Duration

	// Hold is how long an idle request waits for bytes before it is answered without any; 0 means 250 ms,
	// below 0 not at all. More than 900 ms are taken as 900 ms: clients expect less than a second.
	Hold time.Duration

	// RequestTimeout is how long the body of one request may take to arrive and to be read by the application;
	// 0 means 30 s.
	RequestTimeout time.Duration

	// MaxBody is the length in bytes of the largest body of a send request; 0 means 17 MiB, which has room for an
	// RTMP message of 16 MiB in small chunks. A body is never held as a whole.
	MaxBody int64

	// Identity is the answer to /fcs/ident; "" means a text that names Leat.
	Identity string

	// Address is the answer to /fcs/ident2: the server that clients should use instead of the one they asked.
	// "" sends them nowhere else.
	Address string

	// Logger gets the complaints of net/http about connections, at level debug; nil means none.
	Logger *slog.Logger
}

const (
	defaultMaxSessions    = 1000
	defaultIdleTimeout    = 60 * time.Second
	defaultHold           = 250 * time.Millisecond
	longestHold           = 900 * time.Millisecond
	defaultRequestTimeout = 30 * time.Second
	defaultMaxBody        = 17 << 20
	defaultIdentity       = "<fcs><Company>Leat</Company><Team>Leat</Team></fcs>\n"

	headerTimeout  = 10 * time.Second
	maxHeaderBytes = 8 << 10
	backlog        = 64 // sessions that nobody has accepted
)

// A Server answers the requests of RTMPT clients and hands out their sessions as connections. It is a net.Listener
// and an http.Handler, and safe for concurrent use.
type Server struct {
	cfg    Config
	http   *http.Server
	opened chan *session
	closed chan struct{}

	handlers sync.WaitGroup

	mu       sync.Mutex
	sessions map[string]*session
	draining bool
	drained  chan struct{} // closed when draining and there is no session any more
}

// NewServer returns a Server. It starts nothing; connections are served by ServeConn or by an HTTP server whose handler
// it is.
func NewServer(cfg Config) *Server {
	cfg.setDefaults()
	s := &Server{
		cfg:      cfg,
		opened:   make(chan *session, backlog),
		closed:   make(chan struct{}),
		sessions: make(map[string]*session),
		drained:  make(chan struct{}),
	}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout + cfg.RequestTimeout,
		WriteTimeout:      headerTimeout + 2*cfg.RequestTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s
}

func (c *Config) setDefaults() {
	if c.MaxSessions == 0 {
		c.MaxSessions = defaultMaxSessions
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = defaultIdleTimeout
	}
	if c.Hold == 0 {
		c.Hold = defaultHold
	}
	c.Hold = min(c.Hold, longestHold)
	if c.RequestTimeout == 0 {
		c.RequestTimeout = defaultRequestTimeout
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.Identity == "" {
		c.Identity = defaultIdentity
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// Accept waits for the next session that a client opens. It returns net.ErrClosed after Close.
func (s *Server) Accept() (net.Conn, error) {
	select {
	case <-s.closed:
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-s.opened:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Addr returns an address of network "rtmpt" that names no place: sessions come from wherever connections do.
func (s *Server) Addr() net.Addr { return addr("tunnel") }

// ServeConn answers the HTTP requests that arrive on c until c ends, and closes it. Sessions outlive it.
func (s *Server) ServeConn(c net.Conn) {
	conn := &watchedConn{Conn: c, closed: make(chan struct{})}
	defer conn.Close() //nolint:errcheck // it is the end of a connection, and usually not the first close
	l := &oneConn{conn: conn, addr: c.LocalAddr()}
	if err := s.http.Serve(l); !errors.Is(err, io.EOF) && !errors.Is(err, http.ErrServerClosed) {
		s.cfg.Logger.Debug("serving RTMPT", "remote", c.RemoteAddr(), "err", err)
	}
}

// Shutdown opens no more sessions, waits until clients have fetched what closed sessions have left for them, and closes the
// Server. If ctx is done before, it closes it at once and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		s.checkDrained()
	}
	s.mu.Unlock()
	select {
	case <-s.drained:
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), s.Close())
	}
	err := s.http.Shutdown(ctx) // answers that are under way end
	return errors.Join(err, s.Close())
}

// checkDrained is called with mu held.
func (s *Server) checkDrained() {
	if s.draining && len(s.sessions) == 0 && !isClosed(s.drained) {
		close(s.drained)
	}
}

// Close ends all sessions and connections, and waits for the requests in progress. Reading and writing sessions
// returns net.ErrClosed.
func (s *Server) Close() error {
	s.mu.Lock()
	if !isClosed(s.closed) {
		close(s.closed)
	}
	sessions := slices.Collect(maps.Values(s.sessions))
	s.mu.Unlock()
	for _, c := range sessions {
		c.drop(net.ErrClosed, net.ErrClosed)
	}
	err := s.http.Close()
	s.handlers.Wait()
	return err
}

// open makes a session, or returns nil when there are too many.
func (s *Server) open(local, remote net.Addr) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if isClosed(s.closed) || s.draining || len(s.sessions) >= s.cfg.MaxSessions {
		return nil
	}
	c := newSession(s, rand.Text()[:16], local, remote)
	select {
	case s.opened <- c:
	default:
		c.idle.Stop()
		return nil
	}
	s.sessions[c.id] = c
	return c
}

func (s *Server) session(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[id]
}

// forget reports whether c was still known.
func (s *Server) forget(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.sessions[c.id] == c
	delete(s.sessions, c.id)
	s.checkDrained()
	return known
}

// A watchedConn tells when it has been closed.
type watchedConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *watchedConn) Close() (err error) {
	c.once.Do(func() {
		err = c.Conn.Close()
		close(c.closed)
	})
	return err
}

// oneConn is a listener for one connection. Its second Accept waits for the end of that connection and returns io.EOF.
type oneConn struct {
	conn     *watchedConn
	addr     net.Addr
	accepted bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.accepted {
		l.accepted = true
		return l.conn, nil
	}
	<-l.conn.closed
	return nil, io.EOF
}

// Close does nothing to the connection, which net/http closes by itself.
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return l.addr }
