// Package chunk turns messages into an RTMP chunk stream and back (RTMP 5.3, 5.4).
//
// RTMP cuts every message into chunks, so that a large video frame need not hold up a small audio frame
// behind it. Each message travels on a chunk stream, named by a chunk stream ID; the chunks of different
// chunk streams may alternate, those of one message stay in order on theirs. Headers are compressed
// against the previous header of the same chunk stream:
//
//	+--------------+----------------+--------------------+----------------------+
//	| basic header | message header | extended timestamp | data                 |
//	| 1, 2 or 3    | 11, 7, 3 or 0  | 0 or 4             | at most the chunk size|
//	+--------------+----------------+--------------------+----------------------+
//
//	basic header     fmt (2 bits), then 2…63: the ID itself
//	                 fmt, 0:  ID = second byte + 64
//	                 fmt, 1:  ID = second byte + 256·third byte + 64
//	message header   fmt 0: timestamp 24, length 24, type 8, message stream ID 32 (little-endian)
//	                 fmt 1: timestamp delta 24, length 24, type 8
//	                 fmt 2: timestamp delta 24
//	                 fmt 3: nothing: the next chunk of a message, or a message just like the last one
//	extended         32 bits, present if the 24-bit field is 0xFFFFFF
//
// Reader is a push parser: it is fed whatever the transport delivered, split anywhere, and hands out
// whole messages. Writer compresses headers against what it sent before. AppendFull writes a message that
// refers to nothing sent before it, so that its bytes can be shared by many connections.
//
// The package does no input or output, and nothing in it is safe for use by several goroutines at once.
//
// # Limits
//
// All that a peer can make a Reader keep is bounded by Limits: the length of a message by its type, the
// messages under way, the memory they hold, and the chunk streams in use. A message that is announced
// takes no memory; its buffer grows as its bytes arrive.
package chunk

import "fmt"

// Sizes and numbers that the specification fixes.
const (
	// DefaultChunkSize is the chunk size of both directions until Set Chunk Size changes it (RTMP 5.4.1).
	DefaultChunkSize = 128
	// MaxChunkSize is the largest chunk size that Set Chunk Size can carry (RTMP 5.4.1).
	MaxChunkSize = 0x7fffffff
	// MaxMessageLength is the longest body that a message header can announce (RTMP 5.3.1.2).
	MaxMessageLength = 0xffffff
	// MinChunkStreamID is the smallest chunk stream ID, which is the one of protocol control messages (RTMP 5.4).
	MinChunkStreamID = 2
	// MaxChunkStreamID is the largest ID that the three-byte basic header can carry (RTMP 5.3.1.1).
	MaxChunkStreamID = 65599
)

// Message types that the chunk stream itself has to know.
const (
	typeSetChunkSize = 1
	typeAbort        = 2
	typeAudio        = 8
	typeVideo        = 9
	typeDataAMF3     = 15
	typeCommandAMF0  = 20
	typeAggregate    = 22
)

// extendedField in a 24-bit timestamp field says that an extended timestamp follows (RTMP 5.3.1.3).
const extendedField = 0xffffff

// Message is one RTMP message with what its chunk headers say of it.
type Message struct {
	// ChunkStreamID is the chunk stream that carried, or will carry, the message.
	ChunkStreamID uint32
	// Timestamp is in milliseconds modulo 2^32.
	Timestamp uint32
	// Type is the message type ID.
	Type uint8
	// StreamID is the message stream ID; 0 is the connection itself.
	StreamID uint32
	// Body is the payload, at most MaxMessageLength bytes, and may be empty.
	Body []byte
}

// Error says why a peer's chunk stream cannot be followed any longer. After it nothing that follows can
// be understood, so the connection must be closed.
type Error struct {
	// ChunkStreamID is the chunk stream on which it happened.
	ChunkStreamID uint32
	// Reason is one plain sentence without a full stop, fit for a log.
	Reason string
}

// Error describes the failure and names the chunk stream.
func (e *Error) Error() string {
	return fmt.Sprintf("chunk stream %d: %s", e.ChunkStreamID, e.Reason)
}

func errorf(csid uint32, format string, args ...any) *Error {
	return &Error{ChunkStreamID: csid, Reason: fmt.Sprintf(format, args...)}
}
