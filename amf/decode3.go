package amf

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
)

// value3 decodes an AMF3 value (AMF3 3.1). The caller has counted it.
func (d *decoder) value3() (any, error) {
	marker, err := d.byte()
	if err != nil {
		return nil, err
	}
	switch marker {
	case marker3Undefined:
		return Undefined{}, nil
	case marker3Null:
		return nil, nil
	case marker3False:
		return false, nil
	case marker3True:
		return true, nil
	case marker3Integer:
		u, err := d.u29()
		return int(int32(u<<3) >> 3), err // sign-extended from 29 bits
	case marker3Double:
		return d.double()
	case marker3String:
		return d.string3()
	case marker3XMLDocument:
		return d.xml3(func(s string) any { return XMLDocument(s) })
	case marker3XML:
		return d.xml3(func(s string) any { return XML(s) })
	case marker3Date:
		return d.date3()
	case marker3Array:
		return d.array3()
	case marker3Object:
		return d.object3()
	case marker3ByteArray:
		return d.byteArray()
	case marker3VectorInt:
		return vector(d, 4, func(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) })
	case marker3VectorUint:
		return vector(d, 4, binary.BigEndian.Uint32)
	case marker3VectorDouble:
		return vector(d, 8, func(b []byte) float64 { return math.Float64frombits(binary.BigEndian.Uint64(b)) })
	case marker3VectorObject:
		return d.vectorObject()
	case marker3Dictionary:
		return d.dictionary()
	}
	return nil, d.syntaxError("unknown AMF3 marker %#02x", marker)
}

// u29 reads a number of one to four bytes (AMF3 1.3.1).
func (d *decoder) u29() (uint32, error) {
	var u uint32
	for range 3 {
		b, err := d.byte()
		if err != nil {
			return 0, err
		}
		u = u<<7 | uint32(b&0x7f)
		if b < 0x80 {
			return u, nil
		}
	}
	b, err := d.byte()
	return u<<8 | uint32(b), err
}

// header reads the U29 of everything that is in the object table. For a reference, object is what it
// refers to; else it is nil and n holds the bits above the lowest.
func (d *decoder) header() (n uint32, object any, err error) {
	u, err := d.u29()
	if err != nil {
		return 0, nil, err
	}
	if u&objectLiteral != 0 {
		return u >> 1, nil, nil
	}
	object, err = d.objectAt(u >> 1)
	return 0, object, err
}

// objectAt resolves a reference. The object may still be incomplete.
func (d *decoder) objectAt(i uint32) (any, error) {
	if uint64(i) >= uint64(len(d.objects)) {
		return nil, d.syntaxError("reference %d to one of %d objects", i, len(d.objects))
	}
	return d.objects[i], nil
}

// string3 reads a string or name, literal or by reference (AMF3 1.3.2).
func (d *decoder) string3() (string, error) {
	u, err := d.u29()
	if err != nil {
		return "", err
	}
	if u&1 == 0 {
		if i := int(u >> 1); i < len(d.strings) {
			return d.strings[i], nil
		}
		return "", d.syntaxError("reference %d to one of %d strings", u>>1, len(d.strings))
	}
	s, err := d.str(u >> 1)
	if s != "" {
		d.strings = append(d.strings, s)
	}
	return s, err
}

// xml3 reads XML of either class; make gives it its type (AMF3 3.9, 3.13).
func (d *decoder) xml3(make func(string) any) (any, error) {
	n, object, err := d.header()
	if err != nil || object != nil {
		return object, err
	}
	s, err := d.str(n)
	if err != nil {
		return nil, err
	}
	v := make(s)
	d.objects = append(d.objects, v)
	return v, nil
}

// date3 reads milliseconds since 1970 (AMF3 3.10).
func (d *decoder) date3() (any, error) {
	_, object, err := d.header()
	if err != nil || object != nil {
		return object, err
	}
	ms, err := d.double()
	if err != nil {
		return nil, err
	}
	t := dateToTime(ms)
	d.objects = append(d.objects, t)
	return t, nil
}

// byteArray reads bytes, which get a place of their own (AMF3 3.14).
func (d *decoder) byteArray() (any, error) {
	n, object, err := d.header()
	if err != nil || object != nil {
		return object, err
	}
	size, err := d.length(n)
	if err != nil {
		return nil, err
	}
	b, err := d.take(size)
	if err != nil {
		return nil, err
	}
	b = append(make([]byte, 0, size), b...)
	d.objects = append(d.objects, b)
	return b, nil
}

// array3 reads the associative and then the dense part of an array (AMF3 3.11). What it becomes is known
// from the first name.
func (d *decoder) array3() (any, error) {
	declared, object, err := d.header()
	if err != nil || object != nil {
		return object, err
	}
	n, err := d.count(declared, 1)
	if err != nil {
		return nil, err
	}
	if err := d.descend(); err != nil {
		return nil, err
	}
	defer d.leave()
	name, err := d.string3()
	if err != nil {
		return nil, err
	}
	dense := make([]any, n)
	if name == "" {
		d.objects = append(d.objects, dense)
		return dense, d.values3(dense)
	}
	o := &Object{ECMA: true}
	d.objects = append(d.objects, o)
	if err := d.members3(o, name); err != nil {
		return nil, err
	}
	if n > 0 {
		o.Dense = dense
	}
	return o, d.values3(dense)
}

// values3 reads values that have been counted.
func (d *decoder) values3(values []any) (err error) {
	for i := range values {
		if values[i], err = d.value3(); err != nil {
			return err
		}
	}
	return nil
}

