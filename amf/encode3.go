package amf

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// value3 appends an AMF3 value and counts it.
func (e *encoder) value3(dst []byte, v any) ([]byte, error) {
	if err := e.element(); err != nil {
		return nil, err
	}
	return e.encode3(dst, v)
}

func (e *encoder) encode3(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, marker3Null), nil
	case Undefined, Unsupported:
		return append(dst, marker3Undefined), nil
	case bool:
		if v {
			return append(dst, marker3True), nil
		}
		return append(dst, marker3False), nil
	case int:
		return appendInteger(dst, v), nil
	case float64:
		return appendDouble(append(dst, marker3Double), v), nil
	case string:
		return e.string3(append(dst, marker3String), v)
	case XML:
		return e.bytes3(append(dst, marker3XML), string(v))
	case XMLDocument:
		return e.bytes3(append(dst, marker3XMLDocument), string(v))
	case time.Time:
		e.nobjects++
		return appendDouble(append(dst, marker3Date, objectLiteral), timeToDate(v)), nil
	case AVMPlus:
		return e.encode3(dst, v.Value)
	}
	return e.encodeObject3(dst, v)
}

// encodeObject3 appends what may be referred to later.
func (e *encoder) encodeObject3(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		if dst, known := e.reference(append(dst, marker3ByteArray), sliceKey(v)); known {
			return dst, nil
		}
		return e.byteArray(append(dst, marker3ByteArray), v)
	case []any:
		return e.array3(dst, v)
	case *Object:
		if v == nil {
			return append(dst, marker3Null), nil
		}
		return e.object3(dst, v, v)
	case *External:
		return e.external(dst, v)
	case *Vector[int32]:
		return appendVector(e, append(dst, marker3VectorInt), v, func(b []byte, i int32) []byte { return appendUint32(b, uint32(i)) })
	case *Vector[uint32]:
		return appendVector(e, append(dst, marker3VectorUint), v, appendUint32)
	case *Vector[float64]:
		return appendVector(e, append(dst, marker3VectorDouble), v, appendDouble)
	case *VectorObject:
		return e.vectorObject(dst, v)
	case *Dictionary:
		return e.dictionary(dst, v)
	}
	p, err := e.plain(v)
	if err != nil {
		return nil, err
	}
	if o, ok := p.(*Object); ok && o != nil && reflect.TypeOf(v).Kind() == reflect.Pointer {
		return e.object3(dst, o, v) // the pointer is the identity, o is made anew each time
	}
	return e.encode3(dst, p)
}

// appendInteger appends an integer, or a double if it has more than 29 bits (AMF3 3.6).
func appendInteger(dst []byte, i int) []byte {
	if i < minInteger || i > maxInteger {
		return appendDouble(append(dst, marker3Double), float64(i))
	}
	return appendU29(append(dst, marker3Integer), uint32(i)&maxU29)
}

// length appends the U29 of a literal with n elements or bytes.
func (e *encoder) length(dst []byte, n int) ([]byte, error) {
	if n > maxU29>>1 {
		return nil, &EncodeError{Reason: fmt.Sprintf("length %d does not fit into AMF3", n)}
	}
	return appendU29(dst, uint32(n)<<1|objectLiteral), nil
}

// string3 appends a string or name, the empty one never as a reference (AMF3 1.3.2).
func (e *encoder) string3(dst []byte, s string) ([]byte, error) {
	if i, ok := e.strings[s]; ok {
		return appendU29(dst, i<<1), nil
	}
	if err := e.text(len(s)); err != nil {
		return nil, err
	}
	if e.references && s != "" {
		if e.strings == nil {
			e.strings = make(map[string]uint32)
		}
		e.strings[s] = uint32(len(e.strings))
	}
	dst, err := e.length(dst, len(s))
	return append(dst, s...), err
}

// bytes3 appends text or bytes that are not in the table of strings but in that of objects.
func (e *encoder) bytes3(dst []byte, s string) ([]byte, error) {
	e.nobjects++
	if err := e.text(len(s)); err != nil {
		return nil, err
	}
	dst, err := e.length(dst, len(s))
	return append(dst, s...), err
}

// byteArray appends bytes that reference has entered in the table.
func (e *encoder) byteArray(dst, b []byte) ([]byte, error) {
	if err := e.text(len(b)); err != nil {
		return nil, err
	}
	dst, err := e.length(dst, len(b))
	return append(dst, b...), err
}

// sliceIdentity tells slices apart as pointers tell objects.
type sliceIdentity[T any] struct {
	first *T
	n     int
}

// sliceKey returns the identity of a slice; empty slices have none.
func sliceKey[T any](s []T) any {
	if len(s) == 0 {
		return nil
	}
	return sliceIdentity[T]{&s[0], len(s)}
}

// reference appends a reference if the object was written before. Else it gives the object the next index; the
// caller then writes it out. A nil key has no identity.
func (e *encoder) reference(dst []byte, key any) (_ []byte, known bool) {
	if e.references && key != nil {
		if i, ok := e.objects[key]; ok {
			return appendU29(dst, i<<1), true
		}
		if e.objects == nil {
			e.objects = make(map[any]uint32)
		}
		e.objects[key] = e.nobjects
	}
	e.nobjects++
	return dst, false
}

