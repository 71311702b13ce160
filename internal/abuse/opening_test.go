package abuse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/config"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// What happens before a connect is finished.

// firstBytes is C0 and C1.
func firstBytes() []byte { return handshake.NewClient(handshake.ClientConfig{}).Start() }

// TestHalfOpen: connections that never finish their handshake cost little, and end at a deadline.
func TestHalfOpen(t *testing.T) {
	const connections = 200
	const each = 8 << 10 // bytes of heap, and that is both ends of it
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.HandshakeTimeout = time.Second },
		do: func(t *testing.T, h *house) {
			first := firstBytes()
			before := takeUsage()
			for i := range connections {
				// nothing, a byte, a part of C1, all of it, all and a part of C2
				part := []int{0, 1, 800, len(first), len(first)}[i%5]
				if _, err := h.dial().Write(first[:part]); err != nil {
					t.Fatal(err)
				}
			}
			const ended = "the handshake was not finished within 1s"
			grown := int64(math.MaxInt64) // at first they may be in the middle of reading, with buffers that all share
			for grown > connections*each && h.lines.count(ended) == 0 {
				grown = min(grown, takeUsage().heap-before.heap)
			}
			if grown > connections*each {
				t.Errorf("%d unfinished connections hold %d bytes, %d each", connections, grown, grown/connections)
			}
			h.newcomer()
			h.lines.waitFor(t, connections, "msg=closed", "side=local", ended)
		},
	})
}

// newcomer is a session that begins while offenders are at work.
func (h *house) newcomer() {
	h.t.Helper()
	publisher := h.publish("meanwhile")
	if !publisher.video(0, keyFrame) {
		h.t.Error("a new publisher was not served meanwhile")
	}
}

// TestSlowHandshake: bytes do not renew the deadline, before the handshake is over or behind it.
func TestSlowHandshake(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.HandshakeTimeout = 400 * time.Millisecond },
		do: func(t *testing.T, h *house) {
			start := time.Now()
			handshaking, shaken := h.dial(), h.shaken()
			ping := shaken.encode(message.TypeUserControl, 0, 0, []byte{0, 6, 0, 0, 0, 1})
			first := firstBytes()
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for open, i := true, 0; open; i++ {
				_, err := handshaking.Write(first[i : i+1])
				open = shaken.write(ping[i%len(ping):][:1]) || err == nil
				<-tick.C
			}
			if took := time.Since(start); took > 400*time.Millisecond+h.healthy.allow(time.Second) {
				t.Errorf("they were closed after %v", took)
			}
		},
		want: [][]string{
			{"msg=closed", "side=local", "the handshake was not finished within 400ms"},
			{"msg=closed", "side=local", "no connect within 400ms"},
		},
	})
}

// TestNotRTMP: what is no RTMP is closed at once, and named.
func TestNotRTMP(t *testing.T) {
	offenders := []string{
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"SSH-2.0-OpenSSH_9.6\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1000 1935\r\n",
		"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8",
	}
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			for _, text := range offenders {
				p := newPeer(t, h.dial())
				start := time.Now()
				p.write([]byte(text))
				p.closed()
				if took := time.Since(start); took > h.healthy.allow(100*time.Millisecond) {
					t.Errorf("%q was closed after %v", text, took)
				}
			}
		},
		want: [][]string{
			{"msg=closed", "side=local", "TLS (rtmps://) on a port that speaks plain RTMP"},
			{"msg=closed", "side=local", "HTTP on the RTMP port"},
			{"msg=closed", "side=local", "not RTMP but looks like SSH"},
			{"msg=closed", "side=local", "the address is not one of a trusted proxy"},
			{"msg=closed", "side=local", "not RTMP but looks like binary data (first byte 0xff)"},
		},
	})
}

// TestCutHandshake: whoever goes away during the handshake, by FIN or RST, leaves nothing but a line at level debug.
func TestCutHandshake(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			whole := append(firstBytes(), make([]byte, 1535)...) // and all but a byte of C2
			quiet := h.lines.count("msg=closed") - h.lines.count("msg=closed", "level=DEBUG")
			cuts := 0
			for n := 0; n <= len(whole); n += 1 + n/2 {
				for _, end := range []func(*testing.T, net.Conn){hangUp, reset} {
					nc := h.dial()
					if _, err := nc.Write(whole[:n]); err != nil {
						t.Fatal(err)
					}
					end(t, nc)
					cuts++
				}
			}
			h.lines.waitFor(t, cuts, "msg=closed")
			if n := h.lines.count("msg=closed") - h.lines.count("msg=closed", "level=DEBUG"); n != quiet {
				t.Errorf("%d of %d cut handshakes are logged above debug", n-quiet, cuts)
			}
		},
	})
}

func hangUp(t *testing.T, nc net.Conn) {
	t.Helper()
	if err := nc.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLengthBeforeConnect: who has not said connect gets no large buffers.
func TestLengthBeforeConnect(t *testing.T) {
	beside(t, offence{
		do: func(_ *testing.T, h *house) {
			p := h.shaken()
			p.write([]byte{0x03, 0, 0, 0, 0x02, 0, 0, 20, 0, 0, 0, 0})
			p.closed()
		},
		want: [][]string{{"msg=closed", "side=local", "message of type 20 with 131072 bytes is above the limit of 65536"}},
	})
}

// TestChurn: sessions that come and go, 200 in a second and more, are all served.
func TestChurn(t *testing.T) {
	const sessions, workers = 200, 4
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			errs := make(chan error, workers)
			start := time.Now()
			for w := range workers {
				go func() { // ends with its sessions
					var err error
					for i := 0; i < sessions/workers && err == nil; i++ {
						err = session(h, fmt.Sprintf("churn-%d-%d", w, i), i%2 == 0)
					}
					errs <- err
				}()
			}
			for range workers {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
			if took := time.Since(start); took > h.healthy.allow(time.Second) {
				t.Errorf("%d sessions took %v", sessions, took)
			}
		},
	})
}

