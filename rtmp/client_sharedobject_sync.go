package rtmp

import (
	"fmt"
	"slices"

	"leat/internal/wire/message"
)

// objectNews is what one message brings to the functions of the options.
type objectNews struct {
	changes []SharedObjectSync
	calls   []func()
}

// receive applies a message to the copy, on the reading goroutine, and tells of it.
//
// Servers disagree on the order of UseSuccess and Clear, and some leave Clear out: Clear empties the copy wherever it
// stands, Changes fill it, and the copy is complete at the end of the message with UseSuccess.
func (o *SharedObject) receive(m *message.SharedObject) {
	var news objectNews
	o.mu.Lock()
	used := false
	var err error
	for i := range m.Events {
		e := &m.Events[i]
		used = used || e.Type == message.SharedObjectUseSuccess
		if err = o.apply(e, &news); err != nil {
			break
		}
	}
	o.version = m.Version
	if used && err == nil && !o.inUse {
		o.inUse = true
		o.answered(nil)
	}
	o.mu.Unlock()
	if err != nil {
		o.c.logger.Debug("shared object given up", "object", printable(o.name), "err", err)
		o.giveUp(err)
	}
	if len(news.changes) > 0 && o.opts.OnSync != nil {
		o.opts.OnSync(news.changes)
	}
	for _, fn := range news.calls {
		fn()
	}
}

// giveUp ends the use of an object that breaks a limit.
func (o *SharedObject) giveUp(err error) {
	if !o.c.side.(*clientSide).removeObject(o) {
		return
	}
	if err := o.send(SharedObjectEvent{Type: SharedObjectRelease}); err != nil {
		o.c.logger.Debug("release not sent", "object", printable(o.name), "err", err)
	}
	o.end(err)
}

// apply takes one event. Called with mu held.
func (o *SharedObject) apply(e *message.SharedObjectEvent, news *objectNews) error {
	switch e.Type {
	case message.SharedObjectClear:
		clear(o.slots)
		o.bytes = 0
		news.changes = append(news.changes, SharedObjectSync{Code: SyncClear})
	case message.SharedObjectChange:
		for _, slot := range e.Slots {
			code := SyncChange
			if o.overtaken(slot.Name) {
				code = SyncReject
			}
			if err := o.change(Slot(slot), code, news); err != nil {
				return err
			}
		}
	case message.SharedObjectSuccess:
		if slot, ok := o.succeeded(e.Slots[0].Name); ok {
			return o.change(slot, SyncSuccess, news)
		}
	case message.SharedObjectRemove:
		o.removed(e.Slots[0].Name)
		return o.change(Slot{Name: e.Slots[0].Name}, SyncDelete, news)
	case message.SharedObjectStatus:
		o.refused(Status{Level: e.Level, Code: e.Code}, news)
	case message.SharedObjectSendMessage:
		if o.opts.OnMessage != nil {
			news.calls = append(news.calls, func() { o.opts.OnMessage(e.Handler, e.Args) })
		}
	}
	return nil
}

// change sets or removes a slot of the copy.
func (o *SharedObject) change(slot Slot, code SyncCode, news *objectNews) error {
	if slot.Removes() {
		slot.Value = nil
		if code != SyncSuccess {
			code = SyncDelete
		}
	}
	old, err := o.put(slot.Name, slot.Value)
	if err != nil {
		return err
	}
	news.changes = append(news.changes, SharedObjectSync{Code: code, Name: slot.Name, Value: slot.Value, Old: old})
	return nil
}

// put sets a slot, or removes it for nil, within the limits.
func (o *SharedObject) put(name string, value any) (before any, err error) {
	old := o.slots[name]
	if value == nil {
		delete(o.slots, name)
		o.bytes -= old.size
		return old.value, nil
	}
	b, err := EncodeValue(value)
	if err != nil {
		return nil, fmt.Errorf("rtmp: shared object %s: slot %s: %w", quoted(o.name), quoted(name), err)
	}
	next := sizedValue{value: value, size: len(name) + len(b)}
	o.bytes += next.size - old.size
	o.slots[name] = next
	switch l := o.c.limits; {
	case len(o.slots) > l.SharedObjectSlots:
		return nil, fmt.Errorf("rtmp: shared object %s has more than %d slots", quoted(o.name), l.SharedObjectSlots)
	case o.bytes > l.SharedObjectBytes:
		return nil, fmt.Errorf("rtmp: shared object %s has more than %d bytes", quoted(o.name), l.SharedObjectBytes)
	}
	return old.value, nil
}

// overtaken reports whether a change of the slot by this client is under way, and marks it.
func (o *SharedObject) overtaken(name string) bool {
	found := false
	for _, r := range o.pending {
		if slices.ContainsFunc(r.set, func(s Slot) bool { return s.Name == name }) {
			found, r.rejected = true, true
		}
	}
	return found
}

// succeeded takes Success: the oldest request for the slot was made. It returns what it asked for.
func (o *SharedObject) succeeded(name string) (Slot, bool) {
	for _, r := range o.pending {
		i := slices.IndexFunc(r.set, func(s Slot) bool { return s.Name == name })
		if i >= 0 {
			slot := r.set[i]
			r.set = slices.Delete(r.set, i, i+1)
			o.settle(r)
			return slot, true
		}
	}
	return Slot{}, false
}

// removed ends the oldest request to remove the slot, whoever removed it.
func (o *SharedObject) removed(name string) {
	for _, r := range o.pending {
		if i := slices.Index(r.remove, name); i >= 0 {
			r.remove = slices.Delete(r.remove, i, i+1)
			o.settle(r)
			return
		}
	}
}

// settle ends a request of which nothing is left to wait for, and those before it: servers answer in order, so they have
// been refused by another value.
func (o *SharedObject) settle(r *objectRequest) {
	if len(r.set) > 0 || len(r.remove) > 0 {
		return
	}
	i := slices.Index(o.pending, r)
	for _, before := range o.pending[:i] {
		before.done <- ErrChangeRejected
	}
	o.pending = slices.Delete(o.pending, 0, i+1)
	r.done <- nil
}

// refused takes a Status: the answer to Use, or to the oldest request.
func (o *SharedObject) refused(s Status, news *objectNews) {
	err := &StatusError{Status: s, Remote: true}
	switch {
	case !o.inUse:
		o.answered(err)
	case len(o.pending) > 0: // the oldest that has not been refused otherwise
		i := max(0, slices.IndexFunc(o.pending, func(r *objectRequest) bool { return !r.rejected }))
		o.pending[i].done <- err
		o.pending = slices.Delete(o.pending, i, i+1)
	}
	if o.opts.OnStatus != nil {
		news.calls = append(news.calls, func() { o.opts.OnStatus(s) })
	}
}
