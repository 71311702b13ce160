package stream

import (
	"context"
	"net/http"
	"strings"
	"time"

	"leat/internal/fanout"
)

// viewer is one answer.
type viewer struct {
	server *Server
	feed   *feed
	pipe   *pipe
	first  func()
	player *fanout.Player
	bytes  int64
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
		Audio: true, Video: true, Prelude: v.feed.prelude(), OnFirst: v.first, OnEnd: v.pipe.end,
	})
	why := v.pour(ctx, send)
	v.pipe.close()
	v.player.Leave()
	s := v.player.Stats()
	return Stats{Bytes: v.bytes, Messages: s.Messages, Dropped: s.Dropped, Reason: why}, nil
}

// pour returns why it has ended.
func (v *viewer) pour(ctx context.Context, send func([]byte) error) string {
	for {
		b, reason, err := v.pipe.take(ctx)
		switch {
		case err != nil:
			return "the client left"
		case reason == fanout.ReasonLag:
			return "it was too slow for limits.max_lag"
		case reason != 0:
			return "the stream is over"
		}
		if err := send(b); err != nil {
			if ctx.Err() != nil {
				return "the client left"
			}
			return "the connection is gone"
		}
		v.bytes += int64(len(b))
	}
}
