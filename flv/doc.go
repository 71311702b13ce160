// Package flv knows the tags that RTMP messages and FLV files have in common: what the first bytes of an
// audio, video or data message mean, in the layout of Adobe's specification and in that of Enhanced RTMP.
// It turns bodies into media.Packet values and back, and reads and writes FLV files and HTTP-FLV streams.
//
// # Layout
//
// A file is a header and tags. Every tag is followed by its own size:
//
//	"FLV" | version 1 | flags: 4 audio, 1 video | UI32 DataOffset = 9 | UI32 0
//	{ UB2 0, UB1 Filter, UB5 TagType | UI24 DataSize | UI24 timestamp, UI8 its bits 31…24 | UI24 0
//	  body of DataSize bytes
//	  UI32 11 + DataSize } …
//
// The body of a tag is the payload of the RTMP message with the same number: 8 audio, 9 video, 18 data, 15 data
// that may hold AMF3. docs/wire/flv.md and docs/wire/enhanced-rtmp.md describe the bodies.
//
// # Bodies become packets
//
// AppendPackets keeps a body whole and untouched in Packet.Body and points into it with Packet.Data, so that what
// came in can go out byte by byte. Codecs, packet types and tracks that this package does not know are relayed
// whole, with Data nil: a publisher may be newer than we are. A malformed body is relayed too, beside an *Error.
//
// # Limits
//
// A tag holds less than 16 MiB. Declared sizes are never allocated before the bytes have arrived. A body holds at most
// 256 tracks and 16 ModEx blocks; with more it is malformed.
package flv
