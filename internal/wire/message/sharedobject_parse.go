package message

import (
	"errors"
	"fmt"
	"io"

	"leat/amf"
)

// formatAMF3 is a format selector of type 16 that Red5 sends and reads; what follows does not differ.
const formatAMF3 = 3

// maxObjectEvents bounds the events of one message, which take much more memory than bytes on the wire.
const maxObjectEvents = 1 << 16

// objectParser reads a shared object message. data is what is left of the current event; the decoder reads its
// AMF values from there, so that its limits and reference tables count for the whole message.
type objectParser struct {
	data   cursor
	values *amf.Decoder
}

func parseSharedObject(t Type, body []byte, l amf.Limits) (Message, error) {
	m := &SharedObject{AMF3: t == TypeSharedObjectAMF3}
	p := &objectParser{}
	p.values = amf.NewDecoder(&p.data)
	p.values.Limits = l
	if err := p.object(m, body); err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, e
		}
		return nil, &Error{Type: t, Reason: err.Error(), Err: err}
	}
	return m, nil
}

func (p *objectParser) object(m *SharedObject, c cursor) error {
	if m.AMF3 {
		format, err := c.uint8()
		if err != nil {
			return err
		}
		if format != formatAMF0 && format != formatAMF3 {
			return &Error{Type: m.Type(), Reason: fmt.Sprintf("format %d is unknown", format)}
		}
	}
	var err error
	if m.Name, err = c.text(); err != nil {
		return err
	}
	if m.Version, err = c.uint32(); err != nil {
		return err
	}
	flags, err := c.uint32()
	if err != nil {
		return err
	}
	m.Persistent = flags == persistentFlag
	if _, err := c.uint32(); err != nil {
		return err
	}
	for len(c) > 0 {
		if len(m.Events) == maxObjectEvents {
			return &Error{Type: m.Type(), Reason: fmt.Sprintf("it holds more than %d events", maxObjectEvents)}
		}
		typ, err := c.uint8()
		if err != nil {
			return err
		}
		if p.data, err = c.sized(); err != nil {
			return err
		}
		e := SharedObjectEvent{Type: SharedObjectEventType(typ)}
		if err := p.event(&e); err != nil {
			return &Error{Type: m.Type(), Reason: fmt.Sprintf("%v event: %v", e.Type, err), Err: err}
		}
		m.Events = append(m.Events, e)
	}
	return nil
}

// event reads the data of an event. What is left behind a known layout is ignored.
func (p *objectParser) event(e *SharedObjectEvent) (err error) {
	switch e.Type {
	case SharedObjectRequestChange, SharedObjectChange:
		for len(p.data) > 0 {
			var slot Slot
			if slot.Name, err = p.data.text(); err != nil {
				return err
			}
			if slot.Value, err = p.value(); err != nil {
				return err
			}
			e.Slots = append(e.Slots, slot)
		}
		return nil
	case SharedObjectSuccess, SharedObjectRemove, SharedObjectRequestRemove:
		name, err := p.data.text()
		e.Slots = []Slot{{Name: name}}
		return err
	case SharedObjectSendMessage:
		return p.call(e)
	case SharedObjectStatus:
		if e.Code, err = p.data.text(); err != nil {
			return err
		}
		e.Level, err = p.data.text()
		return err
	case SharedObjectUse, SharedObjectRelease, SharedObjectClear, SharedObjectUseSuccess:
		return nil
	default:
		e.Data = p.data
		return nil
	}
}

// value reads an AMF value, which must be there.
func (p *objectParser) value() (any, error) {
	if len(p.data) == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return p.values.Decode()
}

// call reads the handler and the arguments of SharedObjectSendMessage.
func (p *objectParser) call(e *SharedObjectEvent) error {
	handler, err := p.value()
	if err != nil {
		return err
	}
	name, ok := handler.(string)
	if !ok {
		return errors.New("the handler is not a string")
	}
	e.Handler = name
	for len(p.data) > 0 {
		arg, err := p.value()
		if err != nil {
			return err
		}
		e.Args = append(e.Args, arg)
	}
	return nil
}
