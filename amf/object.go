package amf

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Member is one property of an Object.
type Member struct {
	Name  string
	Value any
}

// Object is an object, a typed object or an ECMA array. The order of the members is kept, because some
// receivers depend on it, and so are duplicates. It is used by pointer, so that references and cycles keep
// their identity. The zero value is an empty anonymous object. It is not safe for concurrent change.
type Object struct {
	// Class is the class alias of a typed object, "" for an anonymous one.
	Class string
	// ECMA marks an associative array: AMF0 writes an ECMA array, AMF3 an array. It has no effect with a Class.
	ECMA bool
	// Sealed is the number of leading Members that belong to the class, the others were added to the object
	// (AMF3 3.12). AMF0 does not know the difference. More than len(Members) means all of them.
	Sealed int
	// Dynamic says that the class allows added members. It is implied when there are some, and for
	// anonymous objects without sealed members.
	Dynamic bool
	// Dense holds the values with the keys 0, 1, 2 … of an AMF3 array that has Members too. AMF0 writes them
	// as members of those names. It has no effect without ECMA.
	Dense []any
	// Members are the properties, in the order of the wire.
	Members []Member
}

// NewObject returns an anonymous object with the given members, as alternating names and values. It panics
// if their number is odd or a name is not a string.
func NewObject(kv ...any) *Object {
	if len(kv)%2 != 0 {
		panic("amf: NewObject: name without value")
	}
	o := &Object{Members: make([]Member, 0, len(kv)/2)}
	for i := 0; i < len(kv); i += 2 {
		name, ok := kv[i].(string)
		if !ok {
			panic(fmt.Sprintf("amf: NewObject: name is a %T, not a string", kv[i]))
		}
		o.Members = append(o.Members, Member{Name: name, Value: kv[i+1]})
	}
	return o
}

// index returns the position of the last member of that name, or -1.
func (o *Object) index(name string) int {
	for i, m := range slices.Backward(o.Members) {
		if m.Name == name {
			return i
		}
	}
	return -1
}

// Get returns the value of a member and whether it is there. Of duplicates the last one counts. A nil
// Object has no members.
func (o *Object) Get(name string) (any, bool) {
	if o == nil {
		return nil, false
	}
	if i := o.index(name); i >= 0 {
		return o.Members[i].Value, true
	}
	return nil, false
}

// Text returns the value of a member that is a string or XML, and "" when it is absent or something else.
func (o *Object) Text(name string) string {
	v, _ := o.Get(name)
	switch v := v.(type) {
	case string:
		return v
	case XML:
		return string(v)
	case XMLDocument:
		return string(v)
	}
	return ""
}

// Number returns the value of a member as a number. Encoders send numbers as booleans and as text, so those
// count too. ok is false when the member is absent, something else, or not finite.
func (o *Object) Number(name string) (f float64, ok bool) {
	v, _ := o.Get(name)
	f, ok = toNumber(v)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, false
	}
	return f, true
}

// Bool returns the value of a member as a boolean. Numbers count too, zero being false, and so does the text
// "true" or "false". ok is false when the member is absent or something else.
func (o *Object) Bool(name string) (b, ok bool) {
	v, _ := o.Get(name)
	return toBool(v)
}

// Object returns the value of a member that is an object or ECMA array, or an externalizable object around one,
// and nil when it is absent or something else. Since all read methods accept a nil Object, calls can be chained.
func (o *Object) Object(name string) *Object {
	v, _ := o.Get(name)
	if x, ok := v.(*External); ok && x != nil {
		v = x.Value
	}
	member, _ := v.(*Object)
	return member
}

// Set gives a member a value: in place if the member is there, else as the last member.
func (o *Object) Set(name string, v any) {
	if i := o.index(name); i >= 0 {
		o.Members[i].Value = v
		return
	}
	o.Members = append(o.Members, Member{Name: name, Value: v})
}

// Delete removes all members of that name. Deleting what is absent, or from a nil Object, does nothing.
func (o *Object) Delete(name string) {
	if o == nil {
		return
	}
	for _, m := range o.Members[:o.sealed()] {
		if m.Name == name {
			o.Sealed--
		}
	}
	o.Members = slices.DeleteFunc(o.Members, func(m Member) bool { return m.Name == name })
}

// sealed returns the number of sealed members, within bounds.
func (o *Object) sealed() int {
	return max(0, min(o.Sealed, len(o.Members)))
}

// toNumber converts what peers send where a number is expected.
func toNumber(v any) (f float64, ok bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
		return f, err == nil
	}
	return 0, false
}

// toBool converts what peers send where a boolean is expected.
func toBool(v any) (b, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case float64:
		return v != 0, !math.IsNaN(v)
	case int:
		return v != 0, true
	case string:
		return v == "true", v == "true" || v == "false"
	}
	return false, false
}
