package rtmp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// The bad input that a server must live through, as far as the library alone can show it. In each case the connection ends
// for a clear reason, and the handlers of others notice nothing.

// wantReason fails unless exactly one connection has ended, for a reason that begins so.
func wantReason(t *testing.T, log *record, want string) {
	t.Helper()
	got := log.reasons()
	if len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("ended for %q, want %q", got, want)
	}
}

// serveBytes lets srv serve a connection on which only b arrives, and returns when it has ended. The peer does not close before.
func serveBytes(t *testing.T, srv *rtmp.Server, b []byte) {
	t.Helper()
	client, server := rtmptest.Pipe()
	defer client.Close()
	if _, err := client.Write(b); err != nil {
		t.Error(err)
	}
	srv.ServeConn(server)
	closeServer(t, srv)
}

func closeServer(t *testing.T, srv *rtmp.Server) {
	t.Helper()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
}

// TestHandshakeDeadline: bytes do not renew it.
func TestHandshakeDeadline(t *testing.T) {
	first := handshake.NewClient(handshake.ClientConfig{}).Start()
	for _, tt := range []struct {
		name  string
		slice func(c net.Conn) // what the client does
		want  string
	}{
		{"nothing is sent", func(net.Conn) {}, "local: the handshake was not finished within 10s"},
		{"half of C1", func(c net.Conn) { send(c, first[:700]) }, "local: the handshake was not finished within 10s"},
		{"no C2", func(c net.Conn) { send(c, first) }, "local: the handshake was not finished within 10s"},
		{"a byte a second", func(c net.Conn) {
			for _, b := range first {
				if !send(c, []byte{b}) {
					return
				}
				time.Sleep(time.Second)
			}
		}, "local: the handshake was not finished within 10s"},
		{"no connect", func(c net.Conn) {
			send(c, first)
			send(c, make([]byte, 1536))
			for send(c, []byte{0x02, 0, 0, 0, 0, 0, 0, 0x07, 0, 0, 0, 0}) {
				time.Sleep(time.Second)
			}
		}, "local: no connect within 10s of the TCP connection"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, log := logLines()
				srv := &rtmp.Server{Handler: newPublishAll(), Logger: logger}
				client, server := rtmptest.Pipe()
				left := make(chan struct{})
				go func() { // ends when the server closes
					defer close(left)
					defer client.Close()
					tt.slice(client)
					if _, err := io.Copy(io.Discard, client); err != nil {
						t.Log(err)
					}
				}()
				start := time.Now()
				srv.ServeConn(server)
				if took := time.Since(start); took < 10*time.Second || took > 11*time.Second {
					t.Errorf("the connection ended after %v", took)
				}
				wantReason(t, log, tt.want)
				closeServer(t, srv)
				<-left
			})
		})
	}
}

// send reports whether the peer still takes bytes.
func send(c net.Conn, b []byte) bool {
	_, err := c.Write(b)
	return err == nil
}

// TestNotRTMP: other protocols are named by their first bytes, and closed at once.
func TestNotRTMP(t *testing.T) {
	for _, tt := range []struct{ name, bytes, want string }{
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "local: this is TLS (rtmps://) on a port that speaks plain RTMP"},
		{"HTTP", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "local: this is HTTP on the RTMP port"},
		{"SSH", "SSH-2.0-OpenSSH_9.6\r\n", "local: this is not RTMP but looks like SSH (first byte 0x53)"},
		{"binary", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", "local: this is not RTMP but looks like binary data (first byte 0xff)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, log := logLines()
				start := time.Now()
				serveBytes(t, &rtmp.Server{Handler: newPublishAll(), Logger: logger}, []byte(tt.bytes))
				if took := time.Since(start); took > 100*time.Millisecond {
					t.Errorf("the connection ended after %v", took)
				}
				wantReason(t, log, tt.want)
			})
		})
	}
}

