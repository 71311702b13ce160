package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"leat/internal/config"
	"leat/internal/relay"
	"leat/internal/web/api"
	"leat/internal/web/rtc"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// publication is a publisher that is let in, over RTMP or WebRTC.
type publication struct {
	key    media.Key
	from   media.Reader
	remote netip.Addr
	log    *slog.Logger
	app    *config.App
	kind   string // the publish type, or webrtc

	conn    uint64     // number of the connection; 0 over WebRTC
	address string     // where it comes from, for events
	host    string     // the virtual host that it has named
	path    relay.Path // of servers that a relay has brought the stream by

	stream *rtmp.PublishStream // nil over WebRTC
}

// publish holds a stream of the hub for as long as its publisher stays. If the stream cannot be had, taken is false and no packet was
// read; otherwise the error is why the publisher left, and nil for the end of the stream.
func (n *Node) publish(ctx context.Context, p *publication) (taken bool, err error) {
	hubPolicy, err := live.ParsePolicy(string(p.app.Policy))
	if err != nil {
		return false, err
	}
	log := p.log
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pub, err := n.hub.Publish(p.key, &live.PublishOptions{
		RemoteAddr: p.remote,
		Policy:     hubPolicy,
		OnTakeover: func() { cancel(live.ErrTakenOver) },
		OnWatched:  p.watched,
	})
	if err != nil {
		if errors.Is(err, live.ErrBusy) {
			log.Warn("publisher refused: the stream has a publisher; use another name, stop the other one, or set policy: takeover")
		}
		return false, err
	}
	started := time.Now()
	n.counters.publications.Add(1)
	n.begun(p.key)
	log.Info("publishing", "type", p.kind)
	n.tell(api.EventPublished, p.conn, p.address, p.key, "")
	defer n.begin(p)()
	w := &inspector{log: log, to: pub}
	n.keepWindow(p.key, p.app)
	recording, err := n.record(log, p, &p.app.Record)
	packets := int64(0)
	if err == nil {
		packets, err = media.Copy(ctx, w, p.from)
	}
	pub.Close(err == nil)
	recording.end(err == nil)
	if info, ok := n.hub.Stream(p.key); ok && info.Grace {
		log = log.With("players", "they wait for its return")
	}
	n.tell(api.EventUnpublished, p.conn, p.address, p.key, endText(err))
	log.Info("publish ended", "reason", endText(err), "packets", packets, "bytes", w.bytes.Load(), "dur", time.Since(started).Round(time.Millisecond))
	return true, err
}

// watched tells a publisher of RTMP how much of a hurry there is.
func (p *publication) watched(is bool) {
	if p.stream != nil {
		p.stream.SetPatient(!is)
	}
}

// publishRTMP is publish for a stream of RTMP.
func (n *Node) publishRTMP(ctx context.Context, log *slog.Logger, s *rtmp.PublishStream, key media.Key, app *config.App) error {
	taken, err := n.publish(ctx, &publication{
		key: key, from: s, remote: remote(s.Conn()), log: log, app: app, kind: string(s.Type()),
		conn: s.Conn().ID(), address: s.Conn().RemoteAddr().String(), host: tcHost(s.Request().TCURL), path: relay.PathOf(s.Request()), stream: s,
	})
	var gone *rtmp.CloseReason
	switch {
	case !taken:
		return n.refused(err, s.Key())
	case errors.Is(err, live.ErrTakenOver):
		return rtmp.Refuse(rtmp.CodePublishBadName, "Another publisher has taken %s over.", s.Key().Name)
	case err == nil || errors.As(err, &gone) || errors.Is(err, live.ErrClosed) || ctx.Err() != nil:
		return nil
	}
	return fmt.Errorf("publishing %s: %w", s.Key(), err)
}

// endText says why a publication ended.
func endText(err error) string {
	var gone *rtmp.CloseReason
	switch {
	case err == nil:
		return "the client ended the stream"
	case errors.Is(err, live.ErrTakenOver):
		return "another publisher has taken the stream over"
	case errors.Is(err, rtc.ErrLost):
		return "the client has gone, or never came"
	case errors.Is(err, live.ErrClosed), errors.Is(err, rtmp.ErrServerClosed), errors.Is(err, rtc.ErrClosed):
		return "the server is shutting down"
	case errors.As(err, &gone) && gone.Side == rtmp.SidePeer:
		return gone.Text + " without ending the stream"
	case errors.As(err, &gone):
		return gone.Text
	}
	return err.Error()
}
