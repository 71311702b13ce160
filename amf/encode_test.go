package amf

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestAppendKeepsDst(t *testing.T) {
	dst := []byte("dst")
	if got, err := Append(dst, true); err != nil || string(got) != "dst\x01\x01" {
		t.Errorf("Append = %x, %v", got, err)
	}
	got, err := Append(dst, []any{1.0, make(chan int)})
	if err == nil || string(got) != "dst" {
		t.Errorf("Append of a channel = %q, %v; want dst as it was and an error", got, err)
	}
}

func TestEncodeErrors(t *testing.T) {
	long := strings.Repeat("n", 65536)
	tests := []struct {
		name    string
		v       any
		version Version
		is      error
	}{
		{name: "byte array in AMF0", v: []byte{1}},
		{name: "vector in AMF0", v: &Vector[int32]{}},
		{name: "externalizable in AMF0", v: &External{Class: ClassArrayList}},
		{name: "long name", v: NewObject(long, 1)},
		{name: "long class", v: &Object{Class: long}},
		{name: "function", v: func() {}},
		{name: "complex number", v: 1i},
		{name: "map with integer keys", v: map[int]int{1: 1}},
		{name: "unknown class", v: &External{Class: "X"}, version: AMF3, is: ErrUnknownClass},
		{name: "added member without name", v: NewObject("", 1), version: AMF3},
		{name: "proxy of a number", v: &External{Class: ClassManagedObjectProxy, Value: 1}, version: AMF3},
		{name: "small message of a number", v: &External{Class: ClassAsyncMessageExt, Value: 1}, version: AMF3},
		{name: "too much text", v: strings.Repeat("x", 1<<20+1), is: ErrLimit},
		{name: "too much text", v: strings.Repeat("x", 1<<20+1), version: AMF3, is: ErrLimit},
		{name: "too many bytes", v: make([]byte, 1<<20+1), version: AMF3, is: ErrLimit},
		{name: "too many values", v: make([]any, 65536), is: ErrLimit},
		{name: "too many values", v: make([]any, 65536), version: AMF3, is: ErrLimit},
		{name: "too many numbers", v: &Vector[float64]{Values: make([]float64, 65536)}, version: AMF3, is: ErrLimit},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s %d", tt.name, tt.version), func(t *testing.T) {
			b, err := encodeMessage(tt.version, []any{tt.v})
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("encoding %.60v = %.40x, %v; want an error that is %v", tt.v, b, err, tt.is)
			}
		})
	}
}

// Cycles and shared parts must come to an end in every way to write them.
func TestEncodeCycles(t *testing.T) {
	object := NewObject("a", nil)
	object.Set("self", object)
	object.Set("again", object) // 2^64 objects, but for the limits
	array := make([]any, 2)
	array[0], array[1] = array, array
	vector := &VectorObject{Values: make([]any, 1)}
	vector.Values[0] = vector
	dictionary := &Dictionary{Entries: []Entry{{Key: 1}}}
	dictionary.Entries[0].Value = dictionary
	external := &External{Class: ClassObjectProxy}
	external.Value = external
	type node struct{ Next *node }
	list := &node{}
	list.Next = list
	type pointer *pointer
	var self pointer
	self = &self
	shared := any(strings.Repeat("x", 1000))
	for range 40 {
		shared = []any{shared, shared} // 2^40 strings
	}

	for name, v := range map[string]any{
		"object": object, "array": array, "vector": vector, "dictionary": dictionary,
		"external": external, "struct": list, "pointer": self, "shared": shared,
	} {
		if b, err := Append(nil, v); err == nil {
			t.Errorf("%s: Append = %.40x…, want an error", name, b)
		}
		if b, err := Append(nil, AVMPlus{v}); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: Append of AVMPlus = %.40x…, %v; want a limit error", name, b, err)
		}
		b, err := Append3(nil, v)
		if name == "pointer" {
			if !errors.Is(err, ErrLimit) {
				t.Errorf("%s: Append3 = %v, want a limit error", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: Append3: %v", name, err)
			continue
		}
		if _, err := Decode3(b, Limits{}); err != nil {
			t.Errorf("%s: Decode3(%.40x…): %v", name, b, err)
		}
	}
}

// In AMF0 messages the AMF3 values of Append stand alone, those of AppendValues refer to each other.
func TestAVMPlusReferences(t *testing.T) {
	v := AVMPlus{[]any{"abc", "abc"}}
	one, err := Append(nil, v)
	if want := "\x11\x09\x05\x01\x06\x07abc\x06\x07abc"; err != nil || string(one) != want {
		t.Errorf("Append = %x, %v; want %x", one, err, want)
	}
	both, err := AppendValues(nil, v, v)
	if want := "\x11\x09\x05\x01\x06\x07abc\x06\x00" + "\x11\x09\x00"; err != nil || string(both) != want {
		t.Errorf("AppendValues = %x, %v; want %x", both, err, want)
	}
	want := []any{[]any{"abc", "abc"}, []any{"abc", "abc"}}
	for _, b := range [][]byte{append(one, one...), both} {
		if got, err := Decode(b, Limits{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Decode(%x) = %v, %v; want %v", b, got, err, want)
		}
	}
}

func TestEncode3Forms(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"largest integer", maxInteger, "\x04\xbf\xff\xff\xff"},
		{"beyond", maxInteger + 1, "\x05\x41\xb0\x00\x00\x00\x00\x00\x00"},
		{"smallest integer", minInteger, "\x04\xc0\x80\x80\x00"},
		{"beyond", minInteger - 1, "\x05\xc1\xb0\x00\x00\x01\x00\x00\x00"},
		{"minus one", -1, "\x04\xff\xff\xff\xff"},
		{"unsupported", Unsupported{}, "\x00"},
		{"empty object", NewObject(), "\x0a\x0b\x01\x01"},
		{"empty class", &Object{Class: "A"}, "\x0a\x03\x03A"},
		{"dynamic class", &Object{Class: "A", Members: []Member{{"b", nil}}}, "\x0a\x0b\x03A\x03b\x01\x01"},
		{"more sealed than there are", &Object{Sealed: 9, Members: []Member{{"b", nil}}}, "\x0a\x13\x01\x03b\x01"},
		{"traits again", []any{NewObject("a", nil), NewObject("b", nil)}, "\x09\x05\x01\x0a\x0b\x01\x03a\x01\x01\x0a\x01\x03b\x01\x01"},
		{"nil object", (*Object)(nil), "\x01"},
		{"nil vector", (*Vector[uint32])(nil), "\x01"},
		{"nil vector of objects", (*VectorObject)(nil), "\x01"},
		{"nil dictionary", (*Dictionary)(nil), "\x01"},
		{"nil externalizable", (*External)(nil), "\x01"},
		{"integer key", &Dictionary{Entries: []Entry{{1, true}}}, "\x11\x03\x00\x06\x031\x03"},
		{
			"values instead of pointers",
			[]any{Object{}, Dictionary{}, VectorObject{}, Vector[int32]{}},
			"\x09\x09\x01\x0a\x0b\x01\x01\x11\x01\x00\x10\x01\x00\x01\x0d\x01\x00",
		},
		{"value instead of pointer", External{Class: ClassArrayList}, "\x0a\x07\x37flex.messaging.io.ArrayList\x01"},
	}
	for _, tt := range tests {
		if got, err := Append3(nil, tt.v); err != nil || string(got) != tt.want {
			t.Errorf("%s: Append3(%#v) = %x, %v; want %x", tt.name, tt.v, got, err, tt.want)
		}
	}
}

