package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/hostile"
	"leat/rtmp/rtmptest"
)

// selfSigned makes a certificate that signs itself.
func selfSigned(t *testing.T, host string, until time.Time) []tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-48 * time.Hour), NotAfter: until,
		DNSNames: []string{host}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
}

// TestTLSFails: a server that cannot be spoken to by TLS costs exit code 3 and a sentence, whatever the verb.
func TestTLSFails(t *testing.T) {
	const advice = "; correct the certificate, or trust it without verification by --insecure"
	rtmpInside := func(c *hostile.Conn) {
		c.Handshake()
		c.Hold()
	}
	tests := []struct {
		name   string
		tls    func(t *testing.T) *tls.Config // nil: the server does not speak TLS
		behave func(c *hostile.Conn)
		says   string
	}{
		{"the certificate has expired", func(t *testing.T) *tls.Config {
			return &tls.Config{Certificates: selfSigned(t, "server", time.Now().Add(-time.Hour))}
		}, rtmpInside, "certificate has expired or is not yet valid"},
		{"the certificate is not valid yet", func(t *testing.T) *tls.Config {
			return &tls.Config{Certificates: selfSigned(t, "server", time.Now().Add(72*time.Hour))}
		}, rtmpInside, "certificate has expired or is not yet valid"},
		{"the certificate is signed by itself", func(t *testing.T) *tls.Config {
			return &tls.Config{Certificates: selfSigned(t, "server", time.Now().Add(time.Hour))}
		}, rtmpInside, "certificate signed by unknown authority" + advice},
		{"the certificate is for another name", func(t *testing.T) *tls.Config {
			return &tls.Config{Certificates: selfSigned(t, "other.example", time.Now().Add(time.Hour))}
		}, rtmpInside, "certificate is valid for other.example, not server" + advice},
		{"the server does not know the name", func(*testing.T) *tls.Config {
			return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}
		}, rtmpInside, "the server refused the TLS handshake: unrecognized name; check the host name, and which versions of TLS it takes"},
		{"the server knows old versions only", func(t *testing.T) *tls.Config {
			certificates := selfSigned(t, "server", time.Now().Add(time.Hour))
			return &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		}, rtmpInside, "the server refused the TLS handshake: protocol version not supported; check the host name, and which versions of TLS it takes"},
		{"the server has an alert for everybody", nil, func(c *hostile.Conn) {
			c.Write([]byte{21, 3, 3, 0, 2, 2, 80})
			c.Hold()
		}, "the server refused the TLS handshake: internal error; check the host name, and which versions of TLS it takes"},
		{"the server speaks RTMP at once", nil, func(c *hostile.Conn) {
			c.Write(append([]byte{3}, make([]byte, 3072)...))
			c.Hold()
		}, "the server does not speak TLS on this port; try rtmp:// instead of rtmps://"},
		{"the server waits for C0", nil, rtmpInside, "the server closed the connection during the TLS handshake; try rtmp:// instead of rtmps://"},
		{"the server resets", nil, (*hostile.Conn).Reset, "the server closed the connection during the TLS handshake; try rtmp:// instead of rtmps://"},
		{"the server cuts a record", nil, func(c *hostile.Conn) {
			c.Write([]byte{22, 3, 3, 0, 90, 2})
		}, "the server closed the connection during the TLS handshake; try rtmp:// instead of rtmps://"},
		{"the server is silent", nil, (*hostile.Conn).Hold, "no answer to the TLS handshake; is this an RTMPS server's port, or does it want rtmp:// instead?"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			unreachable(t, "rtmps://server/live/cam?token=sesame", "cannot connect to server:443: ", test.says, func(t *testing.T) (dialFunc, func()) {
				memory := rtmptest.NewListener()
				var l net.Listener = memory
				if test.tls != nil {
					l = tls.NewListener(memory, test.tls(t))
				}
				s := hostile.Serve(l, test.behave)
				return memory.DialContext, s.Close
			})
		})
	}
}

// TestDNSFails: so does a name that cannot be looked up.
func TestDNSFails(t *testing.T) {
	const advice = "; check the network and its DNS, or write an address"
	tests := []struct {
		dns  net.DNSError
		says string
	}{
		{net.DNSError{Err: "no such host", IsNotFound: true}, `there is no host "nowhere.invalid"; check the URL`},
		{net.DNSError{Err: "server misbehaving", Server: "192.0.2.53:53", IsTemporary: true}, `the host "nowhere.invalid" cannot be looked up: server misbehaving` + advice},
		{net.DNSError{Err: "i/o timeout", Server: "192.0.2.53:53", IsTimeout: true}, `the host "nowhere.invalid" cannot be looked up: i/o timeout` + advice},
	}
	for _, test := range tests {
		t.Run(test.dns.Err, func(t *testing.T) {
			test.dns.Name = "nowhere.invalid"
			for _, scheme := range []string{"rtmp", "rtmps", "rtmpt"} {
				says := "cannot connect to nowhere.invalid:" + map[string]string{"rtmp": "1935", "rtmps": "443", "rtmpt": "80"}[scheme] + ": "
				unreachable(t, scheme+"://nowhere.invalid/live/cam?token=sesame", says, test.says, func(*testing.T) (dialFunc, func()) {
					return func(_ context.Context, network, _ string) (net.Conn, error) {
						return nil, &net.OpError{Op: "dial", Net: network, Err: &test.dns}
					}, func() {}
				})
			}
		})
	}
}

// unreachable runs all verbs that connect, and checks what each says. serve returns how to dial the server of one of them, and how to
// end it.
func unreachable(t *testing.T, url, begins, says string, serve func(t *testing.T) (dialFunc, func())) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "cam.flv")
	if err := createFLV(file, time.Second); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"publish", file, url},
		{"play", "-o", filepath.Join(dir, "out.flv"), url},
		{"dump", "-r", url, "-o", filepath.Join(dir, "out.flv")},
		{"probe", url},
	} {
		synctest.Test(t, func(t *testing.T) {
			dial, end := serve(t)
			defer end()
			begun := time.Now()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), args, streams{in: strings.NewReader(""), out: &stdout, err: &stderr, dial: dial})
			said := stderr.String()
			if code != exitNoConnect || !strings.Contains(said, says) || strings.Contains(said, "sesame") || time.Since(begun) > longest {
				t.Errorf("%s: code %d after %v; it said %s", args[0], code, time.Since(begun), said)
			}
			if args[0] != "dump" && (!isClear(said) || !strings.HasPrefix(said, "leat: "+begins)) {
				t.Errorf("%s: it is not one clear line: %q", args[0], said)
			}
		})
	}
}
