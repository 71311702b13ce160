package relay

import (
	"time"

	"leat/media"
)

// State says what a push or pull is doing.
type State string

// The states.
const (
	StateIdle       State = "idle"       // there is nothing to do: no stream to push, or somebody publishes here what would be pulled
	StateConnecting State = "connecting" // on the way to the other server, or waiting for its first packet
	StatePublishing State = "publishing" // a push that runs
	StatePlaying    State = "playing"    // a pull that runs
	StateWaiting    State = "waiting"    // it failed and is tried again at RetryAt
	StateFailed     State = "failed"     // it was refused and is tried again at RetryAt, which is minutes away
)

// Status is what a push or pull is doing and has done. It holds no secret.
type Status struct {
	ID      string    // for StopPush and StopPull
	Stream  media.Key // of this server
	Target  string    // push: the name of the target
	Address string    // of the other server: scheme, host, port and application; of a pull the one in use or tried last
	Static  bool      // it was started by StartPush or StartPull, or a pull that is not on demand: it stays without a stream or players

	State   State
	Since   time.Time // of State
	RetryAt time.Time // zero but in StateWaiting and StateFailed
	Error   string    // why it failed last; "" if it never did

	Packets    uint64
	Bytes      uint64 // of packet bodies
	Dropped    uint64 // packets that a push left out because its target was too slow
	Reconnects uint64 // connections that were lost after they had run
}

// record is a Status with what changes it. Whoever embeds it has the lock.
type record struct{ Status }

func (s *record) become(state State) {
	if s.State != state {
		s.State, s.Since = state, time.Now()
	}
	s.RetryAt = time.Time{}
}

// fail takes note of a failure and of when the next try is due.
func (s *record) fail(state State, why string, wait time.Duration) {
	s.become(state)
	s.Error, s.RetryAt = why, time.Now().Add(wait)
}
