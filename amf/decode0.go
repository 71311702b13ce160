package amf

import (
	"encoding/binary"
	"time"
)

// maxHint is how many members are reserved on the word of an ECMA array, whose count is often wrong.
const maxHint = 32

// value0 decodes an AMF0 value (AMF0 2.1). The caller has counted it.
func (d *decoder) value0() (any, error) {
	marker, err := d.byte()
	if err != nil {
		return nil, err
	}
	switch marker {
	case markerNumber:
		return d.double()
	case markerBoolean:
		b, err := d.byte()
		return b != 0, err
	case markerString:
		return d.utf8()
	case markerObject:
		return d.members0(&Object{}, 0)
	case markerNull:
		return nil, nil
	case markerUndefined:
		return Undefined{}, nil
	case markerReference:
		return d.reference0()
	case markerECMAArray:
		return d.ecmaArray()
	case markerStrictArray:
		return d.strictArray()
	case markerDate:
		return d.date0()
	case markerLongString:
		return d.utf8Long()
	case markerUnsupported:
		return Unsupported{}, nil
	case markerXMLDocument:
		s, err := d.utf8Long()
		return XML(s), err
	case markerTypedObject:
		class, err := d.utf8()
		if err != nil {
			return nil, err
		}
		return d.members0(&Object{Class: class}, 0)
	case markerAVMPlus:
		return d.value3()
	case markerMovieClip, markerRecordSet:
		return nil, d.syntaxError("reserved AMF0 marker %#02x", marker)
	case markerObjectEnd:
		return nil, d.syntaxError("object end marker outside of an object")
	}
	return nil, d.syntaxError("unknown AMF0 marker %#02x", marker)
}

// utf8 reads a name or short string: a 16-bit length and the text (AMF0 1.3.1).
func (d *decoder) utf8() (string, error) {
	n, err := d.uint16()
	if err != nil {
		return "", err
	}
	return d.str(uint32(n))
}

// utf8Long reads a text with a 32-bit length (AMF0 1.3.1).
func (d *decoder) utf8Long() (string, error) {
	n, err := d.uint32()
	if err != nil {
		return "", err
	}
	return d.str(n)
}

// reference0 reads an index into the objects and arrays that have begun before (AMF0 2.9).
func (d *decoder) reference0() (any, error) {
	i, err := d.uint16()
	if err != nil {
		return nil, err
	}
	if int(i) >= len(d.objects0) {
		return nil, d.syntaxError("reference %d to one of %d objects", i, len(d.objects0))
	}
	return d.objects0[i], nil
}

// date0 reads milliseconds and a time zone, which is reserved and ignored (AMF0 2.13).
func (d *decoder) date0() (time.Time, error) {
	ms, err := d.double()
	if err != nil {
		return time.Time{}, err
	}
	if _, err := d.uint16(); err != nil {
		return time.Time{}, err
	}
	return dateToTime(ms), nil
}

// strictArray reads a count and that many values (AMF0 2.12).
func (d *decoder) strictArray() (any, error) {
	declared, err := d.uint32()
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
	array := make([]any, n)
	d.objects0 = append(d.objects0, array)
	for i := range array {
		if array[i], err = d.value0(); err != nil {
			return nil, err
		}
	}
	return array, nil
}

// ecmaArray reads an associative array (AMF0 2.10).
func (d *decoder) ecmaArray() (any, error) {
	n, err := d.uint32()
	if err != nil {
		return nil, err
	}
	o := &Object{ECMA: true}
	if hint := min(int64(n), maxHint, int64(d.remaining()/3)); hint > 0 {
		o.Members = make([]Member, 0, hint)
	}
	return d.members0(o, n)
}

// members0 reads names and values up to the object end marker (AMF0 2.5). A count other than zero is the
// number of members that an ECMA array has announced.
func (d *decoder) members0(o *Object, count uint32) (any, error) {
	if err := d.descend(); err != nil {
		return nil, err
	}
	defer d.leave()
	d.objects0 = append(d.objects0, o)
	for {
		if d.endsHere(o, count) {
			return o, nil
		}
		name, err := d.utf8()
		if err != nil {
			return nil, err
		}
		if name == "" {
			marker, err := d.peek()
			if err != nil {
				return nil, err
			}
			if marker == markerObjectEnd {
				d.pos++
				return o, nil
			}
		}
		if err := d.elements1(); err != nil {
			return nil, err
		}
		v, err := d.value0()
		if err != nil {
			return nil, err
		}
		o.Members = append(o.Members, Member{Name: name, Value: v})
	}
}

// endsHere reports whether an object ends without its end marker. Encoders leave it out at the end of the
// message. Some leave it out of ECMA arrays, but count right: then the array ends after that many members if
// what follows cannot be a further member, because its name would go beyond the end. On a stream
// neither can be told.
func (d *decoder) endsHere(o *Object, count uint32) bool {
	if d.r != nil {
		return false
	}
	rest := d.buf[d.pos:]
	if len(rest) == 0 {
		return true
	}
	if count == 0 || uint64(len(o.Members)) != uint64(count) {
		return false
	}
	return len(rest) < 2 || 2+int(binary.BigEndian.Uint16(rest)) >= len(rest)
}
