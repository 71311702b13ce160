package rtmp

import (
	"context"
	"errors"
	"time"

	"leat/media"
)

// settled is how long a connection has lasted that its server is not said to send us round in circles for.
const settled = 10 * time.Second

// move is a request to go elsewhere.
type move struct {
	from *Conn
	to   *URL
}

// following returns cfg, or the defaults, with the requests to go elsewhere told to ask as well.
func following(cfg *DialConfig, ask func(move)) DialConfig {
	var c DialConfig
	if cfg != nil {
		c = *cfg
	}
	hear := c.OnReconnect
	c.OnReconnect = func(conn *Conn, r *ReconnectRequest) {
		if hear != nil {
			hear(conn, r)
		}
		ask(move{conn, r.URL})
	}
	return c
}

// trips counts the requests that follow upon one another.
type trips struct{ n int }

// another reports whether the server of a connection that began at since is obeyed once more: not if it sends us round in circles.
func (t *trips) another(c *Conn, since time.Time, cfg *DialConfig) bool {
	limit := cfg.MaxRedirects
	if limit == 0 {
		limit = defaultRedirects
	}
	if time.Since(since) > settled {
		t.n = 0
	}
	t.n++
	if t.n > limit {
		c.logger.Warn("reconnect request ignored: there were too many of them", "limit", limit)
		return false
	}
	return true
}

// beginAnywhere connects to a place, or where that sends us, and begins a stream there. ctx bounds it besides cfg.
func beginAnywhere[S any](ctx context.Context, u *URL, cfg *DialConfig, begin func(*Conn) (S, error)) (*Conn, S, error) {
	var none S
	conn, err := DialURL(ctx, u, cfg)
	if err != nil {
		return nil, none, err
	}
	for {
		stream, err := begin(conn)
		if err == nil {
			return conn, stream, nil
		}
		next, failed := conn.Redial(ctx, err)
		if failed != nil {
			return nil, none, errors.Join(failed, conn.Close())
		}
		conn = next
	}
}

// isBoundary reports whether a stream can go on elsewhere with a packet.
func isBoundary(pkt *media.Packet, hasVideo bool) bool {
	if pkt.Config {
		return false
	}
	return pkt.Kind == media.Video && pkt.Key && pkt.Track == 0 || pkt.Kind == media.Audio && !hasVideo
}
