// Package message gives the messages of an RTMP connection their types: it turns the body of a message
// into a Go value by its message type ID, and back (RTMP 5.4, 6, 7).
//
//	ID   message                     Go type              body
//	 1   Set Chunk Size              SetChunkSize         size 32
//	 2   Abort Message               Abort                chunk stream ID 32
//	 3   Acknowledgement             Acknowledgement      sequence number 32
//	 4   User Control                UserControl          event 16, event data
//	 5   Window Acknowledgement Size WindowAckSize        size 32
//	 6   Set Peer Bandwidth          SetPeerBandwidth     size 32, limit type 8
//	 8   Audio                       Audio                body of an FLV audio tag
//	 9   Video                       Video                body of an FLV video tag
//	15   Data, AMF3                  Data                 00, AMF values: handler, arguments
//	16   Shared Object, AMF3         SharedObject         00, as 19
//	17   Command, AMF3               Command              00, AMF values: as 20
//	18   Data, AMF0                  Data                 AMF values: handler, arguments
//	19   Shared Object, AMF0         SharedObject         name, version, flags, events
//	20   Command, AMF0               Command              AMF values: name, transaction ID, object, arguments
//	22   Aggregate                   Aggregate            FLV tags
//	     all others                  Opaque               anything
//
// All integers are big-endian. The AMF3 forms do not hold bare AMF3: behind a format selector of zero come
// AMF0 values, any of which may be AMF3 behind the marker 0x11.
//
// # What is accepted
//
// Unknown message types, user control events and shared object events are no errors; they are kept as
// bytes. Bytes behind a layout that is known are ignored. Parsing a malformed message fails, but the chunk
// stream is intact then and the message can be ignored; no error of this package has to end a connection.
//
// # Limits
//
// The length of a body is bounded by the chunk layer. Values inside are bounded by amf.Limits, which count
// for a message as a whole, the messages in an aggregate and the events of a shared object in number.
package message
