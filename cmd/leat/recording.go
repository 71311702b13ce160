package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"leat/flv"
	"leat/media"
	"leat/rtmp"
)

// recording is what a player receives on its way to a file.
type recording struct {
	out      *flv.Writer
	duration time.Duration // of the media; 0: all
	patience patience
	console  *console

	packets     int64
	bytes       int64
	hasFrames   bool
	first, last time.Duration
}

// run copies until the stream ends (io.EOF), the duration is over (nil), or something fails.
func (r *recording) run(ctx context.Context, src media.Reader) error {
	ctx, stop := r.patience.begin(ctx)
	defer stop()
	for {
		p, err := src.ReadPacket(ctx)
		if err != nil {
			return err
		}
		r.patience.again()
		if r.isOver(p) {
			return nil
		}
		if err := r.out.WritePacket(ctx, p); ctx.Err() != nil {
			return context.Cause(ctx)
		} else if err != nil {
			return &outputError{err}
		}
		r.packets++
		r.bytes += int64(len(p.Body))
		r.console.at("playing", (r.last - r.first).Milliseconds(), r.last-r.first, r.bytes)
	}
}

// outputError is a failure to write the file.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }

func (e *outputError) Unwrap() error { return e.err }

// isOver takes note of p's time and reports whether it is behind the duration.
func (r *recording) isOver(p *media.Packet) bool {
	if p.Config {
		return false
	}
	if !r.hasFrames {
		r.hasFrames, r.first, r.last = true, p.Timestamp, p.Timestamp
	}
	if r.duration > 0 && p.Timestamp-r.first >= r.duration {
		return true
	}
	r.last = max(r.last, p.Timestamp)
	return false
}

// finish fills in the file's header.
func (r *recording) finish() error {
	if r.packets == 0 {
		return nil // an empty file helps nobody, and an old one may still
	}
	return r.out.Close()
}

// outcome says how the play ended, for what run returned.
func (r *recording) outcome(ctx context.Context, t *target, err error) error {
	if failed, ok := errors.AsType[*outputError](err); ok {
		cause := failed.err
		if inner := errors.Unwrap(cause); inner != nil && strings.HasPrefix(cause.Error(), "flv: ") {
			cause = inner // the system's own words are enough
		}
		return fmt.Errorf("cannot write the file: %w", cause)
	}
	reason := ""
	switch said, isStatus := errors.AsType[*rtmp.StatusError](err); {
	case ctx.Err() != nil:
		reason = "interrupted"
		err = nil
	case err == nil:
		reason = "the duration was over"
	case errors.Is(err, io.EOF):
		reason = "the stream ended"
		err = nil
	case errors.Is(err, errImpatient):
		reason = fmt.Sprintf("nothing came for %v", r.patience.limit)
	case isStatus:
		reason = fmt.Sprintf("%s ended the stream: %v", t.url.Address(), said)
	default:
		reason = "the connection ended: " + connectionText(err)
	}
	switch {
	case r.packets > 0 && err == nil:
		return nil
	case r.packets > 0:
		return &exitError{exitIncomplete, errors.New(t.secrets.Replace(fmt.Sprintf("%s is incomplete: %s", t.stream(), reason)))}
	case errors.Is(err, errImpatient):
		reason += "; is anybody publishing it?"
	}
	code := exitFailed
	if _, refused := errors.AsType[*rtmp.StatusError](err); refused {
		code = exitRefused
	}
	return &exitError{code, errors.New(t.secrets.Replace(fmt.Sprintf("nothing was received of %s: %s", t.stream(), reason)))}
}

// connectionText says why a connection ended.
func connectionText(err error) string {
	if closed, ok := errors.AsType[*rtmp.CloseReason](err); ok {
		return closed.Text
	}
	return err.Error()
}
