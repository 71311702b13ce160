package rtmp

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// sink is a side that passes on the media that it gets.
type sink chan int

func (s sink) handshake(_ *Conn, b []byte) ([]byte, bool, error) { return b, true, nil }

func (s sink) command(context.Context, *Conn, *chunk.Message, *message.Command) error { return nil }

func (s sink) userControl(*Conn, *message.UserControl) error { return nil }

func (s sink) other(context.Context, *Conn, *chunk.Message) error { return nil }
func (s sink) closed(*Conn, *CloseReason)                         {}
func (s sink) media(_ context.Context, _ *Conn, m *chunk.Message) error {
	s <- len(m.Body)
	return nil
}

// TestLongAnswer: a long message, which somebody else may have made so, does not count against a peer that has read all before it.
func TestLongAnswer(t *testing.T) {
	limits := Limits{}.withDefaults()
	nc, _ := net.Pipe()
	defer nc.Close()
	c := newConn(nc, nil, limits, discard)
	c.out.flushing = true // nothing goes out
	long := &message.Data{Body: make([]byte, 2*limits.WriteBuffer)}
	if err := c.send(0, long); err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := c.send(0, long); err == nil {
		t.Error("a peer that does not read is sent more")
	}
	c.wg.Wait()
	if r := c.closeReason(); r == nil || !strings.HasPrefix(r.Text, "the peer does not read: ") {
		t.Errorf("closed for %v", r)
	}
}

// BenchmarkTryWrite writes a video frame of 4.7 kB to each of 64 connections, whose peers read it without looking at it.
func BenchmarkTryWrite(b *testing.B) {
	m := chunk.Message{ChunkStreamID: 6, Type: uint8(message.TypeVideo), StreamID: 1, Body: make([]byte, 4700)}
	frame := chunk.AppendFull(nil, &m, 65536)
	for _, kind := range []string{"plain", "TLS"} {
		b.Run(kind, func(b *testing.B) {
			conns := make([]*Conn, 64)
			for i := range conns {
				conns[i] = benchConn(b, kind == "TLS")
			}
			b.SetBytes(int64(len(frame) * len(conns)))
			b.ReportAllocs()
			drained := make(chan struct{}, len(conns))
			done := func() { drained <- struct{}{} }
			for b.Loop() {
				for _, c := range conns {
					if n, err := c.out.tryWrite(frame); n != len(frame) || err != nil {
						b.Fatal(n, err)
					}
				}
				for _, c := range conns {
					c.out.whenDrained(done)
				}
				for range conns {
					<-drained
				}
			}
		})
	}
}

// benchConn returns the server's end of a connection that is not read.
func benchConn(b *testing.B, encrypted bool) *Conn {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { client.Close(); server.Close() })
	if encrypted {
		https := httptest.NewUnstartedServer(nil)
		https.StartTLS()
		cert := https.TLS.Certificates
		https.Close()
		inner := tls.Client(client, &tls.Config{InsecureSkipVerify: true})
		outer := tls.Server(server, &tls.Config{Certificates: cert})
		done := make(chan error, 1)
		go func() { done <- inner.Handshake() }()
		if err := outer.Handshake(); err != nil {
			b.Fatal(err)
		}
		if err := <-done; err != nil {
			b.Fatal(err)
		}
		server = outer
	}
	go func() { _, _ = io.Copy(io.Discard, client) }() // ends with the client
	var limits Limits
	c := newConn(server, make(sink), limits.withDefaults(), slog.New(slog.DiscardHandler))
	c.out.chunkSize = 65536
	return c
}
