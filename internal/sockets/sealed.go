package sockets

import (
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// Sealed is a connection inside TLS that is written to without waiting. Reads wait, as those of any net.Conn.
type Sealed struct {
	*tls.Conn
	under  *spill
	owed   int         // bytes that are sealed and were not yet reported as taken
	agreed atomic.Bool // something was read, so the handshake is over
}

// spill is what a tls.Conn writes to: it keeps what the socket does not take, since a tls.Conn cannot go on after half a record.
type spill struct {
	*directConn

	mu    sync.Mutex
	rest  []byte
	whole bool // who writes waits until the socket has taken all: the handshake
}

const (
	// recordSize is how much plaintext a TLS record holds.
	recordSize = 16 << 10
	// maxSpill is how much may be kept when TLS writes. TryWrite seals nothing before what was kept is out, so that more than a record can
	// only be what TLS answers by itself: a peer may ask for new keys as often as it likes, and read no answer.
	maxSpill = 4 * recordSize
)

var errSpill = errors.New("sockets: the peer makes TLS answer, and does not read")

// Seal returns the server's end of TLS on nc, and nil if nc hides its descriptor. around is what TLS is to find around nc, read
// and written in its place.
func Seal(nc net.Conn, cfg *tls.Config, around func(net.Conn) net.Conn) *Sealed {
	direct, ok := Direct(nc).(*directConn)
	if !ok {
		return nil
	}
	s := &spill{directConn: direct, whole: true}
	return &Sealed{Conn: tls.Server(around(s), cfg), under: s}
}

// Raw returns the descriptor access of the socket that carries it.
func (s *Sealed) Raw() *Raw { return s.under.raw }

// Control calls fn with the descriptor of the socket that carries it.
func (s *Sealed) Control(fn func(fd uintptr)) error { return s.under.raw.Control(fn) }

// Read is that of tls.Conn.
func (s *Sealed) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if n > 0 && !s.agreed.Load() {
		s.under.flow()
		s.agreed.Store(true)
	}
	return n, err
}

// TryWrite writes what the socket takes, and returns how much of b that was; fewer than len(b) without an error means that it is full. What
// was not taken has to be the beginning of the next b. It takes one call at a time. Before something was read it takes nothing.
func (s *Sealed) TryWrite(b []byte) (int, error) {
	if !s.agreed.Load() {
		return 0, nil
	}
	if out, err := s.under.flush(); !out || err != nil {
		return 0, err
	}
	n := min(s.owed, len(b))
	s.owed -= n
	for n < len(b) {
		size := min(len(b)-n, recordSize)
		if _, err := s.Write(b[n : n+size]); err != nil {
			return n, err
		}
		n += size
		if out, err := s.under.flush(); !out || err != nil {
			s.owed = 1 // so that the caller comes back for the rest of the record
			return n - 1, err
		}
	}
	return n, nil
}

// flow ends the time when writes wait.
func (s *spill) flow() {
	s.mu.Lock()
	s.whole = false
	s.mu.Unlock()
}

// Write takes all of b, unless too much is kept already.
func (s *spill) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole {
		return s.directConn.Write(b)
	}
	if len(s.rest) > maxSpill {
		return 0, errSpill
	}
	taken := 0
	if len(s.rest) == 0 {
		var err error
		if taken, err = s.raw.TryWrite(b); err != nil {
			return taken, err
		}
	}
	s.rest = append(s.rest, b[taken:]...)
	return len(b), nil
}

// flush writes what was kept, and reports whether all of it is out.
func (s *spill) flush() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) == 0 {
		return true, nil
	}
	n, err := s.raw.TryWrite(s.rest)
	s.rest = s.rest[n:]
	if len(s.rest) == 0 {
		s.rest = nil
	}
	return s.rest == nil, err
}