// TestFloods: what a client can send forever costs no more than its connection.
func TestFloods(t *testing.T) {
	for _, tt := range []struct {
		name string
		line string
		want string
	}{
		{"createStream", "createStream 2 null", "local: more than 1000 commands and control messages a second"},
		{"unknown commands", "nonsense 2 null", "local: more than 1000 commands and control messages a second"},
		{"pings", "PingRequest 1", "local: more than 1000 commands and control messages a second"},
		{"chunk sizes", "SetChunkSize 4096", "local: more than 1000 commands and control messages a second"},
		{"unknown types", "type=99 body", "local: more than 1000 commands and control messages a second"},
		{"play", `msid=1 play 0 null "cam"`, "local: more than 1000 commands and control messages a second"},
		{"pause", `msid=1 pause 0 null true 0`, "local: more than 1000 commands and control messages a second"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, log := logLines()
				c := connectRaw(t, &rtmp.Server{Handler: newPublishAll(), Logger: logger})
				c.write(t, []string{"createStream 2 null", `msid=1 play 0 null "cam"`})
				m, err := parseMessage(tt.line)
				if err != nil {
					t.Fatal(err)
				}
				var batch []byte
				for range 1000 {
					batch = c.appendMessage(batch, m)
				}
				for range 100 {
					if !send(c.nc, batch) {
						break
					}
				}
				<-c.served
				wantReason(t, log, tt.want)
			})
		})
	}
}

// TestObjectFlood: uses of shared objects count one by one, however many there are in a message.
func TestObjectFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		uses := 0
		h := &objectServer{relay: newPublishAll().relay, use: func(*rtmp.SharedObjectUser) (rtmp.SharedObjectSession, error) {
			uses++
			return nil, rtmp.Refuse(rtmp.CodeSharedObjectNoReadAccess, "not for this test")
		}}
		logger, log := logLines()
		c := connectRaw(t, &rtmp.Server{Handler: h, Logger: logger})
		c.write(t, []string{"object chat 0: Use" + strings.Repeat(", Use", 10_000)})
		<-c.served
		wantReason(t, log, "local: more than 1000 commands and control messages a second")
		if uses > 2000 {
			t.Errorf("%d uses were served", uses)
		}
	})
}

// TestStreamLimit: 100,000 createStreams (10,000 in short runs) at a lawful pace make as many streams as are allowed.
func TestStreamLimit(t *testing.T) {
	seconds := int64(100) // of as many commands as are allowed in one
	if testing.Short() {
		seconds = 10
	}
	synctest.Test(t, func(t *testing.T) {
		var results, refusals atomic.Int64
		client, server := rtmptest.Pipe()
		c := serveRaw(t, &rtmp.Server{Handler: newPublishAll(), Logger: quiet}, client, server, func(m *chunk.Message) {
			switch {
			case bytes.HasPrefix(m.Body, []byte("\x02\x00\x07_result\x00\x40\x00")):
				results.Add(1)
			case bytes.HasPrefix(m.Body, []byte("\x02\x00\x06_error\x00\x40\x00")):
				refusals.Add(1)
			}
		})
		m, err := parseMessage("createStream 2 null")
		if err != nil {
			t.Fatal(err)
		}
		for range seconds {
			var batch []byte
			for range 1000 {
				batch = c.appendMessage(batch, m)
			}
			if !send(c.nc, batch) {
				t.Fatal("the connection has ended")
			}
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if results.Load() != 16 || refusals.Load() != 1000*seconds-16 {
			t.Errorf("%d streams and %d refusals, want 16 and the rest", results.Load(), refusals.Load())
		}
	})
}

// TestPeerThatDoesNotRead: its answers are bounded, and so is the time that they wait.
func TestPeerThatDoesNotRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits rtmp.Limits
		pace   time.Duration // between two batches of 100 commands
		want   string
	}{
		{"many answers", rtmp.Limits{CommandsPerSecond: 1 << 30}, 0, "local: the peer does not read: "},
		{"few answers", rtmp.Limits{CommandsPerSecond: 1 << 30, WriteBuffer: 1 << 30}, time.Second, "local: the peer has not read anything for 30s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, log := logLines()
				srv := &rtmp.Server{Handler: newPublishAll(), Logger: logger, Limits: tt.limits}
				client, server := rtmptest.Pipe()
				defer client.Close()
				served := make(chan struct{})
				go func() { // ends with the connection
					srv.ServeConn(server)
					close(served)
				}()
				hs := handshake.NewClient(handshake.ClientConfig{})
				send(client, hs.Start())
				send(client, make([]byte, 1536))
				p := newWirePeer()
				p.nc = client
				p.write(t, []string{`connect 1 {app: "live"}`})
				ping, err := parseMessage("PingRequest 1")
				if err != nil {
					t.Fatal(err)
				}
				var batch []byte
				for range 100 {
					batch = p.appendMessage(batch, ping)
				}
				for range 100_000 {
					if !send(client, batch) {
						break
					}
					time.Sleep(tt.pace)
				}
				<-served
				wantReason(t, log, tt.want)
				closeServer(t, srv)
			})
		})
	}
}

