package stream

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"leat/internal/fanout"
)

// viewer is one answer.
type viewer struct {
	server *Server
	feed   *feed
	pipe   *pipe
	hooks  Hooks
	player *fanout.Player
	bytes  atomic.Int64
}

// LeftOut is the header of an answer that lacks a part of the stream because its format cannot carry it.
const LeftOut = "Leat-Left-Out"

// contentType is what the answer is.
func (f *feed) contentType() string {
	if f.key.format == MP4 {
		return f.mp4.mimeOf(nil)
	}
	return "video/x-flv"
}

// serveHTTP sends the stream as the body of an answer.
func (v *viewer) serveHTTP(w http.ResponseWriter, r *http.Request) (Stats, error) {
	h := w.Header()
	h.Set("Content-Type", v.feed.contentType())
	h.Set("X-Accel-Buffering", "no") // for reverse proxies
	if v.feed.mp4 != nil && len(v.feed.mp4.leftOut()) > 0 {
		h.Set(LeftOut, strings.Join(v.feed.mp4.leftOut(), ", "))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return Stats{Reason: "only the header was asked for"}, nil
	}
	control := http.NewResponseController(w)
	// The deadline for the request would end the answer, too, as the server goes on listening for the client's leave.
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return Stats{Reason: "the connection is gone"}, nil //nolint:nilerr // the answer has begun, and ends
	}
	return v.run(r.Context(), func(b []byte) error {
		if err := control.SetWriteDeadline(time.Now().Add(v.server.cfg.WriteStall())); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		return control.Flush()
	})
}

// run joins the log and sends what comes until the stream or the viewer ends.
func (v *viewer) run(ctx context.Context, send func([]byte) error) (Stats, error) {
	v.player = v.feed.out.Join(v.pipe, fanout.JoinOptions{
		Audio: true, Video: true, Prelude: v.feed.prelude(), OnFirst: v.hooks.First, OnEnd: v.pipe.end,
	})
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if v.hooks.Joined != nil {
		v.hooks.Joined(v.stats, func(reason string) { cancel(ended(reason)) })
	}
	why := v.pour(ctx, send)
	v.pipe.close()
	v.player.Leave()
	s := v.stats()
	s.Reason = why
	return s, nil
}

func (v *viewer) stats() Stats {
	s := v.player.Stats()
	return Stats{Bytes: v.bytes.Load(), Messages: s.Messages, Dropped: s.Dropped, Lag: s.Lag}
}

// pour returns why it has ended.
func (v *viewer) pour(ctx context.Context, send func([]byte) error) string {
	for {
		b, reason, err := v.pipe.take(ctx)
		switch {
		case err != nil:
			return whyDone(ctx)
		case reason == fanout.ReasonLag:
			return "it was too slow for limits.max_lag"
		case reason != 0:
			return "the stream is over"
		}
		if err := send(b); err != nil {
			if ctx.Err() != nil {
				return whyDone(ctx)
			}
			return "the connection is gone"
		}
		v.bytes.Add(int64(len(b)))
	}
}

// ended is why somebody has ended an answer.
type ended string

// Error returns the reason.
func (e ended) Error() string { return string(e) }

// whyDone says why a viewer's context is done.
func whyDone(ctx context.Context) string {
	if reason, ok := errors.AsType[ended](context.Cause(ctx)); ok {
		return string(reason)
	}
	return "the client left"
}
