package message

import (
	"errors"
	"fmt"

	"leat/amf"
)

// SharedObject carries what happens to one shared object (RTMP 7.1.3):
//
//	name length 16, name, version 32, flags 64, events
//
//	event: type 8, data length 32, data
type SharedObject struct {
	// AMF3 chooses type 16 instead of 19. It may only be sent to a peer that agreed to object encoding 3.
	AMF3 bool
	// Name is the name of the object within its application, at most 65,535 bytes.
	Name string
	// Version counts the changes of the object; 0 in a client's first request.
	Version uint32
	// Persistent says that the object outlives its users.
	Persistent bool
	// Events are what happened, in this order.
	Events []SharedObjectEvent
}

// SharedObjectEvent is one event of a SharedObject message. Which fields it uses depends on Type.
type SharedObjectEvent struct {
	Type SharedObjectEventType
	// Slots are the properties that it is about: with values for SharedObjectRequestChange and
	// SharedObjectChange, one without a value for SharedObjectSuccess, SharedObjectRemove and
	// SharedObjectRequestRemove.
	Slots []Slot
	// Handler is the function that SharedObjectSendMessage calls, with Args.
	Handler string
	Args    []any
	// Code and Level are the status of SharedObjectStatus, such as "SharedObject.NoWriteAccess" and "error".
	Code, Level string
	// Data is what an event of an unknown type holds.
	Data []byte
}

// Slot is a property of a shared object.
type Slot struct {
	Name  string // at most 65,535 bytes
	Value any    // nil and amf.Undefined in a change delete the slot; Encoded when it is AMF already
}

// Encoded is a value of a Slot in its AMF0 form. It is written as it is, and never comes from Parse.
type Encoded []byte

// SharedObjectEventType is the type of a shared object event (RTMP 7.1.3).
type SharedObjectEventType uint8

// Shared object events.
const (
	SharedObjectUse           SharedObjectEventType = 1  // client: begins to use the object
	SharedObjectRelease       SharedObjectEventType = 2  // client: uses it no more
	SharedObjectRequestChange SharedObjectEventType = 3  // client: wants to set slots
	SharedObjectChange        SharedObjectEventType = 4  // server: somebody else has set slots
	SharedObjectSuccess       SharedObjectEventType = 5  // server: the change was made
	SharedObjectSendMessage   SharedObjectEventType = 6  // both: calls a handler of all users
	SharedObjectStatus        SharedObjectEventType = 7  // server: a request failed
	SharedObjectClear         SharedObjectEventType = 8  // server: all slots are gone
	SharedObjectRemove        SharedObjectEventType = 9  // server: a slot is gone
	SharedObjectRequestRemove SharedObjectEventType = 10 // client: wants to remove a slot
	SharedObjectUseSuccess    SharedObjectEventType = 11 // server: the object can be used
)

var sharedObjectEventNames = [...]string{
	SharedObjectUse:           "Use",
	SharedObjectRelease:       "Release",
	SharedObjectRequestChange: "Request Change",
	SharedObjectChange:        "Change",
	SharedObjectSuccess:       "Success",
	SharedObjectSendMessage:   "Send Message",
	SharedObjectStatus:        "Status",
	SharedObjectClear:         "Clear",
	SharedObjectRemove:        "Remove",
	SharedObjectRequestRemove: "Request Remove",
	SharedObjectUseSuccess:    "Use Success",
}

// String returns the name that the specification gives the event, or its number.
func (t SharedObjectEventType) String() string {
	if int(t) < len(sharedObjectEventNames) && sharedObjectEventNames[t] != "" {
		return sharedObjectEventNames[t]
	}
	return fmt.Sprintf("shared object event %d", uint8(t))
}

// persistentFlag in the first word of the flags marks a persistent object. The second word is zero.
const persistentFlag = 2

// Type returns TypeSharedObjectAMF3 or TypeSharedObjectAMF0.
func (m *SharedObject) Type() Type { return choose(m.AMF3, TypeSharedObjectAMF3, TypeSharedObjectAMF0) }

// append writes one event for each slot, because Red5 reads only the first pair of an event.
func (m *SharedObject) append(dst []byte) ([]byte, error) {
	out := dst
	if m.AMF3 {
		out = append(out, formatAMF0)
	}
	out, ok := appendText(out, m.Name)
	if !ok {
		return dst, m.nameTooLong("the object's")
	}
	out = appendUint32(out, m.Version)
	flags := uint32(0)
	if m.Persistent {
		flags = persistentFlag
	}
	out = appendUint32(appendUint32(out, flags), 0)
	for i := range m.Events {
		e := &m.Events[i]
		n := 1
		if e.hasValues() {
			n = len(e.Slots)
		}
		for slot := range n {
			var err error
			if out, err = m.appendEvent(out, e, slot); err != nil {
				return dst, err
			}
		}
	}
	return out, nil
}

// hasValues reports whether the slots of e have values.
func (e *SharedObjectEvent) hasValues() bool {
	return e.Type == SharedObjectRequestChange || e.Type == SharedObjectChange
}

// appendEvent appends e with the slot of the given index, if it is about slots.
func (m *SharedObject) appendEvent(dst []byte, e *SharedObjectEvent, slot int) ([]byte, error) {
	start := len(dst)
	dst = append(dst, byte(e.Type), 0, 0, 0, 0)
	ok := true
	var err error
	switch e.Type {
	case SharedObjectRequestChange, SharedObjectChange:
		if dst, ok = appendText(dst, e.Slots[slot].Name); ok {
			dst, err = appendValue(dst, e.Slots[slot].Value)
		}
	case SharedObjectSuccess, SharedObjectRemove, SharedObjectRequestRemove:
		if len(e.Slots) != 1 {
			return nil, fmt.Errorf("message: shared object event %v with %d slots", e.Type, len(e.Slots))
		}
		dst, ok = appendText(dst, e.Slots[0].Name)
	case SharedObjectSendMessage:
		dst = amf.AppendString(dst, e.Handler)
		for _, arg := range e.Args {
			if err == nil {
				dst, err = appendValue(dst, arg)
			}
		}
	case SharedObjectStatus:
		if dst, ok = appendText(dst, e.Code); ok {
			dst, ok = appendText(dst, e.Level)
		}
	case SharedObjectUse, SharedObjectRelease, SharedObjectClear, SharedObjectUseSuccess:
	default:
		dst = append(dst, e.Data...)
	}
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, m.nameTooLong(fmt.Sprintf("a %v event's", e.Type))
	}
	appendUint32(dst[:start+1], uint32(len(dst)-start-5))
	return dst, nil
}

// appendValue writes values that only AMF3 has, such as byte arrays, behind the marker 0x11.
func appendValue(dst []byte, v any) ([]byte, error) {
	if b, ok := v.(Encoded); ok {
		return append(dst, b...), nil
	}
	out, err := amf.Append(dst, v)
	if err == nil || errors.Is(err, amf.ErrLimit) {
		return out, err
	}
	return amf.Append(dst, amf.AVMPlus{Value: v})
}

func (m *SharedObject) nameTooLong(whose string) error {
	return fmt.Errorf("message: shared object: %s name is too long", whose)
}
