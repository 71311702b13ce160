package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/media/mediatest"
	"leat/rtmp"
)

// get asks a HTTP door and returns status and body.
func get(t *testing.T, s *server, door, path string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequestWithContext(limit(t), http.MethodGet, "http://"+s.Addr(door).String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestAdminDoor(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) {
		c.Admin, c.HTTP = "127.0.0.1:0", "127.0.0.1:0"
		c.Apps[0].PlayToken = config.NewSecret(secret)
	})
	for _, path := range []string{"/healthz", "/readyz", "/debug/pprof/"} {
		if status, body := get(t, s, "admin", path); status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, status, body)
		}
	}
	if status, body := get(t, s, "http", "/metrics"); status != http.StatusNotFound {
		t.Errorf("the public door shows metrics: %d %s", status, body)
	}

	want := mediatest.AVC(time.Second)
	pub := publish(t, s.url("/live/cam"))
	p := play(t, s.url("/live/cam?token="+secret), nil)
	until(t, "the player was in the log", func() bool { return s.inLog() == 1 })
	send(t, pub, want...)
	take(t, p, len(want))
	if _, err := dial(t, s.url("/live/cam")).Play(limit(t), "", nil); err == nil {
		t.Error("a player without a token was let in")
	}
	_, text := get(t, s, "admin", "/metrics")
	for _, line := range []string{
		"leat_connections 3", "leat_connections_accepted_total 3", "leat_streams 1", "leat_publishers 1", "leat_players 1",
		"leat_publications_total 1", "leat_plays_total 1", "leat_dropped_messages_total 0",
		`leat_requests_refused_total{reason="token",request="play"} 1`,
		"leat_connect_seconds_count 3", "leat_first_frame_seconds_count 1",
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("/metrics lacks %q", line)
		}
	}
	for _, name := range []string{"leat_ring_bytes", "leat_log_bytes", "leat_received_bytes_total", "leat_sent_bytes_total", "leat_fanout_delay_seconds_count"} {
		if strings.Contains(text, "\n"+name+" 0\n") || !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("/metrics has no value for %s", name)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestListenInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, name := range []string{"rtmp", "http", "admin"} {
		cfg := config.Default()
		cfg.RTMP, cfg.HTTP, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
		*map[string]*string{"rtmp": &cfg.RTMP, "http": &cfg.HTTP, "admin": &cfg.Admin}[name] = taken.Addr().String()
		n := New(cfg, slog.New(slog.DiscardHandler))
		err := n.Listen(t.Context())
		if err == nil || !strings.Contains(err.Error(), "cannot listen on "+taken.Addr().String()+" for "+name) ||
			!strings.Contains(err.Error(), "choose another address") {
			t.Errorf("%s: %v", name, err)
		}
		if len(n.doors) > 0 {
			t.Errorf("%s: %d doors are open", name, len(n.doors))
		}
		if err := n.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDoorURL(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, address, want string }{
		{"rtmp", "[::]:1935", "rtmp://localhost"},
		{"rtmp", "0.0.0.0:1940", "rtmp://localhost:1940"},
		{"rtmp", "[2001:db8::1]:1935", "rtmp://[2001:db8::1]"},
		{"rtmps", "192.0.2.1:443", "rtmps://192.0.2.1"},
		{"http", "127.0.0.1:80", "http://127.0.0.1"},
		{"admin", "127.0.0.1:8081", "http://127.0.0.1:8081"},
	}
	for _, test := range tests {
		a, err := net.ResolveTCPAddr("tcp", test.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := doorURL(test.name, a); got != test.want {
			t.Errorf("%s on %s is %s, want %s", test.name, test.address, got, test.want)
		}
	}
}

// TestRTMPS: streams run inside TLS, and a renewed certificate is used by the next handshake.
func TestRTMPS(t *testing.T) {
	t.Parallel()
	files := config.TLS{Cert: filepath.Join(t.TempDir(), "cert.pem"), Key: filepath.Join(t.TempDir(), "key.pem")}
	first := writeCertificate(t, files)
	s := start(t, func(c *config.Config) { c.RTMPS, c.TLS = "127.0.0.1:0", files })
	secure := func(roots *x509.CertPool) (*rtmp.Conn, error) {
		return rtmp.Dial(limit(t), "rtmps://"+s.Addr("rtmps").String()+"/live/cam", &rtmp.DialConfig{
			TLSConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: "localhost"},
		})
	}
	c, err := secure(first)
	if err != nil {
		t.Fatal(err)
	}
	want := mediatest.AVC(time.Second)
	viewer, err := c.Play(limit(t), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	send(t, publish(t, s.url("/live/cam")), want...)
	if d := mediatest.DiffAll(take(t, viewer, len(want)), want); d != "" {
		t.Error(d)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}

	second := writeCertificate(t, files)
	s.Reload(s.Config())
	if c, err = secure(second); err != nil {
		t.Fatalf("with the new certificate: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}

	third := writeCertificate(t, files)
	s.cert.mu.Lock()
	s.cert.checked = time.Time{} // as if some time had passed
	s.cert.mu.Unlock()
	if c, err = secure(third); err != nil {
		t.Fatalf("with the renewed certificate: %v", err)
	}
	s.lines.wait(t, "certificate renewed")
	if err := c.Close(); err != nil {
		t.Error(err)
	}

	if err := os.WriteFile(files.Key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Reload(s.Config())
	s.lines.wait(t, "level=ERROR", "the certificate was not renewed, the old one stays")
	if c, err = secure(third); err != nil {
		t.Fatalf("with the old certificate: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// writeCertificate makes a certificate for localhost and returns the roots that trust it.
func writeCertificate(t *testing.T, files config.TLS) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{files.Cert: {Type: "CERTIFICATE", Bytes: der}, files.Key: {Type: "PRIVATE KEY", Bytes: pkcs}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return roots
}

// TestReload: what is hot takes effect, what is not stays and is named each time.
func TestReload(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	next := *s.Config()
	next.RTMP = ":1"
	next.Limits.Publishers = 1
	next.Apps = config.Apps{{Pattern: "tv", App: next.Defaults}}
	s.Reload(&next)
	s.lines.wait(t, "level=WARN", "some of it needs a restart", `changed="[limits.publishers apps]"`, "restart=[rtmp]")
	if s.Config().RTMP == ":1" {
		t.Error("a field that needs a restart is in force")
	}
	if _, err := rtmp.Dial(limit(t), s.url("/live/cam"), nil); code(err) != string(rtmp.CodeConnectInvalidApp) {
		t.Errorf("the application that is gone: %v", err)
	}
	publish(t, s.url("/tv/cam"))
	if _, err := dial(t, s.url("/tv/other")).Publish(limit(t), "", nil); code(err) != string(rtmp.CodePublishBadName) {
		t.Errorf("beyond the new limit: %v", err)
	}
	s.Reload(&next)
	s.lines.wait(t, "level=WARN", "needs a restart", "changed=[]", "restart=[rtmp]")
	s.Reload(s.Config())
	s.lines.wait(t, "level=INFO", "nothing has changed")
}

// TestMemoryLimit is not parallel: the limit is the process's.
func TestMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	s := start(t, nil)
	next := *s.Config()
	next.Limits.Memory = 2 << 30
	s.Reload(&next)
	if got := debug.SetMemoryLimit(-1); got < 1<<30 || got >= 2<<30 {
		t.Errorf("the collector's limit is %d, want most of 2 GiB", got)
	}
	next.Limits.Memory = 0
	again := next
	s.Reload(&again)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("without a limit it is %d, want %d", got, before)
	}
}

// TestShutdown: players have everything and hear the end, publishers too, and the admin door says what is going on.
func TestShutdown(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.Admin = "127.0.0.1:0" })
	want := mediatest.AVC(time.Second)
	p := play(t, s.url("/live/cam"), nil)
	stays := s.view(t, "cam", false) // keeps its connection open, so that the server waits
	until(t, "both players were in the log", func() bool { return s.inLog() == 2 })
	pub := publish(t, s.url("/live/cam"))
	send(t, pub, want...)
	take(t, p, len(want)-1)
	until(t, "the hub had all", func() bool {
		info, ok := s.hub.Stream(key)
		return ok && info.Publisher != nil && info.Publisher.Packets == uint64(len(want))
	})
	down := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		down <- s.Shutdown(ctx)
	}()
	if got := rest(t, p); len(got) != 1 {
		t.Errorf("%d packets came at the end, want 1", len(got))
	}
	stays.status("NetStream.Play.Stop")
	<-pub.Done()
	s.lines.wait(t, "play ended", "the server is shutting down")
	s.lines.wait(t, "publish ended", "the server is shutting down")
	if status, body := get(t, s, "admin", "/readyz"); status != http.StatusServiceUnavailable || body != "not ready: shutting down\n" {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := get(t, s, "admin", "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	if c, err := net.Dial("tcp", s.Addr("rtmp").String()); err == nil {
		c.Close()
		t.Error("the RTMP door is still open")
	}
	stays.nc.Close()
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}
