package node

import (
	"context"
	"errors"
	"net/http"

	"leat/internal/config"
	"leat/internal/web/rtc"
	"leat/live"
	"leat/media"
)

// Publish lets a publisher in as over RTMP.
func (g rtcGate) Publish(r *http.Request, app, name string) (*rtc.Publishing, error) {
	n := g.n
	q := &webRequest{key: media.Key{App: app, Name: name}, token: webToken(r), addr: n.webAddr(r)}
	q.log = n.log.With("remote", r.RemoteAddr, "stream", brief(q.key.String()), "input", "webrtc")
	if err := n.mayPublishOverRTC(r, q); err != nil {
		return nil, err
	}
	if !n.onAir(q.key) && n.memory.shortage() >= short {
		n.counters.refuse(toPublish, byMemory)
		q.log.Warn("refused: the server is out of memory; raise limits.memory, or give the machine less to do", "request", requestNames[toPublish])
		return nil, &rtc.Refusal{Status: http.StatusServiceUnavailable, Sentence: "The server is out of memory; try again later."}
	}
	p := &publication{
		key: q.key, remote: q.addr, log: q.log, app: &q.app, kind: "webrtc", address: r.RemoteAddr, host: r.Host,
	}
	return &rtc.Publishing{
		Remote: q.addr, Logger: q.log,
		Run: func(ctx context.Context, from media.Reader) error {
			p.from = from
			return n.publishRTC(ctx, p)
		},
		Refused: func(reason string) { q.log.Warn("publisher refused", "reason", reason) },
	}, nil
}

// mayPublishOverRTC is mayPublish for WHIP. Users show their password as HTTP has it (Basic).
func (n *Node) mayPublishOverRTC(r *http.Request, q *webRequest) error {
	_, app, ok := n.Config().Lookup(r.Host, q.key.App)
	user, password, _ := r.BasicAuth()
	switch {
	case !ok:
		n.counters.refuse(toPublish, byApp)
		return &rtc.Refusal{Status: http.StatusNotFound, Sentence: "There is no such application on this server."}
	case !app.PublishFrom.Contains(q.addr):
		n.counters.refuse(toPublish, byAddress)
		q.log.Warn("publisher refused", "reason", "its address is not in publish_from of the application; add the address there")
		return &rtc.Refusal{Status: http.StatusForbidden, Sentence: "Publishing is not allowed from " + q.addr.String() + "."}
	case app.Users.IsSet() && !isUser(app.Users, user, password):
		n.counters.refuse(toPublish, byUser)
		q.log.Warn("publisher refused", "reason", "it is not one of users_file; over WebRTC user and password are those of HTTP (Basic)")
		return &rtc.Refusal{Status: http.StatusUnauthorized, Sentence: "Publishing needs a user and a password."}
	case app.PublishToken.IsSet() && !app.PublishToken.Matches(q.token):
		n.counters.refuse(toPublish, byToken)
		q.log.Warn("publisher refused", "reason", "it named a wrong publish_token or none; it must be the bearer token of the encoder, or stand in the address as ?token=...")
		return &rtc.Refusal{Status: http.StatusUnauthorized, Sentence: "Publishing needs a token: send it as a bearer token, or add ?token=… to the address.", Bearer: true}
	}
	q.app = app
	return nil
}

func isUser(users config.Users, name, password string) bool {
	wanted, ok := users.Password(name)
	return ok && wanted.Matches(password)
}

// publishRTC holds the stream. An error before the first packet is read is the answer to the client.
func (n *Node) publishRTC(ctx context.Context, p *publication) error {
	limit := n.Config().Limits.Publishers
	defer n.publishers.Add(-1)
	if n.publishers.Add(1) > int64(limit) && limit > 0 {
		n.counters.refuse(toPublish, byLimit)
		p.log.Warn("publisher refused: limits.publishers is reached", "limit", limit)
		return &rtc.Refusal{Status: http.StatusServiceUnavailable, Sentence: "The server has as many publishers as it takes."}
	}
	n.counters.rtc.publishers.Add(1)
	defer n.counters.rtc.publishers.Add(-1)
	taken, err := n.publish(ctx, p)
	switch {
	case taken:
		return nil // the log has said why it ended
	case errors.Is(err, live.ErrBusy):
		n.counters.refuse(toPublish, byBusy)
		return &rtc.Refusal{Status: http.StatusConflict, Sentence: "The stream is already being published."}
	case errors.Is(err, live.ErrClosed):
		n.counters.refuse(toPublish, byShutdown)
		return &rtc.Refusal{Status: http.StatusServiceUnavailable, Sentence: "The server is shutting down."}
	}
	return err
}
