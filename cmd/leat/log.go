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
		handler = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})
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

// isTerminal reports whether w is a terminal, or another character device, which does not mind.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
