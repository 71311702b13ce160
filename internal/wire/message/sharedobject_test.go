package message

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"leat/amf"
)

const chatHead = "00 04 63 68 61 74 |"

// objectGolden are worked examples for an object "chat".
func objectGolden() []struct {
	name    string
	body    string
	message SharedObject
} {
	title := func(v any) []Slot { return []Slot{{"title", v}} }
	return []struct {
		name    string
		body    string
		message SharedObject
	}{
		{
			"use", chatHead + "00000000 | 00000000 00000000 | 01 00000000",
			SharedObject{Name: "chat", Events: []SharedObjectEvent{{Type: SharedObjectUse}}},
		},
		{
			"use, persistent", chatHead + "00000000 | 00000002 00000000 | 01 00000000",
			SharedObject{Name: "chat", Persistent: true, Events: []SharedObjectEvent{{Type: SharedObjectUse}}},
		},
		{
			"answer to use", chatHead + `00000003 | 00000000 00000000 | 0b 00000000 | 08 00000000 |
				04 0000000f 0005 7469746c65 02 0005 68656c6c6f`,
			SharedObject{Name: "chat", Version: 3, Events: []SharedObjectEvent{
				{Type: SharedObjectUseSuccess},
				{Type: SharedObjectClear},
				{Type: SharedObjectChange, Slots: title("hello")},
			}},
		},
		{
			"request change", chatHead + "00000003 | 00000000 00000000 | 03 0000000d 0005 7469746c65 02 0003 627965",
			SharedObject{Name: "chat", Version: 3, Events: []SharedObjectEvent{{Type: SharedObjectRequestChange, Slots: title("bye")}}},
		},
		{
			"success", chatHead + "00000004 | 00000000 00000000 | 05 00000007 0005 7469746c65",
			SharedObject{Name: "chat", Version: 4, Events: []SharedObjectEvent{{Type: SharedObjectSuccess, Slots: title(nil)}}},
		},
		{
			"send message", chatHead + "00000004 | 00000000 00000000 | 06 00000016 02 0005 6f6e4d7367 02 0002 6869 00 401c000000000000",
			SharedObject{Name: "chat", Version: 4, Events: []SharedObjectEvent{{Type: SharedObjectSendMessage, Handler: "onMsg", Args: []any{"hi", 7.0}}}},
		},
		{
			"status", chatHead + `00000004 | 00000000 00000000 |
				07 00000023 001a 5368617265644f626a6563742e4e6f5772697465416363657373 0005 6572726f72`,
			SharedObject{Name: "chat", Version: 4, Events: []SharedObjectEvent{
				{Type: SharedObjectStatus, Code: "SharedObject.NoWriteAccess", Level: "error"},
			}},
		},
		{
			"remove, request remove, release", chatHead + `00000005 | 00000000 00000000 |
				09 00000007 0005 7469746c65 | 0a 00000007 0005 7469746c65 | 02 00000000`,
			SharedObject{Name: "chat", Version: 5, Events: []SharedObjectEvent{
				{Type: SharedObjectRemove, Slots: title(nil)},
				{Type: SharedObjectRequestRemove, Slots: title(nil)},
				{Type: SharedObjectRelease},
			}},
		},
		{
			"delete by null and undefined", chatHead + `00000005 | 00000000 00000000 |
				03 00000008 0005 7469746c65 05 | 03 00000008 0005 7469746c65 06`,
			SharedObject{Name: "chat", Version: 5, Events: []SharedObjectEvent{
				{Type: SharedObjectRequestChange, Slots: title(nil)},
				{Type: SharedObjectRequestChange, Slots: title(amf.Undefined{})},
			}},
		},
		{
			"unknown event", chatHead + "00000005 | 00000000 00000000 | 63 00000003 010203",
			SharedObject{Name: "chat", Version: 5, Events: []SharedObjectEvent{{Type: 99, Data: []byte{1, 2, 3}}}},
		},
		{
			"no events, no name", "0000 | 00000000 | 00000000 00000000",
			SharedObject{},
		},
	}
}

func TestSharedObjectGolden(t *testing.T) {
	for _, tt := range objectGolden() {
		t.Run(tt.name, func(t *testing.T) {
			body := unhex(t, tt.body)
			wantBytes(t, &tt.message, body)
			amf3 := tt.message
			amf3.AMF3 = true
			wantBytes(t, &amf3, append([]byte{0}, body...))
		})
	}
}

