package rtmp

import (
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"

	"leat/amf"
)

// SecureToken is Wowza's way to keep strangers' players out: the server puts a text, encrypted with a shared key and
// in hexadecimal digits, as secureToken into the answer to connect; the client decrypts it and returns the
// text by the call secureTokenResponse. The cipher is XXTEA (Corrected Block TEA). It proves knowledge of the key to
// nobody who can listen for long; treat it as a courtesy to old players, not as protection.

// maxSecureToken bounds the hexadecimal text that a peer sends.
const maxSecureToken = 4096

// errSecureToken is the error for a challenge that is no text in hexadecimal digits.
var errSecureToken = errors.New("rtmp: secureToken is not a text of 2 to 4096 hexadecimal digits")

// DecryptSecureToken returns the client's answer to a challenge: the text behind the hexadecimal digits, with the
// zero bytes that padded it. Only the first 16 bytes of key count.
func DecryptSecureToken(key, challenge string) (string, error) {
	if challenge == "" || len(challenge) > maxSecureToken {
		return "", errSecureToken
	}
	b, err := hex.DecodeString(challenge)
	if err != nil {
		return "", errSecureToken
	}
	n := len(b)
	v := teaWords(b)
	teaDecrypt(v, teaKey(key))
	return string(teaBytes(v)[:n]), nil
}

// EncryptSecureToken returns the challenge for a text that the server has drawn at random. The text is padded with
// zero bytes to a multiple of four and at least eight, and must not end in one.
func EncryptSecureToken(key, text string) string {
	v := teaWords([]byte(text))
	for len(v) < 2 {
		v = append(v, 0)
	}
	teaEncrypt(v, teaKey(key))
	return hex.EncodeToString(teaBytes(v))
}

// VerifySecureToken reports, in constant time, whether a client's answer is the text of its challenge. Clients
// return the padding of the text or cut it off. An empty text is never right.
func VerifySecureToken(text, answer string) bool {
	answer = strings.TrimRight(answer, "\x00")
	return text != "" && subtle.ConstantTimeCompare([]byte(text), []byte(answer)) == 1
}

const (
	secureTokenName = "secureToken"
	// maxTokenDepth is how deep inside connect's answer a challenge is looked for, as librtmp does.
	maxTokenDepth = 8
)

// findText returns the first text of that name in o and the objects inside of it, "" if there is none.
func findText(o *amf.Object, name string) string {
	return findTextWithin(o, name, maxTokenDepth)
}

func findTextWithin(o *amf.Object, name string, depth int) string {
	if o == nil || depth == 0 {
		return ""
	}
	if text := o.Text(name); text != "" {
		return text
	}
	for _, m := range o.Members {
		inner, ok := m.Value.(*amf.Object)
		if !ok {
			continue
		}
		if text := findTextWithin(inner, name, depth-1); text != "" {
			return text
		}
	}
	return ""
}

const teaDelta = 0x9e3779b9

func teaEncrypt(v []uint32, k [4]uint32) {
	n := len(v)
	z := v[n-1]
	var sum uint32
	for range 6 + 52/n {
		sum += teaDelta
		e := sum >> 2 & 3
		for p := range n {
			y := v[(p+1)%n]
			v[p] += teaMix(y, z, sum, k[uint32(p)&3^e])
			z = v[p]
		}
	}
}

func teaDecrypt(v []uint32, k [4]uint32) {
	n := len(v)
	y := v[0]
	for sum := uint32(6+52/n) * teaDelta; sum != 0; sum -= teaDelta {
		e := sum >> 2 & 3
		for p := n - 1; p >= 0; p-- {
			z := v[(p+n-1)%n]
			v[p] -= teaMix(y, z, sum, k[uint32(p)&3^e])
			y = v[p]
		}
	}
}

func teaMix(y, z, sum, key uint32) uint32 {
	return ((z>>5 ^ y<<2) + (y>>3 ^ z<<4)) ^ ((sum ^ y) + (key ^ z))
}

func teaKey(key string) (k [4]uint32) {
	var b [16]byte
	copy(b[:], key)
	for i := range k {
		k[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return k
}

// teaWords returns b as little-endian words, padded with zeros.
func teaWords(b []byte) []uint32 {
	v := make([]uint32, (len(b)+3)/4)
	for i, c := range b {
		v[i/4] |= uint32(c) << (8 * (i % 4))
	}
	return v
}

func teaBytes(v []uint32) []byte {
	b := make([]byte, 0, 4*len(v))
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
