package rtmp

import "leat/internal/sockets"

// easeBytes is how many bytes a second a peer may bring to be read in intervals. What comes meanwhile must find room in the kernel, whose
// smallest buffers hold 64 KB: else the peer would have to wait.
const easeBytes = 512 << 10

// ease is whether a peer can be read in intervals, with several messages at once, because nobody waits for what it publishes. It belongs to
// whoever reads.
type ease struct {
	mood   mood
	eased  bool // the socket knows
	volume rate
}

// mood is what a read has brought.
type mood uint8

const (
	indifferent mood = iota // no message
	patient                 // only what nobody waits for
	hurried
)

func (e *ease) wait() { e.mood = max(e.mood, patient) }

func (e *ease) hurry() { e.mood = hurried }

// easeReading is called when all n bytes that were there have been read.
func (c *Conn) easeReading(s *sockets.Socket, n int) error {
	e := &c.in.ease
	if !c.in.media {
		return nil
	}
	if e.volume.oweMany(n, easeBytes, easeBytes, c.in.now) > 0 {
		e.volume.tokens = max(e.volume.tokens, -easeBytes)
		e.hurry()
	}
	is := e.eased
	if e.mood != indifferent {
		is = e.mood == patient
	}
	e.mood = indifferent
	if is == e.eased {
		return nil
	}
	e.eased = is
	return s.Patient(is)
}

// hurryReading ends the ease of a peer for whose packets somebody waits from now on. It may be called from any goroutine.
func (c *Conn) hurryReading() {
	s, ok := c.out.fd.(*sockets.Socket)
	if !ok {
		return
	}
	if err := s.Patient(false); err != nil {
		c.logger.Debug("the peer is read in intervals", "err", err)
	}
}
