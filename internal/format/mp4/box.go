package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"leat/internal/format"
)

const (
	maxMovie    = 128 << 20 // bytes of a moov box
	maxFragment = 16 << 20  // bytes of a moof box
	maxBoxes    = 1 << 22   // at the top of a file
)

// damaged returns an error that wraps format.ErrStructure.
func damaged(text string, args ...any) error {
	return fmt.Errorf("%w: %s", format.ErrStructure, fmt.Sprintf(text, args...))
}

// box is a box in memory (ISO 14496-12 4.2):
//
//	UI32 size, header included | four characters | UI64 size if the first is 1 | body
//
// The size 0 means that it reaches to the end of what is around it.
type box struct {
	kind string
	body []byte
}

const (
	boxHeader      = 8
	largeBoxHeader = 16
)

// nextBox takes the first box off b. Fewer bytes than a header has are padding: QuickTime ends some lists with 0.
func nextBox(b []byte) (x box, rest []byte, err error) {
	if len(b) < boxHeader {
		return box{}, nil, nil
	}
	x.kind = string(b[4:8])
	header, size := uint64(boxHeader), uint64(binary.BigEndian.Uint32(b))
	switch {
	case size == 0:
		size = uint64(len(b))
	case size == 1 && len(b) >= largeBoxHeader:
		header, size = largeBoxHeader, binary.BigEndian.Uint64(b[boxHeader:])
	}
	if size < header || size > uint64(len(b)) {
		return box{}, nil, damaged("a box %q of %d bytes where %d are left", x.kind, size, len(b))
	}
	x.body = b[header:size]
	return x, b[size:], nil
}

// children calls do for each box in b.
func children(b []byte, do func(x box) error) error {
	for len(b) > 0 {
		x, rest, err := nextBox(b)
		if err != nil {
			return err
		}
		if x.kind != "" {
			if err := do(x); err != nil {
				return err
			}
		}
		b = rest
	}
	return nil
}

// topBox is a box at the top of a file.
type topBox struct {
	kind  string
	start int64
	body  int64 // behind the header
	end   int64 // not beyond the end of the file
	cut   bool  // the file ends within it
}

// scanner reads the boxes at the top of a file.
type scanner struct {
	in     io.ReaderAt
	size   int64
	window []byte // of the file from offset from on
	from   int64
}

const windowSize = 32 << 10

// bytes returns n bytes at offset, valid until the next call. The caller knows that they are within the file.
func (s *scanner) bytes(offset, n int64) ([]byte, error) {
	if i := offset - s.from; i < 0 || i+n > int64(len(s.window)) {
		want := min(s.size-offset, max(n, windowSize))
		if int64(cap(s.window)) < want {
			s.window = make([]byte, want)
		}
		s.window, s.from = s.window[:want], offset
		if err := readFull(s.in, s.window, offset); err != nil {
			s.window = s.window[:0]
			return nil, err
		}
	}
	return s.window[offset-s.from:][:n], nil
}

// readFull fills b. The error is io.ErrUnexpectedEOF if the input ends before.
func readFull(in io.ReaderAt, b []byte, offset int64) error {
	n, err := in.ReadAt(b, offset)
	switch {
	case n == len(b):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// next returns the box at offset: io.EOF at the end of the file, and where it ends within the header.
func (s *scanner) next(offset int64) (topBox, error) {
	left := s.size - offset
	if left < boxHeader {
		return topBox{}, io.EOF
	}
	b, err := s.bytes(offset, min(left, largeBoxHeader))
	if err != nil {
		return topBox{}, err
	}
	x := topBox{kind: string(b[4:8]), start: offset, body: offset + boxHeader}
	size := uint64(binary.BigEndian.Uint32(b))
	switch {
	case size == 0:
		size = uint64(left)
	case size == 1 && len(b) < largeBoxHeader:
		return topBox{}, io.EOF
	case size == 1:
		x.body, size = offset+largeBoxHeader, binary.BigEndian.Uint64(b[boxHeader:])
	}
	if size < uint64(x.body-offset) {
		return topBox{}, damaged("a box %q of %d bytes at %d", x.kind, size, offset)
	}
	x.cut = size > uint64(left)
	x.end = offset + int64(min(size, uint64(left)))
	return x, nil
}

// find returns the first box of a kind from offset on: io.EOF if there is none.
func (s *scanner) find(kind string, offset int64) (topBox, error) {
	for range maxBoxes {
		x, err := s.next(offset)
		if err != nil || x.kind == kind {
			return x, err
		}
		offset = x.end
	}
	return topBox{}, damaged("more than %d boxes", maxBoxes)
}

// read returns the body of a box, valid until the next call.
func (s *scanner) read(x topBox, limit int64) ([]byte, error) {
	if x.end-x.body > limit {
		return nil, damaged("a box %q of %d bytes", x.kind, x.end-x.body)
	}
	return s.bytes(x.body, x.end-x.body)
}
