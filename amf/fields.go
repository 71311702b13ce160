package amf

import (
	"reflect"
	"strings"
	"time"
)

// field is a struct field that is a member of the object.
type field struct {
	name      string
	index     []int
	omitEmpty bool
}

// structInfo is what the fields and tags of a struct type say.
type structInfo struct {
	fields []field
	ecma   bool
}

// inspect reads the fields and tags of a struct type, by the rules of Marshal.
func inspect(t reflect.Type) structInfo {
	var info structInfo
	for _, f := range reflect.VisibleFields(t) {
		name, options := parseTag(f)
		if f.Name == "_" {
			info.ecma = info.ecma || options == "ecma"
			continue
		}
		if !f.IsExported() || name == "-" || isFlattened(f) || !isPromoted(t, f.Index) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		info.fields = append(info.fields, field{name: name, index: f.Index, omitEmpty: options == "omitempty"})
	}
	return info
}

func parseTag(f reflect.StructField) (name, options string) {
	name, options, _ = strings.Cut(f.Tag.Get("amf"), ",")
	return name, options
}

// isFlattened reports whether f is an embedded struct whose fields count as those of the outer one.
func isFlattened(f reflect.StructField) bool {
	name, _ := parseTag(f)
	return f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct && !isValueType(f.Type)
}

// isPromoted reports whether all structs on the way to a field are flattened.
func isPromoted(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		if !isFlattened(t.FieldByIndex(index[:i])) {
			return false
		}
	}
	return true
}

// isValueType reports whether a struct type is a value of AMF rather than an object made of its fields.
func isValueType(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time](),
		reflect.TypeFor[Undefined](), reflect.TypeFor[Unsupported](), reflect.TypeFor[AVMPlus](),
		reflect.TypeFor[Object](), reflect.TypeFor[External](), reflect.TypeFor[Dictionary](), reflect.TypeFor[VectorObject](),
		reflect.TypeFor[Vector[int32]](), reflect.TypeFor[Vector[uint32]](), reflect.TypeFor[Vector[float64]]():
		return true
	}
	return false
}
