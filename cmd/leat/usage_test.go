package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// leat runs a command line in this process.
func leat(ctx context.Context, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(ctx, args, streams{in: strings.NewReader(stdin), out: &out, err: &err})
	return code, out.String(), err.String()
}

// TestArguments looks at command lines that fail before any server is asked.
func TestArguments(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := createFLV("cam.flv", 0); err != nil {
		t.Fatal(err)
	}
	const url = "rtmp://user:secret@127.0.0.1:1/live/cam?token=sesame"
	const form = "; write it as rtmp://host/app/name"
	tests := []struct {
		args string
		code int
		want string
	}{
		{"serve --log-level loud", 64, `--log-level: must be debug, info, warn or error, not "loud"`},
		{"publish", 64, `expected "<source> <url> ..."; see leat publish --help`},
		{"publish " + url + " cam.flv", 64, "the URL stands where the file belongs: write leat publish FILE URL"},
		{"replay " + url + " talk.cap", 64, "the URL stands where the capture belongs: write leat replay FILE URL"},
		{"replay none.cap rtmp://127.0.0.1:1", 1, "cannot read the capture: open none.cap: no such file or directory"},
		{"replay cam.flv rtmp://127.0.0.1:1", 1, "cam.flv: the capture is damaged at byte 0: it does not begin as captures of leat trace --record do"},
		{"publish cam.flv live/cam", 64, "the URL cannot be used: it has no scheme such as rtmp://" + form},
		{"publish cam.flv http://127.0.0.1/live/cam", 64, "the URL cannot be used: the scheme is not one of RTMP" + form},
		{"publish cam.flv rtmp://127.0.0.1/live", 64, "the URL names no stream" + form},
		{"publish --speed=-1 cam.flv " + url, 64, "--speed must not be negative"},
		{"publish --timeout=-1s cam.flv " + url, 64, "--timeout must not be negative"},
		{"publish --type dead cam.flv " + url, 64, `--type must be one of "live","record","append","appendWithGap" but got "dead"; see leat publish --help`},
		{"publish - " + url, 1, "standard input: this is not an FLV file"},
		{"publish . " + url, 1, "cannot read the file: . is a folder"},
		{"publish none.flv " + url, 1, "cannot read the file: open none.flv: no such file or directory"},
		{"publish cam.flv " + url, 3, "cannot connect to 127.0.0.1:1: nothing listens there; check host and port, and whether the server runs"},

		{"play", 64, `expected "<url>"; see leat play --help`},
		{"play -o x.flv rtmp://", 64, "the URL cannot be used: no host name" + form},
		{"play --duration 5 -o x.flv " + url, 64, `--duration: expected duration but got "5", not a time such as 500ms, 10s or 5m; see leat play --help`},
		{"play --duration=-1s -o x.flv " + url, 64, "--duration must not be negative"},
		{"play --start=-1s -o x.flv " + url, 64, "--start must not be negative"},
		{"play -o nowhere/x.flv " + url, 1, "cannot write nowhere/x.flv: stat nowhere: no such file or directory"},
		{"play -o . " + url, 1, "cannot write .: it is a folder"},
		{"play -o - " + url, 3, "cannot connect to 127.0.0.1:1: nothing listens there; check host and port, and whether the server runs"},

		{"probe", 64, `expected "<url>"; see leat probe --help`},
		{"probe --analyze 0s " + url, 64, "--analyze must be more than 0"},
		{"probe http://127.0.0.1/live/cam", 64, "the URL cannot be used: the scheme is not one of RTMP" + form},
		{"bench", 64, `expected "<url>"; see leat bench --help`},
		{"bench rtmpt://127.0.0.1/live/cam", 64, "rtmpt is not measured, only rtmp and rtmps are"},
		{"bench --publishers 1,2 --players 1,2,3 " + url, 64, "--publishers has 2 numbers and --players has 3: give one of them one number, or both the same count"},
		{"bench --players=-1 " + url, 64, "players must be between 0 and 100000"},
		{"bench --audio=-1 " + url, 64, "--audio must not be negative"},
		{"bench --beside x.json " + url, 64, "--beside goes with --svg"},
		{"bench --svg x.svg --beside none.json " + url, 1, "cannot read the earlier report: open none.json: no such file or directory"},
		{"bench rtmp://192.0.2.1/live/cam", 64, "192.0.2.1 is a public address: a load test of a server that is not yours is an attack; add --yes-i-own-this-server if it is yours"},
		{"bench " + url, 3, "cannot connect to 127.0.0.1:1: nothing listens there; check host and port, and whether the server runs"},
		{"probe -", 1, "standard input: this is not an FLV file"},
		{"probe " + url, 3, "cannot connect to 127.0.0.1:1: nothing listens there; check host and port, and whether the server runs"},
	}
	for _, test := range tests {
		code, stdout, stderr := leat(t.Context(), "This is a text.", strings.Fields(test.args)...)
		if code != test.code || stderr != "leat: "+test.want+"\n" || stdout != "" {
			t.Errorf("leat %s: code %d, want %d; it said %q, want %q, and wrote %q", test.args, code, test.code, stderr, test.want, stdout)
		}
	}
}

func TestEmptyInput(t *testing.T) {
	code, _, stderr := leat(t.Context(), "", "publish", "-", "rtmp://127.0.0.1:1/live/cam")
	if code != exitFailed || stderr != "leat: standard input is empty\n" {
		t.Errorf("code %d: %s", code, stderr)
	}
}

func TestInterruptedBeforeTheStream(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range []string{"play -o x.flv", "probe", "publish -"} {
		code, _, stderr := leat(ctx, "FLV\x01\x05\x00\x00\x00\x09", append(strings.Fields(args), "rtmp://127.0.0.1:1/live/cam")...)
		if code != exitFailed || stderr != "leat: interrupted before the stream began\n" {
			t.Errorf("leat %s: code %d: %s", args, code, stderr)
		}
	}
}
