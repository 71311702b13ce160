package rtmp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
)

const (
	defaultRedirects = 5
	maxAuthConnects  = 3 // as many as publisher authentication takes
)

// dialing is one Dial: as many connections as redirects and publisher authentication want.
type dialing struct {
	url       *URL
	cfg       DialConfig
	connects  int // to this server
	redirects int
}

func (d *dialing) run(ctx context.Context) (*Conn, error) {
	for {
		d.connects++
		c, err := dialOnce(ctx, d.url, &d.cfg)
		refusal, refused := errors.AsType[*StatusError](err)
		if !refused {
			if err == nil {
				c.side.(*clientSide).dialing = d
			}
			return c, err
		}
		again, why := d.again(refusal)
		if why != nil {
			return nil, fmt.Errorf("%w (%w)", why, err)
		}
		if !again {
			return nil, err
		}
	}
}

// again prepares the next connection that a refusal leads to, and reports whether there is one.
func (d *dialing) again(refusal *StatusError) (bool, error) {
	if refusal.Redirect != "" {
		return d.redirect(refusal.Redirect)
	}
	app, tcURL := d.cfg.App, d.cfg.TCURL
	if app == "" {
		app = d.url.App
	}
	if tcURL == "" {
		tcURL = d.url.TCURL
	}
	user, password := d.cfg.User, d.cfg.Password
	if user == "" {
		user, password = d.url.User, d.url.Password
	}
	suffix, err := authmodReply(refusal.Description, app, user, password, rand.Reader)
	if err != nil || suffix == "" || d.connects >= maxAuthConnects {
		return false, err
	}
	d.cfg.App, d.cfg.TCURL = app+suffix, tcURL+suffix
	return true, nil
}

// redirect goes to another server, or another application of the same. It speaks the same transport unless the address says
// otherwise.
func (d *dialing) redirect(to string) (bool, error) {
	limit := d.cfg.MaxRedirects
	if limit == 0 {
		limit = defaultRedirects
	}
	if d.redirects >= limit {
		return false, fmt.Errorf("rtmp: not redirected more than %d times", max(limit, 0))
	}
	next, err := resolveTCURL(d.url, d.cfg.TCURL, to)
	if err != nil {
		return false, fmt.Errorf("rtmp: the address of a redirect is not usable: %w", err)
	}
	d.redirects++
	d.connects = 0
	d.url, d.cfg.App, d.cfg.TCURL = next, "", ""
	return true, nil
}
