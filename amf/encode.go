package amf

import (
	"fmt"
	"math"
	"reflect"
)

// Append appends v as one AMF0 value. AMF3 values, marked by AVMPlus, are written without references, so that the result
// can stand anywhere in a message. The default Limits hold; cycles exceed them, because AMF0 references are
// never written: many receivers do not know them. On error, an *EncodeError, dst is returned as it was.
func Append(dst []byte, v any) ([]byte, error) {
	return appendAll(dst, &encoder{budget: newBudget(Limits{})}, AMF0, v)
}

// AppendValues appends AMF0 values as the body of a whole message, which must begin with dst: unlike with Append, AMF3 values
// refer to each other and to what was in earlier ones. Limits and errors are those of Append.
func AppendValues(dst []byte, vals ...any) ([]byte, error) {
	return appendAll(dst, newEncoder(Limits{}, nil), AMF0, vals...)
}

// Append3 appends v as one AMF3 value with reference tables of its own: the result can stand only at the start of a
// message. Values, also cycles, that occur again are written as references. Limits and errors are those of Append.
func Append3(dst []byte, v any) ([]byte, error) {
	return appendAll(dst, newEncoder(Limits{}, nil), AMF3, v)
}

func appendAll(dst []byte, e *encoder, version Version, vals ...any) ([]byte, error) {
	out := dst
	for _, v := range vals {
		var err error
		if out, err = e.value(out, v, version); err != nil {
			return dst, err
		}
	}
	return out, nil
}

// encoder is the state of encoding one message.
type encoder struct {
	budget
	registry *Registry
	structs  map[reflect.Type]structInfo

	// references says that AMF3 values may refer to earlier ones. The tables map what was written to its index; they are
	// made when there is something to enter.
	references bool
	strings    map[string]uint32
	objects    map[any]uint32 // by identity
	traits     map[string]uint32
	nobjects   uint32 // objects without identity, such as dates, count too
}

func newEncoder(l Limits, r *Registry) *encoder {
	return &encoder{budget: newBudget(l), registry: r, references: true}
}

// value appends a value in either version.
func (e *encoder) value(dst []byte, v any, version Version) ([]byte, error) {
	if version == AMF3 {
		return e.value3(dst, v)
	}
	return e.value0(dst, v)
}

func encodeLimit(err error) error {
	if err == nil {
		return nil
	}
	return &EncodeError{Reason: err.Error(), Err: ErrLimit}
}

func (e *encoder) descend() error { return encodeLimit(e.enter()) }

// element counts a value.
func (e *encoder) element() error { return encodeLimit(e.spendElements(1)) }

// text counts a string that is about to be written.
func (e *encoder) text(n int) error { return encodeLimit(e.spendString(n)) }

// utf8 appends a name with its 16-bit length.
func (e *encoder) utf8(dst []byte, s string) ([]byte, error) {
	if len(s) > math.MaxUint16 {
		return nil, &EncodeError{Reason: fmt.Sprintf("name of %d bytes does not fit into 16 bits of length", len(s))}
	}
	if err := e.text(len(s)); err != nil {
		return nil, err
	}
	return appendShort(dst, s), nil
}
