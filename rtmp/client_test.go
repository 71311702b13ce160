package rtmp_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// mute is a server that answers what a publisher must have answered and nothing else: no pings, no acknowledgements.
type mute struct {
	t  *testing.T
	nc net.Conn
	in *chunk.Reader
}

// serveMute accepts one connection and reads it until it ends.
func serveMute(t *testing.T, l *rtmptest.Listener) {
	nc, err := l.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	m := &mute{t: t, nc: nc, in: chunk.NewReader(chunk.Limits{})}
	hs := handshake.NewServer(handshake.ServerConfig{})
	buf := make([]byte, 4096)
	for {
		n, err := nc.Read(buf)
		if err != nil {
			return
		}
		b := buf[:n]
		if !hs.Done() {
			used, reply, err := hs.Feed(b)
			if err != nil {
				t.Error(err)
				return
			}
			m.write(reply)
			b = b[used:]
		}
		if err := m.in.Feed(b, m.message); err != nil {
			t.Error(err)
			return
		}
	}
}

func (m *mute) write(b []byte) {
	if _, err := m.nc.Write(b); err != nil {
		m.t.Error(err)
	}
}

func (m *mute) message(cm *chunk.Message) error {
	parsed, err := message.Parse(message.Type(cm.Type), cm.Body, amf.Limits{})
	cmd, ok := parsed.(*message.Command)
	if err != nil || !ok {
		return err
	}
	answer := &message.Command{Name: "_result", TransactionID: cmd.TransactionID}
	switch cmd.Name {
	case "connect":
		answer.Args = []any{amf.NewObject("level", "status", "code", string(rtmp.CodeConnectSuccess))}
	case "createStream":
		answer.Args = []any{1.0}
	case "publish":
		answer = &message.Command{Name: "onStatus", Args: []any{amf.NewObject("level", "status", "code", string(rtmp.CodePublishStart))}}
	default:
		return nil
	}
	body, err := message.Append(nil, answer)
	if err != nil {
		return err
	}
	out := chunk.Message{ChunkStreamID: 3, Type: uint8(message.TypeCommandAMF0), StreamID: cm.StreamID, Body: body}
	m.write(chunk.AppendFull(nil, &out, chunk.DefaultChunkSize))
	return nil
}

func TestPublisherOfMuteServerStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rtmptest.NewListener()
		go serveMute(t, l) // ends with the connection
		c, err := rtmp.Dial(t.Context(), rtmptest.URL+"/live/cam", &rtmp.DialConfig{Dial: l.DialContext})
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Publish(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, pkt := range mediatest.Opus(100 * time.Millisecond) {
			time.Sleep(30 * time.Second)
			if err := p.WritePacket(t.Context(), pkt); err != nil {
				t.Fatalf("after silence of the server: %v", err)
			}
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// stalled is a connection that can be made to take nothing.
type stalled struct {
	net.Conn
	hold chan struct{} // while it is open writes wait
}

func (s *stalled) Write(b []byte) (int, error) {
	<-s.hold
	return s.Conn.Write(b)
}

func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rtmptest.NewListener()
		go serveMute(t, l) // ends with the connection
		s := &stalled{hold: make(chan struct{})}
		close(s.hold)
		dial := func(ctx context.Context, _, _ string) (nc net.Conn, err error) {
			s.Conn, err = l.Dial(ctx)
			return s, err
		}
		c, err := rtmp.Dial(t.Context(), rtmptest.URL+"/live", &rtmp.DialConfig{Dial: dial})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		s.hold = make(chan struct{})
		if err := c.Notify("late"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush of a socket that takes nothing: %v", err)
		}
		close(s.hold)
		if err := c.Flush(t.Context()); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Flush(t.Context()); err == nil {
			t.Error("Flush of a closed connection succeeds")
		}
	})
}

func TestDialOfSilentServerEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := rtmptest.NewListener()
		accepted := make(chan net.Conn, 1)
		go func() { // ends with the first connection
			nc, err := l.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- nc
		}()
		begun := time.Now()
		_, err := rtmp.Dial(t.Context(), rtmptest.URL+"/live", &rtmp.DialConfig{Dial: l.DialContext, Timeout: time.Second})
		failed, ok := errors.AsType[*rtmp.DialError](err)
		if !ok || failed.Step != "handshake" {
			t.Errorf("Dial: %v", err)
		}
		if took := time.Since(begun); took != time.Second {
			t.Errorf("it took %v", took)
		}
		(<-accepted).Close()
	})
}
