package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// A skimmer follows what a server sends, from the first byte of the handshake on, and hands out the beginning of each
// message. It keeps no payload, so that it costs little more than the read that has fed it: internal/wire/chunk makes a
// body of each message, which thousands of players would drown in.
type skimmer struct {
	skip      int // bytes of the handshake still to come
	chunkSize int
	left      int         // of the chunk that is being read
	current   *skimStream // its chunk stream
	near      [64]*skimStream
	far       map[uint32]*skimStream // chunk streams from 64 on
	header    [maxHeader]byte        // the beginning of a header that was cut off
	held      int                    // bytes in it
}

// skimStream is what the headers of a chunk stream refer to.
type skimStream struct {
	typ      message.Type
	length   int
	got      int
	extended bool
	head     []byte
}

const (
	handshakeSize = 1 + 1536 + 1536 // S0, S1 and S2
	maxHeader     = 3 + 11 + 4
	// headSize is how much is kept of a message: enough for a marker behind parameter sets that a server has put in front.
	headSize = 256
	// farStreams bounds the chunk streams from 64 on.
	farStreams = 64
)

// errChunks says that the server's bytes are no chunk stream.
var errChunks = errors.New("the server's bytes are not a chunk stream")

func newSkimmer() *skimmer { return &skimmer{skip: handshakeSize, chunkSize: chunk.DefaultChunkSize} }

// feed takes bytes as they came and calls deliver for each message that they complete. head is valid during the call.
func (s *skimmer) feed(b []byte, deliver func(typ message.Type, length int, head []byte)) error {
	if n := min(s.skip, len(b)); n > 0 {
		s.skip -= n
		b = b[n:]
	}
	for len(b) > 0 {
		if s.left > 0 {
			b = s.payload(b, deliver)
			continue
		}
		n := 0
		if s.held == 0 {
			n = s.size(b)
		}
		if n > 0 && n <= len(b) {
			if err := s.begin(b[:n], deliver); err != nil {
				return err
			}
			b = b[n:]
			continue
		}
		s.header[s.held] = b[0]
		s.held++
		b = b[1:]
		if s.size(s.header[:s.held]) == s.held {
			n, s.held = s.held, 0
			if err := s.begin(s.header[:n], deliver); err != nil {
				return err
			}
		}
	}
	return nil
}

// payload takes what belongs to the current chunk, and returns the rest.
func (s *skimmer) payload(b []byte, deliver func(message.Type, int, []byte)) []byte {
	n := min(s.left, len(b))
	st := s.current
	if k := min(headSize-len(st.head), n); k > 0 {
		st.head = append(st.head, b[:k]...)
	}
	st.got += n
	s.left -= n
	if st.got == st.length {
		s.complete(st, deliver)
	}
	return b[n:]
}

func (s *skimmer) complete(st *skimStream, deliver func(message.Type, int, []byte)) {
	switch {
	case st.typ == message.TypeSetChunkSize && len(st.head) >= 4:
		s.chunkSize = int(max(binary.BigEndian.Uint32(st.head)&math.MaxInt32, 1))
	case st.typ == message.TypeAbort && len(st.head) >= 4:
		if aborted := s.stream(binary.BigEndian.Uint32(st.head)); aborted != nil {
			aborted.got, aborted.head = 0, aborted.head[:0]
		}
	default:
		deliver(st.typ, st.length, st.head)
	}
	st.got, st.head = 0, st.head[:0]
}

// basic reads the basic header (RTMP 5.3.1.1); n is 0 when b is too short.
func basic(b []byte) (csid uint32, n int) {
	switch id := uint32(b[0] & 0x3f); {
	case id >= 2:
		return id, 1
	case id == 0 && len(b) >= 2:
		return uint32(b[1]) + 64, 2
	case id == 1 && len(b) >= 3:
		return uint32(b[1]) + uint32(b[2])<<8 + 64, 3
	}
	return 0, 0
}

func (s *skimmer) stream(csid uint32) *skimStream {
	if csid < uint32(len(s.near)) {
		return s.near[csid]
	}
	return s.far[csid]
}

// size says how long the header is with which b begins; 0 when b is too short to tell.
func (s *skimmer) size(b []byte) int {
	csid, n := basic(b)
	if n == 0 {
		return 0
	}
	format := b[0] >> 6
	if format == 3 {
		if st := s.stream(csid); st != nil && st.extended {
			n += 4
		}
		return n
	}
	if len(b) < n+3 {
		return 0
	}
	extended := b[n] == 0xff && b[n+1] == 0xff && b[n+2] == 0xff
	n += [...]int{11, 7, 3}[format]
	if extended {
		n += 4
	}
	return n
}

// begin takes a whole chunk header.
func (s *skimmer) begin(b []byte, deliver func(message.Type, int, []byte)) error {
	csid, n := basic(b)
	st := s.stream(csid)
	format := b[0] >> 6
	if st == nil {
		if format != 0 && format != 1 {
			return fmt.Errorf("%w: format %d on the unused chunk stream %d", errChunks, format, csid)
		}
		st = &skimStream{}
		if err := s.keep(csid, st); err != nil {
			return err
		}
	}
	if format != 3 {
		st.got, st.head = 0, st.head[:0] // one that began here before and did not end is dropped
		h := b[n:]
		st.extended = h[0] == 0xff && h[1] == 0xff && h[2] == 0xff
		if format < 2 {
			st.length = int(h[3])<<16 | int(h[4])<<8 | int(h[5])
			st.typ = message.Type(h[6])
		}
	}
	s.current = st
	s.left = min(s.chunkSize, st.length-st.got)
	if st.length == 0 {
		s.complete(st, deliver)
	}
	return nil
}

func (s *skimmer) keep(csid uint32, st *skimStream) error {
	if csid < uint32(len(s.near)) {
		s.near[csid] = st
		return nil
	}
	if len(s.far) >= farStreams {
		return fmt.Errorf("%w: more than %d chunk streams from 64 on", errChunks, farStreams)
	}
	if s.far == nil {
		s.far = make(map[uint32]*skimStream)
	}
	s.far[csid] = st
	return nil
}
