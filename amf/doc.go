// Package amf reads and writes the Action Message Format, versions 0 and 3: the values inside RTMP
// commands, data messages and shared objects, and inside the script tags of FLV files.
//
// # Values
//
// Decoding yields these Go values, and encoding accepts them:
//
//	Number, AMF3 double       float64
//	AMF3 integer              int (AMF0 writes a Number)
//	Boolean                   bool
//	String, Long String       string; invalid UTF-8 is kept as it is
//	Null                      nil
//	Undefined, Unsupported    Undefined, Unsupported
//	Date                      time.Time in UTC, whole milliseconds; the zero Time is an invalid date
//	XML                       XML, XMLDocument; kept as text, never parsed
//	Object, Typed Object      *Object
//	ECMA Array                *Object with ECMA set; so is an AMF3 array with associative members
//	Strict Array              []any; so is an AMF3 array without associative members
//	AMF3 ByteArray            []byte
//	AMF3 Vector               *Vector[int32], *Vector[uint32], *Vector[float64], *VectorObject
//	AMF3 Dictionary           *Dictionary
//	AMF3 externalizable       *External
//
// Encoding accepts more: every numeric kind, maps with string keys, slices, pointers and structs, whose
// fields are named by tags (see Marshal). An AMF0 message holds an AMF3 value behind the marker 0x11;
// to write one, wrap it in AVMPlus. Reading gives the plain value.
//
// # Layout
//
// An AMF0 value is a marker byte and a payload, big-endian throughout (AMF0 2.1). Names and strings
// carry a 16-bit length, long strings and XML a 32-bit one. Objects are pairs of name and value, closed
// by an empty name and the marker 0x09.
//
// AMF3 (AMF3 3.1) codes integers and lengths as U29, one to four bytes with seven bits each, eight in the
// last. The lowest bit of a length says whether a literal follows (1) or the rest is an index into a table
// of what came before (0). There are three tables: strings, objects and traits. They live as long as the
// message, and all AMF3 values of the message share them. AMF0 has one such table, of its objects and arrays.
//
// # Messages and limits
//
// Decode takes the body of a whole message. Decoder and Encoder work on a stream, and treat all of it as one
// message until Reset. Limits bound the nesting, the number of values and the text of a message; they
// are checked before memory is allocated. References make cycles and shared parts possible: decoding never
// follows them, and encoding is held by the same limits.
//
// What real encoders get wrong and is accepted here: an object whose end marker is missing because the
// message ends; an ECMA array whose count is wrong; an ECMA array without end marker whose count is right;
// an empty property name; U29 numbers longer than needed; any value for the boolean bytes of vectors and
// dictionaries.
package amf
