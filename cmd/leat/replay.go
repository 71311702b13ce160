package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"leat/internal/diagnose"
	"leat/rtmp"
)

// replayCommand is `leat replay`.
type replayCommand struct {
	File        string        `arg:"" help:"A capture: of leat trace --record, or of tcpdump and Wireshark (pcap, pcapng)." placeholder:"FILE"`
	URL         string        `arg:"" name:"url" help:"The server to play it to: rtmp://host[:port] or rtmps://."`
	Conn        uint64        `help:"The connection in the capture; the first one without it." placeholder:"N"`
	Fast        bool          `help:"Send without the pauses of the capture."`
	Rest        time.Duration `help:"How long the server has for its last answers." default:"2s"`
	JSON        bool          `name:"json" help:"Print a line of JSON for each event."`
	Media       bool          `help:"Print every message of audio and video."`
	ShowSecrets bool          `help:"Print stream keys, queries and passwords."`
	Insecure    bool          `help:"Take any certificate of an rtmps:// server."`
}

// Run sends what the client of a capture has sent, and says what the server answers differently.
func (c *replayCommand) Run(ctx context.Context, std streams) error {
	if isStreamURL(c.File) && !isStreamURL(c.URL) {
		return &exitError{exitUsage, errors.New("the URL stands where the capture belongs: write leat replay FILE URL")}
	}
	u, err := rtmp.ParseURL(c.URL)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if u.Tunneled() {
		return &exitError{exitUsage, fmt.Errorf("leat replay cannot speak %s: it wants rtmp:// or rtmps://", u.Scheme)}
	}
	if c.Rest < 0 {
		return &exitError{exitUsage, errors.New("--rest must not be less than 0")}
	}
	if capture, err := openCapture(c.File); err != nil { // before the server is bothered
		return err
	} else if err := capture.Close(); err != nil {
		return err
	}
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	nc, err := dialPlain(dialing, u, c.Insecure)
	if err != nil {
		return &exitError{exitNoConnect, err}
	}
	out := diagnose.NewOutput(std.out)
	out.JSON = c.JSON
	r := &diagnose.Replay{
		Open: func() (diagnose.Records, error) { return openCapture(c.File) },
		Conn: c.Conn, Fast: c.Fast, Rest: c.Rest,
		Printer: &diagnose.Printer{Output: out, Conn: 1, Media: c.Media, ShowSecrets: c.ShowSecrets},
	}
	result, err := r.Run(ctx, nc)
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err := errors.Join(err, out.Err()); err != nil {
		return err
	}
	_, err = fmt.Fprint(std.err, comparison(&result))
	return err
}

// comparison says how the answers differ.
func comparison(r *diagnose.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "leat: %d bytes were sent", r.Sent)
	if len(r.Missing) == 0 {
		fmt.Fprintf(&b, ", and the server gave all %d answers that are in the capture\n", r.Same)
	} else {
		fmt.Fprintf(&b, "; %d answers are those of the capture\n  did not come: %s\n", r.Same, listed(r.Missing))
	}
	if len(r.New) > 0 {
		fmt.Fprintf(&b, "  came besides: %s\n", listed(r.New))
	}
	return b.String()
}

// listed returns the first few answers.
func listed(answers []string) string {
	const few = 5
	text := strings.Join(answers[:min(few, len(answers))], ", ")
	if len(answers) > few {
		text += fmt.Sprintf(", and %d more", len(answers)-few)
	}
	return text
}
