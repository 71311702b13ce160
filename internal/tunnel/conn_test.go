package tunnel

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// Both ends keep the promises of net.Conn. Each test runs with either end as the one looked at.
func TestConn(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, c, peer net.Conn)
	}{
		{"Transfer", testTransfer},
		{"PastDeadline", testPastDeadline},
		{"FutureDeadline", testFutureDeadline},
		{"MovedDeadline", testMovedDeadline},
		{"WriteDeadline", testWriteDeadline},
		{"CloseWakes", testCloseWakes},
		{"CloseEndsPeer", testCloseEndsPeer},
		{"Concurrent", testConcurrent},
		{"EmptyCalls", testEmptyCalls},
		{"Addresses", testAddresses},
	} {
		t.Run(test.name+"/client", func(t *testing.T) {
			client, server := pair(t)
			test.run(t, client, server)
		})
		t.Run(test.name+"/server", func(t *testing.T) {
			client, server := pair(t)
			test.run(t, server, client)
		})
	}
}

func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	s, address := serve(t, Config{Hold: 20 * time.Millisecond})
	client = dial(t, address)
	return client, accept(t, s)
}

// pattern is a text in which every misplaced byte shows.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>16 ^ i>>8 ^ i)
	}
	return b
}

func send(t *testing.T, running *sync.WaitGroup, c net.Conn, b []byte, piece int) {
	running.Go(func() {
		for len(b) > 0 {
			n, err := c.Write(b[:min(len(b), piece)])
			if err != nil {
				t.Errorf("Write: %v", err)
				return
			}
			b = b[n:]
		}
	})
}

func receive(t *testing.T, running *sync.WaitGroup, c net.Conn, want []byte) {
	running.Go(func() {
		got := make([]byte, len(want))
		if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("Read: %d of %d bytes, equal %v, error %v", n, len(want), bytes.Equal(got, want), err)
		}
	})
}

func testTransfer(t *testing.T, c, peer net.Conn) {
	var running sync.WaitGroup
	there, back := pattern(1<<20), pattern(700_000)
	send(t, &running, c, there, 100_000)
	send(t, &running, peer, back, 3000)
	receive(t, &running, peer, there)
	receive(t, &running, c, back)
	running.Wait()
}

func wantTimeout(t *testing.T, what string, err error) {
	t.Helper()
	var timeout net.Error
	if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%s: error %v, want a time-out", what, err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func testPastDeadline(t *testing.T, c, peer net.Conn) {
	check(t, c.SetDeadline(time.Unix(1, 0)))
	_, err := c.Read(make([]byte, 1))
	wantTimeout(t, "Read", err)
	_, err = c.Write([]byte("x"))
	wantTimeout(t, "Write", err)
	check(t, c.SetDeadline(time.Time{}))
	if _, err := c.Write([]byte("y")); err != nil {
		t.Errorf("Write after the deadline is lifted: %v", err)
	}
	wantRead(t, peer, "y")
}

func testFutureDeadline(t *testing.T, c, peer net.Conn) {
	for range 3 {
		start := time.Now()
		check(t, c.SetReadDeadline(start.Add(20*time.Millisecond)))
		_, err := c.Read(make([]byte, 1))
		wantTimeout(t, "Read", err)
		if took := time.Since(start); took < 20*time.Millisecond {
			t.Errorf("the deadline passed after %v", took)
		}
	}
	check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	wantRead(t, c, "x")
}

// A deadline that is moved wakes a Read that waits already.
func testMovedDeadline(t *testing.T, c, _ net.Conn) {
	failed := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		failed <- err
	}()
	check(t, c.SetReadDeadline(time.Now().Add(time.Hour)))
	check(t, c.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	wantTimeout(t, "Read", <-failed)
}

func testWriteDeadline(t *testing.T, c, peer net.Conn) {
	check(t, c.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	n, err := c.Write(make([]byte, 1<<20)) // more than both ends hold
	wantTimeout(t, "Write", err)
	if n == 0 || n >= 1<<20 {
		t.Errorf("Write put in %d bytes", n)
	}
	check(t, peer.Close()) // so that the other does not wait for its bytes to be read
}

func testCloseWakes(t *testing.T, c, _ net.Conn) {
	failed := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		failed <- err
	}()
	go func() {
		_, err := c.Write(make([]byte, 1<<20))
		failed <- err
	}()
	check(t, c.Close())
	for range 2 {
		if err := <-failed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v, want %v", err, net.ErrClosed)
		}
	}
	check(t, c.Close())
}

// The peer reads what was written before the end, then io.EOF; it cannot write.
func testCloseEndsPeer(t *testing.T, c, peer net.Conn) {
	last := pattern(50_000)
	if _, err := c.Write(last); err != nil {
		t.Fatal(err)
	}
	check(t, c.Close())
	got, err := io.ReadAll(peer)
	if err != nil || !bytes.Equal(got, last) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
	if _, err := peer.Write([]byte("x")); err == nil {
		t.Error("Write to a closed peer succeeds")
	}
}

func testConcurrent(t *testing.T, c, peer net.Conn) {
	var running sync.WaitGroup
	receive(t, &running, peer, bytes.Repeat([]byte("abcdefgh"), 400))
	for range 4 {
		running.Go(func() {
			for range 100 {
				if _, err := c.Write([]byte("abcdefgh")); err != nil {
					t.Error(err)
				}
				c.LocalAddr()
				c.RemoteAddr()
				check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
			}
		})
	}
	running.Wait()
}

func testEmptyCalls(t *testing.T, c, _ net.Conn) {
	if n, err := c.Write(nil); n != 0 || err != nil {
		t.Errorf("Write of nothing = %d, %v", n, err)
	}
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("Read of nothing = %d, %v", n, err)
	}
}

func testAddresses(t *testing.T, c, _ net.Conn) {
	if c.LocalAddr() == nil || c.RemoteAddr() == nil || c.RemoteAddr().Network() == "" {
		t.Errorf("addresses %v and %v", c.LocalAddr(), c.RemoteAddr())
	}
}
