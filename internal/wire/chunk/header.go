package chunk

import "encoding/binary"

// Chunk message header formats (RTMP 5.3.1.2).
const (
	fmt0 = iota // absolute timestamp, length, type, message stream ID
	fmt1        // timestamp delta, length, type
	fmt2        // timestamp delta
	fmt3        // nothing
)

// maxHeaderSize is the longest chunk header: basic header 3, message header 11, extended timestamp 4.
const maxHeaderSize = 18

// messageHeaderSize is the size of the message header by format.
var messageHeaderSize = [4]int{fmt0: 11, fmt1: 7, fmt2: 3, fmt3: 0}

// header is a chunk header as it stands on the wire. Fields that its format does not carry are zero.
type header struct {
	fmt      uint8
	typ      uint8
	csid     uint32
	field    uint32 // 24-bit timestamp or delta
	length   uint32
	streamID uint32
	extended uint32 // extended timestamp, if hasExtended
	// hasExtended is true if the extended timestamp was on the wire.
	hasExtended bool
}

// parse reads the basic and the message header at the front of b and returns their size, or 0 if b is too
// short. The extended timestamp is not read, because in fmt 3 it depends on the chunk stream.
func (h *header) parse(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	*h = header{fmt: b[0] >> 6}
	n := 1
	switch selector := b[0] & 0x3f; selector {
	case 0:
		if len(b) < 2 {
			return 0
		}
		h.csid = uint32(b[1]) + 64
		n = 2
	case 1:
		if len(b) < 3 {
			return 0
		}
		h.csid = uint32(binary.LittleEndian.Uint16(b[1:])) + 64
		n = 3
	default:
		h.csid = uint32(selector)
	}
	m := b[n:]
	size := messageHeaderSize[h.fmt]
	if len(m) < size {
		return 0
	}
	switch h.fmt {
	case fmt0:
		h.streamID = binary.LittleEndian.Uint32(m[7:])
		fallthrough
	case fmt1:
		h.length = uint24(m[3:])
		h.typ = m[6]
		fallthrough
	case fmt2:
		h.field = uint24(m)
	}
	return n + size
}

// appendBasicHeader appends the shortest basic header for csid.
func appendBasicHeader(dst []byte, format uint8, csid uint32) []byte {
	switch {
	case csid < 64:
		return append(dst, format<<6|uint8(csid))
	case csid < 64+256:
		return append(dst, format<<6, uint8(csid-64))
	default:
		return append(dst, format<<6|1, uint8(csid-64), uint8((csid-64)>>8))
	}
}

// basicHeaderSize is the length of what appendBasicHeader appends.
func basicHeaderSize(csid uint32) int {
	switch {
	case csid < 64:
		return 1
	case csid < 64+256:
		return 2
	default:
		return 3
	}
}

// appendHeader appends a chunk header. time is the timestamp or delta in full; it moves to the extended
// timestamp when it does not fit.
func appendHeader(dst []byte, format uint8, time uint32, m *Message) []byte {
	dst = appendBasicHeader(dst, format, m.ChunkStreamID)
	if format <= fmt2 {
		dst = appendUint24(dst, min(time, extendedField))
	}
	if format <= fmt1 {
		dst = appendUint24(dst, uint32(len(m.Body)))
		dst = append(dst, m.Type)
	}
	if format == fmt0 {
		dst = binary.LittleEndian.AppendUint32(dst, m.StreamID)
	}
	if time >= extendedField {
		dst = binary.BigEndian.AppendUint32(dst, time)
	}
	return dst
}

func uint24(b []byte) uint32 {
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}

func appendUint24(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}
