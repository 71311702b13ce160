package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"leat/internal/sendqueue"
	"leat/rtmp"
)

// publishCommand is `leat publish`.
type publishCommand struct {
	connectFlags

	Source string   `arg:"" name:"source" help:"FLV, MP4 or MP3 file, or - for FLV or MP3 on standard input."`
	URLs   []string `arg:"" name:"url" help:"Where to publish: rtmp://host/app/name; several are served at once."`

	Type        string         `help:"What the server is to do with it: live, record, append or appendWithGap." enum:"live,record,append,appendWithGap" default:"live"`
	Loop        bool           `help:"Begin anew at the end of the file, on one timeline."`
	Speed       *float64       `help:"1 is real time, 2 is twice as fast, 0 as fast as the servers take it; a file has 1, a pipe passes as it comes." placeholder:"FACTOR"`
	DropAfter   *time.Duration `help:"How long video may wait for a slow server before some is left out; 0 waits for the server. Pipes, and files with several URLs, have 900ms." placeholder:"TIME"`
	Timeout     time.Duration  `help:"How long to wait for the server's answers." default:"10s"`
	SendTimeout time.Duration  `help:"How long a server may take nothing before the connection counts as lost." default:"15s"`
	Retry       int            `help:"How often in a row to try to connect again when a connection was lost; --retry=-1 is for ever." default:"25"`
	Stats       bool           `help:"Print a line for each URL every second."`
	JSON        bool           `name:"json" help:"Print a summary as JSON at the end, and --stats as JSON."`
}

// Run publishes until the source or all servers have ended the stream, or a signal comes. Then the servers are told.
func (c *publishCommand) Run(ctx context.Context, std streams) (err error) {
	targets, err := c.check(std.dial)
	if err != nil {
		return err
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	src, err := openSource(inner, c.Source, std.in)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if c.Loop && src.isLive() {
		return &exitError{exitUsage, fmt.Errorf("--loop needs a file: %s cannot be read twice", src.name)}
	}
	p := c.publication(src, targets, std)
	return p.run(ctx, inner, cancel)
}

// check looks at the arguments.
func (c *publishCommand) check(dial dialFunc) ([]*target, error) {
	var wrong string
	switch {
	case c.Speed != nil && *c.Speed < 0:
		wrong = "--speed must not be negative"
	case c.DropAfter != nil && *c.DropAfter < 0:
		wrong = "--drop-after must not be negative"
	case c.SendTimeout <= 0:
		wrong = "--send-timeout must be more than 0"
	case c.Retry < -1:
		wrong = "--retry must be -1 or more"
	case len(c.URLs) > 1 && (c.App != "" || c.Playpath != ""):
		wrong = "--app and --playpath go with one URL only"
	}
	if wrong != "" {
		return nil, &exitError{exitUsage, errors.New(wrong)}
	}
	if isStreamURL(c.Source) && !isStreamURL(c.URLs[0]) {
		return nil, &exitError{exitUsage, errors.New("the URL stands where the file belongs: write leat publish FILE URL")}
	}
	targets := make([]*target, len(c.URLs))
	for i, url := range c.URLs {
		t, err := c.target(url, c.Timeout, dial)
		if err != nil {
			return nil, err
		}
		t.stall = c.SendTimeout
		targets[i] = t
	}
	return targets, nil
}

// publication joins a source and targets.
func (c *publishCommand) publication(src *source, targets []*target, std streams) *publication {
	p := &publication{
		source: src, packets: src, pace: pacer{speed: c.speed(src)}, begun: time.Now(),
		settled: make(chan struct{}, len(targets)),
		stats:   c.Stats, json: c.JSON, out: std.out, console: &console{w: std.err},
	}
	if c.Loop {
		p.loop = &repeater{src: src, rewind: src.rewind}
		p.packets = p.loop
	}
	if !c.Stats {
		total, _ := src.progress()
		if c.Loop {
			total = 0
		}
		p.console.bar = newProgress(std.err, "publishing", total)
	}
	limits := c.limits(src)
	for _, t := range targets {
		p.deliveries = append(p.deliveries, &delivery{
			target: t, queue: sendqueue.New(limits), patient: limits.Wait, publish: rtmp.PublishType(c.Type),
			retry: c.Retry, only: len(targets) == 1, console: p.console,
			settled: p.settled, sourceOver: make(chan struct{}), state: stateConnecting,
		})
	}
	return p
}

// speed is that of the flag, or what suits the source.
func (c *publishCommand) speed(src *source) float64 {
	switch {
	case c.Speed != nil:
		return *c.Speed
	case src.isLive():
		return 0
	}
	return 1
}

// fileQueue is how many bytes of a file are read ahead of a server.
const fileQueue = 256 << 10

// limits say whether a slow server makes the source wait, or loses something. One server of a file makes it wait, and so do
// several if it is to go as fast as they take it; a source that does not wait, and other servers that are not to wait
// for this one, go on without it.
func (c *publishCommand) limits(src *source) sendqueue.Limits {
	waits := !src.isLive() && (len(c.URLs) == 1 || c.speed(src) == 0)
	if c.DropAfter != nil {
		waits = *c.DropAfter == 0
	}
	if waits {
		return sendqueue.Limits{Wait: true, Bytes: fileQueue}
	}
	if c.DropAfter == nil {
		return sendqueue.Limits{}
	}
	return sendqueue.Limits{DropToKey: *c.DropAfter, DropDisposable: max(*c.DropAfter*7/9, 1)}
}