// Each prefix fails, unless it ends between events.
func TestSharedObjectTruncated(t *testing.T) {
	for _, tt := range objectGolden() {
		body := unhex(t, tt.body)
		ends := map[int]bool{}
		for i := range tt.message.Events {
			m := tt.message
			m.Events = m.Events[:i]
			ends[len(mustAppend(t, &m))] = true
		}
		for n := range body {
			m, err := Parse(TypeSharedObjectAMF0, body[:n:n], amf.Limits{})
			if ends[n] {
				if err != nil {
					t.Errorf("%s: %d bytes: %v", tt.name, n, err)
				}
				continue
			}
			wantError(t, TypeSharedObjectAMF0, m, err)
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %d bytes: error %v, want io.ErrUnexpectedEOF", tt.name, n, err)
			}
		}
	}
}

// Several pairs in one RequestChange are read, but one event is written for each.
func TestSharedObjectSeveralPairs(t *testing.T) {
	head := chatHead + "00000003 | 00000000 00000000 |"
	body := unhex(t, head+"03 0000000d 0001 61 05 0001 62 01 01 0001 63 06")
	m := mustParse(t, TypeSharedObjectAMF0, body).(*SharedObject)
	want := []SharedObjectEvent{{
		Type:  SharedObjectRequestChange,
		Slots: []Slot{{"a", nil}, {"b", true}, {"c", amf.Undefined{}}},
	}}
	if !reflect.DeepEqual(m.Events, want) {
		t.Fatalf("got %+v, want %+v", m.Events, want)
	}
	separate := unhex(t, head+"03 00000004 0001 61 05 | 03 00000005 0001 62 01 01 | 03 00000004 0001 63 06")
	if got := mustAppend(t, m); !bytes.Equal(got, separate) {
		t.Errorf("written\n% x\nwant\n% x", got, separate)
	}
}

func TestSharedObjectAMF3(t *testing.T) {
	const head = "0001 61 00000000 00000000 00000000"
	// Both values are the AMF3 string "ab"; the second refers to the first.
	const values = "04 00000008 0001 78 11 06 05 6162 | 04 00000006 0001 79 11 06 00"
	for _, format := range []string{"00", "03"} {
		m := mustParse(t, TypeSharedObjectAMF3, unhex(t, format+head+values)).(*SharedObject)
		if !m.AMF3 || len(m.Events) != 2 || m.Events[0].Slots[0].Value != "ab" || m.Events[1].Slots[0].Value != "ab" {
			t.Errorf("format %s: got %+v", format, m)
		}
	}
	m := &SharedObject{AMF3: true, Name: "a", Events: []SharedObjectEvent{
		{Type: SharedObjectChange, Slots: []Slot{{"x", amf.AVMPlus{Value: "ab"}}}},
		{Type: SharedObjectSendMessage, Handler: "h", Args: []any{amf.AVMPlus{Value: "ab"}}},
	}}
	got := mustParse(t, TypeSharedObjectAMF3, mustAppend(t, m)).(*SharedObject)
	if got.Events[0].Slots[0].Value != "ab" || got.Events[1].Args[0] != "ab" {
		t.Errorf("round trip: %+v", got)
	}
}

// Values that only AMF3 has are written as AMF3, and those that are encoded already as they are.
func TestSharedObjectValueForms(t *testing.T) {
	m := &SharedObject{Name: "a", Events: []SharedObjectEvent{
		{Type: SharedObjectChange, Slots: []Slot{{"x", []byte{1, 2}}, {"y", Encoded{0x01, 0x01}}}},
		{Type: SharedObjectSendMessage, Handler: "h", Args: []any{[]byte{3}}},
	}}
	want := unhex(t, `0001 61 00000000 00000000 00000000 |
		04 00000008 0001 78 11 0c 05 0102 | 04 00000005 0001 79 01 01 | 06 00000008 02 0001 68 11 0c 03 03`)
	if got := mustAppend(t, m); !bytes.Equal(got, want) {
		t.Errorf("got\n% x\nwant\n% x", got, want)
	}
}

