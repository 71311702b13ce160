package rtmp_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// A shared object message in a transcript is
//
//	object NAME VERSION [persistent]: event, event, …
//
// where an event is its name in the specification without spaces, as "RequestChange", and what it is about:
// AMF values. Slots with values are written as name and value, slots alone as their names.

// objectEvents are the events by name.
var objectEvents = func() map[string]message.SharedObjectEventType {
	names := map[string]message.SharedObjectEventType{}
	for t := message.SharedObjectUse; t <= message.SharedObjectUseSuccess; t++ {
		names[strings.ReplaceAll(t.String(), " ", "")] = t
	}
	return names
}()

// parseObject reads what follows "object ".
func parseObject(text string) (*chunk.Message, error) {
	head, rest, _ := strings.Cut(text, ":")
	fields := strings.Fields(head)
	if len(fields) < 2 {
		return nil, fmt.Errorf("an object has a name and a version: %q", text)
	}
	version, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		return nil, err
	}
	m := &message.SharedObject{Name: fields[0], Version: uint32(version), Persistent: len(fields) > 2 && fields[2] == "persistent"}
	for part := range strings.SplitSeq(rest, ", ") {
		name, about, _ := strings.Cut(strings.TrimSpace(part), " ")
		t, ok := objectEvents[name]
		if !ok {
			return nil, fmt.Errorf("there is no event %q", name)
		}
		encoded, err := parseAMF(about)
		if err != nil {
			return nil, err
		}
		values, err := amf.Decode(encoded, amf.Limits{})
		if err != nil {
			return nil, err
		}
		m.Events = append(m.Events, objectEvent(t, values))
	}
	body, err := message.Append(nil, m)
	return &chunk.Message{Type: uint8(m.Type()), ChunkStreamID: 3, Body: body}, err
}

func objectEvent(t message.SharedObjectEventType, values []any) message.SharedObjectEvent {
	e := message.SharedObjectEvent{Type: t}
	if len(values) == 0 {
		return e
	}
	first, _ := values[0].(string)
	switch t {
	case message.SharedObjectSendMessage:
		e.Handler, e.Args = first, values[1:]
	case message.SharedObjectRequestChange, message.SharedObjectChange:
		e.Slots = []message.Slot{{Name: first, Value: values[1]}}
	default:
		e.Slots = []message.Slot{{Name: first}}
	}
	return e
}

// formatObject is the inverse of parseObject.
func formatObject(m *message.SharedObject) string {
	var b strings.Builder
	fmt.Fprintf(&b, "object %s %d", m.Name, m.Version)
	if m.Persistent {
		b.WriteString(" persistent")
	}
	for i, e := range m.Events {
		b.WriteString([...]string{",", ":"}[max(0, 1-i)])
		b.WriteString(" " + strings.ReplaceAll(e.Type.String(), " ", ""))
		var values []any
		switch e.Type {
		case message.SharedObjectSendMessage:
			values = append([]any{e.Handler}, e.Args...)
		case message.SharedObjectStatus:
			values = []any{e.Code, e.Level}
		}
		for _, s := range e.Slots {
			if values = append(values, s.Name); e.Type == message.SharedObjectChange {
				values = append(values, s.Value)
			}
		}
		for _, v := range values {
			b.WriteByte(' ')
			formatValue(&b, v)
		}
	}
	return b.String()
}

// parseAny reads a message of any type.
func parseAny(text string) (*chunk.Message, error) {
	if rest, ok := strings.CutPrefix(text, "object "); ok {
		return parseObject(rest)
	}
	return parseMessage(text)
}

// formatAny writes a message of any type.
func formatAny(m *chunk.Message) string {
	if message.Type(m.Type) == message.TypeSharedObjectAMF0 {
		if parsed, err := message.Parse(message.TypeSharedObjectAMF0, m.Body, amf.Limits{}); err == nil {
			return formatObject(parsed.(*message.SharedObject))
		}
	}
	return formatMessage(m)
}

// ServeSharedObject keeps one slot, "title", for the one client that a transcript has. The object "closed" is refused, in others
// the slot "locked" is.
func (h *scriptedHandler) ServeSharedObject(_ context.Context, u *rtmp.SharedObjectUser) (rtmp.SharedObjectSession, error) {
	h.r.saw("use %s persistent %v version %d", u.Name(), u.Persistent(), u.Version())
	if u.Name() == "closed" {
		return nil, &rtmp.StatusError{Status: rtmp.Status{Code: string(rtmp.CodeSharedObjectNoReadAccess)}}
	}
	o := &scriptedObject{h: h, u: u, version: 3, title: "hello"}
	return o, u.Send(o.version,
		rtmp.SharedObjectEvent{Type: rtmp.SharedObjectUseSuccess}, rtmp.SharedObjectEvent{Type: rtmp.SharedObjectClear},
		changeEvent("title", o.title))
}

type scriptedObject struct {
	h       *scriptedHandler
	u       *rtmp.SharedObjectUser
	version uint32
	title   any
}

func (o *scriptedObject) Request(_ context.Context, version uint32, events []rtmp.SharedObjectEvent) {
	o.h.r.saw("%d events for %s by version %d", len(events), o.u.Name(), version)
	for _, e := range events {
		answer := e // a message goes to all, the sender too
		switch {
		case len(e.Slots) > 0 && e.Slots[0].Name == "locked":
			answer = rtmp.SharedObjectEvent{Type: rtmp.SharedObjectStatus, Code: string(rtmp.CodeSharedObjectNoWriteAccess), Level: rtmp.LevelError}
		case e.Type == rtmp.SharedObjectRequestChange:
			o.version++
			o.title = e.Slots[0].Value
			answer = slotEvent(rtmp.SharedObjectSuccess, e.Slots[0].Name)
		case e.Type == rtmp.SharedObjectRequestRemove:
			o.version++
			answer = slotEvent(rtmp.SharedObjectRemove, e.Slots[0].Name)
		}
		if err := o.u.Send(o.version, answer); err != nil {
			o.h.r.saw("not sent: %v", err)
		}
	}
}

func (o *scriptedObject) Release() { o.h.r.saw("release %s", o.u.Name()) }