// members3 reads values and further names up to an empty name, beginning behind the first name.
func (d *decoder) members3(o *Object, name string) error {
	for name != "" {
		if err := d.elements1(); err != nil {
			return err
		}
		v, err := d.value3()
		if err != nil {
			return err
		}
		o.Members = append(o.Members, Member{Name: name, Value: v})
		if name, err = d.string3(); err != nil {
			return err
		}
	}
	return nil
}

// object3 reads an object of any kind (AMF3 3.12).
func (d *decoder) object3() (any, error) {
	u, err := d.u29()
	if err != nil {
		return nil, err
	}
	if u&objectLiteral == 0 {
		return d.objectAt(u >> 1)
	}
	t, err := d.readTraits(u)
	if err != nil {
		return nil, err
	}
	if err := d.descend(); err != nil {
		return nil, err
	}
	defer d.leave()
	if t.external {
		return d.external(t.class)
	}
	n, err := d.count(uint32(len(t.names)), 1)
	if err != nil {
		return nil, err
	}
	o := &Object{Class: t.class, Sealed: n, Dynamic: t.dynamic, Members: make([]Member, n)}
	d.objects = append(d.objects, o)
	for i, name := range t.names {
		o.Members[i].Name = name
		if o.Members[i].Value, err = d.value3(); err != nil {
			return nil, err
		}
	}
	if !t.dynamic {
		return o, nil
	}
	name, err := d.string3()
	if err != nil {
		return nil, err
	}
	return o, d.members3(o, name)
}

// readTraits reads what an object header says about the class: a reference, or the traits themselves.
func (d *decoder) readTraits(u uint32) (*traits, error) {
	if u&objectTraits == 0 {
		i := u >> objectTraitsShift
		if uint64(i) >= uint64(len(d.traits)) {
			return nil, d.syntaxError("reference %d to one of %d traits", i, len(d.traits))
		}
		return d.traits[i], nil
	}
	class, err := d.string3()
	if err != nil {
		return nil, err
	}
	t := &traits{class: class, external: u&objectExternal != 0}
	if !t.external {
		t.dynamic = u&objectDynamic != 0
		n, err := d.count(u>>objectCountShift, 1)
		if err != nil {
			return nil, err
		}
		t.names = make([]string, n)
		for i := range t.names {
			if t.names[i], err = d.string3(); err != nil {
				return nil, err
			}
		}
	}
	d.traits = append(d.traits, t)
	return t, nil
}

// external reads the body of an externalizable object, which only its class understands.
func (d *decoder) external(class string) (any, error) {
	codec := d.registry.externalizer(class)
	if codec == nil {
		return nil, &SyntaxError{Offset: d.offset(), Reason: "unknown externalizable class " + strconv.Quote(class), Err: ErrUnknownClass}
	}
	x := &External{Class: class}
	d.objects = append(d.objects, x)
	v, err := codec.ReadExternal(&DataInput{d})
	if err != nil {
		return nil, err
	}
	x.Value = v
	return x, nil
}

// vector reads a vector of numbers of size bytes each (AMF3 3.15).
func vector[T int32 | uint32 | float64](d *decoder, size int, number func([]byte) T) (any, error) {
	declared, object, err := d.header()
	if err != nil || object != nil {
		return object, err
	}
	fixed, err := d.byte()
	if err != nil {
		return nil, err
	}
	n, err := d.count(declared, size)
	if err != nil {
		return nil, err
	}
	b, err := d.take(n * size)
	if err != nil {
		return nil, err
	}
	v := &Vector[T]{Fixed: fixed != 0, Values: make([]T, 0, n)}
	for c := range slices.Chunk(b, size) {
		v.Values = append(v.Values, number(c))
	}
	d.objects = append(d.objects, v)
	return v, nil
}

// vectorObject reads a vector of objects (AMF3 3.15).
func (d *decoder) vectorObject() (any, error) {
	declared, object, err := d.header()
	if err != nil || object != nil {
		return object, err
	}
	fixed, err := d.byte()
	if err != nil {
		return nil, err
	}
	class, err := d.string3()
	if err != nil {
		return nil, err
	}
	n, err := d.count(declared, 1)
	if err != nil {
		return nil, err
	}
	if err := d.descend(); err != nil {
		return nil, err
	}
	defer d.leave()
	v := &VectorObject{Fixed: fixed != 0, Class: class, Values: make([]any, n)}
	d.objects = append(d.objects, v)
	return v, d.values3(v.Values)
}

// dictionary reads pairs of values (AMF3 3.16). BlazeDS writes the markers of false and true, 2 and 3, for weak keys.
func (d *decoder) dictionary() (any, error) {
	declared, object, err := d.header()
	if err != nil || object != nil {
		return object, err
	}
	weak, err := d.byte()
	if err != nil {
		return nil, err
	}
	n, err := d.count(declared*2, 1)
	if err != nil {
		return nil, err
	}
	if err := d.descend(); err != nil {
		return nil, err
	}
	defer d.leave()
	v := &Dictionary{WeakKeys: weak != 0 && weak != marker3False, Entries: make([]Entry, n/2)}
	d.objects = append(d.objects, v)
	for i := range v.Entries {
		if v.Entries[i].Key, err = d.value3(); err != nil {
			return nil, err
		}
		if v.Entries[i].Value, err = d.value3(); err != nil {
			return nil, err
		}
	}
	return v, nil
}
