package relay

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/hostile"
	"leat/rtmp/rtmptest"
)

// TestUnreachable: DNS that fails and TLS that does not come about cost the ingest nothing. Push and pull say why, and try again.
func TestUnreachable(t *testing.T) {
	tests := []struct {
		name   string
		scheme string
		dns    net.DNSError
		behave func(c *hostile.Conn) // nil: there is no such host
		tls    *tls.Config           // nil: the server does not speak TLS
		says   string
	}{
		{"no such host", "rtmp", net.DNSError{}, nil, nil, "there is no host bad; check the URL"},
		{"no answer of DNS", "rtmp", net.DNSError{Err: "i/o timeout", IsTimeout: true}, nil, nil, "the host bad cannot be looked up: i/o timeout; check the network and its DNS, or write an address"},
		{"DNS fails", "rtmps", net.DNSError{Err: "server misbehaving", IsTemporary: true}, nil, nil, "the host bad cannot be looked up: server misbehaving; check the network"},
		{
			"an alert", "rtmps",
			net.DNSError{},
			(*hostile.Conn).Handshake,
			&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }, MinVersion: tls.VersionTLS12},
			"the server refused the TLS handshake: unrecognized name; check the host name",
		},
		{"no TLS", "rtmps", net.DNSError{}, func(c *hostile.Conn) {
			c.Write([]byte("220 mail.example.com ESMTP\r\n"))
			c.Hold()
		}, nil, "the server does not speak TLS on this port; try rtmp:// instead of rtmps://"},
		{"the end instead of TLS", "rtmps", net.DNSError{}, (*hostile.Conn).Handshake, nil, "the server closed the connection during the TLS handshake; try rtmp://"},
		{"no answer to TLS", "rtmps", net.DNSError{}, (*hostile.Conn).Hold, nil, "no answer to the TLS handshake; is this an RTMPS server's port"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNetwork()
				n.dns = test.dns
				if test.behave != nil {
					n.hosts["bad"] = rtmptest.NewListener()
					var l net.Listener = n.hosts["bad"]
					if test.tls != nil {
						l = tls.NewListener(l, test.tls)
					}
					bad := hostile.Serve(l, test.behave)
					defer bad.Close()
				}
				s := n.station(t)
				defer s.close()
				pub, end := s.publish(cam, Target{URL: test.scheme + "://bad/live", Key: secret})
				defer end()
				if _, err := s.StartPull(film, Pull{Origins: []string{test.scheme + "://bad/live/" + secret}}); err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				feed(t, pub, 3*time.Second)
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("the ingest took %v", took)
				}
				sleep(answerTime)
				for _, list := range [][]Status{s.Pushes(), s.Pulls()} {
					if len(list) != 1 || !strings.Contains(list[0].Error, test.says) || strings.Contains(list[0].Error, secret) {
						t.Errorf("got %+v, want %q", list, test.says)
					}
				}
			})
		})
	}
}
