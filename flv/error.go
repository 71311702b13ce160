package flv

import (
	"errors"
	"fmt"
	"io"
)

// ErrClosed is returned by WritePacket after Close.
var ErrClosed = errors.New("flv: writer is closed")

// Error says where and why the body of a tag, or a file, is not what the specification says.
// errors.Is(err, io.ErrUnexpectedEOF) holds when the bytes ended too early.
type Error struct {
	Tag       TagType // zero: the file header
	Offset    int     // byte in the body, or in the file header
	Reason    string
	Truncated bool // the bytes ended at Offset
}

// Error returns one line with the kind of tag, the offset and the reason.
func (e *Error) Error() string {
	return fmt.Sprintf("flv: %v at byte %d: %s", e.Tag, e.Offset, e.Reason)
}

// Unwrap returns io.ErrUnexpectedEOF for truncated input, otherwise nil.
func (e *Error) Unwrap() error {
	if e.Truncated {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func truncated(t TagType, b []byte, missing string) *Error {
	return &Error{Tag: t, Offset: len(b), Reason: "the bytes end before the " + missing, Truncated: true}
}