// TestPartialMessages: memory follows the bytes received, and there is a limit on what may be half received.
func TestPartialMessages(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits rtmp.Limits
		header func(i int) []byte // of the i-th chunk, which has 128 bytes
		chunks int
		want   string
	}{
		{"a thousand messages of 16 MB", rtmp.Limits{}, func(i int) []byte {
			return []byte{0x00, byte(i), 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0}
		}, 200, "local: chunk stream "},
		{"longer than the limit", rtmp.Limits{MediaMessage: 1 << 20}, func(int) []byte {
			return []byte{0x06, 0, 0, 0, 0x20, 0, 0, 9, 1, 0, 0, 0}
		}, 1, "local: chunk stream 6: "},
		{"more than the sum", rtmp.Limits{PartialBytes: 64 << 10}, func(i int) []byte {
			if i == 0 {
				return []byte{0x06, 0, 0, 0, 0x0f, 0xff, 0xff, 9, 1, 0, 0, 0}
			}
			return []byte{0xc6}
		}, 2000, "local: chunk stream 6: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, log := logLines()
				c := connectRaw(t, &rtmp.Server{Handler: newPublishAll(), Logger: logger, Limits: tt.limits})
				synctest.Wait()
				for i := range tt.chunks {
					if !send(c.nc, append(tt.header(i), make([]byte, 128)...)) {
						break
					}
				}
				<-c.served
				wantReason(t, log, tt.want)
			})
		})
	}
}

// TestMessageLimitBeforeConnect: who has not said connect gets no large buffers.
func TestMessageLimitBeforeConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, log := logLines()
		b := handshake.NewClient(handshake.ClientConfig{}).Start()
		b = append(b, make([]byte, 1536)...)
		b = append(b, 0x03, 0, 0, 0, 0x02, 0, 0, 20, 0, 0, 0, 0)
		serveBytes(t, &rtmp.Server{Handler: newPublishAll(), Logger: logger}, b)
		wantReason(t, log, "local: chunk stream 3: ")
	})
}

// TestOddMedia: empty and huge frames arrive, and time may go anywhere.
func TestOddMedia(t *testing.T) {
	got := make(chan *media.Packet, 16)
	h := newPublishAll()
	h.publish = func(ctx context.Context, s *rtmp.PublishStream) error {
		for {
			p, err := s.ReadPacket(ctx)
			if err != nil {
				return err
			}
			got <- p
		}
	}
	logger, _ := logLines()
	c := connectLoopback(t, &rtmp.Server{Handler: h, Logger: logger})
	c.write(t, []string{"createStream 2 null", `msid=1 publish 0 null "cam"`})
	huge := make([]byte, 12<<20)
	huge[0], huge[1] = 0x17, 1
	for _, m := range []chunk.Message{
		{Timestamp: 5000, Type: 8},
		{Timestamp: 5000, Type: 9},
		{Timestamp: 5010, Type: 9, Body: []byte{0x17}},
		{Timestamp: 5020, Type: 9, Body: huge},
		{Timestamp: 4000, Type: 8, Body: []byte{0xaf, 1}},
		{Timestamp: 0xffffffff, Type: 8, Body: []byte{0xaf, 1}},
		{Timestamp: 6000, Type: 8, Body: []byte{0xaf, 1}},
	} {
		m.ChunkStreamID, m.StreamID = 6, 1
		if !send(c.nc, c.appendMessage(nil, &m)) {
			t.Fatal("the connection has ended")
		}
		if len(m.Body) == 0 && m.Type == 9 {
			continue // empty video may be dropped
		}
		p := <-got
		for len(m.Body) > 0 && len(p.Body) == 0 {
			p = <-got
		}
		if len(p.Body) != len(m.Body) || uint32(p.Timestamp.Milliseconds()) != m.Timestamp {
			t.Errorf("message of %d bytes at %d: got %d bytes at %v", len(m.Body), m.Timestamp, len(p.Body), p.Timestamp)
		}
	}
}

