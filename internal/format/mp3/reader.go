package mp3

import (
	"errors"
	"io"

	"leat/internal/format"
)

// reader finds frames from an offset on.
type reader struct {
	in format.Input
	at int64

	window []byte
	from   int64
}

const windowSize = 64 << 10

// bytes returns n bytes at offset, valid until the next call: io.EOF when there are none, io.ErrUnexpectedEOF when
// there are fewer.
func (r *reader) bytes(offset int64, n int) ([]byte, error) {
	if i := offset - r.from; i >= 0 && i+int64(n) <= int64(len(r.window)) {
		return r.window[i : i+int64(n)], nil
	}
	left := r.in.Size() - offset
	switch {
	case left <= 0:
		return nil, io.EOF
	case left < int64(n):
		return nil, io.ErrUnexpectedEOF
	}
	want := int(min(left, max(int64(n), windowSize)))
	if cap(r.window) < want {
		r.window = make([]byte, want)
	}
	r.window = r.window[:want]
	got, err := r.in.ReadAt(r.window, offset)
	if got < want {
		r.window = r.window[:0]
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	r.from = offset
	return r.window[:n], nil
}

// find goes to the next whole frame that belongs to stream (nil: any). What is no frame is passed over: a first frame
// counts only if another follows where it says, since four bytes of noise look like a header now and then.
func (r *reader) find(stream *header) (header, error) {
	for range maxSearch {
		b, err := r.bytes(r.at, headerSize)
		if err != nil {
			return header{}, err
		}
		h, ok := parse(b)
		switch {
		case !ok || stream != nil && !h.sameStream(*stream):
		case stream == nil && !r.followed(h):
		case r.at+int64(h.size) > r.in.Size():
			return header{}, io.ErrUnexpectedEOF
		default:
			return h, nil
		}
		if left := r.in.Size() - r.at; left <= id3v1Size && hasTag(b, 0, "TAG") {
			return header{}, io.EOF
		}
		r.at++
	}
	return header{}, io.EOF
}

// followed reports whether a frame of the same stream, a tag or the end comes behind h.
func (r *reader) followed(h header) bool {
	b, err := r.bytes(r.at, h.size+headerSize)
	if err != nil {
		return r.at+int64(h.size) == r.in.Size()
	}
	return h.followedBy(b[h.size:])
}

// followedBy reports whether next, what stands behind a frame, is what can.
func (h header) followedBy(next []byte) bool {
	after, ok := parse(next)
	return ok && after.sameStream(h) || hasTag(next, 0, "TAG") || hasTag(next, 0, "APET") || hasTag(next, 0, "ID3")
}
