package amf

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

const (
	uuid      = "0A0B0C0D-0102-0304-0506-0708090A0B0C"
	uuidBytes = "\x0a\x0b\x0c\x0d\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"
)

// header3 returns the start of an externalizable object.
func header3(class string) string {
	return "\x0a\x07" + string(appendU29(nil, uint32(len(class))<<1|1)) + class
}

func TestFlexClasses(t *testing.T) {
	tests := []struct {
		name  string
		b     string
		class string
		value any
		other bool // what we write is not the same
	}{
		{name: "ArrayList", class: ClassArrayList, b: "\x09\x03\x01\x03", value: []any{true}},
		{name: "ArrayCollection of null", class: ClassArrayCollection, b: "\x01", value: nil},
		{name: "ObjectProxy", class: ClassObjectProxy, b: "\x0a\x0b\x01\x01", value: &Object{Dynamic: true, Members: []Member{}}},
		{name: "SerializationProxy", class: ClassSerializationProxy, b: "\x04\x07", value: 7},
		{name: "ManagedObjectProxy", class: ClassManagedObjectProxy, b: "\x04\x02\x06\x03a\x03\x06\x03b\x02", value: NewObject("a", true, "b", false)},
		{
			name: "async message", class: ClassAsyncMessageExt,
			b:     "\x95\x03\x03\x06\x09news\x04\x05\x0c\x21" + uuidBytes + "\x0c\x21" + uuidBytes + "\x01\x03",
			value: NewObject("body", true, "destination", "news", "messageId", 5, "clientId", uuid, "messageId", uuid, "correlationId", true),
			other: true, // two forms of messageId
		},
		{
			name: "acknowledge message", class: ClassAcknowledgeMessageExt,
			b:     "\x81\x01\x02\x0c\x21" + uuidBytes + "\x02\x0c\x21" + strings.Repeat("\x00", 16) + "\x00",
			value: NewObject("body", false, "clientId", uuid, "correlationId", "00000000-0000-0000-0000-000000000000"),
		},
		{name: "command message", class: ClassCommandMessageExt, b: "\x00\x00\x01\x04\x05", value: NewObject("operation", 5)},
		{name: "ids that are no UUIDs", class: ClassAsyncMessageExt, b: "\x02\x06\x05id\x01\x06\x03c", value: NewObject("clientId", "id", "correlationId", "c")},
		{
			name: "flags without name", class: ClassAcknowledgeMessageExt,
			b: "\x80\x00\x7d\x04\x01\x04\x02\x04\x03\x04\x04\x04\x05\x3f\x04\x01\x04\x02\x04\x03\x04\x04\x04\x05\x04\x06", value: NewObject("correlationId", 1),
			other: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := []byte(header3(tt.class) + tt.b)
			got, err := Decode3(b, Limits{})
			want := []any{&External{Class: tt.class, Value: tt.value}}
			if err != nil {
				t.Fatalf("Decode3(%x): %v", b, err)
			}
			if o, ok := got[0].(*External).Value.(*Object); ok && o.Members == nil {
				o.Members = []Member{}
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("Decode3(%x) = %v, want %v", b, got[0].(*External).Value, tt.value)
			}
			encoded, err := Append3(nil, got[0])
			if err != nil || !tt.other && !bytes.Equal(encoded, b) {
				t.Errorf("Append3 = %x, %v; want %x", encoded, err, b)
			}
		})
	}
}

func TestFlexErrors(t *testing.T) {
	tests := []struct{ name, b string }{
		{"count is text", header3(ClassManagedObjectProxy) + "\x06\x031"},
		{"name is a number", header3(ClassManagedObjectProxy) + "\x04\x01\x04\x01\x04\x01"},
		{"nothing but flags", header3(ClassAsyncMessageExt) + strings.Repeat("\xff", 20)},
	}
	for _, tt := range tests {
		if v, err := Decode3([]byte(tt.b), Limits{}); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v, %v; want a syntax error", tt.name, v, err)
		}
	}
	for _, body := range []string{header3(ClassManagedObjectProxy) + "\x04\x01\x06\x03a\x03", header3(ClassCommandMessageExt) + "\x80\x01\x0c\x21" + uuidBytes + "\x00\x00"} {
		for n := 1; n < len(body); n++ {
			if v, err := Decode3([]byte(body[:n]), Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("Decode3(%x) = %v, %v; want unexpected EOF", body[:n], v, err)
			}
		}
	}
}

// version is an externalizable class that uses all of DataInput and DataOutput.
type version struct {
	Major byte
	Minor uint32
	Ratio float64
	Name  string
	Raw   []byte
	Extra any
}

type versionCodec struct{}

func (versionCodec) ReadExternal(in *DataInput) (any, error) {
	var v version
	var errs [6]error
	v.Major, errs[0] = in.Byte()
	v.Minor, errs[1] = in.UnsignedInt()
	v.Ratio, errs[2] = in.Double()
	v.Name, errs[3] = in.UTF()
	v.Raw, errs[4] = in.Bytes(3)
	v.Extra, errs[5] = in.Object()
	return v, errors.Join(errs[:]...)
}

func (versionCodec) WriteExternal(out *DataOutput, value any) error {
	v, ok := value.(version)
	if !ok {
		return errors.New("not a version")
	}
	out.Byte(v.Major)
	out.UnsignedInt(v.Minor)
	out.Double(v.Ratio)
	if err := out.UTF(v.Name); err != nil {
		return err
	}
	out.Bytes(v.Raw)
	return out.Object(v.Extra)
}

func TestRegisteredExternalizer(t *testing.T) {
	var registry Registry
	registry.RegisterExternalizer("V", versionCodec{})
	x := &External{Class: "V", Value: version{1, 2, 0.5, "v", []byte("raw"), []any{"V", nil}}}
	x.Value.(version).Extra.([]any)[1] = x // a reference to itself, and "V" to the class name

	var b bytes.Buffer
	e := NewEncoder(&b)
	e.Version, e.Registry = AMF3, &registry
	if err := e.Encode([]any{x, x}); err != nil {
		t.Fatal(err)
	}
	want := "\x09\x05\x01\x0a\x07\x03V\x01\x00\x00\x00\x02\x3f\xe0\x00\x00\x00\x00\x00\x00\x00\x01vraw\x09\x05\x01\x06\x00\x0a\x02\x0a\x02"
	if b.String() != want {
		t.Fatalf("Encode wrote %x, want %x", b.Bytes(), want)
	}
	d := NewDecoder(&b)
	d.Version, d.Registry = AMF3, &registry
	got, err := d.Decode()
	if err != nil || !reflect.DeepEqual(got, []any{x, x}) {
		t.Errorf("Decode = %v, %v", got, err)
	}

	e.Reset(io.Discard)
	if err := e.Encode(&External{Class: "V", Value: 1}); err == nil {
		t.Error("a value of the wrong type was encoded")
	}
	e.Reset(io.Discard)
	if err := e.Encode(&External{Class: "V", Value: version{Name: strings.Repeat("v", 65536)}}); err == nil {
		t.Error("a text of 64 KiB was encoded as UTF")
	}
	if _, err := Decode3([]byte(want), Limits{}); !errors.Is(err, ErrUnknownClass) {
		t.Errorf("without the registry: %v, want %v", err, ErrUnknownClass)
	}
}
