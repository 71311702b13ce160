package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/internal/diagnose"
	"leat/media/mediatest"
	"leat/rtmp"
)

// sink is a server that takes what is published and refuses the name "taken".
type sink struct{}

func (sink) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	if s.Key().Name == "taken" {
		return rtmp.Refuse(rtmp.CodePublishBadName, "it is taken")
	}
	for {
		if _, err := s.ReadPacket(ctx); err != nil {
			return err
		}
	}
}

func (sink) ServePlay(context.Context, *rtmp.PlayStream) error { return nil }

// sinkServer returns the address of a server that runs until the test ends.
func sinkServer(t *testing.T, h rtmp.Handler) string {
	t.Helper()
	l := loopback(t)
	srv := &rtmp.Server{Handler: h, Logger: slog.New(slog.DiscardHandler)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// tracing runs a proxy to a server. stop ends it and returns what it has printed.
func tracing(t *testing.T, to string, capture io.Writer, cmd *traceCommand) (addr string, stop func() string) {
	t.Helper()
	target, err := rtmp.ParseURL("rtmp://" + to + "/")
	if err != nil {
		t.Fatal(err)
	}
	out := newLineWatch()
	tr := &tracer{cmd: cmd, target: target, out: diagnose.NewOutput(out), begun: time.Now()}
	if capture != nil {
		if tr.capture, err = diagnose.NewCaptureWriter(capture); err != nil {
			t.Fatal(err)
		}
	}
	l := loopback(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- tr.serve(ctx, l) }()
	return l.Addr().String(), func() string {
		cancel()
		if err := errors.Join(<-ended, tr.broken); err != nil {
			t.Error(err)
		}
		return out.String()
	}
}

// publishTo publishes two seconds through a proxy, and ends as encoders do.
func publishTo(t *testing.T, addr, key string) error {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), "rtmp://"+addr+"/live/"+key, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	pub, err := c.Publish(t.Context(), "", nil)
	if err != nil {
		return err
	}
	for _, p := range mediatest.AVC(2 * time.Second) {
		if err := pub.WritePacket(t.Context(), p); err != nil {
			return err
		}
	}
	return pub.Close()
}

func TestTraceAndReplay(t *testing.T) {
	var capture bytes.Buffer
	addr, stop := tracing(t, sinkServer(t, sink{}), &capture, &traceCommand{})
	if err := publishTo(t, addr, "s3cretkey?token=hidden"); err != nil {
		t.Fatal(err)
	}
	printed := stop()
	for _, want := range []string{
		"handshake: plain, version 3", `connect #1 {app: "live"`, `publish #`, `"NetStream.Publish.Start"`, "onMetaData {", "h264, sequence header",
		"FCUnpublish", "summary of connection 1", "key frames, one every", "from the client, message stream 1",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("it does not print %q:\n%s", want, printed)
		}
	}
	for _, secret := range []string{"s3cretkey", "hidden"} {
		if strings.Contains(printed, secret) {
			t.Errorf("it prints %q:\n%s", secret, printed)
		}
	}

	file := filepath.Join(t.TempDir(), "talk.cap")
	if err := os.WriteFile(file, capture.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := (&traceCommand{File: file, Media: true}).Run(t.Context(), streams{out: &again}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(again.String(), "summary of connection 1") || strings.Count(again.String(), "  C→S  video ") < 50 {
		t.Errorf("the capture prints as\n%s", again.String())
	}

	for name, want := range map[string]string{"open": "the server gave all", "closed": "NetStream.Publish.BadName"} {
		var h rtmp.Handler = sink{}
		if name == "closed" {
			h = refusing{}
		}
		var out, said bytes.Buffer
		replay := &replayCommand{File: file, URL: "rtmp://" + sinkServer(t, h) + "/", Fast: true, Rest: 200 * time.Millisecond}
		if err := replay.Run(t.Context(), streams{out: &out, err: &said}); err != nil && name == "open" {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if all := out.String() + said.String(); !strings.Contains(all, want) {
			t.Errorf("%s: the replay does not say %q:\n%s", name, want, all)
		}
	}
}

// refusing takes no publisher.
type refusing struct{ sink }

func (refusing) ServePublish(context.Context, *rtmp.PublishStream) error {
	return rtmp.Refuse(rtmp.CodePublishBadName, "nobody may publish here")
}

// TestTracePassesBytes sends what is no RTMP both ways, through a proxy that says so and changes nothing.
func TestTracePassesBytes(t *testing.T) {
	l := loopback(t)
	defer l.Close()
	heard := make(chan string, 1)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			heard <- err.Error()
			return
		}
		defer nc.Close()
		b, err := io.ReadAll(nc)
		if err != nil {
			heard <- err.Error()
			return
		}
		if _, err := nc.Write(bytes.ToUpper(b)); err != nil {
			heard <- err.Error()
			return
		}
		heard <- string(b)
	}()
	addr, stop := tracing(t, l.Addr().String(), nil, &traceCommand{Chunks: true})
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	question := strings.Repeat("get / http/1.0\r\n", 10000)
	if _, err := io.WriteString(nc, question); err != nil {
		t.Fatal(err)
	}
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(nc)
	if err != nil || string(answer) != strings.ToUpper(question) {
		t.Errorf("%d bytes came back, %v", len(answer), err)
	}
	if got := <-heard; got != question {
		t.Errorf("%d bytes have passed", len(got))
	}
	if printed := stop(); !strings.Contains(printed, "the thread is lost at byte 0 of the client") {
		t.Errorf("it prints\n%s", printed)
	}
}

func TestTraceUnreachable(t *testing.T) {
	l := loopback(t)
	gone := l.Addr().String()
	l.Close()
	addr, stop := tracing(t, gone, nil, &traceCommand{JSON: true})
	if err := publishTo(t, addr, "cam"); err == nil {
		t.Error("it can be published to nobody")
	}
	if printed := stop(); !strings.Contains(printed, "nothing listens there; check host and port") {
		t.Errorf("it prints\n%s", printed)
	}
}

func TestTraceUsage(t *testing.T) {
	for _, c := range []traceCommand{
		{}, {Listen: "127.0.0.1:0"}, {To: "rtmp://h"}, {File: "x", Listen: "y"}, {Listen: "127.0.0.1:0", To: "rtmpt://h/"}, {Listen: "127.0.0.1:0", To: "x"},
	} {
		var e *exitError
		if err := c.Run(t.Context(), streams{out: io.Discard, err: io.Discard}); !errors.As(err, &e) || e.code != exitUsage {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
