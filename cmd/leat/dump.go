package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"leat/internal/config"
	"leat/media"
	"leat/rtmp"
)

// dumpCommand is `leat dump`: rtmpdump's flags, exit codes and files.
type dumpCommand struct {
	Args []string `arg:"" optional:"" passthrough:"" help:"rtmpdump's flags: leat dump --help lists them."`
}

// errSaid ends a verb that has said why.
var errSaid = errors.New("")

// Run saves a stream until it ends, stalls or a signal comes.
func (c *dumpCommand) Run(ctx context.Context, std streams) error {
	a, err := parseDump(c.Args)
	if err != nil {
		return fmt.Errorf("%w; see leat dump --help", err)
	}
	if a.help {
		return writeDumpHelp(std.out)
	}
	talk := newDumpTalk(std.err, a)
	code := exitFailed
	s, err := a.settings(talk.warn)
	if err == nil {
		d := &dump{dumpSettings: s, talk: talk, to: s.target(), dialer: std.dial, logger: slog.New(slog.DiscardHandler)}
		if a.verbose && !a.quiet {
			d.logger = newLogger(std.err, config.LogText, slog.LevelDebug)
		}
		code, err = d.run(ctx, std.out)
	}
	if err != nil {
		talk.fail("%v", err)
	}
	if code == exitDone {
		return nil
	}
	return &exitError{code, errSaid}
}

// dump is one download.
type dump struct {
	*dumpSettings
	talk   *dumpTalk
	to     *target
	dialer dialFunc // nil: as the system does
	logger *slog.Logger

	conn     *rtmp.Conn
	player   *rtmp.Player
	file     dumpFile
	resumed  *resumption // nil: from the beginning
	from     time.Duration
	duration float64 // seconds; 0: not known
}

// run does everything and returns the exit code, with the reason for a sentence if there is one.
func (d *dump) run(ctx context.Context, stdout io.Writer) (code int, err error) {
	if err := d.verified(ctx); err != nil {
		d.talk.warn("%v", err)
	}
	if err := checkFolder(d.output); err != nil {
		return exitFailed, err
	}
	out := &output{name: d.output, std: stdout}
	defer func() {
		if closed := out.Close(); closed != nil && err == nil {
			code, err = exitFailed, closed
		}
	}()
	if d.resume {
		if err := d.open(out); err != nil {
			return exitFailed, fmt.Errorf("cannot resume %s: %w", d.output, err)
		}
	}
	d.file.w = out
	d.talk.isLive = d.isLive
	d.talk.say("Connecting ...")
	if d.conn, err = d.dial(ctx); err != nil {
		if code = d.dialCode(ctx, err); code == exitFailed {
			d.talk.info("Connected...") // rtmpdump does not wait for the answer to connect before that
		}
		return code, errors.New(d.explain(ctx, err, "connect"))
	}
	defer d.hangUp()
	d.talk.info("Connected...")
	if d.Stop > 0 && d.Stop <= d.from {
		d.talk.say("Already Completed")
		return d.complete()
	}
	return d.download(ctx)
}

// open finds where a file ends. One that is to be begun anew is left as it is until something comes.
func (d *dump) open(out *output) error {
	r, err := openResumption(d.output, d.skip)
	if r == nil || err != nil {
		return err
	}
	out.file = r.file
	d.resumed, d.duration = r, r.duration
	d.from = time.Duration(r.frame.Timestamp) * time.Millisecond
	d.file.begun, d.file.latest, d.file.written = true, r.frame.Timestamp, r.end+tagTail
	return nil
}

func (d *dump) dial(ctx context.Context) (*rtmp.Conn, error) {
	if d.resumed == nil {
		d.from = d.Start
	}
	cfg := d.dialConfig()
	cfg.Dial, cfg.Logger = d.dialer, d.logger
	return rtmp.DialURL(ctx, d.URL, cfg)
}

// hangUp ends the stream at the server, and the connection.
func (d *dump) hangUp() {
	var err error
	if d.player != nil {
		err = d.player.Close()
	}
	if err := errors.Join(err, d.conn.Close()); err != nil {
		d.logger.Debug("closing", "err", err)
	}
}

// dialCode tells a server that cannot be reached from one that does not let us in.
func (d *dump) dialCode(ctx context.Context, err error) int {
	failed, ok := errors.AsType[*rtmp.DialError](err)
	if ok && failed.Step != "connect" && ctx.Err() == nil {
		return exitNoConnect
	}
	return exitFailed
}

func (d *dump) explain(ctx context.Context, err error, doing string) string {
	_, text := d.to.explain(ctx, err, doing)
	return d.to.secrets.Replace(text)
}

