package amf

import (
	"encoding/binary"
	"math"
	"time"
)

// AppendNumber appends an AMF0 Number (AMF0 2.2).
func AppendNumber(dst []byte, f float64) []byte {
	return appendDouble(append(dst, markerNumber), f)
}

// AppendBool appends an AMF0 Boolean (AMF0 2.3).
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, markerBoolean, 1)
	}
	return append(dst, markerBoolean, 0)
}

// AppendString appends an AMF0 String, or a Long String if s is longer than 65,535 bytes (AMF0 2.4, 2.14). It panics
// if s has 4 GiB or more.
func AppendString(dst []byte, s string) []byte {
	if len(s) > math.MaxUint16 {
		return appendLong(append(dst, markerLongString), s)
	}
	return appendShort(append(dst, markerString), s)
}

// AppendNull appends an AMF0 Null (AMF0 2.7).
func AppendNull(dst []byte) []byte { return append(dst, markerNull) }

// AppendUndefined appends an AMF0 Undefined (AMF0 2.8).
func AppendUndefined(dst []byte) []byte { return append(dst, markerUndefined) }

// AppendDate appends an AMF0 Date with time zone 0 (AMF0 2.13). The zero Time becomes NaN, an invalid date.
func AppendDate(dst []byte, t time.Time) []byte {
	dst = appendDouble(append(dst, markerDate), timeToDate(t))
	return append(dst, 0, 0)
}

func appendDouble(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f))
}

func appendUint32(dst []byte, u uint32) []byte { return binary.BigEndian.AppendUint32(dst, u) }

// appendShort appends a text of at most 65,535 bytes with its 16-bit length.
func appendShort(dst []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(s))), s...)
}

// appendLong appends a text with its 32-bit length.
func appendLong(dst []byte, s string) []byte {
	if uint64(len(s)) > math.MaxUint32 {
		panic("amf: AppendString: string of 4 GiB or more")
	}
	return append(appendUint32(dst, uint32(len(s))), s...)
}

// appendU29 appends a number of at most 29 bits in its shortest form (AMF3 1.3.1).
func appendU29(dst []byte, u uint32) []byte {
	switch {
	case u < 1<<7:
		return append(dst, byte(u))
	case u < 1<<14:
		return append(dst, byte(u>>7)|0x80, byte(u)&0x7f)
	case u < 1<<21:
		return append(dst, byte(u>>14)|0x80, byte(u>>7)|0x80, byte(u)&0x7f)
	}
	return append(dst, byte(u>>22)|0x80, byte(u>>15)|0x80, byte(u>>8)|0x80, byte(u))
}
