package handshake

import (
	"crypto/rc4"
	"io"
	"math/big"
)

// group2Prime is the 1024-bit prime of RTMPE's key exchange (RFC 2409 6.2, the second Oakley group). It is a safe
// prime, and the generator 2 generates the large subgroup: every key made with it is a good one.
const group2Prime = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74" +
	"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437" +
	"4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED" +
	"EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"

// privateSize is the length of our exponents. 256 bits are far more than 1024-bit keys can protect, and a quarter
// of the work of full-length ones for whoever floods a server with handshakes.
const privateSize = 32

// A keyPair is one side's half of a Diffie-Hellman exchange.
type keyPair struct {
	private *big.Int
	public  [keySize]byte // big-endian, padded on the left
}

func newKeyPair(rand io.Reader) (*keyPair, error) {
	var exponent [privateSize]byte
	if _, err := io.ReadFull(rand, exponent[:]); err != nil {
		return nil, err
	}
	exponent[0] |= 0x80 // never a small one
	return keyPairOf(new(big.Int).SetBytes(exponent[:])), nil
}

func keyPairOf(private *big.Int) *keyPair {
	k := &keyPair{private: private}
	new(big.Int).Exp(big.NewInt(2), private, prime()).FillBytes(k.public[:])
	return k
}

// secret returns what both sides know after the exchange. Its leading zero bytes are kept: OpenSSL-based peers move
// them to the end, which fails one connection of 256 whichever way is chosen.
func (k *keyPair) secret(peer []byte) (secret [keySize]byte, err error) {
	p := prime()
	y := new(big.Int).SetBytes(peer)
	last := new(big.Int).Sub(p, big.NewInt(2))
	if y.Cmp(big.NewInt(2)) < 0 || y.Cmp(last) > 0 {
		return secret, &Error{Reason: "the peer's Diffie-Hellman key is out of range"}
	}
	y.Exp(y, k.private, p).FillBytes(secret[:])
	return secret, nil
}

func prime() *big.Int {
	p, ok := new(big.Int).SetString(group2Prime, 16)
	if !ok {
		panic("handshake: the prime of group 2 is no number")
	}
	return p
}

// A keystreams is the pair of ciphers that RTMPE runs everything behind the handshake through.
type keystreams struct {
	in, out *rc4.Cipher
}

// agree makes the keystreams from our keys and the peer's, which stands in its packet. What a side sends is keyed
// by the other side's public key.
func (k *keyPair) agree(peer []byte) (*keystreams, error) {
	secret, err := k.secret(peer)
	if err != nil {
		return nil, err
	}
	in, out := mac(secret[:], k.public[:]), mac(secret[:], peer)
	return &keystreams{in: keystream(in[:16]), out: keystream(out[:16])}, nil
}

// keystream returns an RC4 cipher that has passed by as many bytes as C2 and S2 have, which go in the clear.
func keystream(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic("handshake: RC4 refuses a key of 16 bytes: " + err.Error())
	}
	var dummy [packetSize]byte
	c.XORKeyStream(dummy[:], dummy[:])
	return c
}