// session publishes or plays for a moment.
func session(h *house, name string, publishes bool) error {
	ctx := h.t.Context()
	c, err := rtmp.Dial(ctx, h.url("/live/"+name), nil)
	if err != nil {
		return err
	}
	if publishes {
		var p *rtmp.Publisher
		if p, err = c.Publish(ctx, "", nil); err == nil {
			err = p.Close()
		}
	} else {
		_, err = c.Play(ctx, "", nil)
	}
	return errors.Join(err, c.Close())
}

// TestConnectionLimit: those beyond the limit are closed at once, and there is room again as soon as others have left.
func TestConnectionLimit(t *testing.T) {
	const others = 16
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.Connections = healthyPlayers + 1 + others },
		do: func(t *testing.T, h *house) {
			for range others {
				h.connect()
			}
			for range others {
				newPeer(t, h.dial()).closed()
			}
			h.hangUp()
			took := until(t, "a new session was let in", func() bool {
				c, err := rtmp.Dial(t.Context(), h.url("/live"), nil)
				if err != nil {
					return false
				}
				return c.Close() == nil
			})
			if took > h.healthy.allow(100*time.Millisecond) {
				t.Errorf("a new session was let in after %v", took)
			}
		},
		want: [][]string{{"level=WARN", "connection refused", "the limit on connections is reached"}},
	})
}

// exhausted is a listener of a process that has no descriptors left for a while.
type exhausted struct {
	net.Listener
	failures atomic.Int64 // still to come, if it is above 0
}

func (l *exhausted) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

// nothing is a handler that has no streams.
type nothing struct{}

func (nothing) ServePublish(context.Context, *rtmp.PublishStream) error { return nil }
func (nothing) ServePlay(context.Context, *rtmp.PlayStream) error       { return nil }

// TestDescriptorsExhausted: a server goes on accepting when descriptors are there again, and meanwhile with who is there. It has no
// other door than this.
func TestDescriptorsExhausted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines, logger := newLogbook()
	srv := &rtmp.Server{Handler: nothing{}, Logger: logger}
	served := make(chan error, 1)
	poor := &exhausted{Listener: l}
	poor.failures.Store(2)
	go func() { served <- srv.Serve(poor) }() // ends with Close
	start := time.Now()
	c, err := rtmp.Dial(t.Context(), "rtmp://"+l.Addr().String()+"/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > time.Second+time.Second*slowdown {
		t.Errorf("the server took %v to accept again", took)
	}
	poor.failures.Store(3) // behind the one that Accept waits for
	for i := range 2 {
		if _, err := c.Call(t.Context(), "releaseStream", "name"); err != nil {
			t.Errorf("who was there before: %v", err)
		}
		next, err := rtmp.Dial(t.Context(), "rtmp://"+l.Addr().String()+"/live", nil)
		if err != nil {
			t.Fatal(i, err)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(c.Close(), srv.Close()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, rtmp.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if n := lines.count("level=WARN", "accepting a connection failed, trying again"); n != 5 {
		t.Errorf("%d failures were logged, want 5", n)
	}
}

// TestPipelining: a client may send its whole session without waiting for anything, in pieces of any size.
func TestPipelining(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			publish := func(i int) []byte {
				p := newPeer(t, nil)
				b := append(firstBytes(), make([]byte, 1536)...)
				for _, cmd := range []outgoing{
					{0, &message.Command{Name: "connect", TransactionID: 1, Object: amf.NewObject("app", "live")}},
					{0, &message.Command{Name: "createStream", TransactionID: 2}},
					{1, &message.Command{Name: "publish", TransactionID: 3, Args: []any{fmt.Sprintf("pipelined-%d", i), "live"}}},
				} {
					body, err := message.Append(nil, cmd.msg)
					if err != nil {
						t.Fatal(err)
					}
					b = append(b, p.encode(cmd.msg.Type(), cmd.streamID, 0, body)...)
				}
				return append(b, p.encode(message.TypeVideo, 1, 0, keyFrame)...)
			}
			length := len(publish(0))
			var cuts []int
			for cut := 1; cut < length; cut += 1 + length/24 {
				cuts = append(cuts, cut)
			}
			for cut := length - 48; cut < length; cut += 3 {
				cuts = append(cuts, cut)
			}
			for i, cut := range cuts {
				b := publish(i)
				cut = min(cut, len(b))
				nc := h.dial()
				for _, part := range [][]byte{b[:cut], b[cut:]} {
					if _, err := nc.Write(part); err != nil {
						t.Fatal(err)
					}
				}
				h.lines.wait(t, "msg=publishing", fmt.Sprintf("stream=live/pipelined-%d ", i))
				hangUp(t, nc)
			}
		},
	})
}

// outgoing is a message and where it goes.
type outgoing struct {
	streamID uint32
	msg      message.Message
}
