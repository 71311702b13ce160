package rtmp

import (
	"errors"
	"fmt"

	"leat/amf"
	"leat/internal/wire/message"
)

// SharedObjectEventType is the type of a SharedObjectEvent (RTMP 7.1.3).
type SharedObjectEventType uint8

// The events of shared objects. Those that a client asks for, and those by which a server answers and tells the others.
const (
	SharedObjectUse           SharedObjectEventType = 1  // client: begins to use the object
	SharedObjectRelease       SharedObjectEventType = 2  // client: uses it no more
	SharedObjectRequestChange SharedObjectEventType = 3  // client: wants to set slots
	SharedObjectChange        SharedObjectEventType = 4  // server: slots have these values
	SharedObjectSuccess       SharedObjectEventType = 5  // server: the client's change was made
	SharedObjectSendMessage   SharedObjectEventType = 6  // both: calls a handler of all users
	SharedObjectStatus        SharedObjectEventType = 7  // server: a request was refused
	SharedObjectClear         SharedObjectEventType = 8  // server: all slots are gone
	SharedObjectRemove        SharedObjectEventType = 9  // server: a slot is gone
	SharedObjectRequestRemove SharedObjectEventType = 10 // client: wants to remove a slot
	SharedObjectUseSuccess    SharedObjectEventType = 11 // server: the object can be used
)

// String returns the name that the specification gives the event, or its number.
func (t SharedObjectEventType) String() string { return message.SharedObjectEventType(t).String() }

// SharedObjectEvent is one event of a shared object message (RTMP 7.1.3). Which fields count depends on Type; the others
// are ignored.
type SharedObjectEvent struct {
	Type SharedObjectEventType
	// Slots are what the event is about: with values in RequestChange and Change, which go out as one event for each
	// slot; exactly one, whose value is ignored, in Success, Remove and RequestRemove.
	Slots []Slot
	// Handler is the function that SendMessage calls, with Args: values of package amf, or EncodedValue.
	Handler string
	Args    []any
	// Code and Level are those of Status.
	Code, Level string
}

// Slot is a property of a shared object.
type Slot struct {
	Name string // at most 65,535 bytes
	// Value is a value of package amf, or an EncodedValue. In a change nil and amf.Undefined remove the slot.
	Value any
}

// Removes reports whether a change with this slot removes it.
func (s *Slot) Removes() bool {
	_, undefined := s.Value.(amf.Undefined)
	return s.Value == nil || undefined
}

// EncodedValue is the value of a slot, or an argument of SendMessage, in AMF0 form: ready to be sent to many users. It must not be changed.
type EncodedValue []byte

// EncodeValue encodes a value of package amf. What only AMF3 has, such as a byte array, becomes AMF3 behind the marker
// 0x11. The error is an *amf.EncodeError.
func EncodeValue(v any) (EncodedValue, error) {
	b, err := amf.Append(nil, v)
	if err != nil && !errors.Is(err, amf.ErrLimit) {
		b, err = amf.Append(nil, amf.AVMPlus{Value: v})
	}
	return b, err
}

// Decode returns the value. The error is an *amf.SyntaxError.
func (e EncodedValue) Decode() (any, error) {
	v, _, err := amf.DecodeValue(e, amf.Limits{})
	return v, err
}

// sharedObjectBody encodes a message of type 19; one of type 16 has a zero in front of it.
func sharedObjectBody(name string, version uint32, persistent bool, events []SharedObjectEvent) ([]byte, error) {
	m := &message.SharedObject{Name: name, Version: version, Persistent: persistent, Events: make([]message.SharedObjectEvent, len(events))}
	for i := range events {
		m.Events[i] = wireEvent(&events[i])
	}
	body, err := message.Append(nil, m)
	if err != nil {
		return nil, fmt.Errorf("rtmp: shared object %s: %w", quoted(name), err)
	}
	return body, nil
}

// sharedObjectMessage makes a message of a body in the form that the peer takes.
func sharedObjectMessage(body []byte, amf3 bool) message.Message {
	if amf3 {
		return &message.Opaque{MessageType: message.TypeSharedObjectAMF3, Body: append([]byte{0}, body...)}
	}
	return &message.Opaque{MessageType: message.TypeSharedObjectAMF0, Body: body}
}

func wireEvent(e *SharedObjectEvent) message.SharedObjectEvent {
	w := message.SharedObjectEvent{
		Type: message.SharedObjectEventType(e.Type), Handler: e.Handler, Code: e.Code, Level: e.Level,
	}
	if len(e.Slots) > 0 {
		w.Slots = make([]message.Slot, len(e.Slots))
	}
	for i, s := range e.Slots {
		w.Slots[i] = message.Slot{Name: s.Name, Value: wireValue(s.Value)}
	}
	if len(e.Args) > 0 {
		w.Args = make([]any, len(e.Args))
	}
	for i, v := range e.Args {
		w.Args[i] = wireValue(v)
	}
	return w
}

func wireValue(v any) any {
	if b, ok := v.(EncodedValue); ok {
		return message.Encoded(b)
	}
	return v
}

func eventOf(w *message.SharedObjectEvent) SharedObjectEvent {
	e := SharedObjectEvent{Type: SharedObjectEventType(w.Type), Handler: w.Handler, Args: w.Args, Code: w.Code, Level: w.Level}
	if len(w.Slots) > 0 {
		e.Slots = make([]Slot, len(w.Slots))
	}
	for i, s := range w.Slots {
		e.Slots[i] = Slot(s)
	}
	return e
}
