package vod

import "time"

const (
	// defaultBuffer is what a client buffers that has not said how much (RTMP 7.1.7).
	defaultBuffer = 100 * time.Millisecond
	// The least and the most that is sent at once when the client's buffer is full: fewer wake-ups, more memory.
	minBurst = 20 * time.Millisecond
	maxBurst = 250 * time.Millisecond
)

// pace says when the packets of a recording are due: as much of it as the client buffers is due at once, the rest at
// the pace at which the client plays.
type pace struct {
	buffer time.Duration
	atOnce bool // everything is due at once

	begun time.Time     // when the client began to play
	at    time.Duration // where, in the file
	full  bool          // the client has been told that its buffer was sent
	told  bool          // it has been told since begin
}

// begin is called when the client has nothing to play, and will begin at that time of the file.
func (p *pace) begin(at time.Duration) { p.begun, p.at, p.full, p.told = time.Now(), at, false, false }

func (p *pace) length() time.Duration {
	if p.buffer <= 0 {
		return defaultBuffer
	}
	return p.buffer
}

// wait returns how long to wait with a packet; 0: it is due. Several packets then become due together.
func (p *pace) wait(at time.Duration) time.Duration {
	if p.atOnce {
		return 0
	}
	early := at - p.at - p.length() - time.Since(p.begun)
	if early <= 0 {
		return 0
	}
	return early + min(max(p.length()/4, minBurst), maxBurst)
}

// position returns about where the client is in the file.
func (p *pace) position() time.Duration { return p.at + time.Since(p.begun) }
