//go:build unix

package rtmp

import (
	"log/slog"
	"net"
	"runtime"
	"testing"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// TestProd: a socket that was read once for each readiness is read again when it has been silent, and goes on.
func TestProd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	nc, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got := make(sink, 1)
	var limits Limits
	c := newConn(nc, got, limits.withDefaults(), slog.New(slog.DiscardHandler))
	c.id = 1 // as at a server
	go func() { _ = c.run(t.Context()) }()
	send := func(n int) {
		t.Helper()
		m := chunk.Message{ChunkStreamID: 4, Type: uint8(message.TypeAudio), StreamID: 1, Body: make([]byte, n)}
		if _, err := peer.Write(chunk.AppendFull(nil, &m, chunk.DefaultChunkSize)); err != nil {
			t.Fatal(err)
		}
		select {
		case have := <-got:
			if have != n {
				t.Fatalf("a message of %d bytes, want %d", have, n)
			}
		case <-c.Done():
			t.Fatal("the connection has ended: ", c.CloseReason())
		}
	}
	looked := func() {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); c.in.unsure.Load(); runtime.Gosched() {
			c.prod(time.Now().Add(2 * prodAfter))
			if time.Now().After(end) {
				t.Fatal("the socket was not read again")
			}
		}
	}
	for i := range 3 {
		send(10 + i)
		c.in.unsure.Store(true) // it is not, if the poller had more to report
		looked()
	}
	send(20)
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if r := c.CloseReason(); r.Side != SidePeer {
		t.Errorf("closed by %v: %v", r.Side, r)
	}
}
