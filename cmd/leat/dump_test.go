package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

func TestParseDump(t *testing.T) {
	tests := []struct {
		args string
		want func(a *dumpArgs)
	}{
		{"-qvr rtmp://h/a/b -oout", func(a *dumpArgs) { a.quiet, a.live, a.rtmp, a.output = true, true, "rtmp://h/a/b", "out" }},
		{"--rtmp=rtmp://h/a/b --live --flv out", func(a *dumpArgs) { a.rtmp, a.live, a.output = "rtmp://h/a/b", true, "out" }},
		{"--swfV x.swf --playp n", func(a *dumpArgs) { a.swfVerify, a.playpath = "x.swf", "n" }},
		{"-C O:1 -CNS:a:b -C O:0", func(a *dumpArgs) { a.conn = []string{"O:1", "NS:a:b", "O:0"} }},
		{"-A 1.5 -B2 -m 0.3 -b 100", func(a *dumpArgs) {
			a.start, a.stop, a.timeout = 1500*time.Millisecond, 2*time.Second, 300*time.Millisecond
			a.buffer, a.hasBuffer = 100*time.Millisecond, true
		}},
		{"-# -k 3 -e -- -x", func(a *dumpArgs) { a.hashes, a.skip, a.resume, a.options = true, 3, true, "-x" }},
		{"-k -1 -x 0 -X -2", func(a *dumpArgs) {
			a.complaints = []string{"Number of keyframes skipped must be greater or equal zero, using zero!", "SWF Size must be at least 1, ignoring", "SWF Age must be non-negative, ignoring"}
		}},
		{"rtmp://h/a -o x", func(a *dumpArgs) { a.options, a.output = "rtmp://h/a", "x" }},
		{"-r rtmp://h/a/b live=1", func(a *dumpArgs) { a.rtmp, a.ignored = "rtmp://h/a/b", []string{"live=1"} }},
	}
	for _, test := range tests {
		want := &dumpArgs{timeout: 30 * time.Second, buffer: 10 * time.Hour}
		test.want(want)
		got, err := parseDump(strings.Fields(test.args))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", test.args, got, err, want)
		}
	}
	for args, want := range map[string]string{
		"-r":         "-r, --rtmp wants URL",
		"--rtmp":     "-r, --rtmp wants URL",
		"-g":         "there is no flag -g",
		"--dance":    "there is no flag --dance",
		"--s":        "--s may mean --skip or --start",
		"--live=yes": "--live takes no value",
		"-k one":     `-k, --skip: "one" is not a number from 0 on`,
		"-A NaN":     `-A, --start: "NaN" is not a time from 0 on`,
	} {
		if _, err := parseDump(strings.Fields(args)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", args, err, want)
		}
	}
}

func TestDumpSettings(t *testing.T) {
	tests := []struct {
		args                     []string
		scheme, tcURL, app, name string
		port                     uint16
	}{
		{[]string{"-r", "rtmp://h/live/cam"}, "rtmp", "rtmp://h:1935/live", "live", "cam", 1935},
		{[]string{"-r", "rtmp://h/live/cam", "-l", "4"}, "rtmps", "rtmps://h:443/live", "live", "cam", 443},
		{[]string{"-r", "rtmp://h:1935/live/cam", "-l", "rtmpt"}, "rtmpt", "rtmpt://h:1935/live", "live", "cam", 1935},
		{[]string{"-n", "h", "-c", "99", "-a", "x", "-y", "mp4:y"}, "rtmp", "rtmp://h:99/x", "x", "mp4:y", 99},
		{[]string{"-r", "rtmp://h/live/cam", "-t", "rtmp://other/live"}, "rtmp", "rtmp://other/live", "live", "cam", 1935},
		{[]string{"rtmp://h/live playpath=cam app=b"}, "rtmp", "rtmp://h:1935/b", "b", "cam", 1935},
	}
	for _, test := range tests {
		a, err := parseDump(test.args)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.settings(func(string, ...any) {})
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		u := s.URL
		if u.Scheme != test.scheme || u.TCURL != test.tcURL || u.App != test.app || u.Name != test.name || u.Port != test.port {
			t.Errorf("%s: %+v", test.args, u)
		}
	}
}

