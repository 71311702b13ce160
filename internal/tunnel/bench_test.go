package tunnel

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// BenchmarkDownstream measures bytes from a server to a client without sockets in between.
func BenchmarkDownstream(b *testing.B) {
	b.ReportAllocs()
	s := NewServer(Config{})
	var running sync.WaitGroup
	client, err := Dial(b.Context(), &DialConfig{Host: "x", Dial: func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		running.Go(func() { s.ServeConn(theirs) })
		return ours, nil
	}})
	if err != nil {
		b.Fatal(err)
	}
	server, err := s.Accept()
	if err != nil {
		b.Fatal(err)
	}
	frame, got := make([]byte, 64<<10), make([]byte, 64<<10)
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		if err := server.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			b.Fatal(err)
		}
		if _, err := server.Write(frame); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(client, got); err != nil {
			b.Fatal(err)
		}
	}
	if err := server.Close(); err != nil {
		b.Fatal(err)
	}
	if err := client.Close(); err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	running.Wait()
}
