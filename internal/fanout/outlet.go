package fanout

import (
	"time"

	"leat/media"
)

// Outlet is where a player's bytes go: a connection that can write without blocking.
//
// The fan-out calls its methods from one goroutine at a time. They must not call methods of the Player
// or of its Log.
type Outlet interface {
	// TryWrite writes what it can of b without blocking. n < len(b) with a nil error says that the
	// socket or the peer's window is full; any error, that the player is gone. b begins at a message boundary or
	// at the remainder of the message that an earlier TryWrite left unfinished. It is shared by all players:
	// it must not be changed, nor be kept after TryWrite returns.
	TryWrite(b []byte) (n int, err error)
	// NotifyWritable has fn called once, from any goroutine and possibly before it returns, when it is worth trying again. The fan-out
	// calls it after a TryWrite that was cut short and then does not call TryWrite until fn was called.
	NotifyWritable(fn func())
}

// Encoder turns packets into the bytes that all players of a log get. Every message must be complete in
// itself (for RTMP: full chunk headers), because any message may follow any other.
type Encoder interface {
	// Append appends the encoded p to dst and returns the extended slice; it may append nothing. It must not
	// touch the bytes before len(dst). A Log does not call it concurrently.
	Append(dst []byte, p *media.Packet) []byte
}

// Merge says how long messages are gathered before they are written. It is MergeFrame, MergeNone, or
// a duration, of which 50, 100 and 350 ms are usual: Merge(50 * time.Millisecond).
type Merge time.Duration

const (
	// MergeFrame is the zero value: it writes when a video frame comes; audio and data wait for it, but
	// for no longer than 33 ms, rounded up to the tick of 4 ms.
	MergeFrame Merge = 0
	// MergeNone writes each message at once.
	MergeNone Merge = -1
)

// Reason says why a player has ended.
type Reason uint8

// The reasons handed to OnEnd. The zero value is no reason: the player has not ended.
const (
	ReasonClosed   Reason = iota + 1 // the Log was closed
	ReasonLag                        // it took nothing for MaxLag, or was so far behind
	ReasonDuration                   // JoinOptions.Duration is over
	ReasonError                      // its Outlet failed
	ReasonFinished                   // Player.Finish: it has got what there was
)

// String returns a word for r: "closed", "lag", "duration", "error", "finished"; "none" for the zero value.
func (r Reason) String() string {
	switch r {
	case ReasonClosed:
		return "closed"
	case ReasonLag:
		return "lag"
	case ReasonDuration:
		return "duration"
	case ReasonError:
		return "error"
	case ReasonFinished:
		return "finished"
	}
	return "none"
}
