package node

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/media/mediatest"
	"leat/rtmp"
)

// TestTransports: the RTMP door takes every transport when there is a certificate.
func TestTransports(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	files := config.TLS{Cert: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem")}
	roots := writeCertificate(t, files)
	s := start(t, func(c *config.Config) { c.TLS = files })
	cfg := &rtmp.DialConfig{TLSConfig: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}}
	address := func(scheme string) string { return scheme + "://" + s.Addr("rtmp").String() + "/live/cam" }
	dialled := func(scheme string) *rtmp.Conn {
		c, err := rtmp.Dial(limit(t), address(scheme), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	pub, err := dialled("rtmpte").Publish(limit(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	send(t, pub, mediatest.AVC(time.Second)...)
	for _, scheme := range []string{"rtmp", "rtmps", "rtmpe", "rtmpt", "rtmpts", "rtmpte"} {
		p, err := dialled(scheme).Play(limit(t), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		take(t, p, 10)
	}
}

// TestTransportsTurnedOff: rtmpt and rtmpe are offered only as the configuration says.
func TestTransportsTurnedOff(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.RTMPT, c.RTMPE = false, false })
	for _, scheme := range []string{"rtmps", "rtmpe", "rtmpt", "rtmpts", "rtmpte"} {
		if c, err := rtmp.Dial(limit(t), scheme+"://"+s.Addr("rtmp").String()+"/live", nil); err == nil {
			c.Close()
			t.Errorf("%s was taken", scheme)
		}
	}
}

// TestProxies: publish_from holds for the client that a trusted proxy names.
func TestProxies(t *testing.T) {
	t.Parallel()
	s := start(t, withApps(t, "proxies: [loopback]"))
	nc, err := net.Dial("tcp", s.Addr("rtmp").String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("PROXY TCP4 203.0.113.7 127.0.0.1 4711 1935\r\nSSH-2.0-x\r\n")); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "remote=203.0.113.7:4711", "looks like SSH")
}

// withApps replaces the applications by those of a text.
func withApps(t *testing.T, text string) func(*config.Config) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "publish.users"), []byte("alice:"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "player.swf"), []byte("FWS\x0a\x14\x00\x00\x00some code"), 0o600); err != nil {
		t.Fatal(err)
	}
	parsed, err := config.Parse(filepath.Join(folder, "leat.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) { c.Apps, c.Proxies = parsed.Apps, parsed.Proxies }
}

// TestUsers: publishers must be one of the users; players need not.
func TestUsers(t *testing.T) {
	t.Parallel()
	s := start(t, withApps(t, "apps: {live: {users_file: publish.users}, llnw: {users_file: publish.users, auth: llnw}}"))
	for _, app := range []string{"live", "llnw"} {
		c, err := rtmp.Dial(limit(t), s.url("/"+app+"/cam"), &rtmp.DialConfig{User: "alice", Password: secret})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		pub, err := c.Publish(limit(t), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		send(t, pub, mediatest.AVC(time.Second)...)
		if _, err := rtmp.Dial(limit(t), s.url("/"+app+"/cam"), nil); !errors.Is(err, rtmp.ErrAuthRequired) {
			t.Errorf("without a user: %v", err)
		}
		if _, err := rtmp.Dial(limit(t), s.url("/"+app+"/cam"), &rtmp.DialConfig{User: "alice", Password: "x"}); !errors.Is(err, rtmp.ErrAuthFailed) {
			t.Errorf("with a wrong password: %v", err)
		}
		player, err := rtmp.Dial(limit(t), s.url("/"+app+"/cam"), &rtmp.DialConfig{Player: true})
		if err != nil {
			t.Fatal(err)
		}
		defer player.Close()
		p, err := player.Play(limit(t), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		take(t, p, 1)
		if _, err := player.Publish(limit(t), "other", nil); err == nil || !strings.Contains(err.Error(), "user and a password") {
			t.Errorf("a player that publishes: %v", err)
		}
	}
}

// TestProofs: applications ask for SecureToken and SWF verification as configured.
func TestProofs(t *testing.T) {
	t.Parallel()
	s := start(t, withApps(t, "apps: {token: {secure_token: "+secret+"}, swf: {swf_files: [player.swf]}}"))
	for _, tt := range []struct {
		app   string
		cfg   rtmp.DialConfig
		lasts bool
	}{
		{"token", rtmp.DialConfig{Token: secret}, true},
		{"token", rtmp.DialConfig{Token: "another"}, false},
		{"swf", rtmp.DialConfig{SWF: swfOfTest(t)}, true},
		{"swf", rtmp.DialConfig{SWF: &rtmp.SWF{Size: 17}}, false},
	} {
		c, err := rtmp.Dial(limit(t), s.url("/"+tt.app+"/cam"), &tt.cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if !tt.lasts {
			select {
			case <-c.Done():
			case <-limit(t).Done():
				t.Errorf("%s: the connection lasts", tt.app)
			}
			continue
		}
		pub, err := c.Publish(limit(t), "", nil)
		if err != nil {
			t.Fatalf("%s: %v", tt.app, err)
		}
		send(t, pub, mediatest.AVC(time.Second)...)
	}
}

func swfOfTest(t *testing.T) *rtmp.SWF {
	t.Helper()
	swf, err := rtmp.HashSWF(strings.NewReader("FWS\x0a\x14\x00\x00\x00some code"))
	if err != nil {
		t.Fatal(err)
	}
	return &swf
}
