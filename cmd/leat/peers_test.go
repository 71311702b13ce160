package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// peer is a server whose behaviour a test makes up.
type peer struct {
	publish func(ctx context.Context, s *rtmp.PublishStream) error
	play    func(ctx context.Context, s *rtmp.PlayStream) error
}

func (p *peer) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	return p.publish(ctx, s)
}

func (p *peer) ServePlay(ctx context.Context, s *rtmp.PlayStream) error { return p.play(ctx, s) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serveOn serves the handler until the end of the test and returns host and port.
func serveOn(t *testing.T, l net.Listener, h rtmp.Handler) string {
	t.Helper()
	srv := &rtmp.Server{Handler: h, Logger: slog.New(slog.DiscardHandler)}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }() // ends with Close
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// masked blanks what differs from run to run.
func masked(text, address string) string {
	return strings.ReplaceAll(text, address, "ADDR")
}

func takeOne(ctx context.Context, s *rtmp.PublishStream) error {
	_, err := s.ReadPacket(ctx)
	return err
}

func TestServerEndsPublish(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cam.flv")
	if err := createFLV(file, time.Second); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		publish func(ctx context.Context, s *rtmp.PublishStream) error
		code    int
		want    string
	}{
		{"with an error", func(ctx context.Context, s *rtmp.PublishStream) error {
			return errors.Join(takeOne(ctx, s), rtmp.Refuse(rtmp.CodePublishBadName, "key?token=sesame is over."))
		}, exitRefused, "ADDR ended the stream live/key: NetStream.Publish.BadName: key?… is over."},
		{"normally", takeOne, exitIncomplete, "ADDR ended the stream live/key: NetStream.Unpublish.Success: key is now unpublished."},
		{"with the connection", func(ctx context.Context, s *rtmp.PublishStream) error {
			err := takeOne(ctx, s)
			s.Conn().Kick("enough")
			<-ctx.Done()
			return err
		}, exitIncomplete, "the connection to ADDR ended before the stream did: the peer closed the connection"},
		{"before it began", func(_ context.Context, s *rtmp.PublishStream) error {
			return rtmp.Refuse(rtmp.CodePublishBadName, "taken")
		}, exitRefused, "ADDR refused to publish live/key: NetStream.Publish.BadName: taken; check the stream key, and whether somebody else publishes under it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := serveOn(t, listen(t), &peer{publish: test.publish})
			code, _, stderr := leat(t.Context(), "", "publish", "--loop", "--retry", "0", file, "rtmp://"+address+"/live/key?token=sesame")
			if got := masked(stderr, address); code != test.code || got != "leat: "+test.want+"\n" {
				t.Errorf("code %d, want %d; it said %q, want %q", code, test.code, got, test.want)
			}
		})
	}
}

