package handshake

import (
	"crypto/rc4"
	"errors"
	"math/rand/v2"
	"testing"
)

// random returns a source of bytes that are the same in every run.
func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func at(ms uint32) func() uint32 { return func() uint32 { return ms } }

var errNoRandom = errors.New("out of random bytes")

// brokenRandom gives as many bytes as it has left and then fails.
type brokenRandom int

func (r *brokenRandom) Read(b []byte) (int, error) {
	n := min(len(b), int(*r))
	*r -= brokenRandom(n)
	if n == 0 {
		return 0, errNoRandom
	}
	return n, nil
}

// A machine is either side of a handshake.
type machine interface {
	Feed(b []byte) (n int, reply []byte, err error)
	Done() bool
	Info() Info
	Ciphers() (in, out *rc4.Cipher)
}

// feed hands b to m in pieces of the given size, and returns all replies and what was left over.
func feed(t *testing.T, m machine, b []byte, size int) (reply, rest []byte) {
	t.Helper()
	for len(b) > 0 {
		piece := b[:min(size, len(b))]
		n, r, err := m.Feed(piece)
		if err != nil {
			t.Fatalf("Feed: %v", err)
		}
		if n < len(piece) && !m.Done() {
			t.Fatalf("Feed used %d of %d bytes and is not done", n, len(piece))
		}
		reply = append(reply, r...)
		b = b[n:]
		if m.Done() {
			return reply, b
		}
	}
	return reply, nil
}

// wantEcho checks a plain C2 or S2 against the packet that it echoes.
func wantEcho(t *testing.T, name string, got, original []byte) {
	t.Helper()
	if len(got) != packetSize || string(got[:4]) != string(original[:4]) || string(got[dataAt:]) != string(original[dataAt:]) {
		t.Errorf("%s is not the echo of its packet", name)
	}
}

// wantSigned checks the signature of a C2 or S2.
func wantSigned(t *testing.T, name string, got []byte, key [digestSize]byte, version byte) {
	t.Helper()
	check := newSigned(key, version)
	if check.feed(got); !check.complete() || !check.verified() {
		t.Errorf("%s is not signed as it should be", name)
	}
}
