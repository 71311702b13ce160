package flv

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"leat/media"
)

// firstBody is how much of a body is allocated before any of it has arrived.
const firstBody = 64 << 10

// Header is the header of a file.
type Header struct {
	Version      uint8 // 1; others are read as if they were 1
	Audio, Video bool  // what the file claims to hold; often wrong
}

// Reader reads the tags of an FLV file or HTTP-FLV stream. It is a media.Reader. It is not safe for concurrent use.
//
// It reads what sloppy writers leave behind: headers longer than nine bytes, tags without a body, wrong
// PreviousTagSize fields (only DataSize counts), script tags and sequence headers anywhere, unknown flags. A source
// that ends within a tag gives all tags before and then io.ErrUnexpectedEOF.
//
// After an error every call returns the same error.
type Reader struct {
	src       io.Reader
	br        *bufio.Reader
	header    Header
	started   bool
	err       error
	clock     media.Timeline
	queue     []*media.Packet // rest of the packets of one tag
	malformed int64
}

// NewReader returns a Reader that reads r through a buffer of its own. It does not close r.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: r, br: bufio.NewReaderSize(r, 64<<10)}
}

// Header returns the file header, which it reads if that has not happened yet. It blocks as long as the source does.
// A source that is empty gives io.EOF, one that ends within the header io.ErrUnexpectedEOF, one that is no FLV file an *Error.
func (r *Reader) Header() (Header, error) {
	if !r.started && r.err == nil {
		r.started = true
		r.err = r.readHeader()
	}
	if r.header.Version == 0 && r.err != nil {
		return Header{}, r.err
	}
	return r.header, nil
}

func (r *Reader) readHeader() error {
	var b [fileHeaderSize]byte
	if n, err := io.ReadFull(r.br, b[:]); err != nil {
		if n > 0 && !isFLV(b[:n]) {
			return &Error{Reason: "this is not an FLV file"}
		}
		return err
	}
	if !isFLV(b[:]) {
		return &Error{Reason: "this is not an FLV file"}
	}
	// DataOffset is 9 but in files of the future; what is in between is passed over. Less than 9 makes no sense.
	offset := int64(uint24(b[5:]))<<8 | int64(b[8])
	if _, err := io.CopyN(io.Discard, r.br, max(0, offset-fileHeaderSize)); err != nil {
		return unexpected(err)
	}
	r.header = Header{Version: max(b[3], 1), Audio: b[4]&flagAudio != 0, Video: b[4]&flagVideo != 0}
	return nil
}

func isFLV(b []byte) bool {
	const signature = "FLV"
	n := min(len(b), len(signature))
	return string(b[:n]) == signature[:n]
}

// ReadTag returns the next tag, whatever its type. The Body is freshly allocated and belongs to the caller.
// It blocks as long as the source does. The end between tags is io.EOF, within a tag io.ErrUnexpectedEOF.
func (r *Reader) ReadTag() (Tag, error) {
	if _, err := r.Header(); err != nil {
		return Tag{}, err
	}
	if r.err != nil {
		return Tag{}, r.err
	}
	tag, err := r.readTag()
	if err != nil {
		r.err = err
		return Tag{}, err
	}
	return tag, nil
}

func (r *Reader) readTag() (Tag, error) {
	// The size of the tag before and the header of this one are read together: a file that ends without the last
	// PreviousTagSize, or within it, has lost nothing.
	var b [previousTagSize + tagHeaderSize]byte
	n, err := io.ReadFull(r.br, b[:])
	if errors.Is(err, io.ErrUnexpectedEOF) && n <= previousTagSize {
		return Tag{}, io.EOF
	}
	if err != nil {
		return Tag{}, err
	}
	h := parseTagHeader(b[previousTagSize:])
	h.Body, err = r.readBody(h.size)
	return h.Tag, err
}

// readBody reads n bytes into memory that grows with what has arrived.
func (r *Reader) readBody(n int) ([]byte, error) {
	body := make([]byte, 0, min(n, firstBody))
	for len(body) < n {
		if len(body) == cap(body) {
			body = slices.Grow(body, min(n-len(body), len(body)))
		}
		got, err := io.ReadFull(r.br, body[len(body):min(n, cap(body))])
		body = body[:len(body)+got]
		if err != nil {
			return nil, unexpected(err)
		}
	}
	return body[:n:n], nil
}

// unexpected turns the end of the source into the error for an end within something.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadPacket returns the packets of the tags in order, with AppendPackets' meaning; tags of unknown types and encrypted
// ones are skipped. Timestamps begin with that of the first tag and go on rising where the 32-bit clock wraps.
// Malformed bodies are delivered as AppendPackets says, and counted.
//
// It blocks as long as the source does. If the source has a method SetReadDeadline, as connections and pipes have,
// the end of ctx interrupts it; otherwise ctx is looked at between reads only. A Reader whose reading was
// interrupted cannot go on.
func (r *Reader) ReadPacket(ctx context.Context) (*media.Packet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(r.queue) == 0 {
		release := r.interruptible(ctx)
		err := r.fill(ctx)
		release()
		if err != nil {
			return nil, err
		}
	}
	p := r.queue[0]
	r.queue[0] = nil
	r.queue = r.queue[1:]
	return p, nil
}

// fill reads tags until one has packets.
func (r *Reader) fill(ctx context.Context) error {
	r.queue = r.queue[:0]
	for len(r.queue) == 0 {
		tag, err := r.ReadTag()
		if ctx.Err() != nil && err != nil && !errors.Is(err, io.EOF) {
			r.err = ctx.Err()
			return r.err
		}
		if err != nil {
			return err
		}
		timestamp := r.clock.Unwrap(tag.Timestamp)
		if tag.Encrypted || !tag.Type.holdsPackets() {
			continue
		}
		if r.queue, err = AppendPackets(r.queue, tag.Type, timestamp, tag.Body); err != nil {
			r.malformed++
		}
	}
	return nil
}

// holdsPackets reports whether AppendPackets knows the type.
func (t TagType) holdsPackets() bool {
	return t == TagAudio || t == TagVideo || t == TagScript || t == TagScriptAMF3
}

// Malformed returns how many tags so far had a malformed body.
func (r *Reader) Malformed() int64 { return r.malformed }

// interruptible lets the end of ctx interrupt reading from the source until the returned function is called.
func (r *Reader) interruptible(ctx context.Context) (release func()) {
	src, ok := r.src.(interface{ SetReadDeadline(t time.Time) error })
	if !ok || ctx.Done() == nil {
		return func() {}
	}
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		// An error means that the source has no deadlines, as regular files have none: it does not block either.
		_ = src.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

var _ media.Reader = (*Reader)(nil)
