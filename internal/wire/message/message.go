package message

import (
	"fmt"

	"leat/amf"
)

// Message is one of the types of this package, by pointer.
type Message interface {
	// Type returns the message type ID under which the message is sent.
	Type() Type
}

// Error says why a message could not be parsed. The message can be ignored; the connection is sound.
type Error struct {
	Type   Type
	Reason string // one plain sentence, without full stop
	Err    error  // io.ErrUnexpectedEOF if the message is too short, an error of package amf, or nil
}

// Error returns the type and the reason.
func (e *Error) Error() string { return fmt.Sprintf("%v message: %s", e.Type, e.Reason) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Parse turns a body into a message. Byte slices in the message share the memory of body; values decoded
// from AMF do not. l bounds those values.
//
// The error is an *Error, and the message nil, with one exception: a command whose name could be read is
// returned with all that stands before the place that could not.
func Parse(t Type, body []byte, l amf.Limits) (Message, error) {
	switch t {
	case TypeSetChunkSize, TypeAbort, TypeAcknowledgement, TypeWindowAckSize, TypeSetPeerBandwidth:
		return parseControl(t, body)
	case TypeUserControl:
		return parseUserControl(body)
	case TypeAudio:
		return &Audio{Body: body}, nil
	case TypeVideo:
		return &Video{Body: body}, nil
	case TypeDataAMF0, TypeDataAMF3:
		return parseData(t, body)
	case TypeSharedObjectAMF0, TypeSharedObjectAMF3:
		return parseSharedObject(t, body, l)
	case TypeCommandAMF0, TypeCommandAMF3:
		return parseCommand(t, body, l)
	case TypeAggregate:
		return &Aggregate{Body: body}, nil
	default:
		return &Opaque{MessageType: t, Body: body}, nil
	}
}

// Append appends the body of m to dst and returns the extended slice. It fails, and returns dst as it was,
// if m holds a value that has no AMF form, a name that is too long, or is not a message of this package.
func Append(dst []byte, m Message) ([]byte, error) {
	switch m := m.(type) {
	case *SetChunkSize:
		return appendUint32(dst, m.Size), nil
	case *Abort:
		return appendUint32(dst, m.ChunkStreamID), nil
	case *Acknowledgement:
		return appendUint32(dst, m.SequenceNumber), nil
	case *WindowAckSize:
		return appendUint32(dst, m.Size), nil
	case *SetPeerBandwidth:
		return append(appendUint32(dst, m.Size), byte(m.Limit)), nil
	case *UserControl:
		return m.append(dst), nil
	case *Audio:
		return append(dst, m.Body...), nil
	case *Video:
		return append(dst, m.Body...), nil
	case *Data:
		return m.append(dst), nil
	case *SharedObject:
		return m.append(dst)
	case *Command:
		return m.append(dst)
	case *Aggregate:
		return append(dst, m.Body...), nil
	case *Opaque:
		return append(dst, m.Body...), nil
	default:
		return dst, fmt.Errorf("message: %T cannot be encoded", m)
	}
}