func (e *encoder) array3(dst []byte, values []any) ([]byte, error) {
	dst, known := e.reference(append(dst, marker3Array), sliceKey(values))
	if known {
		return dst, nil
	}
	if err := e.descend(); err != nil {
		return nil, err
	}
	defer e.leave()
	dst, err := e.length(dst, len(values))
	if err != nil {
		return nil, err
	}
	return e.values3(append(dst, 1), values) // no associative part: an empty name
}

func (e *encoder) values3(dst []byte, values []any) (_ []byte, err error) {
	for _, v := range values {
		if dst, err = e.value3(dst, v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// object3 appends an object or associative array; key is its identity.
func (e *encoder) object3(dst []byte, o *Object, key any) ([]byte, error) {
	array := o.ECMA && o.Class == ""
	marker := marker3Object
	if array {
		marker = marker3Array
	}
	dst, known := e.reference(append(dst, marker), key)
	if known {
		return dst, nil
	}
	if err := e.descend(); err != nil {
		return nil, err
	}
	defer e.leave()
	if array {
		dst, err := e.length(dst, len(o.Dense))
		if err != nil {
			return nil, err
		}
		if dst, err = e.members3(dst, o.Members); err != nil {
			return nil, err
		}
		return e.values3(dst, o.Dense)
	}
	sealed := o.sealed()
	dynamic := o.Dynamic || sealed < len(o.Members) || o.Class == "" && sealed == 0
	dst, err := e.appendTraits(dst, o.Class, o.Members[:sealed], dynamic)
	if err != nil {
		return nil, err
	}
	for _, m := range o.Members[:sealed] {
		if dst, err = e.value3(dst, m.Value); err != nil {
			return nil, err
		}
	}
	if !dynamic {
		return dst, nil
	}
	return e.members3(dst, o.Members[sealed:])
}

// members3 appends names and values and the empty name that ends them.
func (e *encoder) members3(dst []byte, members []Member) (_ []byte, err error) {
	for _, m := range members {
		if m.Name == "" {
			return nil, &EncodeError{Reason: "an added member with an empty name has no form in AMF3"}
		}
		if dst, err = e.string3(dst, m.Name); err != nil {
			return nil, err
		}
		if dst, err = e.value3(dst, m.Value); err != nil {
			return nil, err
		}
	}
	return append(dst, 1), nil
}

// appendTraits appends the header of an object: its traits, or a reference to equal ones.
func (e *encoder) appendTraits(dst []byte, class string, sealed []Member, dynamic bool) ([]byte, error) {
	header := uint32(objectLiteral | objectTraits)
	if dynamic {
		header |= objectDynamic
	}
	dst, known := e.traitsReference(dst, header, class, sealed)
	if known {
		return dst, nil
	}
	if len(sealed) > maxU29>>objectCountShift {
		return nil, &EncodeError{Reason: fmt.Sprintf("%d sealed members do not fit into AMF3", len(sealed))}
	}
	dst, err := e.string3(appendU29(dst, header|uint32(len(sealed))<<objectCountShift), class)
	if err != nil {
		return nil, err
	}
	for _, m := range sealed {
		if err := e.element(); err != nil {
			return nil, err
		}
		if dst, err = e.string3(dst, m.Name); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// traitsReference is what reference is for objects.
func (e *encoder) traitsReference(dst []byte, header uint32, class string, sealed []Member) (_ []byte, known bool) {
	if !e.references {
		return dst, false
	}
	key := []byte{byte(header)}
	key = append(binary.AppendUvarint(key, uint64(len(class))), class...)
	for _, m := range sealed {
		key = append(binary.AppendUvarint(key, uint64(len(m.Name))), m.Name...)
	}
	if i, ok := e.traits[string(key)]; ok {
		return appendU29(dst, i<<objectTraitsShift|objectLiteral), true
	}
	if e.traits == nil {
		e.traits = make(map[string]uint32)
	}
	e.traits[string(key)] = uint32(len(e.traits))
	return dst, false
}

func (e *encoder) external(dst []byte, x *External) ([]byte, error) {
	if x == nil {
		return append(dst, marker3Null), nil
	}
	dst, known := e.reference(append(dst, marker3Object), x)
	if known {
		return dst, nil
	}
	codec := e.registry.externalizer(x.Class)
	if codec == nil {
		return nil, &EncodeError{Reason: "unknown externalizable class " + strconv.Quote(x.Class), Err: ErrUnknownClass}
	}
	if err := e.descend(); err != nil {
		return nil, err
	}
	defer e.leave()
	const header = objectLiteral | objectTraits | objectExternal
	if dst, known = e.traitsReference(dst, header, x.Class, nil); !known {
		var err error
		if dst, err = e.string3(appendU29(dst, header), x.Class); err != nil {
			return nil, err
		}
	}
	out := DataOutput{e: e, buf: dst}
	if err := codec.WriteExternal(&out, x.Value); err != nil {
		return nil, fmt.Errorf("amf: encode class %q: %w", x.Class, err)
	}
	return out.buf, nil
}
