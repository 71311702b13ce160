package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"leat/media"
	"leat/rtmp"
)

// publishCommand is `leat publish`.
type publishCommand struct {
	connectFlags

	File string `arg:"" help:"FLV file, or - for standard input."`
	URL  string `arg:"" name:"url" help:"Where to publish: rtmp://host/app/name."`

	Type    string        `help:"What the server is to do with it: live, record, append or appendWithGap." enum:"live,record,append,appendWithGap" default:"live"`
	Loop    bool          `help:"Begin anew at the end of the file, on one timeline."`
	Speed   float64       `help:"1 is real time, 2 is twice as fast, 0 as fast as the server takes it." default:"1"`
	Timeout time.Duration `help:"How long to wait for the server's answers." default:"10s"`
	JSON    bool          `name:"json" help:"Print a summary as JSON at the end."`
}

// publishSummary is what --json prints.
type publishSummary struct {
	URL        string `json:"url"`
	Ended      ending `json:"ended"`
	Reason     string `json:"reason,omitempty"`
	Packets    int64  `json:"packets"`
	Bytes      int64  `json:"bytes"`       // of message bodies
	DurationMS int64  `json:"duration_ms"` // of the media
	ElapsedMS  int64  `json:"elapsed_ms"`
	Passes     int    `json:"passes"` // of the file, the last one perhaps in part
}

// ending says who ended a stream.
type ending string

const (
	endedByFile      ending = "file"      // its end
	endedByServer    ending = "server"    // or the connection to it
	endedByInterrupt ending = "interrupt" // a signal
)

// Run publishes until the file or the server ends the stream, or a signal comes. Then the server is told.
func (c *publishCommand) Run(ctx context.Context, std streams) (err error) {
	t, err := c.check()
	if err != nil {
		return err
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	src, err := openSource(inner, c.File, std.in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if c.Loop && src.size == 0 {
		return &exitError{exitUsage, fmt.Errorf("--loop needs a file: %s cannot be read twice", src.name)}
	}
	conn, err := t.dial(ctx, toPublish)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	answering, done := t.answering(ctx)
	defer done()
	pub, err := conn.Publish(answering, "", &rtmp.PublishOptions{Type: rtmp.PublishType(c.Type)})
	if err != nil {
		return t.failure(ctx, err, "publish")
	}
	s := &sender{target: t, pub: pub, src: src, packets: src, pace: pacer{speed: c.Speed}, begun: time.Now()}
	if c.Loop {
		s.loop = &repeater{src: src, rewind: src.rewind}
		s.packets = s.loop
	}
	s.progress = newProgress(std.err, "publishing", c.total(src))
	err = s.run(ctx, inner, cancel)
	s.progress.end()
	err = errors.Join(err, s.finish(ctx, conn))
	if c.JSON {
		err = errors.Join(err, s.report(std.out, err))
	}
	return err
}

// check looks at the arguments.
func (c *publishCommand) check() (*target, error) {
	if c.Speed < 0 {
		return nil, &exitError{exitUsage, errors.New("--speed must not be negative")}
	}
	return c.target(c.URL, c.Timeout)
}

// total is how many bytes will be read; 0 if that is not known.
func (c *publishCommand) total(src *source) int64 {
	if c.Loop {
		return 0
	}
	return src.size
}

// sender moves packets from a file to a server.
type sender struct {
	target   *target
	pub      *rtmp.Publisher
	src      *source
	packets  media.Reader // src, or loop
	loop     *repeater    // nil: the file is read once
	pace     pacer
	progress *progress

	begun       time.Time
	ended       ending
	count       int64
	bytes       int64
	hasFrames   bool
	first, last time.Duration
}

// run sends packets until one side ends the stream. inner is ended by cancel when the server does, so that no wait
// goes on then; ctx is ended by the user.
func (s *sender) run(ctx, inner context.Context, cancel context.CancelCauseFunc) error {
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-s.pub.Done():
			cancel(s.pub.Err())
		case <-inner.Done():
		}
	})
	sent, err := s.copy(inner)
	over := s.pub.Err() // nil while the server goes on
	cancel(nil)
	watch.Wait()
	switch {
	case ctx.Err() != nil:
		s.ended = endedByInterrupt
		return nil
	case over != nil:
		s.ended = endedByServer
		return s.failure(over)
	case !sent:
		s.ended = endedByServer
		return s.failure(s.reason(err))
	}
	s.ended = endedByFile
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case !s.hasFrames:
		return fmt.Errorf("%s holds no frames", s.src.name)
	}
	return nil
}

