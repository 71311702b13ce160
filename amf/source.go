package amf

import (
	"errors"
	"io"
	"math"
	"slices"
)

const (
	// readPiece is how much room is made at a time for bytes that were declared but have not come yet.
	readPiece = 16 << 10
	// shareText is the size of a message up to which its strings are cut from one copy of it. The copy is
	// one allocation instead of one for each string; in longer messages a short string would keep too much alive.
	shareText = 4 << 10
)

// source hands out the bytes of a message, which lie in memory or come from a reader. From a reader
// it takes no byte more than it was asked for.
type source struct {
	buf  []byte    // the message, or the piece that was read last
	pos  int       // next byte in buf
	base int64     // offset of buf[0] in the message
	r    io.Reader // nil: buf is the whole message
	text string    // copy of buf as text, made when first needed
}

func (s *source) offset() int64 { return s.base + int64(s.pos) }

// remaining returns how many bytes there can still be.
func (s *source) remaining() int {
	if s.r != nil {
		return math.MaxInt
	}
	return len(s.buf) - s.pos
}

// atEnd reports whether the message ends here. It returns an error only if the reader fails.
func (s *source) atEnd() (bool, error) {
	if s.r == nil {
		return s.pos == len(s.buf), nil
	}
	err := s.read(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// read makes n bytes available at pos. It returns io.EOF if not even the first is there.
func (s *source) read(n int) error {
	missing := n - (len(s.buf) - s.pos)
	if missing <= 0 {
		return nil
	}
	if s.r == nil {
		return io.ErrUnexpectedEOF
	}
	if s.pos == len(s.buf) {
		s.base += int64(s.pos)
		s.buf, s.pos = s.buf[:0], 0
	}
	for missing > 0 {
		piece := min(missing, readPiece)
		have := len(s.buf)
		s.buf = slices.Grow(s.buf, piece)[:have+piece]
		got, err := io.ReadFull(s.r, s.buf[have:])
		s.buf = s.buf[:have+got]
		missing -= got
		if errors.Is(err, io.EOF) && len(s.buf) > s.pos {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fill is read with an error that says where the message is cut off.
func (s *source) fill(n int) error {
	err := s.read(n)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return s.cutOff()
	}
	return err
}

// cutOff returns the error about a message that ends before the value does.
func (s *source) cutOff() error {
	return &SyntaxError{Offset: s.offset(), Reason: "message ends within a value", Err: io.ErrUnexpectedEOF}
}

// take returns the next n bytes. They are valid until the next call.
func (s *source) take(n int) ([]byte, error) {
	if err := s.fill(n); err != nil {
		return nil, err
	}
	b := s.buf[s.pos : s.pos+n : s.pos+n]
	s.pos += n
	return b, nil
}

// peek returns the next byte and leaves it there.
func (s *source) peek() (byte, error) {
	if err := s.fill(1); err != nil {
		return 0, err
	}
	return s.buf[s.pos], nil
}

// string returns the next n bytes as text of its own.
func (s *source) string(n int) (string, error) {
	b, err := s.take(n)
	if err != nil || n == 0 {
		return "", err
	}
	if s.r != nil || len(s.buf) > shareText {
		return string(b), nil
	}
	if s.text == "" {
		s.text = string(s.buf)
	}
	return s.text[s.pos-n : s.pos], nil
}
