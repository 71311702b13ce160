package handshake

import (
	"crypto/hmac"
	"crypto/sha256"
)

// The keys of the digest handshake. The short ones sign C1 and S1, the long ones derive the keys of C2 and S2.
const (
	playerKey     = "Genuine Adobe Flash Player 001"
	serverKey     = "Genuine Adobe Flash Media Server 001"
	longPlayerKey = playerKey + keyTail
	longServerKey = serverKey + keyTail

	keyTail = "\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57" +
		"\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae"
)

const (
	digestSize = sha256.Size
	keySize    = 128 // a Diffie-Hellman public key
)

// A scheme is a layout of C1 and S1: where its four-byte sums are, and where the positions that they give begin.
type scheme struct {
	digestSum, digestBase int
	keySum, keyBase       int
}

var schemes = [2]scheme{
	{digestSum: 8, digestBase: 12, keySum: 1532, keyBase: 772},
	{digestSum: 772, digestBase: 776, keySum: 768, keyBase: 8},
}

// digestAt returns where in a packet its digest is: within the digest block, whatever the four bytes say.
func (s scheme) digestAt(packet []byte) int {
	return s.digestBase + sumOf4(packet[s.digestSum:])%(764-4-digestSize)
}

// keyAt returns where in a packet its Diffie-Hellman key is.
func (s scheme) keyAt(packet []byte) int {
	return s.keyBase + sumOf4(packet[s.keySum:])%(764-4-keySize)
}

func sumOf4(b []byte) int {
	return int(b[0]) + int(b[1]) + int(b[2]) + int(b[3])
}

// digestOf computes the digest of a packet over all but the 32 bytes at the given position.
func digestOf(key string, packet []byte, at int) (digest [digestSize]byte) {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(packet[:at])
	mac.Write(packet[at+digestSize:])
	mac.Sum(digest[:0])
	return digest
}

// findDigest looks for a valid digest under both schemes, the likelier one first.
func findDigest(key string, packet []byte, likely int) (digest [digestSize]byte, scheme int, found bool) {
	for _, scheme := range [2]int{likely, 1 - likely} {
		at := schemes[scheme].digestAt(packet)
		digest := digestOf(key, packet, at)
		if hmac.Equal(digest[:], packet[at:at+digestSize]) {
			return digest, scheme, true
		}
	}
	return digest, 0, false
}

// likelyScheme is what Flash Player, FFmpeg and librtmp sign C1 with.
func likelyScheme(version byte) int {
	if version == VersionPlain {
		return 0
	}
	return 1
}

// putDigest writes the digest of a finished packet into it.
func putDigest(key string, packet []byte, scheme int) [digestSize]byte {
	at := schemes[scheme].digestAt(packet)
	digest := digestOf(key, packet, at)
	copy(packet[at:], digest[:])
	return digest
}

// mac is HMAC-SHA256 in one go.
func mac(key, message []byte) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write(message)
	h.Sum(sum[:0])
	return sum
}
