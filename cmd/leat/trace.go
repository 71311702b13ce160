package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"leat/internal/diagnose"
	"leat/internal/pcap"
)

// traceCommand is `leat trace`.
type traceCommand struct {
	File        string `arg:"" optional:"" help:"A capture to read instead of listening: of --record, or of tcpdump and Wireshark (pcap, pcapng)." placeholder:"FILE"`
	Listen      string `help:"Listen here and pass every connection on to --to, unchanged." placeholder:"ADDR"`
	To          string `help:"The server: rtmp://host[:port], or rtmps:// to speak TLS with it." placeholder:"URL"`
	JSON        bool   `name:"json" help:"Print a line of JSON for each event."`
	Chunks      bool   `help:"Print every chunk."`
	Media       bool   `help:"Print every message of audio and video."`
	Record      string `help:"Save all bytes in a capture. It holds stream keys and passwords." placeholder:"FILE"`
	ShowSecrets bool   `help:"Print stream keys, queries and passwords."`
	Insecure    bool   `help:"Take any certificate of an rtmps:// server."`
}

// Run listens until it is interrupted, or reads a file to its end.
func (c *traceCommand) Run(ctx context.Context, std streams) error {
	switch {
	case c.File != "" && (c.Listen != "" || c.To != "" || c.Record != ""):
		return &exitError{exitUsage, errors.New("leat trace reads a file, or listens: give FILE alone, or --listen and --to")}
	case c.File == "" && (c.Listen == "" || c.To == ""):
		return &exitError{exitUsage, errors.New("leat trace wants --listen ADDR and --to URL, or the FILE of a capture")}
	}
	out := diagnose.NewOutput(std.out)
	out.JSON = c.JSON
	if c.File == "" {
		return c.proxy(ctx, std, out)
	}
	capture, err := openCapture(c.File)
	if err != nil {
		return err
	}
	err = c.read(ctx, capture, out)
	return errors.Join(err, out.Err(), capture.Close())
}

func (c *traceCommand) printer(out *diagnose.Output, conn uint64) *diagnose.Printer {
	return &diagnose.Printer{Output: out, Conn: conn, Chunks: c.Chunks, Media: c.Media, ShowSecrets: c.ShowSecrets}
}

// opened is a connection of a capture.
type opened struct {
	printer *diagnose.Printer
	begun   time.Duration
}

// maxOpened is how many connections of a capture may be under way at once.
const maxOpened = 1024

// read prints a capture. One that is cut off is printed as far as it goes.
func (c *traceCommand) read(ctx context.Context, capture *captureFile, out *diagnose.Output) (err error) {
	conns := map[uint64]*opened{}
	var rec diagnose.Record
	var last time.Duration
	for ctx.Err() == nil && out.Err() == nil {
		if rec, err = capture.Read(); err != nil {
			break
		}
		last = rec.At
		of := conns[rec.Conn]
		if of == nil {
			if len(conns) == maxOpened {
				return fmt.Errorf("%s: more than %d connections are open at once", c.File, maxOpened)
			}
			of = &opened{printer: c.printer(out, rec.Conn), begun: rec.At}
			conns[rec.Conn] = of
			who := ""
			if rec.Type == diagnose.RecordOpened {
				who = string(rec.Data)
			}
			of.printer.Begin(who)
		}
		at := rec.At - of.begun
		switch rec.Type {
		case diagnose.RecordClient:
			of.printer.Feed(diagnose.FromClient, at, rec.Data)
		case diagnose.RecordServer:
			of.printer.Feed(diagnose.FromServer, at, rec.Data)
		case diagnose.RecordClosed:
			of.printer.End(at, string(rec.Data))
			delete(conns, rec.Conn)
		}
	}
	for _, of := range conns {
		of.printer.End(last-of.begun, "the capture ends here")
	}
	switch {
	case errors.Is(err, pcap.ErrNoRTMP):
		return err
	case err != nil && !errors.Is(err, io.EOF):
		return &exitError{exitIncomplete, err}
	}
	return nil
}
