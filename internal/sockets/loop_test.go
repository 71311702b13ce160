//go:build linux

package sockets

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// reader is an owner that keeps what it reads, and closes its socket at the end.
type reader struct {
	socket *Socket
	before func() // of each Readable; nil: nothing
	room   chan struct{}
	ended  chan error
	inside atomic.Int32
	at     sync.Mutex
	got    []byte
}

func (r *reader) Readable(over bool) (more bool) {
	if r.inside.Add(1) != 1 {
		panic("Readable runs twice")
	}
	defer r.inside.Add(-1)
	if r.before != nil {
		r.before()
	}
	buf := make([]byte, 64)
	for {
		n, err := Read(r.socket.FD(), buf)
		r.at.Lock()
		r.got = append(r.got, buf[:n]...)
		r.at.Unlock()
		switch {
		case errors.Is(err, ErrAgain):
			return true
		case err != nil:
			r.ended <- errors.Join(err, r.socket.Close())
			return false
		case n < len(buf) && !over:
			return true
		}
	}
}

func (r *reader) Writable() { signal(r.room) }

func (r *reader) text() string {
	r.at.Lock()
	defer r.at.Unlock()
	return string(r.got)
}

// newLoop returns a loop that must have ended by the end of the test, whose users have to be gone by then.
func newLoop(t testing.TB) *Loop {
	t.Helper()
	l, err := NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Release()
		ended := make(chan struct{})
		go func() { l.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("the loop goes on without users")
		}
		if l.Use() {
			t.Error("a loop that has ended takes a user")
		}
	})
	return l
}

// pair returns a socket in the loop that is not started, and its peer.
func pair(t testing.TB, l *Loop) (*Socket, *net.TCPConn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	peer, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	nc, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Adopt(nc.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	if s.RemoteAddr().String() != peer.LocalAddr().String() || s.LocalAddr().String() != peer.RemoteAddr().String() {
		t.Errorf("the socket is from %v to %v, its peer from %v to %v", s.RemoteAddr(), s.LocalAddr(), peer.LocalAddr(), peer.RemoteAddr())
	}
	return s, peer.(*net.TCPConn)
}

func start(t testing.TB, s *Socket, before func()) *reader {
	t.Helper()
	r := &reader{socket: s, before: before, room: make(chan struct{}, 1), ended: make(chan error, 1)}
	if err := s.Start(r); err != nil {
		t.Fatal(err)
	}
	return r
}

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

// hangUp closes the peer's end, and waits until the owner has been told.
func hangUp(t testing.TB, peer *net.TCPConn, r *reader) {
	t.Helper()
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
	if err := wait(t, r.ended); err == nil {
		t.Error("the end is no error")
	}
}

func wait(t testing.TB, ch <-chan error) error {
	t.Helper()
	select {
	case err := <-ch:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the end was not told")
		return nil
	}
}

// TestLoop: what was there before the start, what comes in pieces and what comes together with the end is read, and the end is told.
func TestLoop(t *testing.T) {
	l := newLoop(t)
	s, peer := pair(t, l)
	send := func(text string) {
		t.Helper()
		if _, err := peer.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	send("before ")
	r := start(t, s, nil)
	eventually(t, "what came before the start", func() bool { return r.text() == "before " })
	long := string(bytes.Repeat([]byte("0123456789"), 1000))
	send(long)
	eventually(t, "a long one", func() bool { return r.text() == "before "+long })
	send("last")
	if err := peer.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, r.ended); !errors.Is(err, io.EOF) || r.text() != "before "+long+"last" {
		t.Errorf("it ended with %v, %d bytes", err, len(r.text()))
	}
	if err := s.Control(func(uintptr) {}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Control after Close: %v", err)
	}
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the second Close: %v", err)
	}
	s.Wake() // nobody is called any more
}

// TestReset: a connection that is reset ends with that.
func TestReset(t *testing.T) {
	s, peer := pair(t, newLoop(t))
	r := start(t, s, nil)
	if err := errors.Join(peer.SetLinger(0), peer.Close()); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, r.ended); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it ended with %v", err)
	}
}

