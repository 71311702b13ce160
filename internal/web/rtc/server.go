package rtc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"leat/live"
	"leat/media"
)

// Config sets up a Server.
type Config struct {
	Hub    *live.Hub    // must not be nil
	Gate   Gate         // must not be nil
	Logger *slog.Logger // must not be nil

	// UDP is the listen address that all sessions share, such as ":8189".
	UDP string
	// TCP is one for peers whose network lets no UDP through. Empty: there is none.
	TCP string
	// Public are addresses under which peers reach the ports besides those of this machine.
	Public []netip.Addr
	// Sessions is how many there may be at that moment; 0 is no limit. Those that have not connected yet have limits of their own.
	Sessions func() int
	// ICEServers are the servers that clients are told of.
	ICEServers func() []ICEServer
}

// ICEServer is a STUN or TURN server.
type ICEServer struct {
	URI            string
	User, Password string // of TURN
}

// Gate decides who may play and publish, and hears of it. Its errors are answers to the client if they are a *Refusal, and otherwise 500.
type Gate interface {
	// Play is asked before the offer is read.
	Play(r *http.Request, app, name string) (*Viewing, error)
	// Publish is asked before the offer is read.
	Publish(r *http.Request, app, name string) (*Publishing, error)
}

// Viewing is a viewer that is let in.
type Viewing struct {
	Key    media.Key
	Remote netip.Addr
	Logger *slog.Logger
	// Accepted is called when the session has come about.
	Accepted func()
	// Begun is called when the first picture or sound has been sent.
	Begun func()
	// Ended is called once, whether the session came about or not.
	Ended func(reason string, stats Stats)
}

// Publishing is a publisher that is let in.
type Publishing struct {
	Remote netip.Addr
	Logger *slog.Logger
	// Run reads what the peer publishes until the end. The first ReadPacket accepts the peer; an error before that is the answer to it.
	// The end of the stream is io.EOF when the peer has ended it, and ErrLost when it has gone without a word.
	Run func(ctx context.Context, from media.Reader) error
	// Refused is called instead of Run if the session did not come about.
	Refused func(reason string)
}

// Stats is what a viewer was sent.
type Stats struct {
	Packets, Bytes uint64 // RTP
	Skipped        uint64 // packets of the stream that were left out because the peer was too slow
	KeyRequests    uint64 // that it asked for a key frame
}

// Refusal is an answer to a client that gets no session.
type Refusal struct {
	Status   int // of HTTP
	Sentence string
	Bearer   bool     // a token would help
	LeftOut  []string // what of the stream cannot be carried
}

// Error returns the sentence.
func (r *Refusal) Error() string { return r.Sentence }

func refuse(status int, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Sentence: fmt.Sprintf(format, args...)}
}

// Errors of sessions.
var (
	// ErrLost says that nothing more was heard of a peer.
	ErrLost = errors.New("rtc: the peer was lost")
	// ErrClosed says that the server was closed.
	ErrClosed = errors.New("rtc: closed")

	// errDeleted is the end that the client has asked for.
	errDeleted = errors.New("rtc: deleted")
)

const (
	maxPending     = 256              // sessions that have not connected yet
	maxPendingFrom = 32               // of them from one address
	connectTime    = 10 * time.Second // from the answer to the connection
	silentTime     = 10 * time.Second // until a peer that says nothing is lost
	replayWindow   = 1024             // packets: what is sent again comes late
	tcpPeers       = 1024             // connections to the TCP port
	tcpReadSize    = 16               // packets
	tcpWriteSize   = 1 << 20          // bytes; more is dropped, as in a network
)

// Server has the sessions of one server. It is an http.Handler for the addresses "/{app}/{name}/whep" and "…/whip", and those
// of the sessions below.
type Server struct {
	cfg         Config
	udp         net.PacketConn
	tcp         net.Listener // nil without
	muxes       []interface{ Close() error }
	setting     webrtc.SettingEngine
	connectTime time.Duration

	running sync.WaitGroup // sessions

	mu       sync.Mutex
	sessions map[string]*session
	count    int                // sessions that are, or are about to be
	pending  int                // of them those that have not connected
	from     map[netip.Addr]int // of those, by their addresses
	closed   bool
}

// Listen opens the ports. The server must be closed.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, connectTime: connectTime, sessions: map[string]*session{}, from: map[netip.Addr]int{}}
	var err error
	if s.udp, err = new(net.ListenConfig).ListenPacket(ctx, "udp", cfg.UDP); err != nil {
		return nil, fmt.Errorf("cannot listen on %s for WebRTC over UDP: %w", cfg.UDP, err)
	}
	if cfg.TCP != "" {
		if s.tcp, err = new(net.ListenConfig).Listen(ctx, "tcp", cfg.TCP); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot listen on %s for WebRTC over TCP: %w", cfg.TCP, err), s.udp.Close())
		}
	}
	if err := s.settle(); err != nil {
		return nil, errors.Join(err, s.closePorts())
	}
	return s, nil
}

