package main

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"leat/internal/hostile"
	"leat/rtmp/rtmptest"
)

// verdict is what clients make of a hostile server.
type verdict struct {
	codes string // exit codes of publish, play, dump and probe
	says  string // in the last line of each that fails, but dump's, which speaks as rtmpdump does
}

var hostileVerbs = []string{"publish", "play", "dump", "probe"}

// verdicts has one for each of hostile.Cases.
var verdicts = map[string]verdict{
	"speaks HTTP":                      {"3333", "the server speaks HTTP on this port: use the port of its RTMP door"},
	"speaks TLS":                       {"3333", "the server speaks TLS on this port: use rtmps://"},
	"speaks SSH":                       {"3333", "looks like SSH (first byte 0x53): check the port"},
	"speaks random bytes":              {"3333", "looks like binary data (first byte 0xff): check the port"},
	"has version 9":                    {"0000", ""},
	"has version 255":                  {"3333", "looks like binary data (first byte 0xff): check the port"},
	"echoes nothing":                   {"0000", ""},
	"sends zeros behind the handshake": {"3313", "more than 1000 commands and control messages a second"},
	"sends 255s behind the handshake":  {"3313", "more than 1000 commands and control messages a second"},

	"is silent at accept":                       {"3333", "to the RTMP handshake; is this an RTMP server's port"},
	"is silent after S0 and S1":                 {"3333", "to the RTMP handshake; is this an RTMP server's port"},
	"is silent before connect is answered":      {"3313", "cannot connect to server:1935: no answer within"},
	"is silent before createStream is answered": {"1111", "live/cam at server:1935: no answer within"},
	"is silent before the stream is answered":   {"1111", "live/cam at server:1935: no answer within"},
	"is silent before the first packet":         {"0121", "is anybody publishing it?"},
	"is silent in mid media":                    {"2220", ""},
	"sends a byte of the handshake at a time":   {"3333", "to the RTMP handshake; is this an RTMP server's port"},
	"talks and never answers":                   {"1111", "live/cam at server:1935: no answer within"},
	"sends a byte of a frame at a time":         {"0121", "is anybody publishing it?"},

	"closes at accept":                          {"3333", "the peer closed the connection without sending a byte; is this an RTMP server's port"},
	"resets at accept":                          {"3333", "the peer closed the connection without sending a byte; is this an RTMP server's port"},
	"closes after S0 and S1":                    {"3333", "the peer closed the connection during the handshake"},
	"resets after S0 and S1":                    {"3333", "the peer closed the connection during the handshake"},
	"closes before connect is answered":         {"3313", "the peer closed the connection before connect was finished"},
	"resets before connect is answered":         {"3313", "the peer closed the connection before connect was finished"},
	"closes before createStream is answered":    {"4414", "server:1935 closed the connection when asked to"},
	"resets before createStream is answered":    {"4414", "server:1935 closed the connection when asked to"},
	"closes before the stream is answered":      {"4414", "server:1935 closed the connection when asked to"},
	"resets before the stream is answered":      {"4414", "server:1935 closed the connection when asked to"},
	"closes before the first packet":            {"2111", "the peer closed the connection"},
	"resets before the first packet":            {"2111", "the peer closed the connection"},
	"closes in mid media":                       {"2202", "the peer closed the connection"},
	"resets in mid media":                       {"2202", "the peer closed the connection"},
	"sends close before the stream is answered": {"4414", "server:1935 closed the connection when asked to"},
	"sends close in mid media":                  {"2202", "the server sent close"},

	"answers connect under another transaction":       {"3313", "cannot connect to server:1935: no answer within"},
	"answers createStream under another transaction":  {"1111", "live/cam at server:1935: no answer within"},
	"answers everything before it is asked":           {"1111", "live/cam at server:1935: no answer within"},
	"answers everything twice, and what nobody asked": {"0000", ""},
	"answers connect with an error of no kind":        {"4414", "live/cam: NetConnection.Call.Failed: the peer answered with an error and no reason"},
	"answers connect with an error as long as a page": {"4414", "live/cam: NetConnection.Connect.Rejected: aaaaa"},
	"answers connect with numbers":                    {"0000", ""},
	"gives out a stream that is a text":               {"1111", "the answer to createStream is no stream ID, it is of type string"},
	"gives out stream NaN":                            {"1111", "the answer to createStream is no stream ID, it is of type float64"},
	"gives out stream -1":                             {"1111", "the answer to createStream is no stream ID, it is -1"},
	"gives out stream 1e300":                          {"1111", "the answer to createStream is no stream ID, it is 1e+300"},
	"gives out no stream":                             {"1111", "the answer to createStream is no stream ID, it is of type <nil>"},
	"answers publish and play with errors of no kind": {"4414", "NetConnection.Call.Failed: the peer answered with an error and no reason"},
	"refuses in terminal escapes":                     {"4414", `NetStream.\x1b[2J\nFailed: \x1b]0;owned\ano\r\nleat: all is well \u202e`},
	"says the end before the beginning":               {"0010", ""},
	"calls what there is not":                         {"0000", ""},

	"sends _onbwcheck without end":                      {"2202", "more than 1000 commands and control messages a second"},
	"sends onBWDone without end":                        {"2202", "more than 1000 commands and control messages a second"},
	"sends ping without end":                            {"2202", "more than 1000 commands and control messages a second"},
	"sends ping requests without end":                   {"2202", "more than 1000 commands and control messages a second"},
	"sends requests of SWF verification without end":    {"2202", "more than 1000 commands and control messages a second"},
	"sends onStatus without end":                        {"2202", "more than 1000 commands and control messages a second"},
	"sends unknown calls without end":                   {"2202", "more than 1000 commands and control messages a second"},
	"sends unknown messages without end":                {"2202", "more than 1000 commands and control messages a second"},
	"sends window sizes without end":                    {"2202", "more than 1000 commands and control messages a second"},
	"sends _onbwcheck without end instead of an answer": {"1111", "more than 1000 commands and control messages a second"},
	"sends _onbwcheck without end and reads nothing":    {"2202", "more than 1000 commands and control messages a second"},

	"answers connect with a bomb":           {"1111", "live/cam at server:1935: no answer within"},
	"sends bombs in commands":               {"0000", ""},
	"sends bombs in metadata":               {"0000", ""},
	"sends shared objects that nobody uses": {"0000", ""},

	"sets chunk size 0":                       {"2111", "chunk size 0 is not allowed"},
	"sets chunk size 1":                       {"0000", ""},
	"sets chunk size 0x7fffffff":              {"0000", ""},
	"sets chunk size 0x80000000":              {"2111", "chunk size 2147483648 is not allowed"},
	"sends metadata of 16 MiB":                {"2111", "message of type 18 with 16777215 bytes is above the limit of 1048576"},
	"declares 16 MiB on 1,000 chunk streams":  {"2202", "more than 64 messages incomplete"},
	"sends 16 MiB on ten chunk streams":       {"2202", "incomplete messages hold more than 33554432 bytes"},
	"sends 16 MiB before connect is answered": {"3313", "message of type 20 with 16777215 bytes is above the limit of 1048576"},
	"sends frames of 15 MiB":                  {"0000", ""},
	"sends messages of unknown types":         {"0000", ""},
	"lets nothing be sent to it":              {"0000", ""},
	"wants every byte acknowledged":           {"0000", ""},
	"continues messages that have not begun":  {"0111", "message of type 116 with 7228773 bytes is above the limit"},

	"redirects in a circle":                       {"4414", "not redirected more than 5 times"},
	"redirects in a circle after connect":         {"4414", "not redirected more than 5 times"},
	"redirects to another protocol":               {"4414", "the scheme is not one of RTMP"},
	"redirects to no port":                        {"4414", "the port is not a number from 1 to 65535"},
	"redirects to a long address":                 {"4414", "longer than 8192 bytes"},
	"redirects to a number":                       {"4414", "NetConnection.Connect.Rejected: moved"},
	"redirects to control characters":             {"4414", "control characters or invalid UTF-8"},
	"redirects to where nobody is":                {"3333", "cannot connect to 127.0.0.1:1: nothing listens there"},
	"redirects to where nobody is, after connect": {"3313", "cannot connect to 127.0.0.1:1: nothing listens there"},
	"asks for a reconnect again and again":        {"0220", "live/cam is incomplete: nothing came for 30s"},
	"asks for a reconnect to another protocol":    {"0220", "live/cam is incomplete: nothing came for 30s"},
	"asks for a reconnect to where nobody is":     {"0220", "live/cam is incomplete: nothing came for 30s"},

	"sends media of few bytes":          {"0000", ""},
	"sends times from another world":    {"0000", ""},
	"sends damaged aggregates":          {"0000", ""},
	"sends damaged user control events": {"0000", ""},
}

