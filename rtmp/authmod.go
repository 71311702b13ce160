package rtmp

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Publisher authentication, known as authmod, happens in refused connects: the server's _error says in its description
// that credentials are needed, then what to hash them with; the client connects anew each time with more
// parameters at the end of app and tcUrl. Both methods hash with MD5, so use them inside TLS.
//
//	client                                      server, in the description of _error
//	connect app                                 … code=403 need auth; authmod=adobe …
//	connect app?authmod=adobe&user=U            … authmod=adobe … ?reason=needauth&user=U&salt=S&challenge=C&opaque=O
//	connect app?authmod=adobe&user=U
//	    &challenge=C2&response=R&opaque=O       (accepted)

// AuthMode is a method of publisher authentication, as it is written behind "authmod=".
type AuthMode string

// The methods of publisher authentication.
const (
	AuthAdobe AuthMode = "adobe" // Flash Media Server and most others
	AuthLLNW  AuthMode = "llnw"  // Limelight; librtmp, FFmpeg and OBS know it, GStreamer does not
)

// Reasons in the descriptions of refusals. AuthLLNW writes authfail and AuthAdobe authfailed.
const (
	authReject     = "[ AccessManager.Reject ] : "
	authNeedCode   = "code=403 need auth"
	authNeed       = "?reason=needauth"
	authFailed     = "?reason=authfail"
	authNoSuchUser = "?reason=nosuchuser"
)

// The constants of AuthLLNW, which is HTTP Digest with fixed parts.
const (
	llnwRealm = "live"
	llnwCount = "00000001"
)

// adobeResponse returns the response parameter of AuthAdobe. x is the server's opaque, or its challenge if it has no
// opaque; clientChallenge is the client's own.
func adobeResponse(user, salt, password, x, clientChallenge string) string {
	h := md5Base64(user + salt + password)
	return md5Base64(h + x + clientChallenge)
}

// adobeResponse2012 returns the response of librtmp as of 2012, which leaves out the padding of what it
// hashes and takes both opaque and challenge.
func adobeResponse2012(user, salt, password, opaque, challenge, clientChallenge string) string {
	h := strings.TrimRight(md5Base64(user+salt+password), "=")
	return md5Base64(h + opaque + challenge + clientChallenge[:min(6, len(clientChallenge))])
}

// llnwResponse returns the response parameter of AuthLLNW for an app as connect has it.
func llnwResponse(user, password, app, nonce, clientNonce string) string {
	path, _ := splitAtQuery(app)
	if !strings.Contains(path, "/") {
		path += "/" + defaultInstance
	}
	h1 := md5Hex(user + ":" + llnwRealm + ":" + password)
	h2 := md5Hex("publish:/" + path)
	return md5Hex(h1 + ":" + nonce + ":" + llnwCount + ":" + clientNonce + ":auth:" + h2)
}

// sameResponse compares in constant time. Clients write Base64 with and without padding.
func sameResponse(got, want string) bool {
	got, want = strings.TrimRight(got, "="), strings.TrimRight(want, "=")
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// authParams returns the parameters of publisher authentication in an app: those from the last "authmod=" that
// follows a "?" or "&". They are never percent-decoded, and "+" is a plus sign. It returns nil if there are none.
func authParams(app string) map[string]string {
	const key = "authmod="
	at := max(strings.LastIndex(app, "?"+key), strings.LastIndex(app, "&"+key))
	if at < 0 {
		return nil
	}
	return splitParams(app[at+1:])
}

// splitParams splits at "&" and each part at its first "=". Of two equal names the first counts.
func splitParams(s string) map[string]string {
	params := make(map[string]string)
	for part := range strings.SplitSeq(s, "&") {
		name, value, _ := strings.Cut(part, "=")
		if _, ok := params[name]; !ok {
			params[name] = value
		}
	}
	return params
}

func md5Base64(s string) string {
	sum := md5.Sum([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
