package message

import (
	"encoding/binary"
	"io"
	"math"
)

// cursor reads the front of a byte slice. What is missing is io.ErrUnexpectedEOF. As an io.Reader it feeds
// an amf.Decoder, which takes no more than its value.
type cursor []byte

// take returns the next n bytes, which are part of the slice.
func (c *cursor) take(n int) ([]byte, error) {
	if n > len(*c) {
		return nil, io.ErrUnexpectedEOF
	}
	b := (*c)[:n:n]
	*c = (*c)[n:]
	return b, nil
}

func (c *cursor) uint8() (uint8, error) {
	b, err := c.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (c *cursor) uint16() (uint16, error) {
	b, err := c.take(2)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(b), nil
}

func (c *cursor) uint32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b), nil
}

// sized returns as many bytes as a 32-bit length says.
func (c *cursor) sized() ([]byte, error) {
	n, err := c.uint32()
	if err != nil {
		return nil, err
	}
	if uint64(n) > uint64(len(*c)) {
		return nil, io.ErrUnexpectedEOF
	}
	return c.take(int(n))
}

// text reads a string behind a 16-bit length.
func (c *cursor) text() (string, error) {
	n, err := c.uint16()
	if err != nil {
		return "", err
	}
	b, err := c.take(int(n))
	return string(b), err
}

// Read implements io.Reader.
func (c *cursor) Read(p []byte) (int, error) {
	if len(*c) == 0 {
		return 0, io.EOF
	}
	n := copy(p, *c)
	*c = (*c)[n:]
	return n, nil
}

func appendUint16(dst []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(dst, v) }

func uint24(b []byte) uint32 {
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}

func appendUint24(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}

func appendUint32(dst []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(dst, v) }

// appendText appends a string behind a 16-bit length; ok is false if it is too long for that.
func appendText(dst []byte, s string) (out []byte, ok bool) {
	if len(s) > math.MaxUint16 {
		return dst, false
	}
	return append(appendUint16(dst, uint16(len(s))), s...), true
}
