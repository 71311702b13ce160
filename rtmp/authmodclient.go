package rtmp

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Errors of publisher authentication on the client's side. Both are final: connecting again with the same
// credentials leads to them again.
var (
	// ErrAuthRequired says that the server wants credentials and there are none.
	ErrAuthRequired = errors.New("rtmp: the server wants a user and a password")
	// ErrAuthFailed says that the server refused the user or the password.
	ErrAuthFailed = errors.New("rtmp: the server refused the user or the password")
)

// authmodReply decides what follows on a refused connect. description is that of the refusal and app that of the
// connect, with what earlier rounds appended to it.
//
// If suffix is not empty, the client appends it to app and to tcUrl and connects again over a new
// connection. If suffix is empty and err nil, the refusal has nothing to do with authentication. The short descriptions
// of gortmplib are understood as well. random supplies the client's challenge.
func authmodReply(description, app, user, password string, random io.Reader) (suffix string, err error) {
	var mode AuthMode
	switch {
	case strings.Contains(description, "authmod="+string(AuthAdobe)):
		mode = AuthAdobe
	case strings.Contains(description, "authmod="+string(AuthLLNW)):
		mode = AuthLLNW
	default:
		return "", nil
	}
	sent := authParams(app)
	sentThis := sent["authmod"] == string(mode)
	_, needed, isNeeded := strings.Cut(description, authNeed)

	switch {
	case strings.Contains(description, authFailed), strings.Contains(description, authNoSuchUser):
		return "", ErrAuthFailed
	case isNeeded && sent["response"] != "", strings.Contains(description, authNeedCode) && sentThis:
		return "", ErrAuthFailed
	case user == "" || password == "":
		return "", ErrAuthRequired
	case strings.Contains(description, authNeedCode):
		return "?authmod=" + string(mode) + "&user=" + user, nil
	case !isNeeded:
		return "", fmt.Errorf("rtmp: authmod=%s with an unknown request", mode)
	}

	own, err := authChallenge(random)
	if err != nil {
		return "", err
	}
	params := splitParams(strings.TrimSpace(needed))
	if mode == AuthLLNW {
		nonce := params["nonce"]
		return "&nonce=" + nonce + "&cnonce=" + own + "&nc=" + llnwCount +
			"&response=" + llnwResponse(user, password, app, nonce, own), nil
	}
	x := params["challenge"]
	end := ""
	if opaque := params["opaque"]; opaque != "" {
		x = opaque
		end = "&opaque=" + opaque
	}
	return "&challenge=" + own + "&response=" + adobeResponse(user, params["salt"], password, x, own) + end, nil
}

// authChallenge draws a client's challenge in the form that FFmpeg and GStreamer use, and llnw demands: eight
// hexadecimal digits.
func authChallenge(random io.Reader) (string, error) {
	var b [4]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("rtmp: drawing a challenge: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}
