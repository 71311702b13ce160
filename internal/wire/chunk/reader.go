package chunk

import "encoding/binary"

// Reader reassembles the messages of one direction of a connection.
//
// It accepts more than the specification has peers send, because encoders in the field send it:
//
//   - A chunk stream may open with fmt 1 (librtmp's control messages do), 2 or 3. What the header leaves
//     out is zero: timestamp base, message stream ID, length and type. With fmt 2 and 3 that makes an empty
//     message of type 0.
//   - The extended timestamp of a fmt 3 chunk that goes on with a message may be there, missing, zero, or
//     absolute where a delta was sent. A peer that once left it out is taken to do so for good.
//   - A header of fmt 0, 1 or 2 in the middle of a message ends it: what had arrived is dropped and a new
//     message begins.
//   - A chunk stream ID may come in a longer basic header than it needs.
//   - Set Chunk Size and Abort are obeyed on every chunk stream and message stream.
type Reader struct {
	err       error
	chunkSize uint32
	odd       Oddities

	low  []*stream          // chunk streams with the one-byte basic header, by ID; as long as the highest one in use asks
	high map[uint32]*stream // all others, made when first needed

	// The chunk being read: current is nil between chunks, rest is what is missing of its data.
	current *stream
	rest    int

	partialMessages int
	partialBytes    int
	watch           func(Header) // nil: nobody
	message         Message

	npending int
	pending  [maxHeaderSize]byte // beginning of a header whose end was not in the last input

	limits  Limits
	streams int // in low and high together
}

// NewReader returns a Reader at the start of a chunk stream, with the default chunk size.
func NewReader(l Limits) *Reader {
	return &Reader{limits: l.withDefaults(), chunkSize: DefaultChunkSize}
}

// SetLimits changes the limits for all messages that begin and all bytes that arrive from now on. It may
// be called from a deliver function.
func (r *Reader) SetLimits(l Limits) { r.limits = l.withDefaults() }

// ChunkSize returns the chunk size that the peer is using.
func (r *Reader) ChunkSize() uint32 { return r.chunkSize }

// Partial returns how many bytes of memory are held for messages that are not complete.
func (r *Reader) Partial() int { return r.partialBytes }

// Feed takes the next bytes of the chunk stream, split off anywhere, and calls deliver for each message
// that they complete, in the order of completion. It keeps no reference to b.
//
// The Message is only valid during the call; its Body is freshly allocated and belongs to the receiver.
// Set Chunk Size and Abort have taken effect when they are delivered. deliver must not call Feed.
//
// Feed returns an *Error if the peer broke the protocol or a limit, or the error that deliver returned.
// Either ends the Reader: all later calls return the same error.
func (r *Reader) Feed(b []byte, deliver func(*Message) error) error {
	if r.err == nil {
		r.err = r.feed(b, deliver)
	}
	return r.err
}

func (r *Reader) feed(b []byte, deliver func(*Message) error) error {
	for r.npending > 0 && len(b) > 0 {
		used, err := r.resume(b, deliver)
		if err != nil {
			return err
		}
		b = b[used:]
	}
	for {
		if r.current != nil {
			n := min(r.rest, len(b))
			if err := r.take(b[:n], deliver); err != nil {
				return err
			}
			b = b[n:]
		}
		if len(b) == 0 {
			return nil
		}
		// Here current is nil: while data of the chunk is missing, take uses up all of b.
		n, err := r.header(b, deliver)
		if err != nil {
			return err
		}
		if n == 0 {
			r.npending = copy(r.pending[:], b)
			return nil
		}
		b = b[n:]
	}
}

// resume goes on with the header that began in earlier input and returns how much of b it used.
func (r *Reader) resume(b []byte, deliver func(*Message) error) (used int, err error) {
	old := r.npending
	joined := r.pending // a copy, because feed below may fill pending again
	filled := old + copy(joined[old:], b)
	n, err := r.header(joined[:filled], deliver)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		r.pending, r.npending = joined, filled
		return filled - old, nil
	}
	r.npending = 0
	if n >= old {
		return n - old, nil
	}
	// Bytes that were kept because they could have been an extended timestamp turned out to be data.
	return 0, r.feed(joined[n:old], deliver)
}

// header reads the chunk header at the front of b and opens the chunk. It returns the size of the header,
// 0 if b ends within it.
func (r *Reader) header(b []byte, deliver func(*Message) error) (n int, err error) {
	var h header
	if n = h.parse(b); n == 0 {
		return 0, nil
	}
	s := r.lookup(h.csid)
	continues := h.fmt == fmt3 && s != nil && s.active
	extended := h.field == extendedField || h.fmt == fmt3 && s != nil && s.extended
	switch {
	case !extended:
	case continues:
		if r.odd&OmitsExtended != 0 {
			break
		}
		switch s.lookForExtended(b[n:]) {
		case undecided:
			return 0, nil
		case absent:
			r.odd |= OmitsExtended
		case blank:
			r.odd |= BlankExtended
			n += 4
		default:
			n += 4
		}
	case len(b) < n+4:
		return 0, nil
	default:
		h.extended = binary.BigEndian.Uint32(b[n:])
		h.hasExtended = true
		n += 4
	}
	if s == nil {
		if s, err = r.open(h.csid); err != nil {
			return 0, err
		}
		if h.fmt >= fmt2 {
			r.odd |= OpensShort
		}
	}
	if !continues {
		if err := r.begin(s, &h); err != nil {
			return 0, err
		}
	}
	r.current = s
	r.rest = int(min(r.chunkSize, s.length-uint32(len(s.body))))
	if r.watch != nil {
		r.watch(Header{ChunkStreamID: h.csid, Fmt: h.fmt, Size: n, Data: r.rest, Begins: !continues})
	}
	if r.rest > 0 {
		return n, nil
	}
	return n, r.take(nil, deliver) // an empty message is complete with its header
}

