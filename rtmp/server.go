package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"leat/internal/sockets"
	"leat/internal/tunnel"
)

// Server serves RTMP connections. Its fields must not change after the first call of a method (but see SetLimits). The
// zero value with a Handler is a usable server.
type Server struct {
	// Addr is where ListenAndServe listens; "" means ":1935".
	Addr string
	// Handler serves the streams; it must not be nil. Its add-on interfaces are ConnectHandler, CallHandler,
	// LengthHandler, SharedObjectHandler and DisconnectHandler.
	Handler Handler
	// TLSConfig lets clients come by RTMPS: a connection to any listener that begins with TLS is taken for what is inside.
	// nil refuses them. It should ask for TLS 1.2 at least.
	TLSConfig *tls.Config
	// RTMPT lets clients tunnel through HTTP, on the same listeners.
	RTMPT bool
	// RTMPE lets clients encrypt by RTMPE. Without it they are answered with the plain handshake.
	RTMPE bool
	// TrustedProxy says whose PROXY header, version 1 or 2, at the beginning of a connection is believed about where the
	// client comes from. It must not block, and is called with nothing locked. nil trusts nobody. Limits.ConnectionsPerAddress does not hold for the proxies
	// themselves.
	TrustedProxy func(addr netip.Addr) bool
	// Limits bounds what a client can use; its zero fields mean their defaults.
	Limits Limits
	// ChunkSize is the chunk size of what the server sends, bytes; 0 means 65,536, and 2^31-1 is the most (RTMP 5.4.1).
	ChunkSize int
	// LegacyCodecs sends players that announce nothing of Enhanced RTMP also HEVC, AV1, VP8, VP9 and Opus by the numbers
	// that were in use before it. Without it these codecs are sent to them as they were received.
	LegacyCodecs bool
	// Aggregate lets PlayStream.WritePackets send Aggregate messages (RTMP 7.1.6) to clients that know them.
	Aggregate bool
	// DelayedWrites leaves Nagle's algorithm on (no TCP_NODELAY). The kernel then merges small writes while an
	// acknowledgement is outstanding: cheaper, but joins take up to 40 ms longer.
	DelayedWrites bool
	// Trace returns what is to be told of a connection that begins with RTMP's handshake; nil for nothing. It must not block.
	// RemoteAddr, ID and Stats of the connection may be used, the others are not there yet.
	Trace func(c *Conn) *Trace
	// Logger receives a line for each event in a connection's life; nil means slog.Default().
	Logger *slog.Logger
	// BaseContext is the parent of all contexts of handlers; nil means context.Background().
	BaseContext context.Context

	mu        sync.Mutex
	inForce   *Limits // Limits with their defaults, for all connections; nil until the next one asks
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	addresses map[netip.Addr]int
	nextID    uint64
	wg        sync.WaitGroup     // connections, the watchman and the loop
	carriers  map[*Conn]struct{} // sockets of RTMPT clients; their sessions are in conns
	tunnels   *tunnel.Server     // nil before the first of them
	carrying  sync.WaitGroup     // carriers and the accepting of sessions
	loop      *sockets.Loop      // waits for the sockets of TCP listeners; nil before the first, and where there is none
	watching  bool
	counts    ServerStats // of connections that have ended, and of refused ones
	arrivals  arrivals
	reading   reading
	refused   map[refusal]refusedLine // what the log has had of refused connections
	partial   atomic.Int64            // bytes that the connections hold of unfinished messages
	unsent    atomic.Int64            // bytes that wait on the connections to be sent
	relieving atomic.Bool             // relieveUnsent is looking for who holds most of them
	quit      chan struct{}           // closed by Close and at the end of Shutdown
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

func (s *Server) chunkSize() uint32 { return chunkSize(s.ChunkSize) }

// ListenAndServe listens on Addr and serves until Shutdown or Close; it then returns ErrServerClosed.
func (s *Server) ListenAndServe() error {
	addr := s.Addr
	if addr == "" {
		addr = ":1935"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections from l until Shutdown or Close, and then returns ErrServerClosed, as it does at once after them; or
// until l fails for good. Failures that pass, such as too many open files, are waited out. Serve closes l.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, layers{}) }

// ServeTLS is Serve for a port of RTMPS: what does not begin with TLS is refused. TLSConfig must be set.
func (s *Server) ServeTLS(l net.Listener) error { return s.serve(l, layers{onlyTLS: true}) }

func (s *Server) serve(l net.Listener, around layers) error {
	defer s.removeListener(l)
	if !s.addListener(l) {
		return ErrServerClosed
	}
	loop := s.loopFor(l, around)
	if loop != nil {
		defer loop.Release()
	}
	var delay time.Duration
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			delay = 0
			s.serveNew(nc, around, loop)
			continue
		case s.isClosed():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		}
		delay = min(max(2*delay, 5*time.Millisecond), time.Second)
		s.logger().Warn("accepting a connection failed, trying again", "err", err, "wait", delay)
		select {
		case <-time.After(delay):
		case <-s.quitting():
			return ErrServerClosed
		}
	}
}

// ServeConn serves one connection that the caller has accepted, and returns when it has ended. It closes nc.
func (s *Server) ServeConn(nc net.Conn) {
	s.setNoDelay(nc)
	if c := s.enter(nc, layers{}); c != nil {
		s.serveConn(c)
	}
}

// serveNew begins to serve a connection, in the loop if it can be.
func (s *Server) serveNew(nc net.Conn, around layers, loop *sockets.Loop) {
	s.setNoDelay(nc)
	if socket := s.adopt(loop, nc); socket != nil {
		s.serveSocket(socket, around)
		return
	}
	if c := s.enter(nc, around); c != nil {
		go s.serveConn(c) // counted in wg by enter
	}
}

// setNoDelay sets TCP_NODELAY, or does not.
func (s *Server) setNoDelay(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	if t, ok := nc.(*net.TCPConn); ok {
		if err := t.SetNoDelay(!s.DelayedWrites); err != nil {
			s.logger().Debug("TCP_NODELAY not set", "err", err)
		}
	}
}

// enter returns the connection that a link carries; nil when it was not let in and is closed.
func (s *Server) enter(l link, around layers) *Conn {
	if _, ok := l.(*tls.Conn); ok {
		around.tls = true
	}
	c, refusal := s.admit(l, around)
	if c != nil {
		return c
	}
	s.sayRefused(l.RemoteAddr(), refusal)
	if err := l.Close(); err != nil {
		s.logger().Debug("closing a refused connection", "err", err)
	}
	return nil
}

func (s *Server) baseContext() context.Context {
	if s.BaseContext != nil {
		return s.BaseContext
	}
	return context.Background()
}

// gone takes note that nothing is left of a connection.
func (s *Server) gone(c *Conn) {
	s.leave(c)
	s.wg.Done()
}

// leave takes a connection that has ended off the books.
func (s *Server) leave(c *Conn) {
	s.mu.Lock()
	s.countEnd(c)
	delete(s.conns, c)
	delete(s.carriers, c)
	s.uncount(c.side.(*serverSide).addr)
	s.mu.Unlock()
	c.side.(*serverSide).ended(c)
}

// watchInterval is how often deadlines, pings and stalls of all connections are looked at: one goroutine for a
// server instead of timers for each connection.
const watchInterval = 500 * time.Millisecond

// watch ends with the last connection.
func (s *Server) watch() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	quit := s.quitting()
	for {
		var now time.Time
		select {
		case now = <-tick.C:
		case <-quit: // Close and Shutdown wait for this goroutine too
			quit = nil
			tick.Reset(watchInterval / 50)
			continue
		}
		s.mu.Lock()
		conns := make([]*Conn, 0, len(s.conns))
		for c := range s.conns {
			conns = append(conns, c)
		}
		if len(conns) == 0 {
			s.watching = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for _, c := range conns {
			c.check(now)
			c.side.(*serverSide).checkPublishers(c, now)
			c.side.(*serverSide).checkProof(c, now)
		}
	}
}

// SetLimits replaces Limits for the connections that are accepted from now on.
func (s *Server) SetLimits(l Limits) {
	s.mu.Lock()
	s.Limits, s.inForce = l, nil
	s.mu.Unlock()
}

// Conns returns the connections that have finished connect.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		if c.connected.Load() {
			conns = append(conns, c)
		}
	}
	return conns
}