func TestSharedObjectTrailingBytes(t *testing.T) {
	body := unhex(t, chatHead+`00000000 00000000 00000000 |
		01 00000001 ff | 08 00000002 ffff | 05 00000004 0001 61 ff | 07 00000007 0001 63 0001 6c ff`)
	want := []SharedObjectEvent{
		{Type: SharedObjectUse},
		{Type: SharedObjectClear},
		{Type: SharedObjectSuccess, Slots: []Slot{{Name: "a"}}},
		{Type: SharedObjectStatus, Code: "c", Level: "l"},
	}
	if m := mustParse(t, TypeSharedObjectAMF0, body).(*SharedObject); !reflect.DeepEqual(m.Events, want) {
		t.Errorf("got %+v, want %+v", m.Events, want)
	}
}

func TestSharedObjectMalformed(t *testing.T) {
	const head = "0001 61 00000000 00000000 00000000"
	for name, tt := range map[string]struct {
		typ  Type
		body string
	}{
		"unknown format":               {TypeSharedObjectAMF3, "01" + head},
		"event longer than message":    {TypeSharedObjectAMF0, head + "01 ffffffff"},
		"slot name longer than event":  {TypeSharedObjectAMF0, head + "05 00000003 0009 61"},
		"slot without value":           {TypeSharedObjectAMF0, head + "03 00000003 0001 61"},
		"value goes beyond event":      {TypeSharedObjectAMF0, head + "03 00000006 0001 61 02 0005 | 01 00000000"},
		"unknown AMF marker":           {TypeSharedObjectAMF0, head + "04 00000004 0001 61 ff"},
		"handler is not a string":      {TypeSharedObjectAMF0, head + "06 00000001 05"},
		"no handler":                   {TypeSharedObjectAMF0, head + "06 00000000"},
		"bad argument":                 {TypeSharedObjectAMF0, head + "06 00000005 02 0001 61 ff"},
		"status without level":         {TypeSharedObjectAMF0, head + "07 00000003 0001 61"},
		"data behind the last event":   {TypeSharedObjectAMF0, head + "01 00000000 01"},
		"nothing behind the selector":  {TypeSharedObjectAMF3, "00"},
		"nothing":                      {TypeSharedObjectAMF3, ""},
		"too many events (each empty)": {TypeSharedObjectAMF0, head + strings.Repeat("01 00000000", maxObjectEvents+1)},
	} {
		m, err := Parse(tt.typ, unhex(t, tt.body), amf.Limits{})
		if wantError(t, tt.typ, m, err); t.Failed() {
			t.Fatal(name)
		}
	}
}

// The limits count for the message as a whole, not for each value.
func TestSharedObjectLimits(t *testing.T) {
	m := &SharedObject{Name: "a"}
	for range 10 {
		m.Events = append(m.Events, SharedObjectEvent{Type: SharedObjectChange, Slots: []Slot{{"x", "0123456789"}}})
	}
	body := mustAppend(t, m)
	if _, err := Parse(m.Type(), body, amf.Limits{StringBytes: 100, Elements: 10}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	for _, l := range []amf.Limits{{StringBytes: 99}, {Elements: 9}} {
		if _, err := Parse(m.Type(), body, l); !errors.Is(err, amf.ErrLimit) {
			t.Errorf("limits %+v: error %v", l, err)
		}
	}
}

func TestSharedObjectAppendErrors(t *testing.T) {
	long := strings.Repeat("x", 1<<16)
	event := func(e SharedObjectEvent) *SharedObject { return &SharedObject{Events: []SharedObjectEvent{e}} }
	for name, m := range map[string]*SharedObject{
		"name":               {Name: long},
		"slot name":          event(SharedObjectEvent{Type: SharedObjectChange, Slots: []Slot{{Name: long}}}),
		"slot value":         event(SharedObjectEvent{Type: SharedObjectChange, Slots: []Slot{{"a", make(chan int)}}}),
		"success name":       event(SharedObjectEvent{Type: SharedObjectSuccess, Slots: []Slot{{Name: long}}}),
		"success without":    event(SharedObjectEvent{Type: SharedObjectSuccess}),
		"remove with two":    event(SharedObjectEvent{Type: SharedObjectRemove, Slots: make([]Slot, 2)}),
		"status code":        event(SharedObjectEvent{Type: SharedObjectStatus, Code: long}),
		"status level":       event(SharedObjectEvent{Type: SharedObjectStatus, Level: long}),
		"argument of a call": event(SharedObjectEvent{Type: SharedObjectSendMessage, Args: []any{make(chan int), 1}}),
	} {
		if b, err := Append([]byte{9}, m); err == nil || len(b) != 1 {
			t.Errorf("%s: Append returned %d bytes, error %v", name, len(b), err)
		}
	}
}
