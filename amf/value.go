package amf

import (
	"math"
	"time"
)

// Undefined is the undefined value (AMF0 2.8, AMF3 3.2).
type Undefined struct{}

// Unsupported stands for a value that the sender could not serialize (AMF0 2.15). AMF3 has no such
// marker: it is written as undefined there.
type Unsupported struct{}

// XML is an XML document as text: AMF0 marker 0x0F, AMF3 marker 0x0B (AMF0 2.17, AMF3 3.13).
// It is never parsed.
type XML string

// XMLDocument is an XML document of the older ActionScript class: AMF3 marker 0x07 (AMF3 3.9). In AMF0
// it is written as XML is, and read back as XML.
type XMLDocument string

// AVMPlus asks an AMF0 encoder to write Value as AMF3 behind the marker 0x11 (AMF0 3.1). Inside an AMF3 value
// it is as if Value stood there alone. Decoding never yields it.
type AVMPlus struct{ Value any }

// Vector is a typed list of numbers (AMF3 3.15): Vector.<int>, Vector.<uint> or Vector.<Number>. It is used by pointer,
// so that references keep their identity.
type Vector[T int32 | uint32 | float64] struct {
	Fixed  bool // the length may not change
	Values []T
}

// VectorObject is a typed list of objects (AMF3 3.15). It is used by pointer.
type VectorObject struct {
	Fixed  bool   // the length may not change
	Class  string // class of the values; "*" for any
	Values []any
}

// Dictionary maps values of any type to values (AMF3 3.16). It is used by pointer.
type Dictionary struct {
	WeakKeys bool // the keys do not keep their objects alive
	Entries  []Entry
}

// Entry is one key and its value in a Dictionary. Integer keys travel as strings.
type Entry struct{ Key, Value any }

// maxDate is the largest distance from 1970 that a Date can express, in milliseconds (ECMA-262, TimeClip).
const maxDate = 8.64e15

// dateToTime converts milliseconds since 1970. An invalid date, such as NaN, is the zero Time.
func dateToTime(ms float64) time.Time {
	if math.IsNaN(ms) || math.Abs(ms) > maxDate {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Floor(ms))).UTC()
}

// timeToDate is the inverse of dateToTime: the zero Time is NaN, as an invalid Date is.
func timeToDate(t time.Time) float64 {
	if t.IsZero() {
		return math.NaN()
	}
	return float64(t.UnixMilli())
}
