package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

// warnings is a slog.Handler that says on a console, as the rest that is said there, what the library warns of.
type warnings struct {
	console *console
	secrets *strings.Replacer
	attrs   []slog.Attr
}

// logger returns a logger of warnings about t.
func (t *target) logger(c *console) *slog.Logger {
	return slog.New(warnings{console: c, secrets: t.secrets})
}

// Enabled passes warnings and errors.
func (warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

// Handle says the message, what it is about in brackets, and the error behind a colon.
func (w warnings) Handle(_ context.Context, r slog.Record) error {
	var about []string
	failure := ""
	add := func(a slog.Attr) bool {
		if a.Key == "err" {
			failure = ": " + a.Value.String()
		} else {
			about = append(about, a.Key+" "+a.Value.String())
		}
		return true
	}
	for _, a := range w.attrs {
		add(a)
	}
	r.Attrs(add)
	text := r.Message
	if len(about) > 0 {
		text += " (" + strings.Join(about, ", ") + ")"
	}
	w.console.say("leat: %s", w.secrets.Replace(text+failure))
	return nil
}

// WithAttrs returns a handler that says those as well.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	w.attrs = slices.Concat(w.attrs, attrs)
	return w
}

// WithGroup returns w: a person has no use for groups.
func (w warnings) WithGroup(string) slog.Handler { return w }
