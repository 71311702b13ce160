package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"leat/rtmp"
)

// A link is a connection of this package to a server. The client that joins uses it as a net.Conn; after that, reads of a
// detached link do not wait.
type link struct {
	net.Conn // a *net.TCPConn until it is detached
	detached atomic.Pointer[descriptor]
	writing  sync.Mutex // held during a write and while the link is detached: the client may have something left to say
	closed   atomic.Bool
}

// Read reads what has come. On a detached link it returns os.ErrDeadlineExceeded when there is nothing.
func (l *link) Read(b []byte) (int, error) {
	if d := l.detached.Load(); d != nil {
		return d.Read(b)
	}
	return l.Conn.Read(b)
}

// Write writes all of b.
func (l *link) Write(b []byte) (int, error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	if d := l.detached.Load(); d != nil {
		if l.closed.Load() {
			return 0, net.ErrClosed
		}
		return d.Write(b)
	}
	return l.Conn.Write(b)
}

// Close closes the link. Later calls do nothing: the number of a closed descriptor may be another's.
func (l *link) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	if d := l.detached.Load(); d != nil {
		l.writing.Lock()
		defer l.writing.Unlock()
		return d.Close()
	}
	return l.Conn.Close()
}

// SetWriteDeadline sets the deadline of writes; those of a detached link do not wait.
func (l *link) SetWriteDeadline(t time.Time) error {
	if l.detached.Load() != nil {
		return nil
	}
	return l.Conn.SetWriteDeadline(t)
}

// detach takes the socket out of the runtime's poller. Nobody may read meanwhile.
func (l *link) detach() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	d, err := detach(l.Conn)
	if err == nil {
		l.detached.Store(d)
	}
	return err
}

// isWaiting reports whether a read has only found that nothing is there.
func isWaiting(err error) bool { return os.IsTimeout(err) }

// dialer opens the connections of a run.
type dialer struct {
	cfg *Config
	url rtmp.URL // without TLS, which dialer does itself, because it must read below it
}

func newDialer(cfg *Config) *dialer {
	d := &dialer{cfg: cfg, url: *cfg.URL}
	if cfg.URL.TLS() {
		d.url.Scheme = rtmp.SchemeRTMP
	}
	return d
}

// connect makes an RTMP connection. wrap, when it is not nil, may put something around the network connection.
func (d *dialer) connect(ctx context.Context, stream string, plays bool, wrap func(net.Conn, *link) net.Conn) (*rtmp.Conn, error) {
	u := d.url
	u.Name = stream
	cfg := &rtmp.DialConfig{
		Timeout: d.cfg.Timeout, Player: plays, Capabilities: &rtmp.Capabilities{},
		// Whoever takes a connection away from its client answers for it: the client must not end it because nothing comes.
		Limits: rtmp.Limits{IdleTimeout: forever},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, l, err := d.open(ctx, network, address)
			switch {
			case err != nil:
				return nil, err
			case wrap != nil:
				return wrap(nc, l), nil
			case nc == net.Conn(l):
				return l.Conn, nil // the client writes at once to a socket that it knows as one
			}
			return nc, nil
		},
	}
	if d.cfg.URL.TLS() {
		cfg.MaxRedirects = -1 // the client would put its own TLS around ours
	}
	conn, err := rtmp.DialURL(ctx, &u, cfg)
	if outer, ok := errors.AsType[*rtmp.DialError](err); ok {
		if inner, ok := errors.AsType[*rtmp.DialError](outer.Err); ok {
			return nil, inner // which is about TLS
		}
	}
	return conn, err
}

// forever is longer than any run.
const forever = 1000 * time.Hour

// open makes the network connection, with TLS if the URL says so.
func (d *dialer) open(ctx context.Context, network, address string) (net.Conn, *link, error) {
	dial := d.cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	nc, err := dial(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	l := &link{Conn: nc}
	if !d.cfg.URL.TLS() {
		return l, l, nil
	}
	cfg := d.cfg.TLS.Clone()
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" {
		cfg.ServerName = d.cfg.URL.Host
	}
	secure := tls.Client(l, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = nc.Close() // the handshake's error is the one that counts
		return nil, nil, &rtmp.DialError{Step: "TLS", Addr: address, Err: err}
	}
	return secure, l, nil
}
