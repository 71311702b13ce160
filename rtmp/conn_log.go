package rtmp

import (
	"context"
	"log/slog"
)

// connHandler is the handler of a connection's logger: it names the connection in each line. It does so when the line is written, not
// ahead as slog.Logger.With does: a connection has few lines, and a server many connections.
type connHandler struct {
	slog.Handler
	c *Conn
}

// Handle writes a line with the connection's attributes in front of its own.
func (h *connHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.named().Handle(ctx, r)
}

// WithAttrs returns a handler with the connection's attributes and these.
func (h *connHandler) WithAttrs(attrs []slog.Attr) slog.Handler { return h.named().WithAttrs(attrs) }

// WithGroup returns a handler with the connection's attributes outside of the group.
func (h *connHandler) WithGroup(name string) slog.Handler { return h.named().WithGroup(name) }

func (h *connHandler) named() slog.Handler {
	attrs := make([]slog.Attr, 0, 3)
	if h.c.id != 0 {
		attrs = append(attrs, slog.Uint64("conn", h.c.id))
	}
	attrs = append(attrs, slog.String("remote", h.c.RemoteAddr().String()))
	if h.c.proxy != nil {
		attrs = append(attrs, slog.String("proxy", h.c.proxy.String()))
	}
	return h.Handler.WithAttrs(attrs)
}
