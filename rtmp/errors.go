package rtmp

import (
	"errors"
	"fmt"
)

var (
	// ErrServerClosed is returned by Serve and ListenAndServe after Shutdown or Close.
	ErrServerClosed = errors.New("rtmp: server closed")
	// ErrClosed is returned, also inside of other errors, by operations on a connection that this end has closed, and on a stream
	// that was closed at either end. A connection that has ended otherwise gives its *CloseReason.
	ErrClosed = errors.New("rtmp: connection closed")
	// ErrTooManyCalls is returned by Call, and by what else waits for an answer, when Limits.PendingCalls calls wait for theirs.
	ErrTooManyCalls = errors.New("rtmp: too many calls are waiting for their answers")
)

// StatusError is an onStatus or _error that refuses or ends something: returned by a Handler it is sent to
// the peer, received from a peer it is returned by Dial, Publish, Play and Call.
type StatusError struct {
	Status
	// Redirect asks the peer to connect to another tcUrl instead (ex.code 302). Empty means no redirect.
	Redirect string
	// Remote says that the peer sent it.
	Remote bool
}

// Error returns the code and the description, 500 bytes of them at most, with control characters escaped: both may be a peer's.
func (e *StatusError) Error() string {
	if e.Description == "" {
		return sentence(e.Code)
	}
	return sentence(e.Code + ": " + e.Description)
}

// Refuse returns a StatusError with the code's own level, to be returned by a Handler.
func Refuse(code Code, format string, args ...any) *StatusError {
	return &StatusError{Status: Status{Level: LevelOf(code), Code: string(code), Description: fmt.Sprintf(format, args...)}}
}

// ProtocolError says in one plain sentence what a peer did that RTMP does not allow. The connection is
// closed after it.
type ProtocolError struct {
	Reason string
	Err    error // the wire error behind it; may be nil
}

// Error returns the reason.
func (e *ProtocolError) Error() string { return e.Reason }

// Unwrap returns the wire error behind it.
func (e *ProtocolError) Unwrap() error { return e.Err }

// Side says who ended a connection.
type Side string

// The sides of CloseReason.
const (
	SidePeer    Side = "peer"    // the peer closed it or asked to
	SideLocal   Side = "local"   // this end closed it
	SideNetwork Side = "network" // the network broke
)

// CloseReason says why a connection ended: who ended it, in words, and what was received last.
type CloseReason struct {
	Side        Side
	Text        string // one plain sentence
	LastMessage string // type, chunk stream and length of the last message received; empty before the first
	Err         error  // the error behind it; nil for an orderly end
}

// Error makes a CloseReason usable as the cause of a context.
func (r *CloseReason) Error() string { return fmt.Sprintf("%s (%s)", r.Text, r.Side) }

// Unwrap returns the error behind it.
func (r *CloseReason) Unwrap() error { return r.Err }
