package handshake

import "fmt"

// Protocol versions, the single byte of C0 and S0 (RTMP 5.2.2). The specification knows 3 only; the others are
// RTMPE, which differ in how the signatures of C2 and S2 are enciphered.
const (
	VersionPlain    = 3
	VersionRTMPE    = 6 // signatures as they are
	VersionXTEA     = 8 // signatures enciphered with XTEA
	VersionBlowfish = 9 // signatures enciphered with Blowfish
)

const (
	packetSize = 1536           // C1, S1, C2 and S2 (RTMP 5.2.3)
	helloSize  = 1 + packetSize // C0 and C1, S0 and S1
	dataAt     = 8              // where the data of a packet begin, behind the time and version fields
	signedSize = packetSize - digestSize
)

// Info is what a handshake has found out. It is complete once Done reports true; before that it holds what is
// known so far.
type Info struct {
	Requested byte // the client's version, C0
	Version   byte // the server's version, S0: the one in force

	// Digest says that both sides signed. Scheme, 0 or 1, is then the layout of the server's packet.
	Digest bool
	Scheme int

	Encrypted bool // RTMPE: Ciphers returns the two keystreams

	PeerVersion uint32 // bytes 4 to 7 of the peer's packet: its software version, or 0 from one that does not sign
	PeerTime    uint32 // milliseconds, the epoch of the peer's timestamps; usually 0

	// Verified says that the peer's last packet was the echo or carried the signature that was expected.
	// Many peers in good standing get it wrong.
	Verified bool

	// SWFKey is the last 32 bytes of S1: the key of SWF verification (see SWFResponse).
	SWFKey [32]byte
}

// An Error is a handshake that cannot go on. Only RTMPE meets one: plain RTMP tolerates whatever a peer sends.
// The connection must be closed.
type Error struct {
	Reason string // one plain sentence
}

func (e *Error) Error() string { return "handshake: " + e.Reason }

// A NotRTMPError is returned for a peer whose first bytes belong to another protocol.
type NotRTMPError struct {
	Looks string // what the bytes look like, one of the Looks constants
	First byte   // the first byte
}

func (e *NotRTMPError) Error() string {
	return fmt.Sprintf("handshake: not RTMP: the first byte is %#02x, which looks like %s", e.First, e.Looks)
}
