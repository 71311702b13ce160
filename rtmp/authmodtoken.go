package rtmp

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A challenge on the wire is the Base64 text, without characters that need escaping in a URL, of
//
//	u64 time at which it runs out, ms since 1970 | 8 random bytes | 16 bytes of HMAC-SHA-256 over both and the user
type authNonce [8]byte

const (
	authTagBytes   = 16
	authTokenBytes = 8 + len(authNonce{}) + authTagBytes
)

// authTokenText is the length of a challenge on the wire.
var authTokenText = base64.RawURLEncoding.EncodedLen(authTokenBytes)

func signAuthToken(key []byte, user string, nonce authNonce, expires time.Time) string {
	b := make([]byte, 0, authTokenBytes)
	b = binary.BigEndian.AppendUint64(b, uint64(expires.UnixMilli()))
	b = append(b, nonce[:]...)
	b = append(b, authTag(key, b, user)...)
	return base64.RawURLEncoding.EncodeToString(b)
}

// openAuthToken returns what signAuthToken signed, or false for a text that it has not made for this user.
func openAuthToken(key []byte, user, token string) (nonce authNonce, expires time.Time, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != authTokenBytes {
		return nonce, expires, false
	}
	head, tag := b[:authTokenBytes-authTagBytes], b[authTokenBytes-authTagBytes:]
	if !hmac.Equal(tag, authTag(key, head, user)) {
		return nonce, expires, false
	}
	copy(nonce[:], head[8:])
	return nonce, time.UnixMilli(int64(binary.BigEndian.Uint64(head))), true
}

func authTag(key, head []byte, user string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(head)
	m.Write([]byte(user))
	return m.Sum(nil)[:authTagBytes]
}

// authSalt derives the salt of a challenge, so that it need not be kept either.
func authSalt(key []byte, token string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("salt " + token))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:6])
}
