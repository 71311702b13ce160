package amf

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

type codecInfo struct {
	Width  uint16  `amf:"width"`
	Height uint16  `amf:"height"`
	Rate   float32 `amf:"framerate,omitempty"`
}

type metadata struct {
	_ struct{} `amf:",ecma"`
	codecInfo
	Encoder  string         `amf:"encoder,omitempty"`
	Stereo   *bool          `amf:"stereo,omitempty"`
	When     time.Time      `amf:"when,omitempty"`
	Tracks   []string       `amf:"tracks,omitempty"`
	Extra    map[string]any `amf:"extra,omitempty"`
	Secret   string         `amf:"-"`
	Untagged int8
	hidden   int
}

func TestMarshalStruct(t *testing.T) {
	yes := true
	tests := []struct {
		name string
		v    any
		want any // marshals to the same bytes
	}{
		{
			name: "empty fields left out",
			v:    metadata{codecInfo: codecInfo{Width: 2, Height: 1}, Secret: "s", hidden: 1},
			want: &Object{ECMA: true, Members: []Member{{"width", 2.0}, {"height", 1.0}, {"Untagged", 0.0}}},
		},
		{
			name: "all fields",
			v: &metadata{
				codecInfo: codecInfo{Rate: 25}, Encoder: "e", Stereo: &yes, When: date2012,
				Tracks: []string{"a"}, Extra: map[string]any{"b": 1, "a": nil}, Untagged: -1,
			},
			want: &Object{ECMA: true, Members: []Member{
				{"width", 0.0},
				{"height", 0.0},
				{"framerate", 25.0},
				{"encoder", "e"},
				{"stereo", true},
				{"when", date2012},
				{"tracks", []any{"a"}},
				{"extra", NewObject("a", nil, "b", 1.0)},
				{"Untagged", -1.0},
			}},
		},
		{
			name: "scalars",
			v: []any{
				int8(-1), int64(1 << 40), uint64(1 << 63), uintptr(1), float32(0.5), XMLDocument("x"),
				json("named"),
				[2]bool{true, false},
				(*int)(nil), &yes, new(any), &date2012,
			},
			want: []any{
				-1.0, float64(1 << 40), float64(1 << 63), 1.0, 0.5, XML("x"), "named", []any{true, false}, nil, true, nil, date2012,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Marshal(tt.v)
			want, err2 := Marshal(tt.want)
			if err != nil || err2 != nil || !bytes.Equal(got, want) {
				t.Errorf("Marshal(%+v) = %q, %v; want %q, %v", tt.v, got, err, want, err2)
			}
		})
	}
}

type json string

func TestMarshal3Types(t *testing.T) {
	type bytesType []byte
	tests := []struct {
		v    any
		want string
	}{
		{[]uint8{1, 2}, "\x0c\x05\x01\x02"},
		{bytesType{1}, "\x0c\x03\x01"},
		{[1]byte{1}, "\x0c\x03\x01"},
		{[]int32{1}, "\x09\x03\x01\x04\x01"},
		{uint32(1 << 31), "\x05\x41\xe0\x00\x00\x00\x00\x00\x00"},
		{struct{ A int }{1}, "\x0a\x0b\x01\x03A\x04\x01\x01"},
	}
	for _, tt := range tests {
		if got, err := Marshal3(tt.v); err != nil || string(got) != tt.want {
			t.Errorf("Marshal3(%#v) = %x, %v; want %x", tt.v, got, err, tt.want)
		}
	}
}

func TestUnmarshalRoundTrip(t *testing.T) {
	yes := true
	in := metadata{
		codecInfo: codecInfo{1280, 720, 25}, Encoder: "e", Stereo: &yes, When: date2012,
		Tracks: []string{"a", "b"}, Extra: map[string]any{"b": "1", "a": nil}, Untagged: -1,
	}
	for name, codec := range map[string]struct {
		marshal   func(any) ([]byte, error)
		unmarshal func([]byte, any) error
	}{"AMF0": {Marshal, Unmarshal}, "AMF3": {Marshal3, Unmarshal3}} {
		b, err := codec.marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out metadata
		if err := codec.unmarshal(b, &out); err != nil || !reflect.DeepEqual(in, out) {
			t.Errorf("%s: %+v came back as %+v, %v", name, in, out, err)
		}
	}
}

