package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"leat/internal/config"
	"leat/internal/web/api"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// publish holds a stream of the hub for as long as its publisher stays.
func (n *Node) publish(ctx context.Context, log *slog.Logger, s *rtmp.PublishStream, app *config.App) error {
	hubPolicy, err := live.ParsePolicy(string(app.Policy))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pub, err := n.hub.Publish(s.Key(), &live.PublishOptions{
		RemoteAddr: remote(s.Conn()),
		Policy:     hubPolicy,
		OnTakeover: func() { cancel(live.ErrTakenOver) },
	})
	if err != nil {
		if errors.Is(err, live.ErrBusy) {
			log.Warn("publisher refused: the stream has a publisher; use another name, stop the other one, or set policy: takeover")
		}
		return n.refused(err, s.Key())
	}
	started := time.Now()
	n.counters.publications.Add(1)
	n.begun(s.Key())
	log.Info("publishing", "type", string(s.Type()))
	n.tell(api.EventPublished, s.Conn(), s.Key(), "")
	defer n.begin(s)()
	w := &inspector{log: log, to: pub}
	n.keepWindow(s.Key(), app)
	recording, err := n.record(log, s, &app.Record)
	packets := int64(0)
	if err == nil {
		packets, err = media.Copy(ctx, w, s)
	}
	pub.Close(err == nil)
	recording.end(err == nil)
	if info, ok := n.hub.Stream(s.Key()); ok && info.Grace {
		log = log.With("players", "they wait for its return")
	}
	n.tell(api.EventUnpublished, s.Conn(), s.Key(), endText(err))
	log.Info("publish ended", "reason", endText(err), "packets", packets, "bytes", w.bytes.Load(), "dur", time.Since(started).Round(time.Millisecond))
	var gone *rtmp.CloseReason
	switch {
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
	case errors.Is(err, live.ErrClosed), errors.Is(err, rtmp.ErrServerClosed):
		return "the server is shutting down"
	case errors.As(err, &gone) && gone.Side == rtmp.SidePeer:
		return gone.Text + " without ending the stream"
	case errors.As(err, &gone):
		return gone.Text
	}
	return err.Error()
}
