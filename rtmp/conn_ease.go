package rtmp

import (
	"errors"
	"net"
	"time"

	"leat/internal/sockets"
)

// What comes between two reads must find room in the kernel, whose smallest buffers hold 64 KB: else the peer would have to wait.
const (
	// easeBytes is how many bytes a second a peer may bring to be read in intervals.
	easeBytes = 512 << 10
	// easeRead is from how many bytes in one read on more may be under way, as of a key frame.
	easeRead = readSize / 2
)

// intake is what is known of a peer's media. It belongs to whoever reads.
//
// When nobody waits for what it publishes the peer is read in intervals, with several messages at once.
type intake struct {
	rate   rate // of messages
	volume rate // of bytes
	mood   mood
}

// mood is what a read has brought.
type mood uint8

const (
	indifferent mood = iota // no message
	patient                 // only what nobody waits for
	hurried
)

func (in *intake) wait() { in.mood = max(in.mood, patient) }

// hurry may be called before there is media.
func (in *intake) hurry() {
	if in != nil {
		in.mood = hurried
	}
}

// ease is called when all n bytes that were there have been read.
func (c *Conn) ease(s *sockets.Socket, n int) error {
	if c.in.media == nil {
		return nil
	}
	if c.awaitsPong(c.in.now) {
		c.in.media.hurry()
	}
	mood := c.in.media.read(n, c.in.now)
	if mood == indifferent {
		return nil
	}
	return s.Patient(mood == patient)
}

// read returns what the mood is after a read of n bytes, and begins anew.
func (in *intake) read(n int, now time.Time) mood {
	if in.volume.oweMany(n, easeBytes, easeBytes, now) > 0 {
		in.volume.tokens = max(in.volume.tokens, -easeBytes)
		in.hurry()
	}
	if n >= easeRead {
		in.hurry()
	}
	mood := in.mood
	in.mood = indifferent
	return mood
}

// hurryReading ends the ease of a peer for whose bytes somebody waits from now on. It may be called from any goroutine.
func (c *Conn) hurryReading() {
	s, ok := c.out.fd.(*sockets.Socket)
	if !ok {
		return
	}
	if err := s.Patient(false); err != nil && !errors.Is(err, net.ErrClosed) {
		c.logger.Debug("the peer is read in intervals", "err", err)
	}
}