// TestDumpOptionsAndFlags: what the flags say beside a text of options.
func TestDumpOptionsAndFlags(t *testing.T) {
	a, err := parseDump([]string{"-i", "rtmp://h/live/cam conn=S:last start=1 timeout=7 flashver=X", "-A", "2", "-B", "3", "-C", "S:first", "-f", "Y", "-b", "5", "-m", "9"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := a.settings(func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	if s.Start != 2*time.Second || s.Stop != 3*time.Second || s.FlashVer != "X" || s.buffer != 5*time.Millisecond || s.timeout != 7*time.Second {
		t.Errorf("%+v", s.Options)
	}
	if want := []any{"first", "last"}; !reflect.DeepEqual(s.Conn, want) {
		t.Errorf("behind connect's object %v, want %v", s.Conn, want)
	}
}

// film is a server with a recording. It numbers messages as Flash Media Server does, from 0 where play begins, or by the times
// of the file.
func film(t *testing.T, packets []*media.Packet, absolute bool) string {
	t.Helper()
	return serveOn(t, listen(t), &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		start := max(s.Play().Start, 0)
		begun := start == 0
		for _, p := range packets {
			q := *p
			if begun = begun || p.Key && p.Timestamp >= start; !begun && !p.Config {
				continue
			}
			if !absolute || p.Config {
				q.Timestamp = max(p.Timestamp-start, 0)
			}
			if err := s.WritePacket(ctx, &q); err != nil {
				return err
			}
		}
		return nil
	}})
}

// filmPackets is a recording that says how long it is.
func filmPackets(length time.Duration) []*media.Packet {
	packets := mediatest.AVC(length)
	body := amf.AppendString(nil, media.NameMetadata)
	body, err := amf.Append(body, amf.NewObject("duration", length.Seconds(), "videocodecid", 7.0))
	if err != nil {
		panic(err) // it is ours
	}
	m := &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: body}
	return append([]*media.Packet{m}, packets[1:]...)
}

func TestDumpResume(t *testing.T) {
	for _, absolute := range []bool{false, true} {
		t.Run(fmt.Sprintf("absolute %v", absolute), func(t *testing.T) {
			address := film(t, filmPackets(5*time.Second), absolute)
			out := filepath.Join(t.TempDir(), "film.flv")
			args := []string{"dump", "-e", "-m", "2", "-r", "rtmp://" + address + "/vod/film", "-o", out}
			if code, _, stderr := leat(t.Context(), "", args...); code != exitDone && code != exitIncomplete {
				t.Fatalf("code %d: %s", code, stderr)
			}
			whole, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range []int{0, 20, len(whole) / 2, len(whole) - 3} {
				if err := os.WriteFile(out, whole[:part], 0o600); err != nil {
					t.Fatal(err)
				}
				code, _, stderr := leat(t.Context(), "", args...)
				got, err := os.ReadFile(out)
				if err != nil {
					t.Fatal(err)
				}
				if part == 20 { // it holds no key frame to go on from
					if code != exitFailed || !bytes.Equal(got, whole[:part]) {
						t.Errorf("%d bytes: code %d: %s", part, code, stderr)
					}
				} else if !bytes.Equal(got, whole) {
					t.Errorf("%d of %d bytes: %d bytes after resuming, or others; code %d: %s", part, len(whole), len(got), code, stderr)
				}
			}
		})
	}
}

func TestDumpResumesAnotherFilm(t *testing.T) {
	address := film(t, filmPackets(5*time.Second), false)
	out := filepath.Join(t.TempDir(), "film.flv")
	if err := createFLV(out, 4*time.Second); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	code, _, stderr := leat(t.Context(), "", "dump", "-e", "-m", "2", "-r", "rtmp://"+address+"/vod/film", "-o", out)
	if code != exitFailed || !strings.Contains(stderr, "Couldn't resume FLV file, try --skip 1") {
		t.Errorf("code %d: %s", code, stderr)
	}
	if after, err := os.ReadFile(out); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed: %v", err)
	}
}

// silentPeer falls silent at a step.
type silentPeer struct {
	peer
	connect bool
}

