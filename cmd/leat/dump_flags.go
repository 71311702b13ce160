package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// dumpArgs is a command line of `leat dump`, as it was written.
type dumpArgs struct {
	options string // a URL with librtmp's options
	rtmp    string

	host, protocol, socks            string
	app, tcURL, pageURL, swfURL      string
	flashVer, auth, playpath         string
	subscribe, token, jtv            string
	conn                             []string
	swfHash, swfVerify, output       string
	live, playlist, realtime, resume bool
	hashes, quiet, verbose, help     bool
	insecure                         bool
	port, skip, swfSize, swfAge      int
	start, stop, buffer, timeout     time.Duration
	hasPort, hasSWFAge, hasBuffer    bool
	ignored                          []string // arguments that are no flags
	complaints                       []string // about values that count for nothing, as with rtmpdump
}

// dumpFlag is a flag as getopt_long knows it.
type dumpFlag struct {
	short byte // 0: none
	long  string
	arg   string // what it takes, for the help; "" takes nothing
	help  string
	set   func(a *dumpArgs, value string) error
}

func (f *dumpFlag) String() string {
	if f.short == 0 {
		return "--" + f.long
	}
	return fmt.Sprintf("-%c, --%s", f.short, f.long)
}

func text(field func(*dumpArgs) *string) func(*dumpArgs, string) error {
	return func(a *dumpArgs, value string) error {
		*field(a) = value
		return nil
	}
}

func yes(field func(*dumpArgs) *bool) func(*dumpArgs, string) error {
	return func(a *dumpArgs, _ string) error {
		*field(a) = true
		return nil
	}
}

// whole takes a number from least on; given, if not nil, tells that it was there. A lower one is left out with the complaint.
func whole(least int, complaint string, field func(*dumpArgs) *int, given func(*dumpArgs) *bool) func(*dumpArgs, string) error {
	return func(a *dumpArgs, value string) error {
		n, err := strconv.ParseInt(value, 0, 32)
		if err != nil {
			return fmt.Errorf("%q is not a number from %d on", value, least)
		}
		if int(n) < least {
			a.complaints = append(a.complaints, complaint)
			return nil
		}
		*field(a) = int(n)
		if given != nil {
			*given(a) = true
		}
		return nil
	}
}

// span takes a time of so many units, which may have a fraction.
func span(unit time.Duration, field func(*dumpArgs) *time.Duration, given func(*dumpArgs) *bool) func(*dumpArgs, string) error {
	return func(a *dumpArgs, value string) error {
		const most = 1 << 32 // milliseconds, what the protocol can say
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || !(f >= 0) || f*float64(unit) >= float64(most*time.Millisecond) {
			return fmt.Errorf("%q is not a time from 0 on", value)
		}
		*field(a) = time.Duration(f * float64(unit))
		if given != nil {
			*given(a) = true
		}
		return nil
	}
}