// send writes packets to a player.
func send(ctx context.Context, s *rtmp.PlayStream, packets []*media.Packet) error {
	for _, p := range packets {
		if err := s.WritePacket(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func TestServerEndsPlay(t *testing.T) {
	second := mediatest.AVC(time.Second)
	tests := []struct {
		name    string
		play    func(ctx context.Context, s *rtmp.PlayStream) error
		code    int
		want    string
		packets int
	}{
		{"normally", func(ctx context.Context, s *rtmp.PlayStream) error {
			return send(ctx, s, second)
		}, exitDone, "", len(second) - 1},
		{"with an error", func(ctx context.Context, s *rtmp.PlayStream) error {
			return errors.Join(send(ctx, s, second), rtmp.Refuse(rtmp.CodePlayFailed, "the disk is full"))
		}, exitIncomplete, "live/cam is incomplete: ADDR ended the stream: NetStream.Play.Failed: the disk is full", len(second) - 1},
		{"with the connection", func(ctx context.Context, s *rtmp.PlayStream) error {
			err := send(ctx, s, second)
			s.Conn().Kick("enough")
			return err
		}, exitIncomplete, "live/cam is incomplete: the connection ended: the peer closed the connection", len(second) - 1},
		{"by falling silent", func(ctx context.Context, s *rtmp.PlayStream) error {
			err := send(ctx, s, second)
			<-ctx.Done()
			return err
		}, exitIncomplete, "live/cam is incomplete: nothing came for 300ms", len(second) - 1},
		{"at once", func(_ context.Context, s *rtmp.PlayStream) error {
			return s.Start(false)
		}, exitFailed, "nothing was received of live/cam: the stream ended", -1},
		{"after its start", func(_ context.Context, s *rtmp.PlayStream) error {
			return errors.Join(s.Start(false), rtmp.Refuse(rtmp.CodePlayFailed, "no"))
		}, exitRefused, "nothing was received of live/cam: ADDR ended the stream: NetStream.Play.Failed: no", -1},
		{"before it began", func(context.Context, *rtmp.PlayStream) error {
			return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "no such stream")
		}, exitRefused, "ADDR refused to play live/cam: NetStream.Play.StreamNotFound: no such stream; check the stream name, and whether it needs a token", -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := serveOn(t, listen(t), &peer{play: test.play})
			out := filepath.Join(t.TempDir(), "out.flv")
			timeout := patient // a connection's end may be seen a second late
			if strings.Contains(test.want, "300ms") {
				timeout = 300 * time.Millisecond
			}
			code, _, stderr := leat(t.Context(), "", "play", "-o", out, "--timeout", timeout.String(), "rtmp://"+address+"/live/cam")
			want := ""
			if test.want != "" {
				want = "leat: " + test.want + "\n"
			}
			if got := masked(stderr, address); code != test.code || got != want {
				t.Errorf("code %d, want %d; it said %q, want %q", code, test.code, got, want)
			}
			if test.packets >= 0 {
				if got := len(readFrames(t, out)); got != test.packets {
					t.Errorf("%d packets in the file, want %d", got, test.packets)
				}
			}
		})
	}
}

func TestServerEndsProbe(t *testing.T) {
	second := mediatest.AVC(time.Second)
	const few = 20 // packets: not enough
	wait := func(ctx context.Context, s *rtmp.PlayStream, packets []*media.Packet) error {
		err := send(ctx, s, packets)
		<-ctx.Done()
		return err
	}
	tests := []struct {
		name   string
		play   func(ctx context.Context, s *rtmp.PlayStream) error
		code   int
		want   string
		report bool
	}{
		{"normally", func(ctx context.Context, s *rtmp.PlayStream) error {
			return send(ctx, s, second[:few])
		}, exitDone, "", true},
		{"not", func(ctx context.Context, s *rtmp.PlayStream) error {
			return wait(ctx, s, second[:few])
		}, exitDone, "", true},
		{"with the connection", func(ctx context.Context, s *rtmp.PlayStream) error {
			err := send(ctx, s, second[:few])
			s.Conn().Kick("enough")
			return err
		}, exitIncomplete, "the report is incomplete: the peer closed the connection", true},
		{"before its start", func(ctx context.Context, s *rtmp.PlayStream) error {
			s.Conn().Kick("enough")
			<-ctx.Done()
			return nil
		}, exitRefused, "ADDR closed the connection when asked to play live/cam; servers do so when they refuse a stream key", false},
		{"with its silence", func(ctx context.Context, s *rtmp.PlayStream) error {
			return wait(ctx, s, nil)
		}, exitFailed, "cannot play live/cam at ADDR: no answer within 300ms", false},
		{"with metadata only", func(ctx context.Context, s *rtmp.PlayStream) error {
			return wait(ctx, s, second[:1])
		}, exitFailed, "no audio and no video came from live/cam in 500ms", false},
		{"without packets", func(ctx context.Context, s *rtmp.PlayStream) error {
			return errors.Join(s.Start(false), wait(ctx, s, nil))
		}, exitFailed, "nothing was received of live/cam in 300ms; is anybody publishing it?", false},
		{"at once", func(_ context.Context, s *rtmp.PlayStream) error {
			return s.Start(false)
		}, exitFailed, "live/cam ended before its first frame", false},
		{"with an error", func(_ context.Context, s *rtmp.PlayStream) error {
			return errors.Join(s.Start(false), rtmp.Refuse(rtmp.CodePlayFailed, "no"))
		}, exitRefused, "ADDR refused to play live/cam: NetStream.Play.Failed: no; check the stream name, and whether it needs a token", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := serveOn(t, listen(t), &peer{play: test.play})
			code, stdout, stderr := leat(t.Context(), "", "probe", "--timeout", "300ms", "--analyze", "500ms", "rtmp://"+address+"/live/cam")
			want := ""
			if test.want != "" {
				want = "leat: " + test.want + "\n"
			}
			if got := masked(stderr, address); code != test.code || got != want || (stdout != "") != test.report {
				t.Errorf("code %d, want %d; it said %q, want %q, and reported %q", code, test.code, got, want, stdout)
			}
		})
	}
}