// settle sets up what all sessions have in common.
func (s *Server) settle() error {
	e := &s.setting
	logs := logFactory{s.cfg.Logger}
	e.LoggerFactory = logs
	e.SetLite(true)
	e.SetSRTPReplayProtectionWindow(replayWindow)
	e.SetIncludeLoopbackCandidate(true)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	e.SetICETimeouts(silentTime/2, silentTime/2, 2*time.Second) // the second begins where the first ends
	networks := []webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6}
	udp := webrtc.NewICEUDPMux(logs.NewLogger("udp"), s.udp)
	s.muxes = append(s.muxes, udp)
	e.SetICEUDPMux(udp)
	if s.tcp != nil {
		tcp := ice.NewTCPMuxDefault(ice.TCPMuxParams{
			Listener: &limited{Listener: s.tcp, free: make(chan struct{}, tcpPeers)}, Logger: logs.NewLogger("tcp"),
			ReadBufferSize: tcpReadSize, WriteBufferSize: tcpWriteSize,
			FirstStunBindTimeout: connectTime, AliveDurationForConnFromStun: connectTime,
		})
		s.muxes = append(s.muxes, tcp)
		e.SetICETCPMux(tcp)
		networks = append(networks, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	e.SetNetworkTypes(networks)
	if len(s.cfg.Public) == 0 {
		return nil
	}
	rule := webrtc.ICEAddressRewriteRule{AsCandidateType: webrtc.ICECandidateTypeHost, Mode: webrtc.ICEAddressRewriteAppend}
	for _, addr := range s.cfg.Public {
		rule.External = append(rule.External, addr.String())
	}
	return e.SetICEAddressRewriteRules(rule)
}

// UDP returns the address of the UDP port. For tests and for port 0.
func (s *Server) UDP() net.Addr { return s.udp.LocalAddr() }

// Close ends all sessions and waits for that.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, session := range s.sessions {
		session.end(ErrClosed)
	}
	s.mu.Unlock()
	s.running.Wait()
	return s.closePorts()
}

func (s *Server) closePorts() error {
	var err error
	for _, mux := range s.muxes {
		err = errors.Join(err, ignoreClosed(mux.Close()))
	}
	err = errors.Join(err, ignoreClosed(s.udp.Close()))
	if s.tcp != nil {
		err = errors.Join(err, ignoreClosed(s.tcp.Close()))
	}
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// place is the room that a session takes of the limits. Its fields are guarded by Server.mu.
type place struct {
	server  *Server
	addr    netip.Addr
	pending bool
}

// reserve makes room for a session of a peer at addr, which release gives back.
func (s *Server) reserve(addr netip.Addr) (*place, error) {
	limit := s.cfg.Sessions()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, refuse(http.StatusServiceUnavailable, "The server is shutting down.")
	case limit > 0 && s.count >= limit:
		return nil, refuse(http.StatusServiceUnavailable, "The server has as many WebRTC sessions as it takes.")
	case s.pending >= maxPending:
		return nil, refuse(http.StatusServiceUnavailable, "Too many WebRTC sessions wait for their clients.")
	case s.from[addr] >= maxPendingFrom:
		return nil, refuse(http.StatusTooManyRequests, "Too many WebRTC sessions wait for clients at %s.", addr)
	}
	s.count++
	s.pending++
	s.from[addr]++
	s.running.Add(1)
	return &place{server: s, addr: addr, pending: true}, nil
}

// connected ends the wait of a session.
func (p *place) connected() {
	s := p.server
	s.mu.Lock()
	defer s.mu.Unlock()
	p.settle()
}

func (p *place) release() {
	s := p.server
	s.mu.Lock()
	p.settle()
	s.count--
	s.mu.Unlock()
	s.running.Done()
}

// settle is called with Server.mu held.
func (p *place) settle() {
	if !p.pending {
		return
	}
	p.pending = false
	p.server.pending--
	if p.server.from[p.addr]--; p.server.from[p.addr] == 0 {
		delete(p.server.from, p.addr)
	}
}

// Stats returns the sums of the viewers of now. Those that have ended are told of by Viewing.Ended.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum Stats
	for _, x := range s.sessions {
		if x.viewer == nil {
			continue
		}
		one := x.viewer.stats()
		sum.Packets += one.Packets
		sum.Bytes += one.Bytes
		sum.Skipped += one.Skipped
		sum.KeyRequests += one.KeyRequests
	}
	return sum
}

// enter makes a session known by its id. It is false when the server was closed meanwhile.
func (s *Server) enter(x *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.sessions[x.id] = x
	}
	return !s.closed
}

func (s *Server) leave(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, x.id)
}

func (s *Server) find(t target) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.sessions[t.id]
	if x == nil || x.target != t {
		return nil
	}
	return x
}

// limited closes connections beyond the number that free has room for.
type limited struct {
	net.Listener
	free chan struct{}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.free <- struct{}{}:
			return &counted{Conn: c, free: l.free}, nil
		default:
			_ = c.Close() // nobody has used it
		}
	}
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	free chan struct{}
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { <-c.free })
	return c.Conn.Close()
}
