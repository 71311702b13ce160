package node

import (
	"context"
	"errors"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// handler is the RTMP door: rtmp.Handler and its add-on interfaces.
type handler struct{ n *Node }

var (
	_ rtmp.Handler        = (*handler)(nil)
	_ rtmp.ConnectHandler = (*handler)(nil)
)

// ServeConnect lets in who names an application that exists.
func (h *handler) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	n := h.n
	if addr := remote(r.Conn); n.peers.onlyOne(addr) {
		n.log.Warn("all peers come from one address: a proxy or a container hides who they are, so publish_from cannot tell them apart; set publish_token", "address", addr.String())
	}
	if _, ok := n.app(r); !ok {
		n.log.Warn("refused: there is no such application; correct the address in the encoder or add it under apps in the configuration",
			"remote", r.Conn.RemoteAddr().String(), "app", r.App, "client", r.FlashVer)
		return rtmp.Refuse(rtmp.CodeConnectInvalidApp, "There is no application %q on this server.", r.App)
	}
	return nil
}

// ServePublish runs a publisher's packets into the hub.
func (h *handler) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	n := h.n
	log := n.log.With("remote", s.Conn().RemoteAddr().String(), "stream", s.Key().String())
	app, ok := n.app(s.Request())
	if !ok {
		return rtmp.Refuse(rtmp.CodePublishBadName, "There is no application %q on this server any more.", s.Key().App)
	}
	if e := mayPublish(&app, s); e != nil {
		log.Warn("publisher refused, check publish_from and publish_token of the application", "reason", e.Description, "client", s.Request().FlashVer)
		return e
	}
	if limit := n.Config().Limits.Publishers; n.publishers.Add(1) > int64(limit) && limit > 0 {
		n.publishers.Add(-1)
		log.Warn("publisher refused: limits.publishers is reached", "limit", limit)
		return rtmp.Refuse(rtmp.CodePublishBadName, "The server has as many publishers as it takes.")
	}
	defer n.publishers.Add(-1)
	return n.publish(ctx, log, s, app.Policy)
}

// ServePlay lets a player join its stream's fan-out.
func (h *handler) ServePlay(_ context.Context, s *rtmp.PlayStream) error {
	n := h.n
	log := n.log.With("remote", s.Conn().RemoteAddr().String(), "stream", s.Key().String())
	app, ok := n.app(s.Request())
	if !ok {
		return rtmp.Refuse(rtmp.CodePlayFailed, "There is no application %q on this server any more.", s.Key().App)
	}
	if e := mayPlay(&app, s); e != nil {
		log.Warn("player refused, check play_from and play_token of the application", "reason", e.Description)
		return e
	}
	if s.Play().Start >= 0 {
		return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "Failed to play %s; there is no recording of it.", s.Key().Name)
	}
	if limit := n.Config().Limits.PlayersPerStream; limit > 0 && n.Players(s.Key()) >= limit {
		log.Warn("player refused: limits.players_per_stream is reached", "limit", limit)
		return rtmp.Refuse(rtmp.CodePlayFailed, "%s has as many players as it takes.", s.Key().Name)
	}
	return n.join(log, s)
}

// busy is how a client is told that the name is taken.
func busy(err error, key media.Key) error {
	if errors.Is(err, live.ErrBusy) {
		return rtmp.Refuse(rtmp.CodePublishBadName, "%s is already being published.", key.Name)
	}
	return err
}
