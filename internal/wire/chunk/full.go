package chunk

import "encoding/binary"

// AppendFull appends all chunks of m to dst and returns the extended slice. The first chunk has fmt 0 and
// inherits nothing, so the bytes mean the same to every receiver with this chunk size, whatever was sent
// before, and can be written once for many connections.
//
// It allocates only if dst lacks room, copies the Body once, and keeps no reference to m. A Writer of the
// same connection must not use the same chunk stream.
//
// It panics if chunkSize is outside [1, MaxChunkSize], the chunk stream ID outside
// [MinChunkStreamID, MaxChunkStreamID] or the Body longer than MaxMessageLength.
func AppendFull(dst []byte, m *Message, chunkSize uint32) []byte {
	checkChunkSize(chunkSize)
	checkMessage(m)
	return appendChunks(dst, m, fmt0, m.Timestamp, chunkSize)
}

// WireSize returns how many bytes the message at the front of b takes on the wire, headers of all its
// chunks included. b must begin with a message written by AppendFull with the same chunk size, and needs
// to hold no more of it than its first header. The result is 0 if b is shorter than that or does not begin
// with fmt 0, or if chunkSize is outside [1, MaxChunkSize].
func WireSize(b []byte, chunkSize uint32) int {
	var h header
	n := h.parse(b)
	if n == 0 || h.fmt != fmt0 || chunkSize == 0 || chunkSize > MaxChunkSize {
		return 0
	}
	time := h.field
	basic := n - messageHeaderSize[fmt0]
	if time == extendedField {
		if len(b) < n+4 {
			return 0
		}
		time = binary.BigEndian.Uint32(b[n:])
	}
	return wireSize(basic, fmt0, time, int(h.length), chunkSize)
}

// wireSize computes the size of a message on the wire from the size of its basic header, the format and
// time of its first header, and its length.
func wireSize(basic int, format uint8, time uint32, length int, chunkSize uint32) int {
	more := 0 // chunks behind the first
	if length > 0 {
		more = (length - 1) / int(chunkSize)
	}
	each := basic
	if time >= extendedField {
		each += 4
	}
	return each + messageHeaderSize[format] + more*each + length
}
