package handshake

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// A ClientConfig configures a Client. Its zero value is a plain handshake, as most encoders make it.
type ClientConfig struct {
	// Version is the version to ask for: VersionPlain (also when 0), or one of the three of RTMPE.
	Version byte

	// Digest signs C1, and C2 if the server signs too. SWF verification wants it; RTMPE implies it.
	Digest bool

	// SoftwareVersion is what a signed C1 tells; 0 means the default, 10.0.45.2, and 128.0.3.2 with RTMPE.
	SoftwareVersion uint32

	// Time returns the time of C1 in milliseconds: the clock of the timestamps to come. nil means 0.
	Time func() uint32

	// Rand is the source of random bytes and keys; nil means crypto/rand. An error of it ends the handshake.
	Rand io.Reader
}

const (
	defaultClientVersion    = 0x0a002d02
	defaultEncryptedVersion = 0x80000302
)

// A Client is the client's side of one handshake. It is not safe for concurrent use.
type Client struct {
	side
	version byte
	signs   bool
	c1      struct { // what must be remembered of C1
		software uint32
		echo     [sha256.Size]byte // hash of its data
		digest   [digestSize]byte  // if signed
	}
	pair *keyPair // of RTMPE, until the keys are agreed on
}

// NewClient returns a Client. The next thing to do is Start. It panics on a version that is none of the constants.
func NewClient(cfg ClientConfig) *Client {
	switch cfg.Version {
	case 0:
		cfg.Version = VersionPlain
	case VersionPlain, VersionRTMPE, VersionXTEA, VersionBlowfish:
	default:
		panic("handshake: NewClient with an unknown version")
	}
	encrypted := cfg.Version != VersionPlain
	cfg.Digest = cfg.Digest || encrypted
	if cfg.SoftwareVersion == 0 {
		cfg.SoftwareVersion = defaultClientVersion
		if encrypted {
			cfg.SoftwareVersion = defaultEncryptedVersion
		}
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	c := &Client{side: side{rand: cfg.Rand, time: cfg.Time}, version: cfg.Version, signs: cfg.Digest}
	c.c1.software = cfg.SoftwareVersion
	return c
}

// Start returns C0 and C1, which the caller sends before anything else. It is called once. Should the source of
// random bytes fail, it returns nil, and Feed the error.
func (c *Client) Start() []byte {
	packets := make([]byte, helloSize)
	if c.err = c.start(packets); c.err != nil {
		return nil
	}
	return packets
}

func (c *Client) start(packets []byte) error {
	c.info.Requested = c.version
	packets[0] = c.version
	c1 := packets[1:]
	if err := c.random(c1[dataAt:]); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(c1, c.now())
	if c.signs {
		binary.BigEndian.PutUint32(c1[4:], c.c1.software)
		scheme := likelyScheme(c.version)
		if c.version != VersionPlain {
			var err error
			if c.pair, err = newKeyPair(c.rand); err != nil {
				return err
			}
			copy(c1[schemes[scheme].keyAt(c1):], c.pair.public[:])
		}
		c.c1.digest = putDigest(playerKey, c1, scheme)
	}
	c.c1.echo = sha256.Sum256(c1[dataAt:])
	return nil
}

// Feed takes bytes that arrived from the server. It uses the first n of them: all, until the handshake is done;
// the rest belong to the chunk stream. A reply, C2, must be sent at once, and nothing else before Done reports
// true. It belongs to the caller, while b is not kept.
//
// The error is a *NotRTMPError when the first bytes belong to another protocol, an *Error when the server does not
// complete the RTMPE handshake that was asked for, or that of the source of random bytes. It is final.
func (c *Client) Feed(b []byte) (n int, reply []byte, err error) {
	return c.feed(b, c.answer)
}

// answer makes C2 (RTMP 5.2.4).
func (c *Client) answer(s0 byte, s1 []byte) ([]byte, error) {
	c.info.Version = s0
	c.info.PeerTime = binary.BigEndian.Uint32(s1)
	c.info.PeerVersion = binary.BigEndian.Uint32(s1[4:])
	copy(c.info.SWFKey[:], s1[packetSize-len(c.info.SWFKey):])

	var peerDigest [digestSize]byte
	if signs := s0 != VersionPlain || s1[4] != 0; signs && c.signs {
		peerDigest, c.info.Scheme, c.info.Digest = findDigest(serverKey, s1, likelyScheme(c.version))
	}
	if c.pair != nil {
		if err := c.agree(s0, s1); err != nil {
			return nil, err
		}
	}

	c2 := make([]byte, packetSize)
	if !c.info.Digest {
		// The time field could be updated; servers have always met verbatim copies.
		copy(c2, s1)
		c.ack = newEcho(c.c1.echo)
		return c2, nil
	}
	if err := c.random(c2[:signedSize]); err != nil {
		return nil, err
	}
	sign(c2, mac([]byte(longPlayerKey), peerDigest[:]), s0)
	c.ack = newSigned(mac([]byte(longServerKey), c.c1.digest[:]), s0)
	return c2, nil
}

// agree completes the key exchange of RTMPE, under whichever of its versions the server has chosen.
func (c *Client) agree(s0 byte, s1 []byte) (err error) {
	switch s0 {
	case VersionRTMPE, VersionXTEA, VersionBlowfish:
	default:
		return &Error{Reason: "the server does not offer RTMPE"}
	}
	if !c.info.Digest {
		return &Error{Reason: "the server answers RTMPE and its S1 has no valid digest"}
	}
	c.info.Encrypted = true
	c.keys, err = c.pair.agree(s1[schemes[c.info.Scheme].keyAt(s1):][:keySize])
	c.pair = nil
	return err
}
