// Package acme fetches and renews the certificates of a server from Let's Encrypt (RFC 8555), by certmagic.
//
// A Manager answers two of the challenges by which the authority sees that a name leads to this machine: TLS-ALPN, in
// any TLS handshake on port 443 that uses its TLSConfig, and HTTP, for which it listens on port 80 while it is asked. Accounts,
// keys and certificates live in a folder, so that a restart asks for nothing.
package acme

import (
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// Config says which certificates there are to be.
type Config struct {
	Domains []string // host names; at least one
	Email   string   // where the authority may write to; may be empty
	Folder  string   // made when it is first needed
	Logger  *slog.Logger

	// Directory is the URL of another authority; "" means Let's Encrypt.
	Directory string
}

// Manager keeps the certificates of its domains valid, until Close.
type Manager struct {
	domains []string
	cache   *certmagic.Cache
	config  *certmagic.Config
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
}

// New returns a Manager of what there is in the folder. It must be closed.
func New(cfg Config) *Manager {
	log := zap.New(logCore{cfg.Logger})
	m := &Manager{domains: cfg.Domains}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		Logger:           log,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{Storage: &certmagic.FileStorage{Path: cfg.Folder}, Logger: log})
	m.config.Issuers = []certmagic.Issuer{certmagic.NewACMEIssuer(m.config, certmagic.ACMEIssuer{
		CA: cfg.Directory, Email: cfg.Email, Agreed: true, Logger: log,
	})}
	return m
}

// Start begins to fetch and renew certificates, until Close. It does not wait for them: a handshake that comes too early
// fails. An error says that the domains cannot be managed.
func (m *Manager) Start() error { return m.config.ManageAsync(m.ctx, m.domains) }

// TLSConfig returns a configuration with the certificates, which must not be changed: TLS 1.2 at least, and the answers to
// TLS-ALPN.
func (m *Manager) TLSConfig() *tls.Config {
	c := m.config.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	return c
}

// Close ends the management.
func (m *Manager) Close() {
	m.cancel()
	m.cache.Stop()
}
