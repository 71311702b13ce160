package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"leat/flv"
	"leat/rtmp"
)

// playCommand is `leat play`.
type playCommand struct {
	connectFlags

	URL    string `arg:"" name:"url" help:"What to play: rtmp://host/app/name."`
	Output string `short:"o" help:"FLV file to write, replacing it, or - for standard output. Without it nothing is written, and a line says what came." placeholder:"FILE"`

	Start    *time.Duration `help:"Play the recording from here on, instead of the live stream." placeholder:"TIME"`
	Duration time.Duration  `help:"End after so much of the stream." placeholder:"TIME"`
	SeekTest bool           `help:"Seek to ten places of the recording and say where it goes on; nothing is written."`
	Timeout  time.Duration  `help:"How long to wait for the server's answers, the first packet and each that follows; 0 waits for packets for ever." default:"30s"`
}

// Run plays into a file until the stream ends, its duration is over or a signal comes; then the file's header is filled in.
// The file is made when the first packet has come. Nothing of a file is changed by a play that brings none.
func (c *playCommand) Run(ctx context.Context, std streams) (err error) {
	t, err := c.check(std.dial)
	if err != nil {
		return err
	}
	if c.SeekTest {
		return c.seekTest(ctx, std.out, t)
	}
	talk := &console{w: std.err, bar: newProgress(std.err, "playing", c.Duration.Milliseconds())}
	player, err := c.begin(ctx, t, talk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, player.Close()) }()
	out := &output{name: c.Output, std: std.out}
	r := &recording{
		out:      flv.NewWriter(out),
		duration: c.Duration,
		patience: patience{limit: c.Timeout},
		console:  talk,
	}
	err = r.run(ctx, player)
	talk.end()
	if err := errors.Join(r.finish(), out.Close()); err != nil {
		return err
	}
	return errors.Join(r.outcome(ctx, t, err), c.report(std.out, t, r))
}

// begin plays, from wherever the server sends the client, also meanwhile.
func (c *playCommand) begin(ctx context.Context, t *target, talk *console) (*rtmp.RoamingPlayer, error) {
	cfg := t.config(toPlay)
	cfg.Logger = t.logger(talk)
	cfg.OnReconnect = func(conn *rtmp.Conn, r *rtmp.ReconnectRequest) {
		talk.say("leat: %s asks us to go on at %s", conn.RemoteAddr(), r.URL.Address())
	}
	answering, done := t.answering(ctx)
	defer done()
	player, err := rtmp.PlayURL(answering, t.url, cfg, c.options())
	if err != nil {
		return nil, t.failure(ctx, err, "play")
	}
	return player, nil
}

// report says what came when it was not kept.
func (c *playCommand) report(w io.Writer, t *target, r *recording) error {
	if c.Output != "" || r.packets == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s: %.3f s in %d packets, %d bytes\n", t.stream(), (r.last - r.first).Seconds(), r.packets, r.bytes)
	return err
}

// playAnywhere plays, on another connection if the server sends the client elsewhere. It returns the connection to be closed,
// with an error too.
func playAnywhere(ctx context.Context, conn *rtmp.Conn, o *rtmp.PlayOptions) (*rtmp.Conn, *rtmp.Player, error) {
	return anywhere(ctx, conn, func(c *rtmp.Conn) (*rtmp.Player, error) { return c.Play(ctx, "", o) })
}

// anywhere begins a stream likewise.
func anywhere[S any](ctx context.Context, conn *rtmp.Conn, begin func(*rtmp.Conn) (S, error)) (*rtmp.Conn, S, error) {
	for {
		stream, err := begin(conn)
		if err == nil {
			return conn, stream, nil
		}
		next, err := conn.Redial(ctx, err)
		if err != nil {
			return conn, stream, err
		}
		conn = next
	}
}

// seekTest plays the recording from its start, to seek in it.
func (c *playCommand) seekTest(ctx context.Context, out io.Writer, t *target) (err error) {
	conn, err := t.dial(ctx, toPlay)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	answering, done := t.answering(ctx)
	defer done()
	var player *rtmp.Player
	conn, player, err = playAnywhere(answering, conn, &rtmp.PlayOptions{Recorded: true, BufferLength: 100 * time.Millisecond})
	if err != nil {
		return t.failure(ctx, err, "play")
	}
	length, err := recordingLength(answering, conn, t.url.Name) // of the server that plays
	if err != nil {
		return errors.Join(t.failure(ctx, err, "play"), player.Close())
	}
	test := &seekTest{player: player, patience: c.Timeout, length: length, out: out}
	return errors.Join(test.run(ctx), player.Close())
}

// check looks at the arguments.
func (c *playCommand) check(dial dialFunc) (*target, error) {
	t, err := c.target(c.URL, c.Timeout, dial)
	switch {
	case err != nil:
		return nil, err
	case c.SeekTest && (c.Output != "" || c.Start != nil || c.Duration != 0):
		err = errors.New("--seek-test goes without -o, --start and --duration")
	case c.SeekTest:
		return t, nil
	case c.Duration < 0:
		err = errors.New("--duration must not be negative")
	case c.Start != nil && *c.Start < 0:
		err = errors.New("--start must not be negative")
	default:
		return t, checkFolder(c.Output)
	}
	return nil, &exitError{exitUsage, err}
}

// checkFolder finds a wrong path before a server is asked for anything.
func checkFolder(name string) error {
	if name == standard || name == "" {
		return nil
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return fmt.Errorf("cannot write %s: it is a folder", name)
	}
	if _, err := os.Stat(filepath.Dir(name)); err != nil {
		return fmt.Errorf("cannot write %s: %w", name, err)
	}
	return nil
}

func (c *playCommand) options() *rtmp.PlayOptions {
	o := &rtmp.PlayOptions{Duration: c.Duration}
	if c.Start != nil {
		o.Start, o.Recorded = *c.Start, true
	}
	return o
}

// output is the file to write. It is made by the first Write. It can seek if the file can, and not on standard output,
// which may append to something.
type output struct {
	name string // standard for standard output; "" keeps nothing
	std  io.Writer
	file *os.File // nil on standard output, and before the first Write
}

// Write writes to the file.
func (o *output) Write(b []byte) (int, error) {
	switch o.name {
	case standard:
		return o.std.Write(b)
	case "":
		return len(b), nil
	}
	if err := o.open(); err != nil {
		return 0, err
	}
	return o.file.Write(b)
}

// Seek moves in the file.
func (o *output) Seek(offset int64, whence int) (int64, error) {
	if o.name == standard || o.name == "" {
		return 0, errors.ErrUnsupported
	}
	if err := o.open(); err != nil {
		return 0, err
	}
	return o.file.Seek(offset, whence)
}

func (o *output) open() (err error) {
	if o.file == nil {
		o.file, err = os.Create(o.name)
	}
	return err
}

// Close closes the file if there is one.
func (o *output) Close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}
