package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// DialConfig says how to connect. The zero value, and nil, connect as a common encoder does.
type DialConfig struct {
	// App and TCURL replace what the URL says; "" leaves it.
	App   string
	TCURL string
	// FlashVer is what the client calls itself; "" means "FMLE/3.0 (compatible; Leat)", or "LNX 9,0,124,2" for a Player.
	FlashVer string
	// SWFURL and PageURL are sent when they are not empty.
	SWFURL  string
	PageURL string
	// ObjectEncoding is 0 (AMF0) or 3.
	ObjectEncoding int
	// Capabilities is what connect announces about Enhanced RTMP; nil says that the client takes everything, and that it
	// obeys reconnect requests if OnReconnect is set. A pointer to the zero value announces nothing.
	Capabilities *Capabilities
	// LegacyCodecs publishes to servers that announce nothing of Enhanced RTMP by the old codec numbers wherever there is
	// one, standard or not. Without it packets are published as they are.
	LegacyCodecs bool
	// Object holds further properties of the command object, sent last. Those that connect sends anyway are replaced.
	Object []amf.Member
	// Args are sent behind the command object (RTMP 7.2.1.1, optional user arguments).
	Args []any

	// Timeout bounds the time from dialling to a finished connect; 0 means 10 s. It applies besides the context.
	Timeout time.Duration
	// Dial opens the network connection; nil means net.Dialer. The network is "tcp".
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Proxy is the address of a proxy to connect through: socks5://host:port, which resolves names itself, socks4://,
	// socks4a:// or http:// (CONNECT), with user and password in it if the proxy wants them. nil connects directly.
	Proxy *url.URL
	// TLSConfig is used for rtmps and rtmpts; nil means TLS 1.2 at least, the system's roots and the host of the URL.
	TLSConfig *tls.Config

	// User and Password are for servers that want them from publishers (authmod adobe and llnw); "" takes those of the URL.
	User     string
	Password string
	// Player says that the connection will only play. It then calls itself a player, so that servers do not ask it for what
	// they ask of publishers.
	Player bool
	// Token is the key of SecureToken; "" leaves the server's question unanswered.
	Token string
	// SWF is the file that the client claims to be when the server asks (SWF verification); nil does not answer.
	SWF *SWF
	// MaxRedirects is how often the client follows a server that sends it elsewhere; 0 means 5, below 0 never. Then the
	// redirect is the error.
	MaxRedirects int

	// ChunkSize is the chunk size of what is sent, bytes; 0 means 65,536, and 2^31-1 is the most (RTMP 5.4.1). 128 is not announced:
	// it is what every server begins with.
	ChunkSize int
	// Limits bounds what the server can use; its zero fields mean their defaults, but that of HandshakeTimeout is Timeout.
	Limits Limits
	// Handler answers the server's calls; nil answers that there is no such method.
	Handler CallHandler
	// OnReconnect, when set, is called when the server asks the client to connect elsewhere, or redirects it although it
	// has accepted its streams. It must not block: it runs on the connection's reading goroutine. The connection goes on until
	// Close. Without it the former is ignored, and the latter ends the connection. A redirect in place of an answer to Publish or
	// Play is what these return, for Redial.
	OnReconnect func(c *Conn, r *ReconnectRequest)
	// Trace is told what happens on each connection that is made, those that follow redirects too; nil for nobody.
	Trace *Trace
	// Logger receives debug lines; nil means none.
	Logger *slog.Logger
}

const (
	defaultFlashVer = publisherPrefix + "3.0 (compatible; Leat)"
	playerFlashVer  = "LNX 9,0,124,2"
	// publisherPrefix begins what publishers call themselves.
	publisherPrefix = "FMLE/"
)

// DialError says at which step a connection could not be made, for a client that must tell "cannot connect" from
// "refused": a refusal is a *StatusError.
type DialError struct {
	Step string // "connecting", "TLS", "opening a tunnel", "handshake" or "connect"
	Addr string
	Err  error
}

// Error returns the step, the address and the reason.
func (e *DialError) Error() string { return fmt.Sprintf("rtmp: %s to %s: %v", e.Step, e.Addr, e.Err) }

// Unwrap returns the reason.
func (e *DialError) Unwrap() error { return e.Err }

// Dial connects to the server of an RTMP URL and waits until it has accepted connect. ctx bounds the dialling only; cfg may be nil,
// and is not used after Dial returns. The caller must Close the connection.
//
// A text that is no URL gives a *URLError, a server that refuses a *StatusError, and any other failure a *DialError. errors.Is finds
// ErrAuthRequired and ErrAuthFailed in the refusals that are about user and password.
func Dial(ctx context.Context, rawURL string, cfg *DialConfig) (*Conn, error) {
	u, err := ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	return DialURL(ctx, u, cfg)
}

