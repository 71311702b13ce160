package rtmp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leat/internal/wire/handshake"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// port is a server on a loopback socket that takes every transport, and what its handlers have seen.
type port struct {
	*rtmp.Server
	addr      string
	roots     *x509.CertPool
	published chan publication
	reasons   *record
}

type publication struct {
	conn    *rtmp.Conn
	packets []*media.Packet
}

// openPort starts a server that set may change before; the end of the test closes it.
func openPort(t *testing.T, set func(s *rtmp.Server)) *port {
	t.Helper()
	return openPortWith(t, set, (*rtmp.Server).Serve)
}

func openPortWith(t *testing.T, set func(s *rtmp.Server), serve func(*rtmp.Server, net.Listener) error) *port {
	t.Helper()
	certificate, roots := selfSigned(t)
	logger, reasons := logLines()
	p := &port{published: make(chan publication, 8), roots: roots, reasons: reasons}
	p.Server = &rtmp.Server{
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		RTMPT:     true,
		RTMPE:     true,
		Logger:    logger,
		Handler: &relay{
			publish: func(ctx context.Context, s *rtmp.PublishStream) error {
				var c collector
				_, err := media.Copy(ctx, &c, s)
				p.published <- publication{s.Conn(), c.packets}
				return err
			},
		},
	}
	if set != nil {
		set(p.Server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- serve(p.Server, l) }() // ends with Close
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Errorf("serving ended with %v", err)
		}
	})
	return p
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, roots
}

func (p *port) config() *rtmp.DialConfig {
	return &rtmp.DialConfig{TLSConfig: &tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS12}}
}

