package amf

import "strconv"

// boolByte returns the byte for the flag of a vector or dictionary.
func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// appendVector appends the rest of a vector of numbers behind its marker.
func appendVector[T int32 | uint32 | float64](e *encoder, dst []byte, v *Vector[T], number func([]byte, T) []byte) ([]byte, error) {
	if v == nil {
		return append(dst[:len(dst)-1], marker3Null), nil
	}
	dst, known := e.reference(dst, v)
	if known {
		return dst, nil
	}
	if err := encodeLimit(e.spendElements(len(v.Values))); err != nil {
		return nil, err
	}
	dst, err := e.length(dst, len(v.Values))
	if err != nil {
		return nil, err
	}
	dst = append(dst, boolByte(v.Fixed))
	for _, n := range v.Values {
		dst = number(dst, n)
	}
	return dst, nil
}

func (e *encoder) vectorObject(dst []byte, v *VectorObject) ([]byte, error) {
	if v == nil {
		return append(dst, marker3Null), nil
	}
	dst, known := e.reference(append(dst, marker3VectorObject), v)
	if known {
		return dst, nil
	}
	if err := e.descend(); err != nil {
		return nil, err
	}
	defer e.leave()
	dst, err := e.length(dst, len(v.Values))
	if err != nil {
		return nil, err
	}
	if dst, err = e.string3(append(dst, boolByte(v.Fixed)), v.Class); err != nil {
		return nil, err
	}
	return e.values3(dst, v.Values)
}

func (e *encoder) dictionary(dst []byte, v *Dictionary) ([]byte, error) {
	if v == nil {
		return append(dst, marker3Null), nil
	}
	dst, known := e.reference(append(dst, marker3Dictionary), v)
	if known {
		return dst, nil
	}
	if err := e.descend(); err != nil {
		return nil, err
	}
	defer e.leave()
	dst, err := e.length(dst, len(v.Entries))
	if err != nil {
		return nil, err
	}
	dst = append(dst, boolByte(v.WeakKeys))
	for _, entry := range v.Entries {
		if i, ok := entry.Key.(int); ok {
			entry.Key = strconv.Itoa(i)
		}
		if dst, err = e.value3(dst, entry.Key); err != nil {
			return nil, err
		}
		if dst, err = e.value3(dst, entry.Value); err != nil {
			return nil, err
		}
	}
	return dst, nil
}