// download plays until the end, and makes a recording that stalls go on: first by a pause, then by playing it anew.
func (d *dump) download(ctx context.Context) (int, error) {
	if err := d.play(ctx); err != nil {
		return exitFailed, errors.New(d.explain(ctx, err, "play"))
	}
	d.file.offset = uint32(d.from.Milliseconds())
	if d.duration > 0 && float64(d.file.latest) >= d.duration*999 {
		d.talk.say("Already Completed at: %.3f sec Duration=%.3f sec", inSeconds(d.file.latest), d.duration)
		return d.complete()
	}
	d.begins(d.resumed != nil)
	anew := false
	for {
		err := d.copy(ctx)
		if !errors.Is(err, errImpatient) || d.isLive {
			return d.outcome(ctx, err)
		}
		if anew {
			d.talk.fail("Failed to resume the stream")
			return d.outcome(ctx, err)
		}
		d.talk.info("Connection timed out, trying to resume.")
		toggled, toggleErr := d.player.Toggle(ctx)
		if toggleErr == nil && !toggled {
			anew = true
			toggleErr = d.playAnew(ctx)
		}
		if toggleErr != nil {
			d.talk.fail("Failed to resume the stream: %s", d.explain(ctx, toggleErr, "play"))
			return d.outcome(ctx, err)
		}
		d.begins(true)
	}
}

// begins says what is about to come.
func (d *dump) begins(again bool) {
	d.talk.begin(again, &d.file, d.duration)
	if !d.isLive && d.realtime {
		d.talk.say("  in approximately realtime (disabled BUFX speedup hack)")
	}
	if d.Stop > 0 {
		d.talk.say("For duration: %.3f sec", (d.Stop - d.from).Seconds())
	}
}

// complete is the outcome of a file that holds all there is.
func (d *dump) complete() (int, error) {
	d.talk.say("Download complete")
	return exitDone, nil
}

func (d *dump) play(ctx context.Context) (err error) {
	answering, done := d.to.answering(ctx)
	defer done()
	d.conn, d.player, err = playAnywhere(answering, d.conn, d.playOptions(d.from))
	return err
}

// playAnew plays on another stream of the connection from where this one stalled.
func (d *dump) playAnew(ctx context.Context) error {
	d.from = d.player.StalledAt() + time.Duration(d.file.offset)*time.Millisecond
	if err := d.player.Close(); err != nil {
		return err
	}
	if err := d.play(ctx); err != nil {
		return err
	}
	d.file.offset = uint32(d.from.Milliseconds())
	return nil
}

// copy saves what comes until the stream ends, or nothing comes for too long (errImpatient).
func (d *dump) copy(ctx context.Context) error {
	p := patience{limit: d.timeout}
	ctx, stop := p.begin(ctx)
	defer stop()
	for {
		pkt, err := d.player.ReadPacket(ctx)
		if err != nil {
			return err
		}
		p.again()
		if err := d.take(pkt); err != nil {
			return err
		}
	}
}

// take saves a message. Data other than onMetaData is left out, as rtmpdump leaves it out.
func (d *dump) take(p *media.Packet) error {
	if isTiny(p) {
		return nil
	}
	var m metadata
	if p.Kind == media.Data {
		var ok bool
		if m, ok = parseMetadata(p.Body); !ok {
			return nil
		}
	}
	if r := d.resumed; r != nil && !r.past {
		saves, err := r.takes(p)
		d.file.offset = r.offset
		if err != nil || !saves {
			return err
		}
	}
	d.file.expects(m)
	if err := d.lasts(m.duration); err != nil {
		return err
	}
	if err := d.file.write(p); err != nil {
		return err
	}
	d.talk.at(&d.file, d.duration)
	return nil
}

// lasts takes note of the stream's duration. The server is told of a buffer that holds all of it, so that it does not wait.
func (d *dump) lasts(duration float64) error {
	if d.duration > 0 || duration <= 0 {
		return nil
	}
	d.duration = duration
	const longest = 1 << 31 // milliseconds
	whole := time.Duration(min(duration*1000, longest)) * time.Millisecond
	if d.settled || d.buffer >= whole {
		return nil
	}
	d.buffer = whole + 5*time.Second
	return d.player.SetBufferLength(d.buffer)
}

// almost is the percentage from which a file counts as complete: the last frame begins before the duration is over.
const almost = 99.9

// outcome says how it ended and returns the exit code.
func (d *dump) outcome(ctx context.Context, err error) (int, error) {
	if failed := d.file.end(); failed != nil {
		err = failed
	}
	d.talk.end(&d.file, d.duration)
	percent := percentOf(d.file.latest, d.duration)
	short := d.duration > 0 && percent < almost
	if failed, ok := errors.AsType[*outputError](err); ok {
		return exitFailed, fmt.Errorf("cannot write %s: %w", d.output, failed)
	}
	if errors.Is(err, errNoFit) {
		d.talk.say("Couldn't resume FLV file, try --skip %d", d.skip+1)
		return exitFailed, nil
	}
	timedOut := errors.Is(err, errImpatient)
	switch {
	case ctx.Err() != nil:
		d.talk.warn("interrupted")
	case timedOut:
		d.talk.warn("nothing came for %v", d.timeout)
	case !errors.Is(err, io.EOF):
		d.talk.warn("%s", d.to.secrets.Replace("the stream ended: "+connectionText(err)))
	}
	switch {
	case ctx.Err() != nil, timedOut, short:
		d.talk.say("Download may be incomplete (downloaded about %.2f%%), try resuming", percent)
		return exitIncomplete, nil
	case !d.file.begun:
		return exitFailed, fmt.Errorf("nothing was received of %s", d.to.stream())
	}
	return d.complete()
}
