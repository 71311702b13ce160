package amf

// Version is a version of the format, with the value that objectEncoding gives it in a connect command.
type Version uint8

// The two versions. There is no AMF1 or AMF2.
const (
	AMF0 Version = 0
	AMF3 Version = 3
)

// AMF0 type markers (AMF0 2.1).
const (
	markerNumber      byte = 0x00
	markerBoolean     byte = 0x01
	markerString      byte = 0x02
	markerObject      byte = 0x03
	markerMovieClip   byte = 0x04 // reserved
	markerNull        byte = 0x05
	markerUndefined   byte = 0x06
	markerReference   byte = 0x07
	markerECMAArray   byte = 0x08
	markerObjectEnd   byte = 0x09
	markerStrictArray byte = 0x0a
	markerDate        byte = 0x0b
	markerLongString  byte = 0x0c
	markerUnsupported byte = 0x0d
	markerRecordSet   byte = 0x0e // reserved
	markerXMLDocument byte = 0x0f
	markerTypedObject byte = 0x10
	markerAVMPlus     byte = 0x11
)

// AMF3 type markers (AMF3 3.1).
const (
	marker3Undefined    byte = 0x00
	marker3Null         byte = 0x01
	marker3False        byte = 0x02
	marker3True         byte = 0x03
	marker3Integer      byte = 0x04
	marker3Double       byte = 0x05
	marker3String       byte = 0x06
	marker3XMLDocument  byte = 0x07
	marker3Date         byte = 0x08
	marker3Array        byte = 0x09
	marker3Object       byte = 0x0a
	marker3XML          byte = 0x0b
	marker3ByteArray    byte = 0x0c
	marker3VectorInt    byte = 0x0d
	marker3VectorUint   byte = 0x0e
	marker3VectorDouble byte = 0x0f
	marker3VectorObject byte = 0x10
	marker3Dictionary   byte = 0x11
)

// Ranges of AMF3 numbers (AMF3 1.3.1, 3.6).
const (
	maxU29     = 1<<29 - 1
	maxInteger = 1<<28 - 1
	minInteger = -1 << 28
)

// Bits of the U29 in front of an AMF3 object (AMF3 3.12). A clear bit ends the header: it is then a
// reference to an object, a reference to traits, or traits written out.
const (
	objectLiteral  = 1 << 0
	objectTraits   = 1 << 1
	objectExternal = 1 << 2
	objectDynamic  = 1 << 3

	objectTraitsShift = 2 // index of traits by reference
	objectCountShift  = 4 // number of sealed members
)
