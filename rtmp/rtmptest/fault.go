package rtmptest

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// FaultConfig says how a Fault misbehaves. The zero value does not.
type FaultConfig struct {
	ReadSize  int // most bytes that one Read returns; 0: as many as there are
	WriteSize int // most bytes that one write to the connection below carries; 0: all at once

	ReadDelay  time.Duration // before each Read
	WriteDelay time.Duration // before each write to the connection below, so a trickle is WriteSize and WriteDelay

	// CutRead and CutWrite break the connection after so many bytes have been read or written: it is closed, and reads
	// and writes fail with ECONNRESET. 0: never; negative: before the first byte.
	CutRead, CutWrite int64

	// Drop loses the link after so many bytes have been written, without a word to either end: what is written is lost, and so is what
	// arrives, until the Fault or the other end is closed. 0: never; negative: before the first byte.
	Drop int64
}

// Fault is a connection that misbehaves. Reads and writes are safe beside each other and beside the other
// methods; two reads, or two writes, at the same time are not.
//
// A delay ends early when the Fault is closed or a deadline that was set before the call passes.
type Fault struct {
	net.Conn // the connection below
	cfg      FaultConfig
	done     chan struct{}
	close    sync.Once
	isCut    chan struct{}
	cut      sync.Once

	read, written int64
	dropped       atomic.Bool

	mu                          sync.Mutex
	readDeadline, writeDeadline time.Time
}

// NewFault returns a Fault above c, and owns c: closing the Fault closes it.
func NewFault(c net.Conn, cfg FaultConfig) *Fault {
	return &Fault{Conn: c, cfg: cfg, done: make(chan struct{}), isCut: make(chan struct{})}
}

// Read reads what the configuration lets through.
func (f *Fault) Read(b []byte) (int, error) {
	if err := f.wait(f.cfg.ReadDelay, &f.readDeadline); err != nil {
		return 0, f.opError("read", err)
	}
	b, err := f.allow(b, f.cfg.ReadSize, f.cfg.CutRead, f.read)
	if err != nil {
		return 0, f.opError("read", err)
	}
	n, err := f.Conn.Read(b)
	for f.dropped.Load() && err == nil {
		n, err = f.Conn.Read(b)
	}
	if f.dropped.Load() {
		n = 0
	}
	f.read += int64(n)
	return n, f.reset("read", err)
}

// Write writes b in pieces, until the configuration or the connection below ends it.
func (f *Fault) Write(b []byte) (n int, err error) {
	for {
		if err := f.wait(f.cfg.WriteDelay, &f.writeDeadline); err != nil {
			return n, f.opError("write", err)
		}
		piece, err := f.allow(b[n:], f.cfg.WriteSize, f.cfg.CutWrite, f.written)
		if err != nil {
			return n, f.opError("write", err)
		}
		if piece = f.passes(piece); len(piece) == 0 {
			return len(b), nil
		}
		m, err := f.Conn.Write(piece)
		n += m
		f.written += int64(m)
		if err != nil || n == len(b) {
			return n, f.reset("write", err)
		}
	}
}

// Cut breaks the connection now, as CutRead and CutWrite do. It returns what closing the connection below returns.
func (f *Fault) Cut() error {
	f.cut.Do(func() { close(f.isCut) })
	return f.Close()
}

// Close closes the connection below and ends all delays. Later calls do nothing and return nil.
func (f *Fault) Close() (err error) {
	f.close.Do(func() {
		close(f.done)
		err = f.Conn.Close()
	})
	return err
}

// SetDeadline sets the deadlines of reads and writes.
func (f *Fault) SetDeadline(t time.Time) error {
	return firstError(f.SetReadDeadline(t), f.SetWriteDeadline(t))
}

// SetReadDeadline sets the deadline of reads and their delays.
func (f *Fault) SetReadDeadline(t time.Time) error {
	f.mu.Lock()
	f.readDeadline = t
	f.mu.Unlock()
	return f.Conn.SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline of writes and their delays.
func (f *Fault) SetWriteDeadline(t time.Time) error {
	f.mu.Lock()
	f.writeDeadline = t
	f.mu.Unlock()
	return f.Conn.SetWriteDeadline(t)
}

// allow returns the part of b that may pass now, or ECONNRESET if no more may.
func (f *Fault) allow(b []byte, size int, cut, passed int64) ([]byte, error) {
	if cut != 0 && passed >= max(cut, 0) && len(b) > 0 {
		if err := f.Cut(); err != nil {
			return nil, err
		}
	}
	if f.wasCut() {
		return nil, syscall.ECONNRESET
	}
	if size > 0 {
		b = b[:min(len(b), size)]
	}
	if cut > 0 {
		b = b[:min(int64(len(b)), cut-passed)]
	}
	return b, nil
}

// passes returns what of a piece that is to be written comes through before the link drops.
func (f *Fault) passes(piece []byte) []byte {
	if f.cfg.Drop == 0 {
		return piece
	}
	if left := max(f.cfg.Drop, 0) - f.written; left < int64(len(piece)) {
		f.dropped.Store(true)
		piece = piece[:left]
	}
	return piece
}

// wait waits for d, and fails if the deadline comes first or the connection ends. The connection below says what
// an end means, so then wait returns nil.
func (f *Fault) wait(d time.Duration, deadline *time.Time) error {
	if d <= 0 {
		return nil
	}
	f.mu.Lock()
	end := *deadline
	f.mu.Unlock()
	var err error
	if !end.IsZero() {
		if left := time.Until(end); left < d {
			d, err = left, os.ErrDeadlineExceeded
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return err
	case <-f.done:
		return nil
	}
}

// reset returns err, the outcome of the connection below, or ECONNRESET if it failed because of a cut.
func (f *Fault) reset(op string, err error) error {
	if err != nil && f.wasCut() {
		return f.opError(op, syscall.ECONNRESET)
	}
	return err
}

func (f *Fault) wasCut() bool {
	select {
	case <-f.isCut:
		return true
	default:
		return false
	}
}

func (f *Fault) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Source: f.LocalAddr(), Addr: f.RemoteAddr(), Err: err}
}
