package node

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"leat/internal/config"
)

// certificateCheck is how often files are looked at for a renewed certificate, at most: it happens in a handshake.
const certificateCheck = 10 * time.Second

// certificate is the one of the RTMPS door. It is read from its files again when they have changed.
type certificate struct {
	log *slog.Logger

	mu      sync.Mutex
	files   config.TLS
	current *tls.Certificate
	read    fileTimes // of the files that current came from
	tried   fileTimes // of the files that were tried last, good or bad
	checked time.Time
}

// fileTimes are the times of change of certificate and key.
type fileTimes [2]time.Time

func timesOf(files config.TLS) (fileTimes, error) {
	var times fileTimes
	for i, path := range []string{files.Cert, files.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return fileTimes{}, err
		}
		times[i] = info.ModTime()
	}
	return times, nil
}

// load reads the files, or keeps what there is.
func (c *certificate) load(files config.TLS) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loadLocked(files)
}

func (c *certificate) loadLocked(files config.TLS) error {
	times, err := timesOf(files)
	if err != nil {
		return fmt.Errorf("cannot read the certificate of the rtmps door: %w", err)
	}
	c.tried, c.checked = times, time.Now()
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return fmt.Errorf("cannot use the certificate of the rtmps door: %w", err)
	}
	c.files, c.current, c.read = files, &pair, times
	return nil
}

// use reads the files of a configuration that was reloaded. Without any, what there is stays.
func (c *certificate) use(files config.TLS) {
	if files.Cert == "" {
		return
	}
	if err := c.load(files); err != nil {
		c.log.Error("the certificate was not renewed, the old one stays", "err", err)
	}
}

// get returns the certificate for a handshake.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.checked) >= certificateCheck {
		c.checked = now
		c.renew()
	}
	return c.current, nil
}

// renew loads files that have changed. Files that do not fit together, as in the middle of a renewal, are tried again when they
// have changed once more.
func (c *certificate) renew() {
	times, err := timesOf(c.files)
	if err != nil || times == c.read || times == c.tried {
		return
	}
	if err := c.loadLocked(c.files); err != nil {
		c.log.Error("the certificate was not renewed, the old one stays", "err", err)
		return
	}
	c.log.Info("certificate renewed")
}
