package amf

import (
	"reflect"
	"strconv"
	"time"
)

// value0 appends an AMF0 value and counts it.
func (e *encoder) value0(dst []byte, v any) ([]byte, error) {
	if err := e.element(); err != nil {
		return nil, err
	}
	return e.encode0(dst, v)
}

func (e *encoder) encode0(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return AppendNull(dst), nil
	case Undefined:
		return AppendUndefined(dst), nil
	case Unsupported:
		return append(dst, markerUnsupported), nil
	case float64:
		return AppendNumber(dst, v), nil
	case int:
		return AppendNumber(dst, float64(v)), nil
	case bool:
		return AppendBool(dst, v), nil
	case string:
		if err := e.text(len(v)); err != nil {
			return nil, err
		}
		return AppendString(dst, v), nil
	case XML:
		return e.xml0(dst, string(v))
	case XMLDocument:
		return e.xml0(dst, string(v))
	case time.Time:
		return AppendDate(dst, v), nil
	case *Object:
		if v == nil {
			return AppendNull(dst), nil
		}
		return e.object0(dst, v)
	case []any:
		return e.strictArray(dst, v)
	case AVMPlus:
		return e.encode3(append(dst, markerAVMPlus), v.Value)
	case []byte, *External, *Dictionary, *VectorObject, *Vector[int32], *Vector[uint32], *Vector[float64]:
		return nil, &EncodeError{Type: reflect.TypeOf(v), Reason: "has no form in AMF0, AVMPlus would make it AMF3"}
	}
	p, err := e.plain(v)
	if err != nil {
		return nil, err
	}
	return e.encode0(dst, p)
}

func (e *encoder) xml0(dst []byte, s string) ([]byte, error) {
	if err := e.text(len(s)); err != nil {
		return nil, err
	}
	return appendLong(append(dst, markerXMLDocument), s), nil
}

func (e *encoder) strictArray(dst []byte, values []any) (_ []byte, err error) {
	if err := e.descend(); err != nil {
		return nil, err
	}
	defer e.leave()
	dst = appendUint32(append(dst, markerStrictArray), uint32(len(values)))
	for _, v := range values {
		if dst, err = e.value0(dst, v); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func (e *encoder) object0(dst []byte, o *Object) (_ []byte, err error) {
	if err := e.descend(); err != nil {
		return nil, err
	}
	defer e.leave()
	switch {
	case o.Class != "":
		if dst, err = e.utf8(append(dst, markerTypedObject), o.Class); err != nil {
			return nil, err
		}
	case o.ECMA:
		dst = appendUint32(append(dst, markerECMAArray), uint32(len(o.Dense)+len(o.Members)))
		for i, v := range o.Dense {
			if dst, err = e.member0(dst, strconv.Itoa(i), v); err != nil {
				return nil, err
			}
		}
	default:
		dst = append(dst, markerObject)
	}
	for _, m := range o.Members {
		if dst, err = e.member0(dst, m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	return append(dst, 0, 0, markerObjectEnd), nil
}

func (e *encoder) member0(dst []byte, name string, v any) ([]byte, error) {
	dst, err := e.utf8(dst, name)
	if err != nil {
		return nil, err
	}
	return e.value0(dst, v)
}