// DialURL is Dial for a URL that was parsed by the caller's own rules. u must not be changed afterwards.
func DialURL(ctx context.Context, u *URL, cfg *DialConfig) (*Conn, error) {
	if cfg == nil {
		cfg = &DialConfig{}
	}
	timeout := cfg.timeout()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
	defer cancel()
	return (&dialing{url: u, cfg: *cfg}).run(ctx)
}

// Redial follows a server that has accepted connect and then sent the client elsewhere, as SRS does when it learns what the
// client wants: err is what Publish or Play has returned. The new connection is for the same stream name; c is closed. What is
// no redirect is returned as it is. DialConfig.MaxRedirects bounds the redirects since Dial.
func (c *Conn) Redial(ctx context.Context, err error) (*Conn, error) {
	moved, ok := errors.AsType[*StatusError](err)
	side, isClient := c.side.(*clientSide)
	if !ok || !isClient || moved.Redirect == "" {
		return nil, err
	}
	next := *side.dialing
	if _, why := next.redirect(moved.Redirect); why != nil {
		return nil, fmt.Errorf("%w (%w)", why, err)
	}
	if err := c.Close(); err != nil {
		return nil, err
	}
	timeout := next.cfg.timeout()
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %v", timeout))
	defer cancel()
	return next.run(ctx)
}

// dialOnce makes one connection and connects.
func dialOnce(ctx context.Context, u *URL, cfg *DialConfig) (*Conn, error) {
	nc, err := dialTransport(ctx, u, cfg)
	if err != nil {
		return nil, err
	}
	logger := cfg.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	limits := cfg.Limits
	if limits.HandshakeTimeout == 0 {
		limits.HandshakeTimeout = math.MaxInt64 // ctx ends it
	}
	side := newClientSide(u, cfg)
	c := newConn(nc, side, limits.withDefaults(), logger)
	c.trace = cfg.Trace
	side.begin(c)
	if err := side.connect(ctx, c); err != nil {
		err = dialFailure(c, u, err)
		if _, refused := errors.AsType[*StatusError](err); !refused {
			// A server that does not answer would not read what a gentle end waits for either.
			c.close(&CloseReason{Side: SideLocal, Text: "connecting failed", Err: err})
		}
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// dialFailure gives a failed connect its place.
func dialFailure(c *Conn, u *URL, err error) error {
	if _, refused := errors.AsType[*StatusError](err); refused {
		return err
	}
	step := "connect"
	if !c.side.(*clientSide).handshakeDone.Load() {
		step = "handshake"
	}
	return &DialError{Step: step, Addr: u.Address(), Err: err}
}

// connectObject is the command object of connect (RTMP 7.2.1.1).
func connectObject(u *URL, cfg *DialConfig) *amf.Object {
	app, tcURL, flashVer := u.App, u.TCURL, cfg.FlashVer
	if cfg.App != "" {
		app = cfg.App
	}
	if cfg.TCURL != "" {
		tcURL = cfg.TCURL
	}
	o := amf.NewObject("app", app)
	switch {
	case cfg.Player && flashVer == "":
		flashVer = playerFlashVer
	case !cfg.Player:
		o.Set("type", "nonprivate")
		if flashVer == "" {
			flashVer = defaultFlashVer
		}
	}
	o.Set("flashVer", flashVer)
	if cfg.SWFURL != "" {
		o.Set("swfUrl", cfg.SWFURL)
	}
	o.Set("tcUrl", tcURL)
	o.Set("fpad", false)
	o.Set("capabilities", 15.0)
	o.Set("audioCodecs", 3191.0)
	o.Set("videoCodecs", 252.0)
	o.Set("videoFunction", float64(VideoClientSeek))
	caps := clientCapabilities(cfg.OnReconnect != nil)
	if cfg.Capabilities != nil {
		caps = *cfg.Capabilities
	}
	caps.set(o)
	if cfg.PageURL != "" {
		o.Set("pageUrl", cfg.PageURL)
	}
	if cfg.ObjectEncoding != 0 {
		o.Set("objectEncoding", float64(cfg.ObjectEncoding))
	}
	for _, m := range cfg.Object {
		o.Set(m.Name, m.Value)
	}
	return o
}

// connect sends connect, with the chunk size before it so that one segment carries it all, and waits for the answer.
func (s *clientSide) connect(ctx context.Context, c *Conn) error {
	id, p, err := c.calls.begin("connect")
	if err != nil {
		return err
	}
	defer c.calls.forget(id)
	s.connectID = id
	if s.chunkSize != chunk.DefaultChunkSize {
		s.connectMessages = []outgoing{{0, &message.SetChunkSize{Size: s.chunkSize}}}
	}
	connect := &message.Command{Name: "connect", TransactionID: id, Object: connectObject(s.url, s.cfg), Args: s.cfg.Args}
	s.connectMessages = append(s.connectMessages, outgoing{0, connect})
	s.start(c)
	select {
	case a := <-p.answer:
		if a.err != nil {
			return a.err
		}
		s.accepted(c, a)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
