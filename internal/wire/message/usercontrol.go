package message

import "fmt"

// Event is a user control event type (RTMP 7.1.7).
type Event uint16

// User control events. 5 and those from 8 on that have no name here are internal to one vendor's servers.
const (
	EventStreamBegin       Event = 0
	EventStreamEOF         Event = 1
	EventStreamDry         Event = 2
	EventSetBufferLength   Event = 3
	EventStreamIsRecorded  Event = 4
	EventPingRequest       Event = 6
	EventPingResponse      Event = 7
	EventSWFVerifyRequest  Event = 26 // not in the specification
	EventSWFVerifyResponse Event = 27 // not in the specification
	EventBufferEmpty       Event = 31 // not in the specification
	EventBufferReady       Event = 32 // not in the specification
)

// swfResponseSize is the size of the data of EventSWFVerifyResponse.
const swfResponseSize = 42

// String returns the name of the event, or its number.
func (e Event) String() string {
	switch e {
	case EventStreamBegin:
		return "StreamBegin"
	case EventStreamEOF:
		return "StreamEOF"
	case EventStreamDry:
		return "StreamDry"
	case EventSetBufferLength:
		return "SetBufferLength"
	case EventStreamIsRecorded:
		return "StreamIsRecorded"
	case EventPingRequest:
		return "PingRequest"
	case EventPingResponse:
		return "PingResponse"
	case EventSWFVerifyRequest:
		return "SWFVerifyRequest"
	case EventSWFVerifyResponse:
		return "SWFVerifyResponse"
	case EventBufferEmpty:
		return "BufferEmpty"
	case EventBufferReady:
		return "BufferReady"
	default:
		return fmt.Sprintf("user control event %d", uint16(e))
	}
}

// hasValue reports whether a 32-bit number follows the event.
func (e Event) hasValue() bool {
	switch e {
	case EventStreamBegin, EventStreamEOF, EventStreamDry, EventSetBufferLength, EventStreamIsRecorded,
		EventPingRequest, EventPingResponse, EventBufferEmpty, EventBufferReady:
		return true
	}
	return false
}

// UserControl informs the peer of an event (RTMP 6.2, 7.1.7):
//
//	event 16, stream ID 32                      StreamBegin, StreamEOF, StreamDry, StreamIsRecorded, BufferEmpty, BufferReady
//	event 16, stream ID 32, buffer length 32    SetBufferLength
//	event 16, timestamp 32                      PingRequest, PingResponse
//	event 16, nothing or one byte               SWFVerifyRequest
//	event 16, 42 bytes                          SWFVerifyResponse
type UserControl struct {
	Event Event
	// Value is the message stream ID, or for pings the sender's time in milliseconds.
	Value uint32
	// BufferLength is the client's buffer in milliseconds, for EventSetBufferLength.
	BufferLength uint32
	// Data is what follows an event that has no Value: the two of SWF verification, and all unknown ones.
	Data []byte
}

// Type returns TypeUserControl.
func (*UserControl) Type() Type { return TypeUserControl }

func parseUserControl(body []byte) (Message, error) {
	c := cursor(body)
	event, err := c.uint16()
	if err != nil {
		return nil, tooShort(TypeUserControl, body)
	}
	u := &UserControl{Event: Event(event)}
	switch {
	case u.Event.hasValue():
		u.Value, err = c.uint32()
		if err == nil && u.Event == EventSetBufferLength {
			u.BufferLength, err = c.uint32()
		}
	case u.Event == EventSWFVerifyRequest:
		u.Data, err = c.take(min(len(c), 1))
	case u.Event == EventSWFVerifyResponse:
		u.Data, err = c.take(swfResponseSize)
	default:
		u.Data = c
	}
	if err != nil {
		return nil, &Error{Type: TypeUserControl, Reason: fmt.Sprintf("%v with %d bytes is too short", u.Event, len(body)), Err: err}
	}
	return u, nil
}

func (m *UserControl) append(dst []byte) []byte {
	dst = appendUint16(dst, uint16(m.Event))
	if !m.Event.hasValue() {
		return append(dst, m.Data...)
	}
	dst = appendUint32(dst, m.Value)
	if m.Event == EventSetBufferLength {
		dst = appendUint32(dst, m.BufferLength)
	}
	return dst
}