// dumpFlags are rtmpdump's, in the order of the help, and --insecure.
var dumpFlags = []dumpFlag{
	{'r', "rtmp", "URL", "Address, taken apart as librtmp does.", text(func(a *dumpArgs) *string { return &a.rtmp })},
	{'i', "url", "URL", `Address and options in one text, as librtmp takes them: "rtmp://host/app playpath=name live=1".`, text(func(a *dumpArgs) *string { return &a.options })},
	{'o', "flv", "FILE", "FLV file to write, or - for standard output, which is the default.", text(func(a *dumpArgs) *string { return &a.output })},
	{'v', "live", "", "Play a live stream.", yes(func(a *dumpArgs) *bool { return &a.live })},
	{'e', "resume", "", "Go on with a file that is incomplete.", yes(func(a *dumpArgs) *bool { return &a.resume })},
	{'k', "skip", "N", "With --resume, go back N more key frames.", whole(0, "Number of keyframes skipped must be greater or equal zero, using zero!", func(a *dumpArgs) *int { return &a.skip }, nil)},
	{'A', "start", "SECONDS", "Begin there; not with --live.", span(time.Second, func(a *dumpArgs) *time.Duration { return &a.start }, nil)},
	{'B', "stop", "SECONDS", "Ask the server to end there.", span(time.Second, func(a *dumpArgs) *time.Duration { return &a.stop }, nil)},
	{'m', "timeout", "SECONDS", "How long to wait for an answer and for media (30); 0 waits for media for ever.", span(time.Second, func(a *dumpArgs) *time.Duration { return &a.timeout }, nil)},
	{'b', "buffer", "MS", "Buffer to tell the server (36000000).", span(time.Millisecond, func(a *dumpArgs) *time.Duration { return &a.buffer }, func(a *dumpArgs) *bool { return &a.hasBuffer })},
	{'R', "realtime", "", "Do not hurry the server by pauses.", yes(func(a *dumpArgs) *bool { return &a.realtime })},

	{'n', "host", "HOST", "Host, instead of the URL's.", text(func(a *dumpArgs) *string { return &a.host })},
	{'c', "port", "PORT", "Port, instead of the URL's.", whole(0, "The port must be greater than zero, ignoring", func(a *dumpArgs) *int { return &a.port }, func(a *dumpArgs) *bool { return &a.hasPort })},
	{'l', "protocol", "NAME", "Protocol, instead of the URL's: rtmp, rtmpt, rtmpe, rtmpte, rtmps, rtmpts, or its number from 0 to 5.", text(func(a *dumpArgs) *string { return &a.protocol })},
	{'S', "socks", "HOST:PORT", "SOCKS4 proxy.", text(func(a *dumpArgs) *string { return &a.socks })},
	{'a', "app", "APP", "Application, instead of the URL's.", text(func(a *dumpArgs) *string { return &a.app })},
	{'y', "playpath", "NAME", "Stream name, instead of the URL's.", text(func(a *dumpArgs) *string { return &a.playpath })},
	{'Y', "playlist", "", "Send set_playlist before play.", yes(func(a *dumpArgs) *bool { return &a.playlist })},
	{'d', "subscribe", "NAME", "Subscribe to that name; with --live the default is the stream's.", text(func(a *dumpArgs) *string { return &a.subscribe })},
	{'t', "tcUrl", "URL", "tcUrl (scheme://host:port/app).", text(func(a *dumpArgs) *string { return &a.tcURL })},
	{'s', "swfUrl", "URL", "swfUrl.", text(func(a *dumpArgs) *string { return &a.swfURL })},
	{'p', "pageUrl", "URL", "pageUrl.", text(func(a *dumpArgs) *string { return &a.pageURL })},
	{'f', "flashVer", "TEXT", "What to call ourselves (LNX 10,0,32,18).", text(func(a *dumpArgs) *string { return &a.flashVer })},
	{'u', "auth", "TEXT", "Append true and TEXT to connect.", text(func(a *dumpArgs) *string { return &a.auth })},
	{'C', "conn", "TYPE:DATA", "Append a value to connect: B:1, N:1.5, S:text, Z:, O:1, NB:name:1 … O:0. May be repeated.", func(a *dumpArgs, value string) error {
		a.conn = append(a.conn, value)
		return nil
	}},
	{'T', "token", "KEY", "Key of SecureToken.", text(func(a *dumpArgs) *string { return &a.token })},
	{'j', "jtv", "JSON", "Token of Justin.tv.", text(func(a *dumpArgs) *string { return &a.jtv })},
	{'W', "swfVfy", "URL", "SWF file, or its address, to be verified as; also swfUrl.", text(func(a *dumpArgs) *string { return &a.swfVerify })},
	{'X', "swfAge", "DAYS", "How long a hash of a SWF file in ~/.swfinfo is good (30).", whole(0, "SWF Age must be non-negative, ignoring", func(a *dumpArgs) *int { return &a.swfAge }, func(a *dumpArgs) *bool { return &a.hasSWFAge })},
	{'w', "swfhash", "HEX", "Hash of the SWF file, 32 bytes; with --swfsize.", text(func(a *dumpArgs) *string { return &a.swfHash })},
	{'x', "swfsize", "BYTES", "Size of the decompressed SWF file.", whole(1, "SWF Size must be at least 1, ignoring", func(a *dumpArgs) *int { return &a.swfSize }, nil)},
	{0, "insecure", "", "Do not verify the certificate of an rtmps server, as rtmpdump never does.", yes(func(a *dumpArgs) *bool { return &a.insecure })},

	{'#', "hashes", "", "Show progress by hash signs.", yes(func(a *dumpArgs) *bool { return &a.hashes })},
	{'q', "quiet", "", "Say nothing.", yes(func(a *dumpArgs) *bool { return &a.quiet })},
	{'V', "verbose", "", "Say what is going on, and show progress in a pipe too.", yes(func(a *dumpArgs) *bool { return &a.verbose })},
	{'z', "debug", "", "The same.", yes(func(a *dumpArgs) *bool { return &a.verbose })},
	{'h', "help", "", "Show this.", yes(func(a *dumpArgs) *bool { return &a.help })},
}