// TestBlockedOwners: however many owners block, the others are served, and whoever has blocked finds what came meanwhile.
func TestBlockedOwners(t *testing.T) {
	l := newLoop(t)
	free := make(chan struct{})
	var blocked atomic.Int32
	const n = 4 * idleWorkers
	var readers []*reader
	var peers []*net.TCPConn
	for range n {
		s, peer := pair(t, l)
		readers = append(readers, start(t, s, func() { blocked.Add(1); <-free }))
		peers = append(peers, peer)
		if _, err := peer.Write([]byte("a")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all block", func() bool { return blocked.Load() == n })
	s, peer := pair(t, l)
	other := start(t, s, nil)
	for _, p := range append(peers, peer) {
		if _, err := p.Write([]byte("b")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the other is served", func() bool { return other.text() == "b" })
	close(free)
	for i, r := range readers {
		eventually(t, "who has blocked reads", func() bool { return r.text() == "ab" })
		hangUp(t, peers[i], r)
	}
	hangUp(t, peer, other)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.idle) > idleWorkers {
		t.Errorf("%d workers are kept", len(l.idle))
	}
}

// TestQuickOwners: quick owners are served, a few of them and a crowd, and one that blocks nevertheless holds nobody up for long. When it has
// done so a few times it is quick no longer.
func TestQuickOwners(t *testing.T) {
	l := newLoop(t)
	free := make(chan struct{})
	var blocked atomic.Int32
	s, peer := pair(t, l)
	slow := start(t, s, func() {
		if blocked.Add(1) <= strikes {
			<-free
		}
	})
	must(t, s.Quick())
	var readers []*reader
	var peers []*net.TCPConn
	for range 4 * crowd {
		s, peer := pair(t, l)
		readers, peers = append(readers, start(t, s, nil)), append(peers, peer)
		must(t, s.Quick())
	}
	want := ""
	for round := range strikes + 1 {
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the slow one is called", func() bool { return int(blocked.Load()) > round })
		want += "y"
		for _, p := range peers {
			if _, err := p.Write([]byte("y")); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range readers {
			eventually(t, "the others are served", func() bool { return r.text() == want })
		}
		if round < strikes {
			free <- struct{}{}
		}
		eventually(t, "the slow one reads", func() bool { return len(slow.text()) > round })
	}
	l.mu.Lock()
	quick := slow.socket.quick
	l.mu.Unlock()
	if quick {
		t.Error("who has blocked so often still passes for quick")
	}
	hangUp(t, peer, slow)
	for i, r := range readers {
		hangUp(t, peers[i], r)
	}
}

// TestWatchRests: a loop without work wakes nobody, and is watched again when there is some.
func TestWatchRests(t *testing.T) {
	l := newLoop(t)
	resting := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.unwatched
	}
	hold := make(chan struct{})
	var calls atomic.Int32
	s, peer := pair(t, l)
	r := start(t, s, func() {
		if calls.Add(1) == 1 {
			<-hold
		}
	})
	must(t, s.Quick())
	eventually(t, "the loop is watched no longer", resting)
	if _, err := peer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the leader is held up", func() bool { return calls.Load() == 1 })
	other, otherPeer := pair(t, l)
	o := start(t, other, nil)
	if _, err := otherPeer.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another one leads", func() bool { return o.text() == "y" })
	close(hold)
	hangUp(t, peer, r)
	hangUp(t, otherPeer, o)
}

// TestWake: Readable is called without anything to read, and once more when it runs.
func TestWake(t *testing.T) {
	s, peer := pair(t, newLoop(t))
	var calls atomic.Int32
	hold := make(chan struct{})
	r := start(t, s, func() {
		if calls.Add(1) == 1 {
			<-hold
		}
	})
	s.Wake()
	eventually(t, "a call", func() bool { return calls.Load() == 1 })
	s.Wake()
	s.Wake()
	close(hold)
	eventually(t, "another call", func() bool { return calls.Load() >= 2 })
	hangUp(t, peer, r)
}

// TestWritable: who has filled the socket is told of room, each time.
func TestWritable(t *testing.T) {
	s, peer := pair(t, newLoop(t))
	r := start(t, s, nil)
	piece := make([]byte, 1<<20)
	for range 2 {
		sent := 0
		for full := false; !full; {
			var n int
			var failed error
			if err := s.Control(func(fd uintptr) { n, failed = Write(fd, piece) }); err != nil || failed != nil {
				t.Fatal(err, failed)
			}
			sent += n
			full = n < len(piece)
		}
		if err := s.AwaitRoom(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-r.room: // of the last round
		default:
		}
		if _, err := io.CopyN(io.Discard, peer, int64(sent)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-r.room:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody tells of room")
		}
	}
	if err := s.CloseWrite(); err != nil {
		t.Error(err)
	}
	if n, err := peer.Read(piece); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after CloseWrite the peer read %d bytes, %v", n, err)
	}
	hangUp(t, peer, r)
}

// TestDetach: a socket that leaves the loop goes on with what was not read.
func TestDetach(t *testing.T) {
	s, peer := pair(t, newLoop(t))
	left := make(chan net.Conn, 1)
	r := &leaver{socket: s, left: left}
	if err := s.Start(r); err != nil {
		t.Fatal(err)
	}
	if _, err := peer.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	nc := <-left
	if nc == nil {
		t.Fatal("it could not leave")
	}
	defer nc.Close()
	got := make([]byte, 3)
	if _, err := io.ReadFull(nc, got); err != nil || string(got) != "abc" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := nc.Write([]byte("def")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(peer, got); err != nil || string(got) != "def" {
		t.Errorf("%q, %v", got, err)
	}
	if nc.RemoteAddr().String() != peer.LocalAddr().String() {
		t.Errorf("it comes from %v", nc.RemoteAddr())
	}
}

type leaver struct {
	socket *Socket
	left   chan net.Conn
}

func (l *leaver) Readable(bool) bool {
	nc, err := l.socket.Detach()
	if err != nil {
		nc = nil
	}
	l.left <- nc
	return false
}

func (*leaver) Writable() {}

// TestOldEvents: what the kernel tells of a socket that was closed meanwhile does not come to another with its descriptor.
func TestOldEvents(t *testing.T) {
	l := newLoop(t)
	s, peer := pair(t, l)
	calls := make(chan struct{}, 1)
	r := start(t, s, func() { signal(calls) })
	l.mu.Lock()
	l.arrived([]syscall.EpollEvent{{Events: syscall.EPOLLIN, Fd: int32(s.fd), Pad: s.generation - 1}})
	waits := l.others.n > 0 || l.waking
	l.mu.Unlock()
	if waits || len(calls) > 0 {
		t.Error("an event of another socket was taken")
	}
	l.mu.Lock()
	l.arrived([]syscall.EpollEvent{{Events: syscall.EPOLLIN, Fd: int32(s.fd), Pad: s.generation}})
	l.rouse()
	l.mu.Unlock()
	select {
	case <-calls:
	case <-time.After(10 * time.Second):
		t.Error("its own event was not taken")
	}
	hangUp(t, peer, r)
}

// TestCloseWaitsForUsers: a descriptor stays open while somebody uses it, though its owner has closed it.
func TestCloseWaitsForUsers(t *testing.T) {
	s, peer := pair(t, newLoop(t))
	err := s.Control(func(fd uintptr) {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if n, err := Write(fd, []byte("abc")); n != 3 || err != nil {
			t.Errorf("after Close, inside Control: %d bytes, %v", n, err)
		}
	})
	if err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(peer); string(got) != "abc" || err != nil {
		t.Errorf("the peer read %q, %v", got, err)
	}
}

// BenchmarkLoop sends a byte to each of many sockets and waits until all were read.
func BenchmarkLoop(b *testing.B) {
	b.Run("quick", func(b *testing.B) { benchmarkLoop(b, true) })
	b.Run("others", func(b *testing.B) { benchmarkLoop(b, false) })
}

func benchmarkLoop(b *testing.B, quick bool) {
	l := newLoop(b)
	var peers [256]*net.TCPConn
	heard := make(chan struct{}, len(peers))
	for i := range peers {
		s, peer := pair(b, l)
		must(b, s.Start(&hearer{socket: s, heard: heard}))
		if quick {
			must(b, s.Quick())
		}
		peers[i] = peer
	}
	all := func(do func(peer *net.TCPConn) error) {
		for _, p := range peers {
			must(b, do(p))
		}
		for range peers {
			<-heard
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		all(func(peer *net.TCPConn) error {
			_, err := peer.Write([]byte{1})
			return err
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(peers)), "ns/byte")
	all((*net.TCPConn).Close)
}

// hearer tells of each read, and closes its socket at the end.
type hearer struct {
	socket *Socket
	heard  chan struct{}
	buf    [64]byte
}

func (h *hearer) Readable(bool) bool {
	_, err := Read(h.socket.FD(), h.buf[:])
	if errors.Is(err, ErrAgain) {
		return true
	}
	if err != nil {
		_ = h.socket.Close()
	}
	h.heard <- struct{}{}
	return err == nil
}

func (*hearer) Writable() {}