// lookup returns the state of a chunk stream, nil if nothing has arrived on it.
func (r *Reader) lookup(csid uint32) *stream {
	if csid < uint32(len(r.low)) {
		return r.low[csid]
	}
	return r.high[csid]
}

// open makes the state of a chunk stream that is used for the first time.
func (r *Reader) open(csid uint32) (*stream, error) {
	if r.streams >= r.limits.ChunkStreams {
		return nil, errorf(csid, "more than %d chunk streams in use", r.limits.ChunkStreams)
	}
	r.streams++
	s := &stream{csid: csid}
	if csid < 64 {
		if missing := int(csid) + 1 - len(r.low); missing > 0 {
			r.low = append(r.low, make([]*stream, missing)...)
		}
		r.low[csid] = s
		return s, nil
	}
	if r.high == nil {
		r.high = make(map[uint32]*stream)
	}
	r.high[csid] = s
	return s, nil
}

// begin starts a new message on s. One that was still incomplete is dropped.
func (r *Reader) begin(s *stream, h *header) error {
	if s.active {
		r.odd |= CutsMessages
	}
	r.drop(s)
	s.begin(h)
	if limit := r.limits.message(s.typ); int(s.length) > limit {
		return errorf(s.csid, "message of type %d with %d bytes is above the limit of %d", s.typ, s.length, limit)
	}
	s.active = true
	return nil
}

// drop forgets the incomplete message of s, if there is one. The header stays: a timestamp that the
// message set counts for the next one (RTMP Errata 6).
func (r *Reader) drop(s *stream) {
	r.partialBytes -= cap(s.body)
	s.body = nil
	s.active = false
	if s.counted {
		s.counted = false
		r.partialMessages--
	}
}

// take adds data to the message of the current chunk and closes the chunk when it is complete.
func (r *Reader) take(data []byte, deliver func(*Message) error) error {
	s := r.current
	switch {
	case len(data) == 0:
	case len(data) == int(s.length): // a whole message at once, as most are: its memory need not be cleared first
		s.body = append([]byte(nil), data...)
		r.partialBytes += cap(s.body)
		r.rest = 0
	default:
		if err := r.reserve(s, len(data)); err != nil {
			return err
		}
		s.body = append(s.body, data...)
		r.rest -= len(data)
	}
	if r.rest > 0 {
		return nil
	}
	r.current = nil
	if len(s.body) == int(s.length) {
		return r.finish(s, deliver)
	}
	if !s.counted {
		if r.partialMessages >= r.limits.PartialMessages {
			return errorf(s.csid, "more than %d messages incomplete", r.limits.PartialMessages)
		}
		s.counted = true
		r.partialMessages++
	}
	return nil
}

// reserve makes room for n more bytes in the body of s, within the limit on unfinished messages.
func (r *Reader) reserve(s *stream, n int) error {
	received, held := len(s.body)+n, cap(s.body)
	if held == int(s.length) || 2*received <= held {
		return nil
	}
	want := capacity(received, int(s.length))
	total := r.partialBytes - held + want
	if total > r.limits.PartialBytes {
		return errorf(s.csid, "incomplete messages hold more than %d bytes", r.limits.PartialBytes)
	}
	body := make([]byte, len(s.body), want)
	copy(body, s.body)
	s.body = body
	r.partialBytes = total
	return nil
}

// finish obeys the message of s if it is meant for the chunk stream itself, and delivers it.
func (r *Reader) finish(s *stream, deliver func(*Message) error) error {
	r.message = Message{
		ChunkStreamID: s.csid,
		Timestamp:     s.timestamp,
		Type:          s.typ,
		StreamID:      s.streamID,
		Body:          s.body,
	}
	r.drop(s)
	switch s.typ {
	case typeSetChunkSize:
		if err := r.setChunkSize(&r.message); err != nil {
			return err
		}
	case typeAbort:
		r.abort(r.message.Body)
	}
	err := deliver(&r.message)
	r.message.Body = nil // it belongs to somebody else now
	return err
}

// setChunkSize obeys Set Chunk Size (RTMP 5.4.1). It counts from the next chunk on, whichever message that
// chunk belongs to.
func (r *Reader) setChunkSize(m *Message) error {
	if len(m.Body) < 4 {
		return errorf(m.ChunkStreamID, "Set Chunk Size with %d of 4 bytes", len(m.Body))
	}
	size := binary.BigEndian.Uint32(m.Body)
	if size == 0 || size > MaxChunkSize {
		return errorf(m.ChunkStreamID, "chunk size %d is not allowed", size)
	}
	r.chunkSize = size
	return nil
}

// abort obeys Abort (RTMP 5.4.2). One that is too short or names an idle chunk stream means nothing.
func (r *Reader) abort(body []byte) {
	if len(body) < 4 {
		return
	}
	if s := r.lookup(binary.BigEndian.Uint32(body)); s != nil {
		r.drop(s)
	}
}