// parseDump reads a command line as getopt_long does: -qvr URL, -rURL, --rtmp URL, --rtmp=URL, and long names cut short.
func parseDump(args []string) (*dumpArgs, error) {
	a := &dumpArgs{timeout: 30 * time.Second, buffer: 10 * time.Hour}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		var err error
		switch {
		case word == "--":
			a.ignored = append(a.ignored, args...)
			args = nil
		case strings.HasPrefix(word, "--"):
			args, err = a.long(word[2:], args)
		case len(word) > 1 && word[0] == '-':
			args, err = a.short(word[1:], args)
		default:
			a.ignored = append(a.ignored, word)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(a.ignored) == 1 && a.options == "" && a.rtmp == "" && a.host == "" {
		a.options, a.ignored = a.ignored[0], nil
	}
	return a, nil
}

func (a *dumpArgs) long(word string, rest []string) ([]string, error) {
	name, value, hasValue := strings.Cut(word, "=")
	f, err := longFlag(name)
	switch {
	case err != nil:
		return nil, err
	case f.arg == "" && hasValue:
		return nil, fmt.Errorf("--%s takes no value", f.long)
	case f.arg == "" || hasValue:
		return rest, f.take(a, value)
	}
	return f.takeNext(a, rest)
}

// longFlag finds the flag of that name, or the only one whose name begins so.
func longFlag(name string) (*dumpFlag, error) {
	var found *dumpFlag
	for i := range dumpFlags {
		f := &dumpFlags[i]
		switch {
		case f.long == name:
			return f, nil
		case name == "" || !strings.HasPrefix(f.long, name):
		case found != nil:
			return nil, fmt.Errorf("--%s may mean --%s or --%s", name, found.long, f.long)
		default:
			found = f
		}
	}
	if found == nil {
		return nil, fmt.Errorf("there is no flag --%s", name)
	}
	return found, nil
}

func (a *dumpArgs) short(word string, rest []string) ([]string, error) {
	for i := range len(word) {
		f := shortFlag(word[i])
		switch {
		case f == nil:
			return nil, fmt.Errorf("there is no flag -%c", word[i])
		case f.arg == "":
			if err := f.take(a, ""); err != nil {
				return nil, err
			}
		case i+1 < len(word):
			return rest, f.take(a, word[i+1:])
		default:
			return f.takeNext(a, rest)
		}
	}
	return rest, nil
}

func shortFlag(c byte) *dumpFlag {
	for i := range dumpFlags {
		if dumpFlags[i].short == c && c != 0 {
			return &dumpFlags[i]
		}
	}
	return nil
}

func (f *dumpFlag) takeNext(a *dumpArgs, rest []string) ([]string, error) {
	if len(rest) == 0 {
		return nil, fmt.Errorf("%v wants %s", f, f.arg)
	}
	return rest[1:], f.take(a, rest[0])
}

func (f *dumpFlag) take(a *dumpArgs, value string) error {
	if err := f.set(a, value); err != nil {
		return fmt.Errorf("%v: %w", f, err)
	}
	return nil
}

// writeDumpHelp writes what the flags mean.
func writeDumpHelp(w io.Writer) error {
	var b strings.Builder
	b.WriteString(`Usage: leat dump [flags] -r URL -o FILE
       leat dump [flags] "URL key=value …" -o FILE

Save a stream as rtmpdump does: its flags, the options of librtmp, its exit codes
0 complete, 1 failed, 2 incomplete (--resume may help), 3 cannot connect.

`)
	for i := range dumpFlags {
		f := &dumpFlags[i]
		name := "    " + f.String()
		if f.short != 0 {
			name = f.String()
		}
		if f.arg != "" {
			name += "=" + f.arg
		}
		fmt.Fprintf(&b, "  %-25s %s\n", name, f.help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var errNoHost = errors.New(`say where to connect: -r rtmp://host/app/name, or -n HOST`)