// TestHandlerPanics: wherever an application panics, its connection is closed and the others go on.
func TestHandlerPanics(t *testing.T) {
	for _, where := range []string{"connect", "publish", "read", "play", "detached", "call", "disconnect"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, log := logLines()
				h := &panicking{where: where}
				srv := rtmptest.Start(t, &rtmp.Server{Handler: h, Logger: logger})
				ctx := t.Context()
				other := srv.Dial(t, "/fine/cam", nil)
				p, err := other.Publish(ctx, "", nil)
				if err != nil {
					t.Fatal(err)
				}
				h.provoke(t, srv)
				synctest.Wait()
				if got := log.reasons(); len(got) != 1 || where != "disconnect" && !strings.HasPrefix(got[0], "local: internal error while ") {
					t.Errorf("ended for %q", got)
				}
				if err := p.WritePacket(ctx, frame(media.Audio, 0)); err != nil {
					t.Errorf("another connection's publisher: %v", err)
				}
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// panicking is a handler that panics for the connections of app "panic".
type panicking struct{ where string }

func (h *panicking) at(where string, r *rtmp.ConnectRequest) {
	if r.App == "panic" && h.where == where {
		panic("a mistake in " + where)
	}
}

func (h *panicking) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	h.at("connect", r)
	return nil
}

func (h *panicking) ServeDisconnect(_ *rtmp.Conn, r *rtmp.ConnectRequest, _ *rtmp.CloseReason) {
	h.at("disconnect", r)
}

func (h *panicking) ServeCall(context.Context, *rtmp.Conn, *rtmp.Call) (any, error) {
	panic("a mistake in call")
}

// WritePacket panics on the reading goroutine.
func (h *panicking) WritePacket(context.Context, *media.Packet) error { panic("a mistake in read") }

func (h *panicking) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	h.at("publish", s.Request())
	if s.Request().App == "panic" && h.where == "read" {
		_, err := s.WriteTo(ctx, h)
		return err
	}
	_, err := s.WriteTo(ctx, &collector{})
	return err
}

func (h *panicking) ServePlay(_ context.Context, s *rtmp.PlayStream) error {
	h.at("play", s.Request())
	o, err := s.Detach(false)
	if err != nil {
		return err
	}
	o.OnCommand(func(rtmp.Command) { panic("a mistake in detached") })
	return nil
}

