//go:build linux && (amd64 || arm64)

package rtmp

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"
	"time"

	"leat/internal/wire/chunk"
)

// TestReadSocket: a read says that nothing is left only when neither bytes nor the end are there already.
func TestReadSocket(t *testing.T) {
	peer, nc := tcpPair(t)
	c := &Conn{nc: nc, raw: rawConn(nc), logger: slog.New(slog.DiscardHandler)}
	c.announceRest()

	type outcome struct {
		n     int
		empty bool
		err   error
	}
	read := func(size int) (o outcome) {
		t.Helper()
		var control readControl
		err := c.raw.Read(func(fd uintptr) bool {
			o.n, o.empty, o.err = readSocket(fd, make([]byte, size), &control)
			return !errors.Is(o.err, errAgain)
		})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if _, err := peer.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if got := read(4); got != (outcome{4, false, nil}) {
		t.Errorf("with bytes left: %+v", got)
	}
	if got := read(100); got != (outcome{6, true, nil}) {
		t.Errorf("with nothing left: %+v", got)
	}
	if _, err := peer.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, c, syscall.EPOLLRDHUP)
	if got := read(100); got != (outcome{3, false, nil}) {
		t.Errorf("with the end behind it: %+v", got)
	}
	if got := read(100); !errors.Is(got.err, io.EOF) {
		t.Errorf("at the end: %+v", got)
	}
}

// TestResetIsNoticed: a reset that came together with the last bytes is found when the socket is looked at.
func TestResetIsNoticed(t *testing.T) {
	peer, nc := tcpPair(t)
	c := newConn(nc, nil, Limits{}, slog.New(slog.DiscardHandler))
	c.closing.Store(true) // what is read is thrown away
	if _, err := peer.Write([]byte("end")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(peer.SetLinger(0), peer.Close()); err != nil {
		t.Fatal(err)
	}
	await(t, c, syscall.EPOLLERR)

	done := make(chan error, 1)
	go func() { done <- c.readRaw(t.Context(), func(*chunk.Message) error { return nil }) }() // ends with the reset
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
				t.Errorf("it ended with %v", err)
			}
			return
		case <-look.C:
			c.look(time.Second)
		}
	}
}

// tcpPair returns the two ends of a connection, which the test's end closes.
func tcpPair(t *testing.T) (peer *net.TCPConn, nc net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialed, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if nc, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		dialed.Close()
		nc.Close()
	})
	return dialed.(*net.TCPConn), nc
}

// await waits until the socket of c has an event, without reading from it.
func await(t *testing.T, c *Conn, event uint32) {
	t.Helper()
	ep, err := syscall.EpollCreate1(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Close(ep); err != nil {
			t.Error(err)
		}
	})
	var failed error
	err = c.raw.Control(func(fd uintptr) {
		failed = syscall.EpollCtl(ep, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{Events: event, Fd: int32(fd)})
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	events := make([]syscall.EpollEvent, 1)
	for {
		n, err := syscall.EpollWait(ep, events, 10_000)
		switch {
		case n == 1:
			return
		case !errors.Is(err, syscall.EINTR):
			t.Fatalf("no event: %d, %v", n, err)
		}
	}
}