// publish sends want by a connection of the scheme and returns what the server has made of it.
func (p *port) publish(t *testing.T, scheme string, cfg *rtmp.DialConfig, want []*media.Packet) publication {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), scheme+"://"+p.addr+"/live/cam", cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out, err := c.Publish(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, pkt := range want {
		if err := out.WritePacket(t.Context(), pkt); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	got := <-p.published
	if diff := mediatest.DiffAll(withoutReceived(got.packets), want); diff != "" {
		t.Error(diff)
	}
	return got
}

var schemes = []string{
	rtmp.SchemeRTMP, rtmp.SchemeRTMPS, rtmp.SchemeRTMPE, rtmp.SchemeRTMPT, rtmp.SchemeRTMPTS, rtmp.SchemeRTMPTE,
}

// TestTransportsOnOnePort publishes by each transport to the same port.
func TestTransportsOnOnePort(t *testing.T) {
	p := openPort(t, nil)
	want := mediatest.AVC(2 * time.Second)
	for _, scheme := range schemes {
		t.Run(scheme, func(t *testing.T) {
			got := p.publish(t, scheme, p.config(), want)
			seen := scheme
			if scheme == rtmp.SchemeRTMPTS {
				seen = rtmp.SchemeRTMPT // a session does not know what carries its requests
			}
			if got.conn.Scheme() != seen {
				t.Errorf("the server takes it for %s", got.conn.Scheme())
			}
			if addr := got.conn.RemoteAddr().String(); !strings.HasPrefix(addr, "127.0.0.1:") {
				t.Errorf("the client seems to come from %s", addr)
			}
		})
	}
}

func TestTLSIsVerified(t *testing.T) {
	p := openPort(t, nil)
	for _, scheme := range []string{rtmp.SchemeRTMPS, rtmp.SchemeRTMPTS} {
		c, err := rtmp.Dial(t.Context(), scheme+"://"+p.addr+"/live/cam", nil)
		if err == nil {
			c.Close()
			t.Fatalf("%s: a certificate that nobody knows was accepted", scheme)
		}
		if !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestServeTLSTakesNothingElse(t *testing.T) {
	p := openPortWith(t, nil, (*rtmp.Server).ServeTLS)
	p.publish(t, rtmp.SchemeRTMPS, p.config(), mediatest.AVC(time.Second))
	p.publish(t, rtmp.SchemeRTMPTS, p.config(), mediatest.AVC(time.Second))
	for _, scheme := range []string{rtmp.SchemeRTMP, rtmp.SchemeRTMPE, rtmp.SchemeRTMPT} {
		if c, err := rtmp.Dial(t.Context(), scheme+"://"+p.addr+"/live/cam", nil); err == nil {
			c.Close()
			t.Errorf("%s was taken on a port for RTMPS", scheme)
		}
	}
}

// TestPlainServerTakesRTMPOnly: the zero Server refuses what it was not told to take, and says what it was.
func TestPlainServerTakesRTMPOnly(t *testing.T) {
	p := openPort(t, func(s *rtmp.Server) { s.TLSConfig, s.RTMPT, s.RTMPE = nil, false, false })
	p.publish(t, rtmp.SchemeRTMP, nil, mediatest.AVC(time.Second))
	for _, scheme := range schemes[1:] {
		if c, err := rtmp.Dial(t.Context(), scheme+"://"+p.addr+"/live/cam", p.config()); err == nil {
			c.Close()
			t.Errorf("%s was taken", scheme)
		}
	}
}

// proxied returns a DialConfig.Dial that writes a PROXY header first, in pieces of so many bytes.
func proxied(header string, piece int) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		f := rtmptest.NewFault(nc, rtmptest.FaultConfig{WriteSize: piece})
		if _, err := f.Write([]byte(header)); err != nil {
			return nil, err
		}
		return f, nil
	}
}

const (
	proxyV1 = "PROXY TCP4 203.0.113.7 127.0.0.1 4711 1935\r\n"
	// Version 2, PROXY, TCP over IPv6, 2001:db8::7 port 4711 to ::1 port 1935, and a TLV of type NOOP.
	proxyV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x28" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x12\x67\x07\x8f" + "\x04\x00\x01\x00"
	proxyLocal = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

func TestProxyProtocol(t *testing.T) {
	p := openPort(t, func(s *rtmp.Server) {
		s.TrustedProxy = netip.Addr.IsLoopback
	})
	for _, tt := range []struct{ name, header, client string }{
		{"v1", proxyV1, "203.0.113.7:4711"},
		{"v2", proxyV2, "[2001:db8::7]:4711"},
		{"local", proxyLocal, ""},
		{"none", "", ""},
	} {
		for _, scheme := range schemes {
			for _, piece := range []int{0, 1} {
				if piece == 1 && scheme != rtmp.SchemeRTMP {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %d", tt.name, scheme, piece), func(t *testing.T) {
					cfg := p.config()
					cfg.Dial = proxied(tt.header, piece)
					got := p.publish(t, scheme, cfg, mediatest.AVC(100*time.Millisecond))
					addr := got.conn.RemoteAddr().String()
					if tt.client != "" && addr != tt.client || tt.client == "" && !strings.HasPrefix(addr, "127.0.0.1:") {
						t.Errorf("the client seems to come from %s", addr)
					}
				})
			}
		}
	}
}

// TestProxyAddressesAreCounted: the limit on connections of one address holds for the clients behind a proxy.
func TestProxyAddressesAreCounted(t *testing.T) {
	p := openPort(t, func(s *rtmp.Server) {
		s.TrustedProxy = netip.Addr.IsLoopback
		s.Limits.ConnectionsPerAddress = 1
	})
	dial := func(header string) (*rtmp.Conn, error) {
		return rtmp.Dial(t.Context(), "rtmp://"+p.addr+"/live", &rtmp.DialConfig{Dial: proxied(header, 0)})
	}
	for _, header := range []string{proxyV1, proxyV2} {
		c, err := dial(header)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	if c, err := dial(proxyV1); err == nil {
		c.Close()
		t.Error("a second connection of the client was taken")
	}
	if n := p.Stats().RefusedByAddress; n != 1 {
		t.Errorf("%d connections refused, want 1", n)
	}
}

// TestBadOpenings: whatever a connection begins with, it ends with a reason, and another one goes on.
func TestBadOpenings(t *testing.T) {
	forged := make([]byte, 1537)
	forged[0] = handshake.VersionRTMPE
	copy(forged[5:], "\x80\x00\x03\x02")
	for _, tt := range []struct{ name, opening, reason string }{
		{"TLS garbage", "\x16\x03\x01\x00\x05hello", "TLS was not agreed on"},
		{"TLS record too long", "\x16\x03\x01\xff\xff" + strings.Repeat("x", 100), "TLS was not agreed on"},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x28", "TLS was not agreed on"},
		{"forged RTMPE", string(forged), "no valid digest"},
		{"PROXY from a stranger", proxyV1, "not one of a trusted proxy"},
		{"PROXY v2 from a stranger", proxyV2, "not one of a trusted proxy"},
		{"HTTP of a browser", "GET / HTTP/1.1\r\n\r\n", "this is HTTP"},
		{"SSH", "SSH-2.0-x\r\n", "looks like SSH"},
		{"nothing", "", "within"},
		{"half a word", "POS", "within"},
		{"a slow first byte of TLS", "\x16", "within"},
		{"a slow TLS handshake", "\x16\x03\x01\x00\xff", "within"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := openPort(t, func(s *rtmp.Server) { s.Limits.HandshakeTimeout = 500 * time.Millisecond })
			other, err := rtmp.Dial(t.Context(), "rtmp://"+p.addr+"/live/cam", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			nc, err := net.Dial("tcp", p.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			if _, err := nc.Write([]byte(tt.opening)); err != nil {
				t.Fatal(err)
			}
			if err := nc.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			for buf := make([]byte, 4096); err == nil; {
				_, err = nc.Read(buf)
			}
			if e, ok := err.(net.Error); ok && e.Timeout() { //nolint:errorlint // the error of a socket, as it comes
				t.Fatal("the connection stays open")
			}
			if out, err := other.Publish(t.Context(), "", nil); err != nil {
				t.Error(err)
			} else if err := out.Close(); err != nil {
				t.Error(err)
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if reasons := strings.Join(p.reasons.reasons(), "\n"); !strings.Contains(reasons, tt.reason) {
				t.Errorf("no reason says %q:\n%s", tt.reason, reasons)
			}
		})
	}
}

// TestBrokenProxyHeader: a trusted proxy that sends nonsense loses its connection.
func TestBrokenProxyHeader(t *testing.T) {
	p := openPort(t, func(s *rtmp.Server) {
		s.TrustedProxy = netip.Addr.IsLoopback
	})
	for _, header := range []string{
		"PROXY TCP4 nobody knows me\r\n",
		"PROXY " + strings.Repeat("x", 200),
		strings.Replace(proxyV2, "\x21\x21", "\x31\x21", 1),
	} {
		nc, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write([]byte(header)); err != nil {
			t.Error(err)
		}
		if n, err := nc.Read(make([]byte, 1)); err == nil {
			t.Errorf("%q: %d bytes came back", header, n)
		}
		nc.Close()
	}
}

// TestForeignTunnelSessions: requests for sessions that do not exist harm no session that does.
func TestForeignTunnelSessions(t *testing.T) {
	p := openPort(t, nil)
	c, err := rtmp.Dial(t.Context(), "rtmpt://"+p.addr+"/live/cam", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	out, err := c.Publish(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/send/0123456789abcdef/0", "/idle/nobody/5", "/close/nobody/0", "/send/", "/idle/x/-1", "/send/x/99999999999999999999"} {
		response, err := http.Post("http://"+p.addr+path, "application/x-fcs", strings.NewReader("\x03"))
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == http.StatusOK {
			t.Errorf("%s was answered with OK", path)
		}
		response.Body.Close()
	}
	for _, pkt := range mediatest.AVC(time.Second) {
		if err := out.WritePacket(t.Context(), pkt); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-p.published; len(got.packets) == 0 {
		t.Error("nothing arrived")
	}
}

// TestShutdownOfTunnels: the clients of RTMPT learn of a shutdown, which waits until they have.
func TestShutdownOfTunnels(t *testing.T) {
	p := openPort(t, nil)
	c, err := rtmp.Dial(t.Context(), "rtmpt://"+p.addr+"/live/cam", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-c.Done():
	case <-ctx.Done():
		t.Fatal("the client does not know")
	}
	if why := c.CloseReason().Text; why != "the server sent close" {
		t.Errorf("the client ended because %s", why)
	}
	if n := p.Stats().Open; n != 0 {
		t.Errorf("%d connections are open", n)
	}
}

func TestTunnelsCountTwice(t *testing.T) {
	p := openPort(t, func(s *rtmp.Server) { s.Limits.ConnectionsPerAddress = 3; s.Logger = slog.New(slog.DiscardHandler) })
	c, err := rtmp.Dial(t.Context(), "rtmpt://"+p.addr+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n := p.Stats().Open; n != 2 {
		t.Errorf("%d connections, want the socket and the session", n)
	}
	if second, err := rtmp.Dial(t.Context(), "rtmpt://"+p.addr+"/live", nil); err == nil {
		second.Close()
		t.Error("a second session was taken beyond the limit")
	}
}
