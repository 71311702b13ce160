package handshake

import (
	"crypto/rc4"
	"io"
)

// A side is what a Server and a Client have in common: they gather the peer's first two packets, answer them, and
// check its third.
type side struct {
	rand  io.Reader
	time  func() uint32 // may be nil
	hello hello
	ack   *ack // nil until the hello has been answered, and when all is done
	done  bool
	info  Info
	keys  *keystreams
	err   error
}

// feed reads from b, and calls answer once with the version and the packet of the peer's hello. Answer returns the
// reply and sets ack.
func (s *side) feed(b []byte, answer func(version byte, packet []byte) ([]byte, error)) (n int, reply []byte, err error) {
	if s.err != nil || s.done {
		return 0, nil, s.err
	}
	if s.ack == nil {
		var whole []byte
		whole, n, s.err = s.hello.take(b)
		if whole != nil {
			reply, s.err = answer(whole[0], whole[1:])
			s.hello.release()
		}
		if s.err != nil || whole == nil {
			return n, nil, s.err
		}
	}
	n += s.ack.feed(b[n:])
	if s.ack.complete() {
		s.info.Verified = s.ack.verified()
		s.ack, s.done = nil, true
	}
	return n, reply, nil
}

func (s *side) now() uint32 {
	if s.time == nil {
		return 0
	}
	return s.time()
}

// random fills b from the source of random bytes.
func (s *side) random(b []byte) error {
	_, err := io.ReadFull(s.rand, b)
	return err
}

// Done reports whether the peer's last packet has been read: the chunk stream follows.
func (s *side) Done() bool { return s.done }

// Info returns what is known of the peer.
func (s *side) Info() Info { return s.info }

// Ciphers returns the keystreams for what arrives and for what is sent behind the handshake, nil unless
// Info().Encrypted. What Feed left over is enciphered already; the packets of the handshake are not.
func (s *side) Ciphers() (in, out *rc4.Cipher) {
	if s.keys == nil {
		return nil, nil
	}
	return s.keys.in, s.keys.out
}
