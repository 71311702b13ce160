package handshake

import (
	"encoding/binary"

	"golang.org/x/crypto/blowfish" //nolint:staticcheck // deprecated as weak, and what version 9 prescribes
)

// sign writes the signature of a C2 or S2 into its last 32 bytes. The key comes from the digest of the peer's packet.
func sign(packet []byte, key [digestSize]byte, version byte) {
	signature := mac(key[:], packet[:signedSize])
	encipher(&signature, key, version)
	copy(packet[signedSize:], signature[:])
}

// encipher turns a signature into its form on the wire: under versions 8 and 9 four blocks, each enciphered with
// one of 15 fixed keys that a byte of the signature's own key chooses.
func encipher(signature *[digestSize]byte, key [digestSize]byte, version byte) {
	if version != VersionXTEA && version != VersionBlowfish {
		return
	}
	for i := 0; i < digestSize; i += 8 {
		block, number := signature[i:i+8], key[i]%15
		if version == VersionXTEA {
			encipherXTEA(block, &xteaKeys[number])
		} else {
			encipherBlowfish(block, blowfishKeys[number])
		}
	}
}

// encipherXTEA enciphers one block of two little-endian words with 32 cycles of XTEA.
func encipherXTEA(block []byte, key *[4]uint32) {
	const delta = 0x9e3779b9
	v0, v1 := binary.LittleEndian.Uint32(block), binary.LittleEndian.Uint32(block[4:])
	var sum uint32
	for range 32 {
		v0 += ((v1<<4 ^ v1>>5) + v1) ^ (sum + key[sum&3])
		sum += delta
		v1 += ((v0<<4 ^ v0>>5) + v0) ^ (sum + key[sum>>11&3])
	}
	binary.LittleEndian.PutUint32(block, v0)
	binary.LittleEndian.PutUint32(block[4:], v1)
}

// encipherBlowfish enciphers one block of two little-endian words; Blowfish itself is big-endian.
func encipherBlowfish(block []byte, key string) {
	cipher, err := blowfish.NewCipher([]byte(key))
	if err != nil {
		panic("handshake: Blowfish refuses a key of the table: " + err.Error())
	}
	swapWords(block)
	cipher.Encrypt(block, block)
	swapWords(block)
}

func swapWords(block []byte) {
	for _, word := range [2][]byte{block[:4], block[4:8]} {
		binary.LittleEndian.PutUint32(word, binary.BigEndian.Uint32(word))
	}
}
