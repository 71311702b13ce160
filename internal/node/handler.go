package node

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// handler is the RTMP door: rtmp.Handler and its add-on interfaces.
type handler struct{ n *Node }

var (
	_ rtmp.Handler        = (*handler)(nil)
	_ rtmp.ConnectHandler = (*handler)(nil)
	_ rtmp.LengthHandler  = (*handler)(nil)
)

// ServeConnect lets in who names an application that exists.
func (h *handler) ServeConnect(ctx context.Context, r *rtmp.ConnectRequest) error {
	n := h.n
	n.counters.connect.observe(time.Since(r.Conn.Stats().Since), 1)
	if addr := remote(r.Conn); n.peers.onlyOne(addr) {
		n.log.Warn("all peers come from one address: a proxy or a container hides who they are, so publish_from cannot tell them apart; set publish_token", "address", addr.String())
	}
	app, ok := n.app(r)
	if !ok {
		n.counters.refuse(toConnect, byApp)
		n.log.Warn("refused: there is no such application; correct the address in the encoder or add it under apps in the configuration",
			"conn", r.Conn.ID(), "remote", r.Conn.RemoteAddr().String(), "app", brief(r.App), "client", brief(r.FlashVer))
		return rtmp.Refuse(rtmp.CodeConnectInvalidApp, "There is no application %q on this server.", brief(r.App))
	}
	if err := n.noMemory(n.log.With("conn", r.Conn.ID(), "remote", r.Conn.RemoteAddr().String()), toConnect, severe, rtmp.CodeConnectRejected); err != nil {
		return err
	}
	if err := n.admit(r); err != nil {
		return err
	}
	r.Proof = rtmp.Proof{Token: app.SecureToken.Reveal(), SWFs: n.swfOf(&app)}
	return n.authenticate(ctx, r, &app)
}

// ServePublish runs a publisher's packets into the hub.
func (h *handler) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	n, key := h.n, withoutFLV(s.Key())
	log := n.streamLog(s.Conn(), key)
	app, ok := n.app(s.Request())
	if !ok {
		n.counters.refuse(toPublish, byApp)
		return rtmp.Refuse(rtmp.CodePublishBadName, "There is no application %q on this server any more.", brief(s.Key().App))
	}
	if d := mayPublish(&app, s); d != nil {
		n.counters.refuse(toPublish, d.reason)
		log.Warn("publisher refused", "reason", d.log)
		return d.status
	}
	if !n.onAir(key) { // who comes back, or takes over, takes the place of another
		if err := n.noMemory(log, toPublish, short, rtmp.CodePublishBadName); err != nil {
			return err
		}
	}
	limit := n.Config().Limits.Publishers
	defer n.publishers.Add(-1)
	if n.publishers.Add(1) > int64(limit) && limit > 0 {
		n.counters.refuse(toPublish, byLimit)
		log.Warn("publisher refused: limits.publishers is reached", "limit", limit)
		return rtmp.Refuse(rtmp.CodePublishBadName, "The server has as many publishers as it takes.")
	}
	return n.publishRTMP(ctx, log, s, key, &app)
}

// ServePlay lets a player join its stream's fan-out, or shows it a recording.
func (h *handler) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	n := h.n
	live := n.liveKey(s.Key())
	log := n.streamLog(s.Conn(), live)
	app, ok := n.app(s.Request())
	if !ok {
		n.counters.refuse(toPlay, byApp)
		return rtmp.Refuse(rtmp.CodePlayFailed, "There is no application %q on this server any more.", brief(s.Key().App))
	}
	if d := mayPlay(&app, s); d != nil {
		n.counters.refuse(toPlay, d.reason)
		log.Warn("player refused", "reason", d.log)
		return d.status
	}
	if err := n.noMemory(log, toPlay, short, rtmp.CodePlayFailed); err != nil {
		return err
	}
	switch title, err := n.film(ctx, &app, s, live); {
	case ctx.Err() != nil:
		if title != nil {
			title.Release()
		}
		return ctx.Err()
	case err != nil:
		return n.noFilm(log, s, err)
	case title != nil:
		return n.screen(log, &app, s, title)
	}
	if err := n.fetch(ctx, log, s, live); err != nil {
		return err
	}
	return n.join(log, s, live)
}

// onAir reports whether a stream has a publisher, or one that may come back within the grace.
func (n *Node) onAir(key media.Key) bool {
	info, ok := n.hub.Stream(key)
	return ok && (info.Publisher != nil || info.Grace)
}

// The prefixes by which clients choose the container of a recording (RTMP 7.2.2.1). Many put them before the names of live streams, too.
const (
	prefixFLV = "flv:" // the default: it means nothing
	prefixMP4 = "mp4:"
)

func withoutFLV(key media.Key) media.Key {
	key.Name = liveName(key.Name)
	return key
}

func liveName(name string) string {
	if rest := strings.TrimPrefix(name, prefixFLV); rest != "" {
		return rest
	}
	return name
}

// liveKey returns the live stream that a player means. Who names one that is not on air gets the same with "mp4:", or without.
func (n *Node) liveKey(key media.Key) media.Key {
	key = withoutFLV(key)
	if n.onAir(key) {
		return key
	}
	other := key
	if name, ok := strings.CutPrefix(key.Name, prefixMP4); ok {
		other.Name = name
	} else {
		other.Name = prefixMP4 + key.Name
	}
	if n.onAir(other) {
		return other
	}
	return key
}

// streamLog names the connection as its own lines do, which also say what the client is.
func (n *Node) streamLog(c *rtmp.Conn, key media.Key) *slog.Logger {
	return n.log.With("conn", c.ID(), "remote", c.RemoteAddr().String(), "stream", brief(key.String()))
}

// maxBrief is how much of a text that a client chose goes into a log line or an answer, bytes.
const maxBrief = 200

func brief(s string) string {
	if len(s) > maxBrief {
		return s[:maxBrief] + "..."
	}
	return s
}

// refused is how a client is told that the hub does not take its stream.
func (n *Node) refused(err error, key media.Key) error {
	switch {
	case errors.Is(err, live.ErrBusy):
		n.counters.refuse(toPublish, byBusy)
		return rtmp.Refuse(rtmp.CodePublishBadName, "%s is already being published.", key.Name)
	case errors.Is(err, live.ErrClosed):
		n.counters.refuse(toPublish, byShutdown)
		return rtmp.Refuse(rtmp.CodePublishBadName, "The server is shutting down.")
	}
	return err
}