// longest is how long a client may take, in the time of a bubble: its time-outs, twice for a publisher that tries again, and a
// moment at the end of connections.
const longest = 45 * time.Second

// TestHostileServers: whatever a server does, a client ends within its time-outs, with an exit code and one clear line.
func TestHostileServers(t *testing.T) {
	dir := t.TempDir()
	small, large := filepath.Join(dir, "small.flv"), filepath.Join(dir, "large.flv")
	if err := createFLV(small, 3*time.Second); err != nil {
		t.Fatal(err)
	}
	createLargeFLV(t, large)
	met := map[string]bool{}
	for _, c := range hostile.Cases() {
		met[c.Name] = true
		want := verdicts[c.Name]
		if want.codes == "" {
			t.Errorf("%q has no verdict", c.Name)
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			for i, verb := range hostileVerbs {
				const url = "rtmp://server/live/cam?token=sesame"
				args := []string{verb, url}
				switch verb {
				case "publish":
					file := small
					if strings.Contains(c.Name, "in mid media") { // one that no buffer holds
						file = large
					}
					args = []string{verb, "--retry", "1", file, url}
				case "dump":
					args = []string{verb, "-v", "-r", url, "-o", filepath.Join(dir, "out.flv")}
				}
				synctest.Test(t, func(t *testing.T) {
					begun := time.Now()
					code, said := against(t, c, args)
					took := time.Since(begun)
					says := want.says
					if code == exitDone || verb == "dump" {
						says = ""
					}
					last := said[strings.LastIndexByte(strings.TrimSuffix(said, "\n"), '\n')+1:]
					if code != int(want.codes[i]-'0') || !strings.Contains(last, says) || took > longest {
						t.Errorf("%s: code %d after %v, want %c; it said %s", verb, code, took, want.codes[i], said)
					}
					if verb != "dump" && code != exitDone && !isClear(last) || strings.Contains(said, "sesame") {
						t.Errorf("%s: it is not one clear line without secrets: %q", verb, said)
					}
				})
			}
		})
	}
	for name := range verdicts {
		if !met[name] {
			t.Errorf("there is no server that %s", name)
		}
	}
}

// against runs a verb that connects to a hostile server, in memory.
func against(t *testing.T, c hostile.Case, args []string) (code int, said string) {
	t.Helper()
	l := rtmptest.NewListener()
	s := hostile.Serve(l, c.Behave)
	defer s.Close()
	code, _, said = runOn(t, hosts{"server:1935": l}, args...)
	return code, said
}

// isClear reports whether a line is fit for people and their terminals.
func isClear(line string) bool {
	text, ended := strings.CutSuffix(line, "\n")
	return ended && strings.HasPrefix(text, "leat: ") && len(text) < 1000 &&
		strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
