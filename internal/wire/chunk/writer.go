package chunk

import "slices"

// Writer cuts messages into chunks, with headers compressed against what it wrote before (RTMP 5.3.1.2).
//
// A header is as short as can be sent without depending on what receivers are known to disagree about: a
// new message never has fmt 3 right behind fmt 0, and a step in time that needs an extended timestamp, or
// one backwards, has fmt 0.
type Writer struct {
	chunkSize uint32
	streams   map[uint32]*sent
}

// sent is what the receiver knows of a chunk stream.
type sent struct {
	timestamp uint32
	delta     uint32
	length    int
	streamID  uint32
	typ       uint8
	hasDelta  bool // delta is the one of the last message; false right after fmt 0
}

// NewWriter returns a Writer at the start of a chunk stream, with the default chunk size.
func NewWriter() *Writer {
	return &Writer{chunkSize: DefaultChunkSize, streams: make(map[uint32]*sent)}
}

// ChunkSize returns the chunk size in use.
func (w *Writer) ChunkSize() uint32 { return w.chunkSize }

// SetChunkSize changes the chunk size for the messages appended from now on. The caller must already have
// appended the Set Chunk Size message that tells the peer (RTMP 5.4.1).
// It panics if n is outside [1, MaxChunkSize].
func (w *Writer) SetChunkSize(n uint32) {
	checkChunkSize(n)
	w.chunkSize = n
}

// AppendMessage appends all chunks of m to dst and returns the extended slice. What it returns must reach
// the peer whole and in the order of the calls. Other writers on the same connection, AppendFull included,
// must keep to other chunk streams. It keeps no reference to m or its Body.
//
// The Writer remembers each chunk stream that it used. It panics if the chunk stream ID is outside
// [MinChunkStreamID, MaxChunkStreamID] or the Body longer than MaxMessageLength.
func (w *Writer) AppendMessage(dst []byte, m *Message) []byte {
	checkMessage(m)
	s := w.streams[m.ChunkStreamID]
	if s == nil {
		s = new(sent)
		w.streams[m.ChunkStreamID] = s
		return w.appendFirst(dst, s, m)
	}
	delta := m.Timestamp - s.timestamp
	if m.StreamID != s.streamID || delta >= extendedField {
		return w.appendFirst(dst, s, m)
	}
	format := uint8(fmt3)
	switch {
	case m.Type != s.typ || len(m.Body) != s.length:
		format = fmt1
	case !s.hasDelta || delta != s.delta:
		format = fmt2
	}
	s.timestamp, s.delta, s.hasDelta = m.Timestamp, delta, true
	s.length, s.typ = len(m.Body), m.Type
	return appendChunks(dst, m, format, delta, w.chunkSize)
}

// appendFirst appends m with a header that inherits nothing.
func (w *Writer) appendFirst(dst []byte, s *sent, m *Message) []byte {
	*s = sent{timestamp: m.Timestamp, length: len(m.Body), streamID: m.StreamID, typ: m.Type}
	return appendChunks(dst, m, fmt0, m.Timestamp, w.chunkSize)
}

// appendChunks appends m cut into chunks: the first with a header of the given format and time, the others
// with fmt 3 and, as RTMP 5.3.1.3 demands, the same extended timestamp.
func appendChunks(dst []byte, m *Message, format uint8, time uint32, chunkSize uint32) []byte {
	basic := basicHeaderSize(m.ChunkStreamID)
	dst = slices.Grow(dst, wireSize(basic, format, time, len(m.Body), chunkSize))
	dst = appendHeader(dst, format, time, m)
	body := m.Body
	for {
		n := min(len(body), int(chunkSize))
		dst = append(dst, body[:n]...)
		body = body[n:]
		if len(body) == 0 {
			return dst
		}
		dst = appendHeader(dst, fmt3, time, m)
	}
}

func checkChunkSize(n uint32) {
	if n == 0 || n > MaxChunkSize {
		panic("chunk: chunk size out of range")
	}
}

func checkMessage(m *Message) {
	if m.ChunkStreamID < MinChunkStreamID || m.ChunkStreamID > MaxChunkStreamID {
		panic("chunk: chunk stream ID out of range")
	}
	if len(m.Body) > MaxMessageLength {
		panic("chunk: message body too long")
	}
}
