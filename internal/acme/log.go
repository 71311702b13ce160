package acme

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"go.uber.org/zap/zapcore"
)

// logCore writes what certmagic logs by zap to a slog.Logger.
type logCore struct {
	log *slog.Logger
}

func (c logCore) Enabled(level zapcore.Level) bool {
	return c.log.Enabled(context.Background(), slogLevel(level))
}

func (c logCore) With(fields []zapcore.Field) zapcore.Core {
	return logCore{c.log.With(attributes(fields)...)}
}

func (c logCore) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(entry.Level) {
		return checked.AddCore(entry, c)
	}
	return checked
}

func (c logCore) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	about := append([]any{slog.String("what", entry.Message)}, attributes(fields)...)
	c.log.Log(context.Background(), slogLevel(entry.Level), "certificates", about...)
	return nil
}

func (c logCore) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	encoder := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(encoder)
	}
	var list []any
	for _, name := range slices.Sorted(maps.Keys(encoder.Fields)) {
		list = append(list, slog.Any(name, encoder.Fields[name]))
	}
	return list
}

// slogLevel takes certmagic's news, of which there is much, one level down.
func slogLevel(level zapcore.Level) slog.Level {
	switch {
	case level >= zapcore.ErrorLevel:
		return slog.LevelError
	case level == zapcore.WarnLevel:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
