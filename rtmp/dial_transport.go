package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"leat/internal/tunnel"
)

// dialTransport opens what carries the RTMP byte stream: TCP, directly or through a proxy, then TLS, then a tunnel.
func dialTransport(ctx context.Context, u *URL, cfg *DialConfig) (net.Conn, error) {
	if !u.Tunneled() {
		return dialSecure(ctx, u, cfg)
	}
	host := strings.TrimSuffix(u.Address(), ":80")
	if u.TLS() {
		host = strings.TrimSuffix(u.Address(), ":443")
	}
	nc, err := tunnel.Dial(ctx, &tunnel.DialConfig{
		Host: host,
		Dial: func(ctx context.Context) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, cfg.timeout()) // a session can outlive its socket and needs another
			defer cancel()
			return dialSecure(ctx, u, cfg)
		},
	})
	if err != nil {
		if _, ok := errors.AsType[*DialError](err); ok {
			return nil, err
		}
		return nil, &DialError{Step: "opening a tunnel", Addr: u.Address(), Err: err}
	}
	return nc, nil
}

// dialSecure opens a TCP connection, and TLS on it if the scheme says so.
func dialSecure(ctx context.Context, u *URL, cfg *DialConfig) (net.Conn, error) {
	nc, err := cfg.dialer()(ctx, "tcp", u.Address())
	if err != nil {
		return nil, &DialError{Step: "connecting", Addr: u.Address(), Err: err}
	}
	if !u.TLS() {
		return nc, nil
	}
	tlsConfig := cfg.TLSConfig.Clone()
	if tlsConfig == nil {
		tlsConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if tlsConfig.ServerName == "" {
		tlsConfig.ServerName = u.Host
	}
	tc := tls.Client(nc, tlsConfig)
	if err := tc.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(&DialError{Step: "TLS", Addr: u.Address(), Err: err}, nc.Close())
	}
	return tc, nil
}

// dialer returns what opens TCP connections.
func (cfg *DialConfig) dialer() dialFunc {
	direct := dialFunc(cfg.Dial)
	if direct == nil {
		direct = (&net.Dialer{}).DialContext
	}
	if cfg.Proxy == nil {
		return direct
	}
	return (&proxyDialer{proxy: cfg.Proxy, direct: direct}).dial
}

func (cfg *DialConfig) timeout() time.Duration {
	if cfg.Timeout == 0 {
		return 10 * time.Second
	}
	return cfg.Timeout
}