// AMF0 has no array with two parts, and no sealed members.
func TestEncode0Forms(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"dense part", &Object{ECMA: true, Dense: []any{nil}, Members: []Member{{"a", nil}}}, "\x08\x00\x00\x00\x02\x00\x010\x05\x00\x01a\x05\x00\x00\x09"},
		{"ECMA with a class", &Object{ECMA: true, Class: "A"}, "\x10\x00\x01A\x00\x00\x09"},
		{"XMLDocument", XMLDocument("<a/>"), "\x0f\x00\x00\x00\x04<a/>"},
		{"nil object", (*Object)(nil), "\x05"},
		{"nil slice", []any(nil), "\x0a\x00\x00\x00\x00"},
		{"nil map", map[string]int(nil), "\x05"},
		{"nested AVMPlus", AVMPlus{AVMPlus{true}}, "\x11\x03"},
	}
	for _, tt := range tests {
		if got, err := Append(nil, tt.v); err != nil || string(got) != tt.want {
			t.Errorf("%s: Append(%#v) = %x, %v; want %x", tt.name, tt.v, got, err, tt.want)
		}
	}
}

func TestAppendHelpers(t *testing.T) {
	var got []byte
	got = AppendNumber(got, 1)
	got = AppendBool(got, true)
	got = AppendBool(got, false)
	got = AppendString(got, "a")
	got = AppendNull(got)
	got = AppendUndefined(got)
	got = AppendDate(got, date2012)
	want, err := AppendValues(nil, 1, true, false, "a", nil, Undefined{}, date2012)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("helpers wrote %x, AppendValues %x, %v", got, want, err)
	}
	buf := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		b := AppendString(buf, "onMetaData")
		b = AppendNumber(b, math.Pi)
		AppendNull(AppendBool(b, true))
	}); n != 0 {
		t.Errorf("helpers allocate %v times", n)
	}
}

// An Encoder that failed has written nothing of the value and goes on only after Reset.
func TestEncoderError(t *testing.T) {
	var b bytes.Buffer
	e := NewEncoder(&b)
	e.Version = AMF3
	if err := e.Encode("a"); err != nil {
		t.Fatal(err)
	}
	if err := e.Encode([]any{"b", make(chan int)}); err == nil {
		t.Fatal("a channel was encoded")
	}
	if err := e.Encode("b"); err == nil || b.String() != "\x06\x03a" {
		t.Errorf("after the error: %v, wrote %x", err, b.Bytes())
	}
	e.Reset(&b)
	if err := e.Encode("b"); err != nil || b.String() != "\x06\x03a\x06\x03b" {
		t.Errorf("after Reset: %v, wrote %x", err, b.Bytes())
	}
}
