package amf

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrLimit is in the chain of every error that says that a value goes beyond the Limits.
var ErrLimit = errors.New("limit exceeded")

// ErrUnknownClass is in the chain of the error about an externalizable class that the Registry does not
// know. Its length is not known then, so nothing behind it in the message can be read.
var ErrUnknownClass = errors.New("unknown externalizable class")

// SyntaxError says where and why a message could not be decoded.
type SyntaxError struct {
	Offset int64  // bytes of the message before the place
	Reason string // one plain sentence, without full stop
	Err    error  // io.ErrUnexpectedEOF if the input is cut off, ErrLimit, ErrUnknownClass, or nil
}

// Error returns the offset and the reason.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("amf: offset %d: %s", e.Offset, e.Reason)
}

// Unwrap returns Err.
func (e *SyntaxError) Unwrap() error { return e.Err }

// EncodeError says that a Go value has no form in the version of AMF that it was to be written in.
type EncodeError struct {
	Type   reflect.Type // of the value; nil if the type does not matter
	Reason string       // one plain sentence, without full stop
	Err    error        // ErrLimit, ErrUnknownClass, the error of an Externalizer, or nil
}

// Error returns the reason and the type.
func (e *EncodeError) Error() string {
	if e.Type == nil {
		return "amf: encode: " + e.Reason
	}
	return fmt.Sprintf("amf: encode %v: %s", e.Type, e.Reason)
}

// Unwrap returns Err.
func (e *EncodeError) Unwrap() error { return e.Err }

// TypeError says that a decoded value does not fit into the Go value that was to take it. The rest of
// the value has been stored nevertheless; if several do not fit, it is about the first.
type TypeError struct {
	Path  string       // names and indexes that lead to the value, such as "info.streams[2]"; "" for the value itself
	Value string       // what was decoded: "number", "string", "object", …
	Type  reflect.Type // where it was to go
}

// Error returns what could not be stored where.
func (e *TypeError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("amf: cannot store %s in %v", e.Value, e.Type)
	}
	return fmt.Sprintf("amf: %s: cannot store %s in %v", e.Path, e.Value, e.Type)
}