// What peers send in other types than they should is taken where it makes sense.
func TestUnmarshalLenient(t *testing.T) {
	type target struct {
		Number  float64        `amf:"number"`
		Int     int            `amf:"int"`
		Uint    uint8          `amf:"uint"`
		Bool    bool           `amf:"bool"`
		Text    string         `amf:"text"`
		TcURL   string         `amf:"tcUrl"`
		Any     any            `amf:"any"`
		Map     map[string]int `amf:"map"`
		Array   [2]int         `amf:"array"`
		Ints    []int          `amf:"ints"`
		Object  *Object        `amf:"object"`
		Value   Object         `amf:"value"`
		Pointer **int          `amf:"pointer"`
		Kept    string         `amf:"kept"`
		Cleared *int           `amf:"cleared"`
	}
	seven := 7
	pointer := &seven
	got := target{Kept: "kept", Cleared: &seven, Array: [2]int{8, 8}}
	b, err := Marshal3([]any{NewObject(
		"number", "7.5", "int", true, "uint", "255", "bool", 1, "text", XML("<a/>"), "tcurl", "rtmp://h/a",
		"any", Undefined{}, "map", &Object{ECMA: true, Members: []Member{{"a", 1}}, Dense: []any{2}},
		"array", []any{1}, "ints", &External{Class: ClassArrayCollection, Value: &Vector[int32]{Values: []int32{1, 2}}},
		"object", NewObject("a", 1), "value", NewObject("b", 2), "pointer", 7, "kept", nil, "cleared", nil, "unknown", 1,
	)})
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal3(b, &[]*target{}); err != nil {
		t.Errorf("into a slice of pointers: %v", err)
	}
	list := []*target{&got}
	array := [1]*target{&got}
	if err := Unmarshal3(b, &list); err != nil || list[0] == &got {
		t.Errorf("into a slice: %v; a slice is made anew", err)
	}
	if err := Unmarshal3(b, &array); err != nil || array[0] == &got {
		t.Errorf("into an array: %v; an array is made anew", err)
	}
	b, err = Marshal3(list[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal3(b, &got); err != nil {
		t.Fatal(err)
	}
	want := target{
		Number: 7.5, Int: 1, Uint: 255, Bool: true, Text: "<a/>", TcURL: "rtmp://h/a", Any: Undefined{},
		Map: map[string]int{"0": 2, "a": 1}, Array: [2]int{1, 0}, Ints: []int{1, 2},
		Object:  &Object{Dynamic: true, Members: []Member{{"a", 1}}},
		Value:   Object{Dynamic: true, Members: []Member{{"b", 2}}},
		Pointer: &pointer, Kept: "",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestUnmarshalErrors(t *testing.T) {
	type inner struct{ N []int8 }
	type target struct {
		Before string
		Info   inner
		After  string
	}
	v := NewObject("Before", "b", "Info", NewObject("N", []any{1, 2.5, "x", 1000}), "After", "a")
	b, err := Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var got target
	err = Unmarshal(b, &got)
	mismatch, ok := errors.AsType[*TypeError](err)
	if !ok || mismatch.Path != "Info.N[1]" || mismatch.Value != "number" || mismatch.Type != reflect.TypeFor[int8]() {
		t.Errorf("Unmarshal: %v, want a TypeError about Info.N[1]", err)
	}
	if want := (target{"b", inner{[]int8{1, 0, 0, 0}}, "a"}); !reflect.DeepEqual(got, want) {
		t.Errorf("Unmarshal stored %+v, want %+v", got, want)
	}

	if err := Unmarshal([]byte{markerNull, markerNull}, new(any)); err == nil {
		t.Error("Unmarshal takes bytes behind the value")
	}
	if err := Unmarshal(nil, new(any)); err == nil {
		t.Error("Unmarshal takes nothing as a value")
	}
}

// Each kind of value that does not fit has a name in the error.
func TestTypeErrorNames(t *testing.T) {
	for want, v := range map[string]any{
		"number": 1.5, "boolean": true, "string": "s", "XML": XML("x"), "unsupported value": Unsupported{}, "array": []any{}, "date": date2012,
		"byte array": []byte{1}, "dictionary": &Dictionary{}, "object": &Object{}, "object of class A": &Object{Class: "A"}, "vector": &VectorObject{},
	} {
		for _, dst := range []any{new(chan int), new(error)} {
			err := store(dst, v, Limits{}, nil)
			if err == nil || !strings.Contains(err.Error(), "cannot store "+want+" in ") {
				t.Errorf("storing %#v in %T: %v, want an error about %q", v, dst, err, want)
			}
		}
	}
	for _, tt := range []struct{ dst, v any }{
		{new(map[string]int), 1.0},
		{new(map[int]int), &Object{}},
		{new(struct{}), "s"},
		{new([]int), "s"},
		{new(uint), -1.0},
		{new(int64), 1e300},
		{new(bool), []any{}},
		{new(float64), "x"},
		{new(string), 1.0},
	} {
		if err := store(tt.dst, tt.v, Limits{}, nil); err == nil {
			t.Errorf("%#v was stored in %T", tt.v, tt.dst)
		}
	}
}

type playOptions struct {
	StreamName string       `amf:"streamName"`
	Start      float64      `amf:"start,omitempty"`
	Next       *playOptions `amf:"next"`
}

const playOptionsClass = "flash.net.NetStreamPlayOptions"

func TestRegisteredClass(t *testing.T) {
	var registry Registry
	registry.RegisterClass(playOptionsClass, (*playOptions)(nil))
	options := &playOptions{StreamName: "a"}
	options.Next = &playOptions{StreamName: "b", Next: options} // a cycle
	in := []any{options, options.Next, map[string]any{"k": "v"}}

	var b bytes.Buffer
	e := NewEncoder(&b)
	e.Version, e.Registry = AMF3, &registry
	if err := e.Encode(in); err != nil {
		t.Fatal(err)
	}
	d := NewDecoder(&b)
	d.Version, d.Registry = AMF3, &registry
	var out []any
	if err := d.DecodeInto(&out); err != nil {
		t.Fatal(err)
	}
	got, ok := out[0].(*playOptions)
	if !ok || got.StreamName != "a" || got.Next.StreamName != "b" || got.Next.Next != got || out[1] != any(got.Next) {
		t.Errorf("got %#v, want the cycle of play options", out)
	}
	if o, ok := out[2].(*Object); !ok || o.Text("k") != "v" {
		t.Errorf("the map became %#v, want an Object", out[2])
	}

	// Into the type itself, and as a typed object of AMF0, where the cycle cannot be written.
	b.Reset()
	options.Next = nil
	e = NewEncoder(&b)
	e.Registry = &registry
	if err := e.Encode(*options); err != nil {
		t.Fatal(err)
	}
	if b.Bytes()[0] != markerTypedObject {
		t.Errorf("AMF0 marker %#02x, want a typed object", b.Bytes()[0])
	}
	var same playOptions
	if err := Unmarshal(b.Bytes(), &same); err != nil || same != *options {
		t.Errorf("Unmarshal = %+v, %v; want %+v", same, err, options)
	}
}

func TestRegisterClassPanics(t *testing.T) {
	for name, register := range map[string]func(*Registry){
		"no alias": func(r *Registry) { r.RegisterClass("", playOptions{}) },
		"no type":  func(r *Registry) { r.RegisterClass("A", nil) },
		"a number": func(r *Registry) { r.RegisterClass("A", 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			register(new(Registry))
		}()
	}
}

// Decoded cycles and shared parts do not grow without end in Go types that have no identity.
func TestUnmarshalCycle(t *testing.T) {
	type list []list
	cycle := make([]any, 2)
	cycle[0], cycle[1] = cycle, cycle
	b, err := Marshal3(cycle)
	if err != nil {
		t.Fatal(err)
	}
	var l list
	if err := Unmarshal3(b, &l); !errors.Is(err, ErrLimit) {
		t.Errorf("Unmarshal3 of a cycle: %v, want %v", err, ErrLimit)
	}
	type node struct{ Next *node }
	object := &Object{Members: []Member{{"Next", nil}}}
	object.Members[0].Value = object
	if b, err = Marshal3(object); err != nil {
		t.Fatal(err)
	}
	var n *node
	if err := Unmarshal3(b, &n); err != nil || n.Next != n {
		t.Errorf("Unmarshal3 = %v, %v; want the cycle", n, err)
	}
}

// An error of storing does not end the stream.
func TestDecodeIntoGoesOn(t *testing.T) {
	d := NewDecoder(strings.NewReader("\x02\x00\x01a\x02\x00\x01b"))
	var n int
	var s string
	if _, ok := errors.AsType[*TypeError](d.DecodeInto(&n)); !ok {
		t.Error("a string was stored in an int")
	}
	if err := d.DecodeInto(&s); err != nil || s != "b" {
		t.Errorf("DecodeInto = %q, %v; want b", s, err)
	}
}

func TestUnmarshalPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_ = Unmarshal([]byte{markerNull}, 1)
}
