package rtc

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logFactory brings what the libraries complain of into our log, at level debug: most of it is what peers have sent.
type logFactory struct{ log *slog.Logger }

// NewLogger returns the logger of one part of them.
func (f logFactory) NewLogger(scope string) logging.LeveledLogger {
	return leveled{f.log.With("scope", scope)}
}

type leveled struct{ log *slog.Logger }

func (l leveled) say(text func() string) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("webrtc", "text", text())
	}
}

func (l leveled) Trace(string)          {}
func (l leveled) Tracef(string, ...any) {}
func (l leveled) Debug(string)          {}
func (l leveled) Debugf(string, ...any) {}
func (l leveled) Info(string)           {}
func (l leveled) Infof(string, ...any)  {}
func (l leveled) Warn(m string)         { l.say(func() string { return m }) }
func (l leveled) Warnf(f string, args ...any) {
	l.say(func() string { return fmt.Sprintf(f, args...) })
}
func (l leveled) Error(m string) { l.say(func() string { return m }) }
func (l leveled) Errorf(f string, args ...any) {
	l.say(func() string { return fmt.Sprintf(f, args...) })
}
