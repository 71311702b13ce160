//go:build unix

package fanout

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// tcpOutlet is an Outlet over a TCP connection.
//
// The runtime's poller reports edges, and each RawConn.Write forgets the one before it: to wait for room one has
// to try a write from within and find none. So NotifyWritable itself writes the byte that is to come next, and the next
// TryWrite leaves it out.
type tcpOutlet struct {
	raw   syscall.RawConn
	try   func(fd uintptr) bool // made once: a closure per write would be an allocation
	b     []byte                // what try writes
	n     int
	err   error
	next  [1]byte // comes after what was written
	ahead bool    // next was written
	waits atomic.Int64
	wg    sync.WaitGroup
}

func newTCPOutlet(tb testing.TB, c *net.TCPConn) *tcpOutlet {
	tb.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		tb.Fatal(err)
	}
	o := &tcpOutlet{raw: raw}
	o.try = func(fd uintptr) bool {
		o.n, o.err = writeFD(fd, o.b)
		return true
	}
	return o
}

// writeFD writes what the socket takes.
func writeFD(fd uintptr, b []byte) (int, error) {
	for {
		n, err := syscall.Write(int(fd), b)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return 0, nil
		}
		return max(n, 0), err
	}
}

func (o *tcpOutlet) TryWrite(b []byte) (int, error) {
	skip := 0
	if o.ahead {
		o.ahead, skip = false, 1
	}
	if len(b) == skip {
		return skip, nil
	}
	o.b = b[skip:]
	if err := o.raw.Write(o.try); err != nil {
		return 0, err
	}
	if o.n < len(o.b) {
		o.next[0] = o.b[o.n]
	}
	o.b = nil
	return skip + o.n, o.err
}

func (o *tcpOutlet) NotifyWritable(fn func()) {
	o.waits.Add(1)
	o.wg.Go(func() {
		err := o.raw.Write(func(fd uintptr) bool {
			n, err := writeFD(fd, o.next[:])
			o.ahead = n == 1
			return n == 1 || err != nil
		})
		if err != nil {
			o.ahead = false // TryWrite finds the error again
		}
		fn()
	})
}

// tcpPair returns the two ends of a loopback connection.
func tcpPair(tb testing.TB, ln *net.TCPListener) (server, client *net.TCPConn) {
	tb.Helper()
	c, err := net.DialTimeout("tcp", ln.Addr().String(), 5*time.Second)
	if err != nil {
		tb.Fatal(err)
	}
	if err := ln.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	server, err = ln.AcceptTCP()
	if err != nil {
		tb.Fatal(err)
	}
	client = c.(*net.TCPConn)
	tb.Cleanup(func() {
		_ = server.Close()
		_ = client.Close()
	})
	return server, client
}

func listen(tb testing.TB) *net.TCPListener {
	tb.Helper()
	ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = ln.Close() })
	return ln
}

func TestTCP(t *testing.T) {
	const players, packets = 40, 400
	sw := NewSweeper(2)
	defer sw.Close()
	l := sw.NewLog(LogConfig{Encoder: testEncoder{}, Merge: MergeNone, CloseWait: 20 * time.Second})
	ln := listen(t)
	var wg sync.WaitGroup
	var outlets []*tcpOutlet
	received := make([][]byte, players)
	gate := make(chan struct{})
	for i := range players {
		server, client := tcpPair(t, ln)
		if i%4 == 0 { // a small buffer and a late reader: it will be full
			if err := server.SetWriteBuffer(16 << 10); err != nil {
				t.Fatal(err)
			}
		}
		o := newTCPOutlet(t, server)
		outlets = append(outlets, o)
		wg.Go(func() {
			if i%4 == 0 {
				<-gate
			}
			b, err := io.ReadAll(client)
			if err != nil {
				t.Error(err)
			}
			received[i] = b
		})
		opts := both
		opts.OnEnd = func(r Reason) {
			if r != ReasonClosed {
				t.Errorf("player %d ended: %v", i, r)
			}
			if err := server.CloseWrite(); err != nil {
				t.Error(err)
			}
		}
		l.Join(o, opts)
	}
	s := &stream{log: l, size: 1200}
	s.key()
	for i := range packets - 1 {
		if i == packets/2 {
			close(gate)
		}
		if i%2 == 0 {
			s.video()
		} else {
			s.audio()
		}
	}
	l.Close()
	wg.Wait()
	full := int64(0)
	for i, b := range received {
		outlets[i].wg.Wait()
		full += outlets[i].waits.Load()
		msgs, rest := split(t, b)
		if len(msgs) != packets || len(rest) != 0 {
			t.Errorf("player %d got %d messages and %d bytes, want %d and 0", i, len(msgs), len(rest), packets)
		}
	}
	if full == 0 {
		t.Error("no socket was ever full")
	}
}

func TestTCPPeerGone(t *testing.T) {
	sw := NewSweeper(1)
	defer sw.Close()
	l := sw.NewLog(LogConfig{Encoder: testEncoder{}, Merge: MergeNone})
	defer l.Close()
	server, client := tcpPair(t, listen(t))
	end := make(chan Reason, 1)
	opts := both
	opts.OnEnd = func(r Reason) { end <- r }
	l.Join(newTCPOutlet(t, server), opts)
	if err := client.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	s := &stream{log: l, size: 100}
	deadline := time.After(5 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		s.key()
		select {
		case r := <-end:
			if r != ReasonError {
				t.Errorf("ended with %v", r)
			}
			return
		case <-deadline:
			t.Fatal("still playing")
		case <-tick.C:
		}
	}
}
