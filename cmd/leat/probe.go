package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"leat/internal/format/container"
	"leat/media"
	"leat/rtmp"
)

// probeCommand is `leat probe`.
type probeCommand struct {
	connectFlags

	Source  string        `arg:"" name:"url" help:"What to look at: rtmp://host/app/name, an FLV, MP4 or MP3 file, or - for one on standard input."`
	Analyze time.Duration `help:"How much of a live stream to look at; less when everything is known before. Files are read to their end." default:"5s" placeholder:"TIME"`
	Timeout time.Duration `help:"How long to wait for the server's answers and for the first packet." default:"10s"`
	JSON    bool          `name:"json" help:"Print JSON with the names that ffprobe uses."`
}

// Run looks at the stream and prints what it has found. A stream that ended too early is reported as far as it went.
func (c *probeCommand) Run(ctx context.Context, std streams) error {
	var r *report
	var err error
	if strings.Contains(c.Source, "://") {
		r, err = c.stream(ctx, std.dial)
	} else {
		r, err = c.file(ctx, std.in)
	}
	if r == nil {
		return err
	}
	show := r.table
	if c.JSON {
		show = r.json
	}
	if failed := show(std.out); failed != nil {
		return fmt.Errorf("print the report: %w", failed)
	}
	return err
}

// file looks at all of an FLV, MP4 or MP3 file. One that is cut off gives a report and an error.
func (c *probeCommand) file(ctx context.Context, stdin io.Reader) (_ *report, err error) {
	src, err := openSource(ctx, c.Source, stdin)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	var a analysis
	err = a.run(ctx, src, func() bool { return false })
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		err = nil
	}
	if len(a.tracks) == 0 {
		if err == nil {
			err = fmt.Errorf("%s holds no audio and no video", src.name)
		}
		return nil, err
	}
	r := newReport(src.name, &a)
	r.Format.Duration = seconds((a.end() - a.start()).Round(time.Millisecond))
	r.Format.Size = fmt.Sprint(max(src.size, src.read))
	r.Format.FormatName = formatName(src.kind)
	return r, err
}

// formatName is what ffprobe calls a container.
func formatName(k container.Kind) string {
	switch k {
	case container.MP4:
		return "mov,mp4,m4a,3gp,3g2,mj2"
	case container.MP3:
		return "mp3"
	}
	return "flv"
}

// stream plays a stream for a while.
func (c *probeCommand) stream(ctx context.Context, dial dialFunc) (_ *report, err error) {
	if c.Analyze <= 0 {
		return nil, &exitError{exitUsage, errors.New("--analyze must be more than 0")}
	}
	t, err := c.target(c.Source, c.Timeout, dial)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	conn, err := t.dial(ctx, toPlay)
	if err != nil {
		return nil, err
	}
	connected := time.Since(begun)
	defer func() { err = errors.Join(err, conn.Close()) }()
	answering, done := t.answering(ctx)
	defer done()
	var player *rtmp.Player
	conn, player, err = playAnywhere(answering, conn, nil)
	if err != nil {
		return nil, t.failure(ctx, err, "play")
	}
	s := &sample{limit: c.Analyze, patience: patience{limit: c.Timeout}}
	err = errors.Join(s.outcome(ctx, t, s.run(ctx, player)), player.Close())
	if len(s.found.tracks) == 0 {
		return nil, err
	}
	r := newReport(t.String(), &s.found)
	r.RTMP = newSession(conn, begun, connected, &s.found)
	return r, err
}

// sample is a look at a live stream.
type sample struct {
	limit    time.Duration
	patience patience // until the first packet; then the limit counts
	found    analysis
}

var errSampled = errors.New("long enough")

// run reads until enough is known (nil), the time is over (errSampled), the stream ends (io.EOF) or something fails.
func (s *sample) run(ctx context.Context, src media.Reader) error {
	ctx, stop := s.patience.begin(ctx)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var over *time.Timer
	err := s.found.run(ctx, src, func() bool {
		if over == nil { // the first packet has come
			s.patience.rest()
			over = time.AfterFunc(s.limit, func() { cancel(errSampled) })
		}
		return s.found.enough() || s.found.end()-s.found.start() >= s.limit
	})
	if over != nil {
		over.Stop()
	}
	return err
}

// outcome says what was wrong with the end that run has returned.
func (s *sample) outcome(ctx context.Context, t *target, err error) error {
	received := len(s.found.tracks) > 0
	switch {
	case received && (err == nil || ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, errSampled)):
		return nil
	case received:
		return &exitError{exitIncomplete, errors.New(t.secrets.Replace("the report is incomplete: " + connectionText(err)))}
	case ctx.Err() != nil:
		return errInterrupted
	case errors.Is(err, errImpatient):
		return fmt.Errorf("nothing was received of %s in %v; is anybody publishing it?", t.stream(), s.patience.limit)
	case errors.Is(err, errSampled):
		return fmt.Errorf("no audio and no video came from %s in %v", t.stream(), s.limit)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s ended before its first frame", t.stream())
	}
	if _, refused := errors.AsType[*rtmp.StatusError](err); refused {
		return t.failure(ctx, err, "play")
	}
	return fmt.Errorf("nothing was received of %s: %s", t.stream(), t.secrets.Replace(connectionText(err)))
}

// newSession describes the connection and when what came over it.
func newSession(conn *rtmp.Conn, begun time.Time, connected time.Duration, found *analysis) *session {
	properties, _ := conn.ServerProperties()
	s := &session{
		Server:      properties.Text("fmsVer"),
		Handshake:   conn.Handshake(),
		ConnectMS:   milliseconds(connected),
		FirstByteMS: milliseconds(found.firstReceived.Sub(begun)),
	}
	if !found.firstKey.IsZero() {
		s.FirstKeyFrameMS = milliseconds(found.firstKey.Sub(begun))
	}
	for _, t := range found.tracks {
		if t.info.Kind == media.Video && s.KeyFrameIntervalMS == 0 {
			s.KeyFrameIntervalMS = milliseconds(t.keyInterval())
		}
	}
	return s
}

// milliseconds rounds to microseconds.
func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}

// seconds writes a time as ffprobe does.
func seconds(d time.Duration) string { return fmt.Sprintf("%.6f", d.Seconds()) }

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "    ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
