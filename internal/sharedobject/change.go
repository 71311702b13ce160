package sharedobject

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"leat/rtmp"
)

// change is what one message makes of an object. It is prepared first, and made only as a whole.
type change struct {
	o      *object
	limits *Limits

	staged  map[string]rtmp.EncodedValue // what slots will hold; nil removes one
	slots   int                          // how many there will be
	bytes   int                          // their size
	encoded int                          // bytes that were encoded for it
	changed bool                         // anything differs

	own    []rtmp.SharedObjectEvent // for who asked
	others []rtmp.SharedObjectEvent
}

// errTooLarge refuses a change that goes beyond a limit.
var errTooLarge = errors.New("sharedobject: the change goes beyond a limit")

// maxEncoded bounds what one message makes the server encode, bytes: more than it can hold itself, and much less than
// it can ask for by values that refer to each other.
const maxEncoded = 4 << 20

func (o *object) newChange() *change {
	return &change{
		o: o, limits: o.all.limits.Load(),
		staged: map[string]rtmp.EncodedValue{}, slots: len(o.slots), bytes: o.bytes,
	}
}

// value is what a slot will hold, nil when it will not be there.
func (c *change) value(name string) rtmp.EncodedValue {
	if v, ok := c.staged[name]; ok {
		return v
	}
	return c.o.slots[name]
}

// add takes one event of a client.
func (c *change) add(e *rtmp.SharedObjectEvent) error {
	switch e.Type {
	case rtmp.SharedObjectRequestChange:
		for i := range e.Slots {
			if err := c.set(&e.Slots[i]); err != nil {
				return err
			}
		}
	case rtmp.SharedObjectRequestRemove:
		for _, slot := range e.Slots {
			c.remove(slot.Name)
		}
	case rtmp.SharedObjectSendMessage:
		return c.sendMessage(e.Handler, e.Args)
	}
	return nil
}

func (c *change) encode(v any) (rtmp.EncodedValue, error) {
	b, err := rtmp.EncodeValue(v)
	if err != nil {
		return nil, err
	}
	if c.encoded += len(b); c.encoded > maxEncoded {
		return nil, errTooLarge
	}
	return b, nil
}

// set sets a slot. Who asked gets Success, also when nothing changes.
func (c *change) set(slot *rtmp.Slot) error {
	old := c.value(slot.Name)
	success := rtmp.SharedObjectEvent{Type: rtmp.SharedObjectSuccess, Slots: []rtmp.Slot{{Name: slot.Name}}}
	if slot.Removes() {
		if old != nil {
			c.stage(slot.Name, old, nil)
			c.others = append(c.others, removeEvent(slot.Name))
		}
		c.own = append(c.own, success)
		return nil
	}
	value, err := c.encode(slot.Value)
	if err != nil {
		return err
	}
	if old == nil || !bytes.Equal(old, value) {
		c.stage(slot.Name, old, value)
		c.others = append(c.others, rtmp.SharedObjectEvent{Type: rtmp.SharedObjectChange, Slots: []rtmp.Slot{{Name: slot.Name, Value: value}}})
	}
	c.own = append(c.own, success)
	if len(slot.Name) > MaxName || c.slots > max(c.limits.Slots, len(c.o.slots)) || c.bytes > max(c.limits.Bytes, c.o.bytes) {
		return errTooLarge
	}
	return nil
}

// remove removes a slot. Who asked is told so even when there is none: a client waits for it.
func (c *change) remove(name string) {
	if old := c.value(name); old != nil {
		c.stage(name, old, nil)
		c.others = append(c.others, removeEvent(name))
	}
	c.own = append(c.own, removeEvent(name))
}

// clear removes all slots by one event.
func (c *change) clear() {
	for name, value := range c.o.slots {
		c.stage(name, value, nil)
	}
	e := rtmp.SharedObjectEvent{Type: rtmp.SharedObjectClear}
	c.own, c.others = append(c.own, e), append(c.others, e)
}

// sendMessage passes a call on as it is; it is no change.
func (c *change) sendMessage(handler string, args []any) error {
	e := rtmp.SharedObjectEvent{Type: rtmp.SharedObjectSendMessage, Handler: handler, Args: make([]any, len(args))}
	if c.encoded += len(handler); c.encoded > maxEncoded {
		return errTooLarge
	}
	for i, arg := range args {
		b, err := c.encode(arg)
		if err != nil {
			return err
		}
		e.Args[i] = b
	}
	c.own, c.others = append(c.own, e), append(c.others, e)
	return nil
}

func (c *change) stage(name string, old, value rtmp.EncodedValue) {
	c.changed = true
	if old != nil {
		c.slots--
		c.bytes -= len(name) + len(old)
	}
	if value != nil {
		c.slots++
		c.bytes += len(name) + len(value)
	}
	c.staged[name] = value
}

// apply makes the change. It fails when all objects together become too large; then nothing has changed.
func (c *change) apply() error {
	o := c.o
	if !c.changed {
		return nil
	}
	if !o.all.reserve(o, c.bytes-o.bytes, false) {
		return errTooLarge
	}
	for name, value := range c.staged {
		if value == nil {
			delete(o.slots, name)
		} else {
			o.slots[name] = value
		}
	}
	o.bytes = c.bytes
	o.version++
	if o.persistent {
		o.mark(c.staged)
	}
	return nil
}

// Request makes the change that a client asks for in one message, or refuses it. It waits only when the disk is so slow
// that too much is on its way to it.
func (s *session) Request(ctx context.Context, _ uint32, events []rtmp.SharedObjectEvent) {
	o := s.o
	if err := o.lockForChange(ctx); err != nil {
		return // the connection has ended
	}
	defer o.mu.Unlock()
	err := errTooLarge
	c := o.newChange()
	if s.write {
		if err = c.addAll(events); err == nil {
			err = c.apply()
		}
	}
	if err != nil {
		o.deliver(delivery{to: []*session{s}, version: o.version, events: o.refusal(events)})
		return
	}
	o.deliver(delivery{to: []*session{s}, version: o.version, events: c.own, asked: s})
	o.deliver(delivery{to: o.except(s), version: o.version, events: c.others})
}

func (c *change) addAll(events []rtmp.SharedObjectEvent) error {
	for i := range events {
		if err := c.add(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

// refusal tells who asked that nothing was changed, and what each slot still holds: clients that have shown their change
// already take it back.
func (o *object) refusal(events []rtmp.SharedObjectEvent) []rtmp.SharedObjectEvent {
	refusal := []rtmp.SharedObjectEvent{statusEvent(rtmp.CodeSharedObjectNoWriteAccess)}
	told := map[string]bool{}
	for _, e := range events {
		for _, slot := range e.Slots {
			if !told[slot.Name] {
				told[slot.Name] = true
				refusal = append(refusal, o.current(slot.Name))
			}
		}
	}
	return refusal
}

func statusEvent(code rtmp.Code) rtmp.SharedObjectEvent {
	return rtmp.SharedObjectEvent{Type: rtmp.SharedObjectStatus, Code: string(code), Level: rtmp.LevelOf(code)}
}

// except returns the sessions without one.
func (o *object) except(s *session) []*session {
	others := make([]*session, 0, len(o.sessions))
	for _, other := range o.sessions {
		if other != s {
			others = append(others, other)
		}
	}
	return slices.Clip(others)
}
