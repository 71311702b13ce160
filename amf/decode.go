package amf

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Decode decodes all AMF0 values of a message body. The limits are for the message as a whole; the AMF3 values
// behind markers 0x11 share their reference tables. The values do not point into b.
//
// If it fails, the values before the bad one are returned with the error, a *SyntaxError. For a body that is
// cut off it wraps io.ErrUnexpectedEOF, with one exception: where a member name should stand, the end of the
// body ends the object, because some encoders leave out the last end marker of onMetaData.
func Decode(b []byte, l Limits) (vals []any, err error) {
	return decodeAll(newDecoder(b, l), AMF0)
}

// Decode3 is Decode for a body of AMF3 values.
func Decode3(b []byte, l Limits) (vals []any, err error) {
	return decodeAll(newDecoder(b, l), AMF3)
}

// DecodeValue decodes the AMF0 value at the start of b and returns it with the number of bytes that it took. It is
// for bodies that mix values with other fields, as shared objects do. Limits and errors are those of Decode;
// an empty b is io.ErrUnexpectedEOF.
func DecodeValue(b []byte, l Limits) (v any, n int, err error) {
	d := newDecoder(b, l)
	v, err = d.next(AMF0)
	if err != nil {
		return nil, 0, err
	}
	return v, d.pos, nil
}

func decodeAll(d *decoder, version Version) (vals []any, err error) {
	for d.pos < len(d.buf) {
		v, err := d.next(version)
		if err != nil {
			return vals, err
		}
		vals = append(vals, v)
	}
	return vals, nil
}

// decoder is the state of decoding one message.
type decoder struct {
	source
	budget
	registry *Registry

	objects0 []any // AMF0 objects and arrays, by start (AMF0 2.9)

	strings []string  // AMF3 3.8
	objects []any     // AMF3 objects, arrays, dates, …, by start
	traits  []*traits // AMF3 3.12
}

// traits describe the class of an AMF3 object.
type traits struct {
	class    string
	names    []string // of the sealed members
	dynamic  bool
	external bool
}

func newDecoder(b []byte, l Limits) *decoder {
	return &decoder{source: source{buf: b}, budget: newBudget(l)}
}

// next decodes one value of the message. Values are counted here and in the loops of those that hold others.
func (d *decoder) next(version Version) (any, error) {
	if err := d.elements1(); err != nil {
		return nil, err
	}
	var v any
	var err error
	if version == AMF3 {
		v, err = d.value3()
	} else {
		v, err = d.value0()
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// syntaxError returns an error about the byte just read.
func (d *decoder) syntaxError(format string, args ...any) error {
	return &SyntaxError{Offset: max(0, d.offset()-1), Reason: fmt.Sprintf(format, args...)}
}

// limitError gives an error of the budget its place.
func (d *decoder) limitError(err error) error {
	if err == nil {
		return nil
	}
	return &SyntaxError{Offset: d.offset(), Reason: err.Error(), Err: ErrLimit}
}

func (d *decoder) descend() error   { return d.limitError(d.enter()) }
func (d *decoder) elements1() error { return d.limitError(d.spendElements(1)) }

// count admits n elements of at least size bytes each. A number that the rest of the message cannot hold is
// treated as the cut-off message that it is, before anything is reserved.
func (d *decoder) count(n uint32, size int) (int, error) {
	if uint64(n)*uint64(size) > uint64(d.remaining()) {
		return 0, d.cutOff()
	}
	return int(n), d.limitError(d.spendElements(int(n)))
}

// length admits n bytes of text.
func (d *decoder) length(n uint32) (int, error) {
	if uint64(n) > uint64(d.remaining()) {
		return 0, d.cutOff()
	}
	return int(n), d.limitError(d.spendString(int(n)))
}

// str reads n bytes of text, after the limits were asked.
func (d *decoder) str(n uint32) (string, error) {
	size, err := d.length(n)
	if err != nil {
		return "", err
	}
	return d.string(size)
}

func (d *decoder) byte() (byte, error) {
	b, err := d.take(1)
	if err != nil {
		return 0, err
	}
	return b[0], nil
}

func (d *decoder) uint16() (uint16, error) {
	b, err := d.take(2)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(b), nil
}

func (d *decoder) uint32() (uint32, error) {
	b, err := d.take(4)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b), nil
}

func (d *decoder) double() (float64, error) {
	b, err := d.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
}
