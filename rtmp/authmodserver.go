package rtmp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
	"time"
)

// UserStore knows the passwords of those who may publish.
type UserStore interface {
	// Password returns the password of a user of an application (without instance and query); ok is false if there is no
	// such user. An error means that the store cannot tell. It is called with names that anybody may have
	// sent, and may block as long as ctx allows.
	Password(ctx context.Context, app, user string) (password string, ok bool, err error)
}

// Authmod is the server's side of publisher authentication. A ConnectHandler asks it about each app and refuses
// with CodeConnectRejected and the description that it returns; clients compare both.
//
// It keeps nothing of a challenge but what the client brings back, signed: a flood of connects costs no memory. It remembers
// the challenges that were answered until they run out, so each is good for one answer. Unknown users get a
// challenge too and then the refusal of a wrong password.
//
// The fields must not change after the first use. An Authmod is safe for concurrent use.
type Authmod struct {
	Users    UserStore
	Mode     AuthMode      // default AuthAdobe
	Lifetime time.Duration // for which a challenge is good; default 1 minute
	// MaxAnswered bounds the answered challenges that are remembered; 40 bytes each, about. While there are so many,
	// answers are refused. Default 65,536.
	MaxAnswered int
	Key         []byte    // signs challenges; servers that share it take each other's. Default: 32 random bytes
	Rand        io.Reader // safe for concurrent use; default crypto/rand.Reader

	mu       sync.Mutex
	key      []byte
	answered map[authNonce]time.Time // when the challenge runs out
	swept    time.Time               // when answered was last cleared of those that had
}

// AuthResult is what a server does about a connect.
type AuthResult struct {
	User string // who it is, if accepted
	// Description is the text of the refusal, which tells the client what to do next. Empty means accepted.
	Description string
}

// maxAuthUser bounds the user name that is echoed to the client.
const maxAuthUser = 256

// Authenticate looks at the app of a connect, as received, and accepts it or returns the text of the next round. An
// error comes from the UserStore or the source of random numbers, or wraps ErrName if SplitApp refuses the app.
func (a *Authmod) Authenticate(ctx context.Context, app string) (AuthResult, error) {
	name, _, _, err := SplitApp(app)
	if err != nil {
		return AuthResult{}, err
	}
	mode := a.Mode
	if mode == "" {
		mode = AuthAdobe
	}
	params := authParams(app)
	user := params["user"]
	switch {
	case params["authmod"] != string(mode) || user == "" || len(user) > maxAuthUser:
		return AuthResult{Description: authReject + "[ " + authNeedCode + "; authmod=" + string(mode) + " ] : "}, nil
	case params["response"] == "":
		return a.challenge(mode, user)
	}
	password, known, err := a.Users.Password(ctx, name, user)
	if err != nil {
		return AuthResult{}, fmt.Errorf("rtmp: looking up a user: %w", err)
	}
	right, err := a.verify(mode, app, params, password)
	if err != nil {
		return AuthResult{}, err
	}
	if !known || !right {
		return AuthResult{Description: authRefusal(mode, params)}, nil
	}
	return AuthResult{User: user}, nil
}

// challenge returns the text of the second round. Challenge and opaque are the same token, as with Flash Media
// Server, so that clients may answer to either.
func (a *Authmod) challenge(mode AuthMode, user string) (AuthResult, error) {
	key, err := a.signingKey()
	if err != nil {
		return AuthResult{}, err
	}
	lifetime := a.Lifetime
	if lifetime <= 0 {
		lifetime = time.Minute
	}
	var nonce authNonce
	if _, err := io.ReadFull(a.random(), nonce[:]); err != nil {
		return AuthResult{}, fmt.Errorf("rtmp: drawing a challenge: %w", err)
	}
	token := signAuthToken(key, user, nonce, time.Now().Add(lifetime))
	text := authPrefix(mode) + authNeed + "&user=" + user
	if mode == AuthLLNW {
		return AuthResult{Description: text + "&nonce=" + token}, nil
	}
	return AuthResult{Description: text + "&salt=" + authSalt(key, token) + "&challenge=" + token + "&opaque=" + token}, nil
}

// verify checks the third round: a challenge of ours to this user, in time, not answered before, and the right hash.
func (a *Authmod) verify(mode AuthMode, app string, params map[string]string, password string) (bool, error) {
	key, err := a.signingKey()
	if err != nil {
		return false, err
	}
	user, response := params["user"], params["response"]
	token := params["opaque"]
	if mode == AuthLLNW {
		token = params["nonce"]
	}
	nonce, expires, ok := openAuthToken(key, user, token)
	if !ok || !a.useOnce(nonce, expires) {
		return false, nil
	}
	if mode == AuthLLNW {
		return sameResponse(response, llnwResponse(user, password, app, token, params["cnonce"])), nil
	}
	salt, own := authSalt(key, token), params["challenge"]
	return sameResponse(response, adobeResponse(user, salt, password, token, own)) ||
		sameResponse(response, adobeResponse2012(user, salt, password, token, token, own)), nil
}

// useOnce reports whether the challenge has neither run out nor been answered, and marks it as answered.
func (a *Authmod) useOnce(nonce authNonce, expires time.Time) bool {
	limit := a.MaxAnswered
	if limit <= 0 {
		limit = 1 << 16
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, used := a.answered[nonce]; used || !now.Before(expires) {
		return false
	}
	if len(a.answered) >= limit && now.Sub(a.swept) >= time.Second {
		maps.DeleteFunc(a.answered, func(_ authNonce, t time.Time) bool { return !now.Before(t) })
		a.swept = now
	}
	if len(a.answered) >= limit {
		return false
	}
	if a.answered == nil {
		a.answered = make(map[authNonce]time.Time)
	}
	a.answered[nonce] = expires
	return true
}

func (a *Authmod) signingKey() ([]byte, error) {
	if len(a.Key) > 0 {
		return a.Key, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.key == nil {
		key := make([]byte, sha256.Size)
		if _, err := io.ReadFull(a.random(), key); err != nil {
			return nil, fmt.Errorf("rtmp: drawing a key: %w", err)
		}
		a.key = key
	}
	return a.key, nil
}

func (a *Authmod) random() io.Reader {
	if a.Rand != nil {
		return a.Rand
	}
	return rand.Reader
}

func authPrefix(mode AuthMode) string {
	return authReject + "[ authmod=" + string(mode) + " ] : "
}

// refusalText is what a log says of a refused connect. The texts of publisher authentication are for machines: they hold
// the user, and the challenge and the answer to it.
func refusalText(e *StatusError) string {
	switch {
	case !strings.HasPrefix(e.Description, authReject):
		return e.Error()
	case strings.Contains(e.Description, authFailed):
		return "the user or the password is wrong"
	}
	return "the application wants to know the user and the password; a client that has them comes back with them at once"
}

func authRefusal(mode AuthMode, params map[string]string) string {
	if mode == AuthLLNW {
		return authPrefix(mode) + authFailed
	}
	text := authPrefix(mode) + authFailed + "ed"
	if opaque := params["opaque"]; opaque != "" && len(opaque) <= authTokenText {
		text += "&opaque=" + opaque
	}
	return text
}
