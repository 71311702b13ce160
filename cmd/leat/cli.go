package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// cli is the command line: a field for each verb, whose Run method does it.
type cli struct {
	Serve      serveCommand      `cmd:"" help:"Run the server."`
	Publish    publishCommand    `cmd:"" help:"Publish a file or a pipe to one server or several."`
	Convert    convertCommand    `cmd:"" help:"Copy the streams of a file into another container, cut or repair it."`
	Play       playCommand       `cmd:"" help:"Play a stream into an FLV file."`
	Dump       dumpCommand       `cmd:"" passthrough:"" help:"Save a stream as rtmpdump does, with its flags."`
	Probe      probeCommand      `cmd:"" help:"Say what a stream or a file holds."`
	Bench      benchCommand      `cmd:"" help:"Load a server with publishers and players, and measure what becomes of it."`
	Trace      traceCommand      `cmd:"" help:"Listen in on a connection and say what is wrong with it."`
	Replay     replayCommand     `cmd:"" help:"Play the client of a capture to a server again."`
	Recordings recordingsCommand `cmd:"" help:"List, remove and repair what a server has recorded."`
	Config     configCommand     `cmd:"" help:"Print or check a configuration."`
	Version    versionCommand    `cmd:"" help:"Print the version of this program."`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the version of this program."`
}

// streams is where a verb reads and writes. What a verb makes goes to out, what it has to say about it to err.
type streams struct {
	in   io.Reader
	out  io.Writer
	err  io.Writer
	dial dialFunc // opens the network connections of clients where no flag says how; nil: as the system does
}

// run does what the arguments say and returns the exit code. It ends the process itself after printing help.
func run(ctx context.Context, args []string, std streams) int {
	parser := kong.Must(new(cli),
		kong.Name("leat"),
		kong.Description("RTMP server and client."),
		kong.Vars{"version": versionLine()},
		kong.Writers(std.out, std.err),
		kong.Exit(os.Exit),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	verb, err := parser.Parse(args)
	if err != nil {
		err = &exitError{exitUsage, misused(err, args)}
	} else {
		err = verb.Run()
	}
	if err != nil && !errors.Is(err, errSaid) {
		_, _ = fmt.Fprintf(std.err, "leat: %v\n", err) // there is nowhere else to say it; the exit code remains
	}
	return exitCode(err)
}

// misused says what is wrong with a command line, and which help to ask for.
func misused(err error, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to do, such as leat serve; leat --help lists all")
	}
	see := "leat"
	if bad, ok := errors.AsType[*kong.ParseError](err); ok {
		if node := bad.Context.Selected(); node != nil {
			see = node.FullPath()
		}
	}
	text := err.Error()
	if before, _, ok := strings.Cut(text, ": time: "); ok { // what the library says of a time is no help
		text = before + ", not a time such as 500ms, 10s or 5m"
	}
	return fmt.Errorf("%s; see %s --help", text, see)
}
