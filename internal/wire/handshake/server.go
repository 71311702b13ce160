package handshake

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// A ServerConfig configures a Server. Its zero value is a server that answers plain and signed clients.
type ServerConfig struct {
	// AllowEncrypted lets clients choose RTMPE. Without it they are offered version 3 instead.
	AllowEncrypted bool

	// Version is the software version that a signed S1 tells, such as 0x05000101; 0 means the default, 4.5.0.1.
	// Its first byte should be at least 3: below it FFmpeg takes the server for one that does not really sign.
	Version uint32

	// Time returns the time of S1 and S2 in milliseconds: the clock of the timestamps to come. nil means 0.
	Time func() uint32

	// Rand is the source of random bytes and keys; nil means crypto/rand. An error of it ends the handshake.
	Rand io.Reader
}

const defaultServerVersion = 0x04050001

// A Server is the server's side of one handshake. It is not safe for concurrent use.
type Server struct {
	side
	allowEncrypted bool
	version        uint32
}

// NewServer returns a Server that waits for C0.
func NewServer(cfg ServerConfig) *Server {
	if cfg.Version == 0 {
		cfg.Version = defaultServerVersion
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	return &Server{
		side:           side{rand: cfg.Rand, time: cfg.Time},
		allowEncrypted: cfg.AllowEncrypted,
		version:        cfg.Version,
	}
}

// Feed takes bytes that arrived from the client. It uses the first n of them: all, until the handshake is done;
// the rest belong to the chunk stream. A reply, S0, S1 and S2 together, must be sent at once: many clients do not
// send C2 before they have read it. It belongs to the caller, while b is not kept.
//
// The error is a *NotRTMPError when the first bytes belong to another protocol, an *Error when an RTMPE handshake
// cannot be completed, or that of the source of random bytes. It is final.
func (s *Server) Feed(b []byte) (n int, reply []byte, err error) {
	return s.feed(b, s.answer)
}

// answer makes S0, S1 and S2 (RTMP 5.2.2 to 5.2.4).
func (s *Server) answer(c0 byte, c1 []byte) ([]byte, error) {
	s.info.Requested = c0
	s.info.Version = s.chooseVersion(c0)
	s.info.Encrypted = s.info.Version != VersionPlain
	s.info.PeerTime = binary.BigEndian.Uint32(c1)
	s.info.PeerVersion = binary.BigEndian.Uint32(c1[4:])

	var peerDigest [digestSize]byte
	if s.info.PeerVersion != 0 || s.info.Encrypted {
		peerDigest, s.info.Scheme, s.info.Digest = findDigest(playerKey, c1, likelyScheme(c0))
	}
	if s.info.Encrypted && !s.info.Digest {
		return nil, &Error{Reason: "the client asks for RTMPE and its C1 has no valid digest"}
	}

	reply := make([]byte, helloSize+packetSize)
	reply[0] = s.info.Version
	s1, s2 := reply[1:helloSize], reply[helloSize:]
	if err := s.random(s1[dataAt:]); err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(s1, s.now())
	if s.info.Digest {
		if err := s.answerSigned(c1, peerDigest, s1, s2); err != nil {
			return nil, err
		}
	} else {
		s.answerPlain(c1, s1, s2)
	}
	copy(s.info.SWFKey[:], s1[packetSize-len(s.info.SWFKey):])
	return reply, nil
}

func (s *Server) chooseVersion(c0 byte) byte {
	switch c0 {
	case VersionRTMPE, VersionXTEA, VersionBlowfish:
		if s.allowEncrypted {
			return c0
		}
	}
	return VersionPlain
}

// answerPlain leaves the version bytes of S1 zero: librtmp and FFmpeg take others as the promise of a digest.
func (s *Server) answerPlain(c1, s1, s2 []byte) {
	copy(s2, c1)
	binary.BigEndian.PutUint32(s2[4:], s.now())
	s.ack = newEcho(sha256.Sum256(s1[dataAt:]))
}

func (s *Server) answerSigned(c1 []byte, peerDigest [digestSize]byte, s1, s2 []byte) error {
	binary.BigEndian.PutUint32(s1[4:], s.version)
	layout := schemes[s.info.Scheme]
	if s.info.Encrypted {
		keys, err := newKeyPair(s.rand)
		if err != nil {
			return err
		}
		if s.keys, err = keys.agree(c1[layout.keyAt(c1):][:keySize]); err != nil {
			return err
		}
		copy(s1[layout.keyAt(s1):], keys.public[:])
	}
	digest := putDigest(serverKey, s1, s.info.Scheme)

	if err := s.random(s2[:signedSize]); err != nil {
		return err
	}
	sign(s2, mac([]byte(longServerKey), peerDigest[:]), s.info.Version)
	s.ack = newSigned(mac([]byte(longPlayerKey), digest[:]), s.info.Version)
	return nil
}
