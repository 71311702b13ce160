package node

import (
	"context"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/wire/message"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// TestLines: whoever does something wrong gets a line that says what it was and what to change.
func TestLines(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		tweak func(*config.Config)
		do    func(t *testing.T, s *server)
		want  []string // parts of one line
	}{
		{
			name:  "wrong app",
			tweak: func(c *config.Config) { c.Apps[0].Pattern = "live" },
			do:    refused(rtmp.CodeConnectInvalidApp, "/life/cam?token="+secret),
			want:  []string{"level=WARN", "there is no such application", "app=life", "under apps in the configuration"},
		},
		{
			name:  "publishing from a foreign address",
			tweak: func(c *config.Config) { c.Apps[0].PublishFrom = nil },
			do:    refused(rtmp.CodePublishBadName, "/live/cam?token="+secret),
			want:  []string{"level=WARN", "publisher refused", "publish_from", "stream=live/cam"},
		},
		{
			name:  "wrong key",
			tweak: func(c *config.Config) { c.Apps[0].PublishToken = config.NewSecret(secret) },
			do:    refused(rtmp.CodePublishBadName, "/live/cam?token="+secret+"x"),
			want:  []string{"level=WARN", "publisher refused", "publish_token", "stream=live/cam"},
		},
		{
			name:  "no key",
			tweak: func(c *config.Config) { c.Apps[0].PublishToken = config.NewSecret(secret) },
			do:    refused(rtmp.CodePublishBadName, "/live/cam"),
			want:  []string{"level=WARN", "publisher refused", "must be name?token=..."},
		},
		{
			name:  "right key",
			tweak: func(c *config.Config) { c.Apps[0].PublishToken = config.NewSecret(secret) },
			do:    func(t *testing.T, s *server) { publish(t, s.url("/live/cam?token="+secret)) },
			want:  []string{"level=INFO", "msg=publishing", "stream=live/cam"},
		},
		{
			name:  "right key in the application",
			tweak: func(c *config.Config) { c.Apps[0].PublishToken = config.NewSecret(secret) },
			do: func(t *testing.T, s *server) {
				if _, err := dial(t, s.url("/live?token="+secret)).Publish(limit(t), "cam", nil); err != nil {
					t.Error(err)
				}
			},
			want: []string{"level=INFO", "msg=publishing", "stream=live/cam"},
		},
		{
			name:  "wrong token of a player",
			tweak: func(c *config.Config) { c.Apps[0].PlayToken = config.NewSecret(secret) },
			do: func(t *testing.T, s *server) {
				_, err := dial(t, s.url("/live/cam?token="+secret+"y")).Play(limit(t), "", nil)
				if code(err) != string(rtmp.CodePlayFailed) {
					t.Errorf("the player got %v", err)
				}
			},
			want: []string{"level=WARN", "player refused", "play_token"},
		},
		{
			name: "a private codec number",
			do:   publishing(&media.Packet{Kind: media.Video, Key: true, Body: []byte{0x1c, 1, 0, 0, 0, 1, 2}}),
			want: []string{"level=WARN", "old private number instead of Enhanced RTMP", "codec=hvc1"},
		},
		{
			name: "a codec that needs no sequence header",
			do:   publishing(&media.Packet{Kind: media.Audio, Body: []byte{0x2f, 0xff, 0xfb, 0x90, 0}}),
			want: []string{"level=INFO", "stream carries", "kind=audio", "codec=.mp3"},
		},
		{
			name: "gone without a word, with a player",
			do: func(t *testing.T, s *server) {
				play(t, s.url("/live/cam"), nil)
				c := dial(t, s.url("/live"))
				if _, err := c.Publish(limit(t), "cam", nil); err != nil {
					t.Fatal(err)
				}
				c.Kick("pulled the plug")
			},
			want: []string{"publish ended", "conn=2", "without ending the stream", "they wait for its return"},
		},
		{
			name: "no sequence header",
			do:   publishing(mediatest.AVC(time.Second)[3:]...),
			want: []string{"level=WARN", "no sequence header came before the first frame", "restart the encoder"},
		},
		{
			name: "timestamps go back",
			do:   publishing(append(at(mediatest.Opus(time.Second), time.Minute), mediatest.Opus(time.Second)...)...),
			want: []string{"level=WARN", "timestamps went back"},
		},
		{
			name: "TLS on the plain port",
			do: func(t *testing.T, s *server) {
				c, err := tls.Dial("tcp", s.Addr("rtmp").String(), &tls.Config{MinVersion: tls.VersionTLS12, ServerName: "localhost"})
				if err == nil {
					t.Error("TLS came about on the plain port", c.Close())
				}
			},
			want: []string{"msg=closed", "side=local", "TLS", "use rtmp:// here"},
		},
		{
			name: "HTTP on the RTMP port",
			do:   sending("GET /live/cam HTTP/1.1\r\nHost: localhost\r\n\r\n"),
			want: []string{"msg=closed", "side=local", "HTTP on the RTMP port"},
		},
		{
			name: "chunk size never announced",
			do:   oversized,
			want: []string{"msg=closed", "side=local", "probably sends larger chunks than it announced"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, test.tweak)
			test.do(t, s)
			s.lines.wait(t, test.want...)
		})
	}
}

