package chunk

import (
	"bytes"
	"encoding/binary"
)

// stream is what a Reader remembers of one chunk stream: the last header, and the message under way.
type stream struct {
	csid      uint32
	timestamp uint32 // of the last message begun
	delta     uint32 // what a new message with a fmt 3 header adds to timestamp
	raw       uint32 // last timestamp, delta or extended timestamp as it was sent
	length    uint32
	streamID  uint32
	typ       uint8
	extended  bool // the last 24-bit field was 0xFFFFFF
	active    bool // a message has begun and is not complete
	counted   bool // the message lies between two of its chunks and counts as partial
	body      []byte
}

// begin takes over a header that starts a new message.
func (s *stream) begin(h *header) {
	if h.fmt == fmt3 {
		s.repeat(h)
		return
	}
	time := h.field
	if h.hasExtended {
		time = h.extended
	}
	s.extended = h.hasExtended
	s.raw = time
	// After fmt 0, too, the value is what a following fmt 3 adds: RTMP 5.3.1.2.4 makes the absolute
	// timestamp the delta, and ffmpeg, FMLE and GStreamer rely on it.
	s.delta = time
	switch h.fmt {
	case fmt0:
		s.timestamp = time
		s.length, s.typ, s.streamID = h.length, h.typ, h.streamID
	case fmt1:
		s.timestamp += time
		s.length, s.typ = h.length, h.typ
	case fmt2:
		s.timestamp += time
	}
}

// repeat starts a message whose header is all inherited. ffmpeg chooses fmt 3 by the 24-bit field alone,
// so the extended timestamp counts as it was sent. gortmplib always sends zero, which cannot be an
// extended timestamp and says nothing.
func (s *stream) repeat(h *header) {
	if h.hasExtended && h.extended != 0 {
		s.delta, s.raw = h.extended, h.extended
	}
	s.timestamp += s.delta
}

// presence answers whether an extended timestamp stands where it may stand.
type presence int

const (
	undecided presence = iota // more bytes are needed
	absent
	present
	blank // four zero bytes in its place
)

// lookForExtended looks at the bytes b behind the basic header of a fmt 3 chunk that goes on with a
// message. RTMP 5.3.1.3 has the extended timestamp repeated there; librtmp before 2015 and OBS up to 30.0
// leave it out, gortmplib sends zeroes, SRS repeats the absolute timestamp even after a delta and some
// mask it to 31 bits. A mismatch in the first of the four bytes is enough to know, so a peer that leaves it
// out is not kept waiting for bytes which it may have no reason to send.
func (s *stream) lookForExtended(b []byte) presence {
	b = b[:min(len(b), 4)]
	matches := func(v uint32) bool {
		var want [4]byte
		binary.BigEndian.PutUint32(want[:], v)
		return bytes.HasPrefix(want[:], b)
	}
	const low31 = 0x7fffffff
	switch {
	case matches(s.raw), matches(s.raw & low31), matches(s.timestamp), matches(s.timestamp & low31):
		if len(b) == 4 {
			return present
		}
		return undecided
	case matches(0):
		if len(b) == 4 {
			return blank
		}
		return undecided
	default:
		return absent
	}
}

// Buffers grow in steps of four times, from the smallest that is worth an allocation. A step is taken as
// soon as half of the buffer is in use, so most messages that arrive in large chunks need one allocation.
const (
	firstBuffer  = 1 << 10
	growthFactor = 4
)

// capacity returns how much memory a message of which received bytes are there may hold. It depends on
// nothing but its arguments, so limits strike at the same byte however the input was split.
func capacity(received, length int) int {
	c := firstBuffer
	for c < 2*received {
		c *= growthFactor
	}
	return min(c, length)
}