// copy moves packets until it cannot go on. sent is false when it was a packet that could not be sent, which the
// connection's end may explain better than err.
func (s *sender) copy(ctx context.Context) (sent bool, err error) {
	for {
		p, err := s.packets.ReadPacket(ctx)
		if err != nil {
			return true, err
		}
		if err := s.pace.wait(ctx, p); err != nil {
			return true, err
		}
		if err := s.pub.WritePacket(ctx, p); err != nil {
			return false, err
		}
		s.note(p)
	}
}

// reason waits for the server's last words after a packet could not be sent: they may still be unread.
func (s *sender) reason(err error) error {
	moment := time.NewTimer(time.Second)
	defer moment.Stop()
	select {
	case <-s.pub.Done():
		return s.pub.Err()
	case <-moment.C:
		return err
	}
}

func (s *sender) note(p *media.Packet) {
	s.count++
	s.bytes += int64(len(p.Body))
	if !p.Config {
		if !s.hasFrames {
			s.hasFrames, s.first, s.last = true, p.Timestamp, p.Timestamp
		}
		s.last = max(s.last, p.Timestamp)
	}
	s.progress.at(s.src.read, s.last-s.first, s.bytes)
}

// failure says how the server ended the stream.
func (s *sender) failure(err error) error {
	t := s.target
	if said, ok := errors.AsType[*rtmp.StatusError](err); ok {
		code := exitIncomplete
		if said.Level == rtmp.LevelError {
			code = exitRefused
		}
		return &exitError{code, errors.New(t.secrets.Replace(fmt.Sprintf("%s ended the stream %s: %v", t.url.Address(), t.stream(), said)))}
	}
	text := err.Error()
	if closed, ok := errors.AsType[*rtmp.CloseReason](err); ok {
		text = closed.Text
	}
	return &exitError{exitIncomplete, fmt.Errorf("the connection to %s ended before the stream did: %s", t.url.Address(), text)}
}

// flushTime is how long a server has to take what was sent before an interrupt.
const flushTime = 2 * time.Second

// finish ends the publication and sees to it that the server gets all of it. After an interrupt it waits for a
// moment only; else for as long as the server takes anything, which the connection itself watches.
func (s *sender) finish(ctx context.Context, conn *rtmp.Conn) error {
	if s.ended == endedByServer {
		return nil
	}
	if err := s.pub.Close(); err != nil {
		return s.failure(err)
	}
	if ctx.Err() != nil {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		_ = conn.Flush(late) // the user wants to leave; what did not get through in time is lost
		return nil
	}
	if err := conn.Flush(ctx); err != nil && ctx.Err() == nil {
		return s.failure(err)
	}
	return nil
}

// report prints the summary.
func (s *sender) report(w io.Writer, failed error) error {
	sum := publishSummary{
		URL:        s.target.String(),
		Ended:      s.ended,
		Packets:    s.count,
		Bytes:      s.bytes,
		DurationMS: (s.last - s.first).Milliseconds(),
		ElapsedMS:  time.Since(s.begun).Milliseconds(),
		Passes:     1,
	}
	if s.loop != nil {
		sum.Passes += s.loop.passes
	}
	if failed != nil {
		sum.Reason = failed.Error()
	}
	if err := json.NewEncoder(w).Encode(&sum); err != nil {
		return fmt.Errorf("print the summary: %w", err)
	}
	return nil
}
