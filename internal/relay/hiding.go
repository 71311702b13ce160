package relay

import (
	"context"
	"log/slog"
	"strings"
)

// hiding is a slog.Handler that takes secrets out of what connections log: they quote servers, which quote stream keys.
type hiding struct {
	slog.Handler
	secrets *strings.Replacer
}

// Handle passes the record on without secrets.
func (h hiding) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.clean(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

// WithAttrs cleans attributes that all further records have.
func (h hiding) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.clean(a)
	}
	return hiding{h.Handler.WithAttrs(clean), h.secrets}
}

// WithGroup keeps hiding within the group.
func (h hiding) WithGroup(name string) slog.Handler {
	return hiding{h.Handler.WithGroup(name), h.secrets}
}

// clean looks at texts and at errors, which is what peers have a hand in.
func (h hiding) clean(a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, h.secrets.Replace(a.Value.String()))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			return slog.String(a.Key, h.secrets.Replace(err.Error()))
		}
	}
	return a
}