func TestPlayAsks(t *testing.T) {
	asked := make(chan rtmp.PlayRequest, 1)
	address := serveOn(t, listen(t), &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		asked <- s.Play()
		return send(ctx, s, mediatest.AVC(3*time.Second))
	}})
	out := filepath.Join(t.TempDir(), "out.flv")
	code, _, stderr := leat(t.Context(), "", "play", "-o", out, "--start", "5s", "--duration", "1s", "rtmp://"+address+"/vod/dir/cam?token=x")
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if r := <-asked; r.Start != 5*time.Second || r.Duration != time.Second || r.Name != "cam" || r.Query != "token=x" {
		t.Errorf("asked for %+v", r)
	}
	frames := readFrames(t, out)
	if last := frames[len(frames)-1].Timestamp; last >= time.Second || last < 900*time.Millisecond {
		t.Errorf("the last frame is at %v", last)
	}
}

func TestTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil) // for its certificate
	defer certified.Close()
	l := tls.NewListener(listen(t), &tls.Config{Certificates: certified.TLS.Certificates, MinVersion: tls.VersionTLS12})
	address := serveOn(t, l, &peer{play: func(ctx context.Context, s *rtmp.PlayStream) error {
		return send(ctx, s, mediatest.AVC(time.Second))
	}})
	code, _, stderr := leat(t.Context(), "", "probe", "rtmps://"+address+"/live/cam")
	if code != exitNoConnect || !strings.HasSuffix(stderr, "; correct the certificate, or trust it without verification by --insecure\n") {
		t.Errorf("code %d: %s", code, stderr)
	}
	code, _, stderr = leat(t.Context(), "", "replay", "../../internal/diagnose/testdata/ffmpeg-publish.cap", "rtmps://"+address)
	if code != exitNoConnect || !strings.HasSuffix(stderr, "; correct the certificate, or trust it without verification by --insecure\n") {
		t.Errorf("code %d: %s", code, stderr)
	}
	code, stdout, stderr := leat(t.Context(), "", "probe", "--insecure", "--json", "rtmps://"+address+"/live/cam")
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); code != 0 || err != nil || len(r.Streams) != 2 || r.RTMP.FirstByteMS <= 0 {
		t.Errorf("code %d: %s, %v: %s", code, stderr, err, stdout)
	}
	code, _, stderr = leat(t.Context(), "", "probe", "rtmp://"+address+"/live/cam")
	if code != exitNoConnect || !strings.HasSuffix(stderr, "is this an RTMP server's port, and does it want rtmps:// instead?\n") {
		t.Errorf("code %d: %s", code, stderr)
	}
}

// TestNoRTMP connects to what is no RTMP server.
func TestNoRTMP(t *testing.T) {
	tests := []struct {
		name   string
		serve  func(net.Conn) error
		scheme string
		want   string
	}{
		{
			"silent", func(nc net.Conn) error { _, err := io.Copy(io.Discard, nc); return err }, "rtmp",
			"no answer within 100ms to the RTMP handshake; is this an RTMP server's port, and does it want rtmps:// instead?",
		},
		{
			"closes", func(net.Conn) error { return nil }, "rtmp",
			"",
		},
		{
			"not TLS", func(nc net.Conn) error { _, err := nc.Write([]byte("220 mail.example.com ESMTP\r\n")); return err }, "rtmps",
			"the server does not speak TLS on this port; try rtmp:// instead of rtmps://",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := listen(t)
			served := make(chan struct{})
			go func() { // ends with the one connection
				defer close(served)
				nc, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				_ = test.serve(nc) // how the connection went is of no interest
				nc.Close()
			}()
			address := l.Addr().String()
			code, _, stderr := leat(t.Context(), "", "probe", "--timeout", "100ms", test.scheme+"://"+address+"/live/cam")
			want := "leat: cannot connect to ADDR: " + test.want
			if got := masked(stderr, address); code != exitNoConnect || !strings.HasPrefix(got, want) {
				t.Errorf("code %d; it said %q, want %q", code, got, want)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			<-served
		})
	}
}
