package node

import (
	"crypto/tls"
	"path/filepath"

	"leat/internal/acme"
	"leat/internal/config"
)

// useCertificates lets clients come by TLS if there is a certificate, or will be.
func (n *Node) useCertificates(cfg *config.Config) error {
	switch {
	case len(cfg.TLS.Domains) > 0:
		n.acme = acme.New(acme.Config{
			Domains: cfg.TLS.Domains, Email: cfg.TLS.Email, Folder: filepath.Join(cfg.Data, "acme"), Logger: n.log,
		})
		n.rtmp.TLSConfig = withoutTickets(n.acme.TLSConfig())
		return n.acme.Start()
	case cfg.TLS.Cert != "":
		n.cert = &certificate{log: n.log}
		if err := n.cert.load(cfg.TLS); err != nil {
			return err
		}
		n.rtmp.TLSConfig = withoutTickets(&tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: n.cert.get})
	}
	return nil
}

// withoutTickets leaves session tickets away: librtmp with GnuTLS takes one that TLS 1.3 sends for a broken connection.
func withoutTickets(c *tls.Config) *tls.Config {
	c.SessionTicketsDisabled = true
	return c
}
