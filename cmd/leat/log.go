package main

import (
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"

	"leat/internal/config"
)

// newLogger returns a logger that writes lines of the format to w, from level on; a level that is a *slog.LevelVar
// can be changed later. Text is in colour when w is a terminal, unless the user has set NO_COLOR.
func newLogger(w io.Writer, format config.LogFormat, level slog.Leveler) *slog.Logger {
	var handler slog.Handler
	switch {
	case format == config.LogJSON:
		handler = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withUnits})
	case isTerminal(w):
		handler = tint.NewTextHandler(w, &tint.Options{
			Level:      level,
			TimeFormat: time.TimeOnly,
			NoColor:    os.Getenv("NO_COLOR") != "",
		})
	default:
		handler = slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})
	}
	return slog.New(handler)
}

// withUnits writes durations as text does, such as 1.5s; JSON's own way is a number of nanoseconds that does not say so.
func withUnits(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// isTerminal reports whether w is a terminal, or another character device, which does not mind.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
