//go:build linux

package sockets

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// say writes a byte each millisecond.
func say(t *testing.T, peer *net.TCPConn, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range n {
		<-tick.C
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Error(err)
			return
		}
	}
}

// TestPatient: a patient owner is called less often, and as soon as there is something when it is patient no longer.
func TestPatient(t *testing.T) {
	const n = 200
	l := newLoop(t)
	s, peer := pair(t, l)
	var calls atomic.Int32
	r := start(t, s, func() { calls.Add(1) })
	must(t, s.Quick())
	must(t, s.Patient(true))
	must(t, s.Patient(true))
	say(t, peer, n)
	eventually(t, "all is read", func() bool { return r.text() == strings.Repeat("x", n) })
	if got := calls.Load(); got > n/2 {
		t.Errorf("%d bytes, a millisecond apart, were read in %d calls", n, got)
	}
	if _, err := peer.Write([]byte("y")); err != nil {
		t.Fatal(err)
	}
	must(t, s.Patient(false))
	eventually(t, "what came before the hurry is read", func() bool { return strings.HasSuffix(r.text(), "y") })
	if _, err := peer.Write([]byte("z")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what came in a hurry is read", func() bool { return strings.HasSuffix(r.text(), "z") })
	must(t, s.Patient(true))
	hangUp(t, peer, r)
	if err := s.Patient(false); err == nil {
		t.Error("a closed socket is in a hurry")
	}
}

// TestPatientEnds: no deadline is left behind when the last patient socket has gone.
func TestPatientEnds(t *testing.T) {
	l := newLoop(t)
	for range 3 {
		s, peer := pair(t, l)
		r := start(t, s, nil)
		must(t, s.Patient(true)) // of who is not quick: nothing
		must(t, s.Quick())
		must(t, s.Patient(true))
		hangUp(t, peer, r)
	}
	eventually(t, "there is none", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.poller.n[eased] == 0
	})
	s, peer := pair(t, l)
	r := start(t, s, nil)
	say(t, peer, 20)
	eventually(t, "all is read", func() bool { return r.text() == strings.Repeat("x", 20) })
	hangUp(t, peer, r)
}

// TestMoves: nothing is lost of what comes while a socket's place changes.
func TestMoves(t *testing.T) {
	l := newLoop(t)
	s, peer := pair(t, l)
	r := start(t, s, nil)
	must(t, s.Quick())
	for i := range 500 {
		if _, err := peer.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		must(t, s.Patient(i%2 == 0))
	}
	must(t, s.Patient(false))
	eventually(t, "all is read", func() bool { return r.text() == strings.Repeat("x", 500) })
	hangUp(t, peer, r)
}

// TestRest: the leader rests between many events, loses none, and listens again when there are few.
func TestRest(t *testing.T) {
	l := newLoop(t)
	resting := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.poller.resting
	}
	const n = 8
	var readers [n]*reader
	var peers [n]*net.TCPConn
	want := ""
	for i := range readers {
		s, peer := pair(t, l)
		readers[i], peers[i] = start(t, s, nil), peer
		must(t, s.Quick())
	}
	say1 := func() {
		want += "x"
		for _, peer := range peers {
			if _, err := peer.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "it rests", func() bool { say1(); return resting() })
	eventually(t, "it listens", func() bool { return !resting() })
	say1()
	for i, r := range readers {
		eventually(t, "all is read", func() bool { return r.text() == want })
		hangUp(t, peers[i], r)
	}
}