func (p *silentPeer) ServeConnect(ctx context.Context, _ *rtmp.ConnectRequest) error {
	if p.connect {
		<-ctx.Done()
	}
	return nil
}

// TestDumpSilence: whatever a server does not say, the client ends within its time-outs, with rtmpdump's exit code.
func TestDumpSilence(t *testing.T) {
	hold := func(ctx context.Context, _ *rtmp.PlayStream) error {
		<-ctx.Done()
		return nil
	}
	begin := func(ctx context.Context, s *rtmp.PlayStream) error {
		err := s.Start(false)
		<-ctx.Done()
		return err
	}
	tests := []struct {
		name  string
		h     rtmp.Handler
		flags string
		code  int
		says  string
	}{
		{"at connect", &silentPeer{connect: true}, "", exitFailed, "ERROR: cannot connect to ADDR"},
		{"at play", &peer{play: hold}, "", exitFailed, "ERROR: cannot play live/cam at ADDR: no answer within 200ms"},
		{"live", &peer{play: begin}, "-v", exitIncomplete, "WARNING: nothing came for 200ms\nDownload may be incomplete (downloaded about 0.00%), try resuming"},
		{"recorded", &peer{play: begin}, "", exitIncomplete, "ERROR: Failed to resume the stream"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			address := serveOn(t, listen(t), test.h)
			out := filepath.Join(t.TempDir(), "out.flv")
			args := append([]string{"dump", "-m", "0.2", "-r", "rtmp://" + address + "/live/cam", "-o", out}, strings.Fields(test.flags)...)
			code, _, stderr := leat(t.Context(), "", args...)
			if got := masked(stderr, address); code != test.code || !strings.Contains(got, test.says) {
				t.Errorf("code %d, want %d; it said %s", code, test.code, got)
			}
		})
	}
	t.Run("at the handshake", func(t *testing.T) {
		t.Parallel()
		l := listen(t)
		defer l.Close()
		accepted := make(chan net.Conn, 1)
		go func() { // ends with the connection, or the listener
			nc, err := l.Accept()
			if err == nil {
				accepted <- nc
			}
		}()
		code, _, stderr := leat(t.Context(), "", "dump", "-m", "0.2", "-r", "rtmp://"+l.Addr().String()+"/live/cam", "-o", "-")
		(<-accepted).Close()
		if code != exitNoConnect || !strings.Contains(stderr, "to the RTMP handshake") && !strings.Contains(stderr, "handshake was not finished") {
			t.Errorf("code %d: %s", code, stderr)
		}
	})
}

func TestSWFRecords(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Format(http.TimeFormat)
	swf := "FWS\x09\x14\x00\x00\x00 a small film"
	asked := map[string]int{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		w.Header().Set("Last-Modified", modified)
		if r.Header.Get("If-Modified-Since") == modified {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, swf)
	}))
	defer srv.Close()
	want, err := rtmp.HashSWF(strings.NewReader(swf))
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		path  string
		age   int
		total int // requests so far
	}{{"/a/p.swf?x=1", 30, 1}, {"/a/p.swf", 30, 1}, {"/b/p.swf", 30, 1}, {"/b/p.swf", 0, 2}, {"/q.swf", 30, 3}} {
		f, err := swfOf(t.Context(), srv.URL+step.path, step.age, time.Minute)
		if err != nil || *f != want {
			t.Errorf("step %d: %+v, %v; want %+v", i, f, err, want)
		}
		total := 0
		for _, n := range asked {
			total += n
		}
		if total != step.total {
			t.Errorf("step %d: %d requests, want %d", i, total, step.total)
		}
	}
	file := filepath.Join(t.TempDir(), "p.swf")
	if err := os.WriteFile(file, []byte(swf), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := swfOf(t.Context(), file, 30, 0); err != nil || *f != want {
		t.Errorf("of a file: %+v, %v", f, err)
	}
	records, err := readSWFRecords(filepath.Join(os.Getenv("HOME"), ".swfinfo"))
	if err != nil || len(records) != 2 || records[0].url != srv.URL+"/a/p.swf" || records[0].date != modified {
		t.Errorf("%+v, %v", records, err)
	}
}
