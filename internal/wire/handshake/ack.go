package handshake

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// An ack checks a C2 or S2 while its bytes stream past, so that the packet is never held.
type ack struct {
	seen     int // bytes so far
	from, to int // the part of the packet that is hashed
	hash     hash.Hash
	want     [sha256.Size]byte // what the hash must be; of a signed packet its last 32 bytes

	signed  bool
	key     [digestSize]byte
	version byte
}

// newEcho expects the data of our own packet back, whose hash is want. Time fields may be anything.
func newEcho(want [sha256.Size]byte) *ack {
	return &ack{from: dataAt, to: packetSize, hash: sha256.New(), want: want}
}

// newSigned expects 1504 bytes and their signature by key.
func newSigned(key [digestSize]byte, version byte) *ack {
	return &ack{to: signedSize, hash: hmac.New(sha256.New, key[:]), signed: true, key: key, version: version}
}

// feed reads from b up to the end of the packet, and returns the number of bytes.
func (a *ack) feed(b []byte) int {
	b = b[:min(len(b), packetSize-a.seen)]
	lo, hi := clamp(a.from-a.seen, len(b)), clamp(a.to-a.seen, len(b))
	a.hash.Write(b[lo:hi])
	if a.signed && hi < len(b) {
		copy(a.want[a.seen+hi-signedSize:], b[hi:])
	}
	a.seen += len(b)
	return len(b)
}

func clamp(n, limit int) int { return max(0, min(n, limit)) }

func (a *ack) complete() bool { return a.seen == packetSize }

// verified reports whether a complete packet was what it should be.
func (a *ack) verified() bool {
	var sum [sha256.Size]byte
	a.hash.Sum(sum[:0])
	if a.signed {
		encipher(&sum, a.key, a.version)
	}
	return hmac.Equal(sum[:], a.want[:])
}