// refused publishes in vain.
func refused(want rtmp.Code, path string) func(*testing.T, *server) {
	return func(t *testing.T, s *server) {
		c, err := rtmp.Dial(limit(t), s.url(path), nil)
		if err == nil {
			_, err = c.Publish(limit(t), "", nil)
			defer func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}()
		}
		if code(err) != string(want) {
			t.Errorf("the publisher got %v, want %s", err, want)
		}
	}
}

func publishing(packets ...*media.Packet) func(*testing.T, *server) {
	return func(t *testing.T, s *server) { send(t, publish(t, s.url("/live/cam")), packets...) }
}

// at moves packets in time.
func at(packets []*media.Packet, start time.Duration) []*media.Packet {
	for _, p := range packets {
		p.Timestamp += start
	}
	return packets
}

// sending sends bytes that are no RTMP.
func sending(text string) func(*testing.T, *server) {
	return func(t *testing.T, s *server) {
		c, err := net.Dial("tcp", s.Addr("rtmp").String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
	}
}

// oversized publishes with chunks of 4096 bytes and keeps that to itself.
func oversized(t *testing.T, s *server) {
	v := s.connectRaw(t, false)
	v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
	v.send(1, &message.Command{Name: "publish", TransactionID: 3, Args: []any{"cam", "live"}})
	v.status("NetStream.Publish.Start")
	random := rand.New(rand.NewPCG(1, 2))
	for i := range uint32(200) {
		frame := make([]byte, 4000)
		frame[0], frame[1] = 0x27, 1
		for i := range frame[5:] {
			frame[5+i] = byte(random.Uint32())
		}
		b := []byte{0x06, 0, byte(i >> 8), byte(i), 0, 4000 >> 8, 4000 & 0xff, 9, 1, 0, 0, 0} // fmt 0, csid 6, video
		if _, err := v.nc.Write(append(b, frame...)); err != nil {
			return // closed by the server
		}
	}
}

// TestProxyWarning: when all of many peers come from one private address, something hides who they are.
func TestProxyWarning(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	proxy := &net.TCPAddr{IP: net.IPv4(172, 17, 0, 1), Port: 40000}
	for range suspicious {
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() {
			defer close(served)
			s.rtmp.ServeConn(addressed{theirs, proxy})
		}()
		c, err := rtmp.Dial(limit(t), "rtmp://localhost/live/cam", &rtmp.DialConfig{
			Dial: func(context.Context, string, string) (net.Conn, error) { return ours, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-served
	}
	s.lines.wait(t, "level=WARN", "all peers come from one address", "172.17.0.1", "set publish_token")
}
