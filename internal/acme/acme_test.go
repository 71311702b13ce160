package acme

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// TestManager: without an authority there is no certificate, but the handshake is configured to answer one.
func TestManager(t *testing.T) {
	m := New(Config{
		Domains: []string{"live.example.org"}, Email: "you@example.org", Folder: t.TempDir(),
		Directory: "https://127.0.0.1:1/directory",
		Logger:    slog.New(slog.DiscardHandler),
	})
	defer m.Close()
	c := m.TLSConfig()
	if c.MinVersion != tls.VersionTLS12 || !slices.Contains(c.NextProtos, "acme-tls/1") {
		t.Errorf("TLS version %#x, protocols %v", c.MinVersion, c.NextProtos)
	}
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	hello := make(chan error, 1)
	go func() { // ends with the handshake
		hello <- tls.Client(client, &tls.Config{ServerName: "live.example.org", MinVersion: tls.VersionTLS12}).Handshake()
	}()
	if err := tls.Server(server, c).Handshake(); err == nil {
		t.Error("there is a certificate that nobody has issued")
	}
	if err := <-hello; err == nil {
		t.Error("the client is content without a certificate")
	}
}

func TestLogCore(t *testing.T) {
	var out bytes.Buffer
	log := zap.New(logCore{slog.New(slog.NewTextHandler(&out, nil))}).With(zap.String("domain", "a.example"))
	log.Info("news")
	log.Error("failed", zap.Int("attempt", 2), zap.Duration("wait", 3))
	if got := out.String(); strings.Contains(got, "news") || !strings.Contains(got, `level=ERROR msg=certificates domain=a.example what=failed attempt=2`) {
		t.Errorf("logged %s", got)
	}
	if slogLevel(zapcore.WarnLevel) != slog.LevelWarn {
		t.Error("a warning is none")
	}
}
