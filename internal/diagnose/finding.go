package diagnose

import "time"

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Info    Severity = "info"    // worth knowing, harms nobody
	Warning Severity = "warning" // some players or servers will stumble
	Error   Severity = "error"   // does not work
)

// A Finding says what is wrong with a conversation. The same code is reported once for each side and message stream, however
// often it happens.
type Finding struct {
	Code     Code      `json:"code"`
	Severity Severity  `json:"severity"`
	From     Direction `json:"from"`           // who did it
	StreamID uint32    `json:"msid,omitempty"` // message stream; 0: the connection itself
	// Text is one or more sentences: what, why it matters, what to do.
	Text string `json:"text"`
	// Count is how often it has happened.
	Count int `json:"count"`
	// At is when it first happened, since the beginning of the connection.
	At time.Duration `json:"at"`
	// Timestamp is that of the message in which it first happened.
	Timestamp uint32 `json:"timestamp"`
}

// Code names a kind of finding; it does not change from release to release.
type Code string

// Direction says who has sent something.
type Direction uint8

// The directions.
const (
	FromClient Direction = iota
	FromServer
)

// String returns "client" or "server".
func (d Direction) String() string {
	if d == FromServer {
		return "server"
	}
	return "client"
}

// MarshalText returns String.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
