package amf

import (
	"maps"
	"math"
	"reflect"
	"slices"
)

// Marshal returns the AMF0 form of v, which may be any value that the package comment lists, or:
//
//   - any boolean, integer, floating-point or string type, as Boolean, Number or String;
//   - a slice or array, as a Strict Array;
//   - a map with string keys, as an Object with its names in order;
//   - a struct, as an Object with a member for each exported field;
//   - a pointer to such a value; nil is Null, and so is a nil map.
//
// A field tag `amf:"name"` gives the member its name, else it is that of the field. After a comma, "omitempty" leaves the
// member out when the field is false, 0, nil, an empty string, slice or map, or has an IsZero method that says so. The
// name "-" leaves the field out. The fields of an embedded struct count as fields of the outer one, unless it has a
// name of its own. A blank field with the tag `amf:",ecma"` makes the struct an ECMA Array.
//
// AMF0 has no form for []byte and the other AMF3 types: wrap them, or what holds them, in AVMPlus. Limits and
// errors are those of Append.
func Marshal(v any) ([]byte, error) { return Append(nil, v) }

// Marshal3 returns the AMF3 form of v, by the rules of Marshal. Integers of up to 29 bits are integers, others are
// doubles; a slice is an array, but a slice of bytes is a ByteArray.
func Marshal3(v any) ([]byte, error) { return Append3(nil, v) }

// plain turns a Go value that the encoders do not know by its type into one nearer to those they know. The values inside
// are left as they are.
func (e *encoder) plain(v any) (any, error) {
	switch v := v.(type) {
	case Object:
		return &v, nil
	case External:
		return &v, nil
	case Dictionary:
		return &v, nil
	case VectorObject:
		return &v, nil
	case Vector[int32]:
		return &v, nil
	case Vector[uint32]:
		return &v, nil
	case Vector[float64]:
		return &v, nil
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		if rv.IsNil() {
			return nil, nil
		}
		// Counted, so that a pointer to itself comes to an end.
		if err := e.element(); err != nil {
			return nil, err
		}
		if rv = rv.Elem(); rv.Kind() != reflect.Struct || isValueType(rv.Type()) {
			return rv.Interface(), nil
		}
	}
	switch rv.Kind() {
	case reflect.Bool:
		return rv.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if i := rv.Int(); i >= math.MinInt && i <= math.MaxInt {
			return int(i), nil
		}
		return float64(rv.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if u := rv.Uint(); u <= math.MaxInt {
			return int(u), nil
		}
		return float64(rv.Uint()), nil
	case reflect.Float32, reflect.Float64:
		return rv.Float(), nil
	case reflect.String:
		return rv.String(), nil
	case reflect.Slice, reflect.Array:
		return plainList(rv), nil
	case reflect.Map:
		return plainMap(rv)
	case reflect.Struct:
		return e.plainStruct(rv), nil
	}
	return nil, &EncodeError{Type: rv.Type(), Reason: "has no form in AMF"}
}

// plainList returns bytes as []byte and other lists as []any.
func plainList(rv reflect.Value) any {
	if rv.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, rv.Len())
		reflect.Copy(reflect.ValueOf(b), rv)
		return b
	}
	values := make([]any, rv.Len())
	for i := range values {
		values[i] = rv.Index(i).Interface()
	}
	return values
}

func plainMap(rv reflect.Value) (any, error) {
	if rv.Type().Key().Kind() != reflect.String {
		return nil, &EncodeError{Type: rv.Type(), Reason: "the keys are not strings"}
	}
	if rv.IsNil() {
		return nil, nil
	}
	values := make(map[string]any, rv.Len())
	for key, v := range rv.Seq2() {
		values[key.String()] = v.Interface()
	}
	o := &Object{Members: make([]Member, 0, len(values))}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		o.Members = append(o.Members, Member{Name: name, Value: values[name]})
	}
	return o, nil
}

// plainStruct returns the members of a struct. Those of a registered class are sealed and all there.
func (e *encoder) plainStruct(rv reflect.Value) *Object {
	info, ok := e.structs[rv.Type()]
	if !ok {
		info = inspect(rv.Type())
		if e.structs == nil {
			e.structs = make(map[reflect.Type]structInfo)
		}
		e.structs[rv.Type()] = info
	}
	o := &Object{
		Class:   e.registry.alias(rv.Type()),
		ECMA:    info.ecma,
		Members: make([]Member, 0, len(info.fields)),
	}
	for _, f := range info.fields {
		v := rv.FieldByIndex(f.index)
		if f.omitEmpty && o.Class == "" && isEmpty(v) {
			continue
		}
		o.Members = append(o.Members, Member{Name: f.name, Value: v.Interface()})
	}
	if o.Class != "" {
		o.Sealed = len(o.Members)
	}
	return o
}

// isEmpty reports whether omitempty leaves a field out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	if z, ok := reflect.TypeAssert[interface{ IsZero() bool }](v); ok && v.Kind() != reflect.Pointer {
		return z.IsZero()
	}
	return v.IsZero()
}
