package sockets

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestDirectConn: a socket that is read and written directly behaves as any other: what does not fit waits, and the end, deadlines and a
// peer that is gone are told of in the same way.
func TestDirectConn(t *testing.T) {
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
	c := Direct(nc)
	defer c.Close()

	large := bytes.Repeat([]byte("0123456789abcdef"), 4<<20) // more than sockets hold
	wrote := make(chan error, 1)
	go func() { // ends with the peer's reading
		n, err := c.Write(large)
		if n != len(large) {
			err = errors.Join(err, io.ErrShortWrite)
		}
		wrote <- err
	}()
	got := make([]byte, len(large))
	if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, large) {
		t.Errorf("the peer read something else: %v", err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}

	if _, err := peer.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(got[:2]); string(got[:n]) != "ab" || err != nil {
		t.Errorf("Read = %q, %v", got[:n], err)
	}
	if n, err := c.Read(got[:8]); string(got[:n]) != "c" || err != nil {
		t.Errorf("Read = %q, %v", got[:n], err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(got[:8]); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "read tcp ") {
		t.Errorf("at the deadline: %d, %v", n, err)
	}
	if err := errors.Join(c.SetReadDeadline(time.Time{}), peer.Close()); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(got[:8]); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d, %v", n, err)
	}
	for range 1000 { // the first meets a peer that has not yet said that it is gone
		if _, err = c.Write(large[:1<<10]); err != nil {
			break
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "write" {
		t.Errorf("to a peer that is gone: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Read(got[:8]); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
