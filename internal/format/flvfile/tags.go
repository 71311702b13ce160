package flvfile

import (
	"encoding/binary"
	"fmt"
	"io"

	"leat/flv"
	"leat/internal/format"
)

// tagReader reads tags at known offsets.
type tagReader struct {
	in   format.Input
	at   int64 // offset of tag
	next int64 // offset of the tag behind it
	tag  flv.Tag
	size int // of the whole body

	window []byte // bytes of the input from windowAt on
	from   int64
}

// windowSize is how much is read at once.
const windowSize = 64 << 10

// openTags checks the file's header (FLV 10.1, E.2) and stands before the first tag.
func openTags(in format.Input) (*tagReader, error) {
	r := &tagReader{in: in}
	head, err := r.bytes(0, 9)
	if err != nil || string(head[:3]) != "FLV" {
		return nil, fmt.Errorf("%w: it does not begin as an FLV file does", format.ErrStructure)
	}
	r.next = max(9, int64(binary.BigEndian.Uint32(head[5:]))) + tagTrailerSize
	return r, nil
}

// at returns a reader that stands before the tag at offset.
func (f *File) tagsAt(offset int64) *tagReader { return &tagReader{in: f.in, next: offset} }

// bytes returns n bytes at offset, valid until the next call, or io.EOF when there are none and
// io.ErrUnexpectedEOF when there are fewer.
func (r *tagReader) bytes(offset int64, n int) ([]byte, error) {
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
	want := int(min(left, int64(max(n, windowSize))))
	if cap(r.window) < want {
		r.window = make([]byte, want)
	}
	r.window = r.window[:want]
	got, err := r.in.ReadAt(r.window, offset)
	if got < want {
		r.window = r.window[:0]
		if err == nil || err == io.EOF { //nolint:errorlint // ReadAt returns the sentinel; the file has shrunk
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	r.from = offset
	return r.window[:n], nil
}

// read reads the next tag's header and at most limit bytes of its body. Body is valid until the next call.
func (r *tagReader) read(limit int) error {
	h, err := r.bytes(r.next, tagHeaderSize)
	if err != nil {
		return err
	}
	r.at = r.next
	r.size = int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	r.tag = flv.Tag{
		Type:      flv.TagType(h[0] & 0x1f),
		Encrypted: h[0]&0x20 != 0,
		Timestamp: uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]) | uint32(h[7])<<24,
	}
	end := r.at + tagHeaderSize + int64(r.size)
	if end > r.in.Size() {
		return io.ErrUnexpectedEOF
	}
	r.next = end + tagTrailerSize
	r.tag.Body = nil
	if n := min(limit, r.size); n > 0 {
		if r.tag.Body, err = r.bytes(r.at+tagHeaderSize, n); err != nil {
			return err
		}
	}
	return nil
}

// readWhole reads the whole body of the tag into memory of its own. Its size was checked against the input's.
func (r *tagReader) readWhole() error {
	body := make([]byte, r.size)
	if i := r.at + tagHeaderSize - r.from; i >= 0 && i+int64(r.size) <= int64(len(r.window)) {
		copy(body, r.window[i:])
	} else if n, err := r.in.ReadAt(body, r.at+tagHeaderSize); n < len(body) {
		if err == nil || err == io.EOF { //nolint:errorlint // as above
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	r.tag.Body = body
	return nil
}