// Shutdown stops to accept, tells all clients that the server is going down, and waits until the connections have ended or
// ctx is done, in which case it closes what is left and returns ctx's error. A handler must not wait for it: it waits for handlers.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopListening()
	for _, c := range s.snapshot() {
		c.side.(*serverSide).shutdown(c)
	}
	ended := make(chan struct{})
	go func() { // ends with the last connection, which Close brings about
		s.wg.Wait()
		s.endTunnels(ctx, true)
		s.carrying.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.closeAll("the server was closed")
		s.endTunnels(ctx, false)
		<-ended
		return ctx.Err()
	}
}

// Close stops to accept and closes all connections at once. It returns nil, when their goroutines have ended; so a handler must
// not call it.
func (s *Server) Close() error {
	s.stopListening()
	s.closeAll("the server was closed")
	s.endTunnels(context.Background(), false)
	s.wg.Wait()
	s.endTunnels(context.Background(), false) // those that the last connection has brought into being
	s.carrying.Wait()
	return nil
}

func (s *Server) closeAll(why string) {
	for _, c := range s.snapshot() {
		c.close(&CloseReason{Side: SideLocal, Text: why, Err: ErrServerClosed})
	}
}

func (s *Server) snapshot() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.listeners == nil {
		s.listeners = map[net.Listener]struct{}{}
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	delete(s.listeners, l)
	s.mu.Unlock()
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		s.logger().Debug("closing a listener", "err", err)
	}
}

func (s *Server) stopListening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.quitLocked())
	}
	for l := range s.listeners {
		if err := l.Close(); err != nil {
			s.logger().Debug("closing a listener", "err", err)
		}
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) quitting() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quitLocked()
}

func (s *Server) quitLocked() chan struct{} {
	if s.quit == nil {
		s.quit = make(chan struct{})
	}
	return s.quit
}