// provoke makes a client do what panics.
func (h *panicking) provoke(t *testing.T, srv *rtmptest.Server) {
	t.Helper()
	ctx := t.Context()
	c, err := srv.TryDial(ctx, "/panic/cam", nil)
	if h.where == "connect" {
		if err == nil {
			t.Error("connect was accepted")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	switch h.where {
	case "publish", "read":
		p, err := c.Publish(ctx, "", nil)
		if err == nil && h.where == "read" {
			err = p.WritePacket(ctx, frame(media.Audio, 0))
			<-p.Done()
		}
		t.Log(err)
	case "play", "detached":
		p, err := c.Play(ctx, "", nil)
		if err == nil && h.where == "detached" {
			err = p.Pause(true, 0)
			<-c.Done()
		}
		t.Log(err)
	case "call":
		if _, err := c.Call(ctx, "anything"); err == nil {
			t.Error("the call was answered")
		}
	}
}

// TestConnectionLimits: those beyond them are closed at once, and there is room again when others leave.
func TestConnectionLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits rtmp.Limits
	}{
		{"of the server", rtmp.Limits{Connections: 5}},
		{"of one address", rtmp.Limits{ConnectionsPerAddress: 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, _ := logLines()
				srv := rtmptest.Start(t, &rtmp.Server{Handler: newPublishAll(), Logger: logger, Limits: tt.limits})
				var open []*rtmp.Conn
				for i := range 8 {
					c, err := srv.TryDial(t.Context(), "/live", nil)
					if (err == nil) != (i < 5) {
						t.Fatalf("connection %d: %v", i, err)
					}
					if err == nil {
						open = append(open, c)
					}
				}
				for _, c := range open[1:] {
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				}
				synctest.Wait()
				for range 4 {
					c := srv.Dial(t, "/live", nil)
					if err := c.Close(); err != nil {
						t.Error(err)
					}
					synctest.Wait()
				}
				if err := open[0].Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestFloodBehindTheEnd: a connection that was closed from inside ends although its peer goes on sending.
func TestFloodBehindTheEnd(t *testing.T) {
	logger, log := logLines()
	h := newPublishAll()
	h.publish = func(context.Context, *rtmp.PublishStream) error { panic("a mistake") }
	c := connectLoopback(t, &rtmp.Server{Handler: h, Logger: logger})
	c.write(t, []string{"createStream 2 null", `msid=1 publish 0 null "cam"`})
	m := chunk.Message{ChunkStreamID: 6, Type: 9, StreamID: 1, Body: make([]byte, 64<<10)}
	for send(c.nc, c.appendMessage(nil, &m)) {
	}
	<-c.served
	if got := log.reasons(); !slices.Equal(got, []string{"local: internal error while serving a stream"}) {
		t.Errorf("ended for %q", got)
	}
}

// TestSlowHandler: a handler that holds the reading up is not the peer's silence.
func TestSlowHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newPublishAll()
		took := make(chan struct{})
		h.publish = func(ctx context.Context, s *rtmp.PublishStream) error {
			_, err := s.WriteTo(ctx, writerFunc(func(ctx context.Context, _ *media.Packet) error {
				select {
				case <-time.After(5 * time.Minute):
					close(took)
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}))
			return err
		}
		srv := rtmptest.NewServer(t, h)
		p, err := srv.Dial(t, "/live/cam", nil).Publish(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.WritePacket(t.Context(), frame(media.Audio, 0)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-took:
		case <-p.Done():
			t.Errorf("the publisher was ended: %v", p.Err())
		}
	})
}

type writerFunc func(ctx context.Context, p *media.Packet) error

func (f writerFunc) WritePacket(ctx context.Context, p *media.Packet) error { return f(ctx, p) }

// TestShutdownTellsAll: Shutdown ends publishers, players and half-open connections, within the moment that they have to leave.
func TestShutdownTellsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, log := logLines()
		srv := &rtmp.Server{Handler: newPublishAll(), Logger: logger}
		publisher, player, idle := connectRaw(t, srv), connectRaw(t, srv), connectRaw(t, srv)
		publisher.write(t, []string{"createStream 2 null", `msid=1 publish 0 null "cam"`})
		player.write(t, []string{"createStream 2 null", `msid=1 play 0 null "cam"`})
		_, half := rtmptest.Pipe()
		go srv.ServeConn(half) // ends with Shutdown
		synctest.Wait()
		start := time.Now()
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("Shutdown took %v", took)
		}
		for _, c := range []*rawClient{publisher, player, idle} {
			if !slices.Contains(c.lines(), "close 0 null") {
				t.Error("a client was not told")
			}
		}
		if got := log.reasons(); len(got) != 4 {
			t.Errorf("ended for %q", got)
		}
	})
}

// TestTruncatedSession: a recorded session that ends at any byte leaves nothing behind.
func TestTruncatedSession(t *testing.T) {
	b := recordedSession(t)
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		srv := &rtmp.Server{Handler: &playAndPublish{}, Logger: quiet}
		for n := range len(b) + 1 {
			feed(t, srv, b[:n])
		}
		closeServer(t, srv)
	})
}

// recordedSession is what a client sends that publishes, plays, and leaves, from C0 on.
func recordedSession(t testing.TB) []byte {
	t.Helper()
	hs := handshake.NewClient(handshake.ClientConfig{Rand: zeros{}})
	b := hs.Start()
	b = append(b, make([]byte, 1536)...)
	w := chunk.NewWriter()
	for _, line := range []string{
		"SetChunkSize 200", `connect 1 {app: "live", tcUrl: "rtmp://h/live"}`, "WindowAckSize 5000",
		`releaseStream 2 null "cam"`, `FCPublish 3 null "cam"`, "createStream 4 null", `msid=1 publish 5 null "cam" "live"`,
		`msid=1 data "@setDataFrame" "onMetaData" ecma{width: 1280}`, "msid=1 video 1700000000", "msid=1 audio af001210",
		"msid=1 ts=40 video " + strings.Repeat("17", 300), "msid=1 ts=16777216 audio af01", "createStream 6 null",
		`msid=2 play 0 null "cam" -1000`, "SetBufferLength 2 3000", "msid=2 pause 0 null true 0", "msid=2 pause 0 null false 0",
		"PingRequest 7", "SetPeerBandwidth 100000 hard", "Acknowledgement 3000", `FCUnpublish 7 null "cam"`,
		"deleteStream 8 null 1", "msid=2 closeStream 0 null", "close 0 null",
	} {
		m, err := parseMessage(line)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", line, err))
		}
		b = w.AppendMessage(b, m)
		if m.Type == 1 {
			w.SetChunkSize(200)
		}
	}
	return b
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
