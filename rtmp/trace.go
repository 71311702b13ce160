package rtmp

import (
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// Trace is a set of functions that are told what happens on one connection, in the shape of net/http/httptrace. Any of them
// may be nil. They must not block, nor use the connection for anything but its getters. Received and HandshakeDone run on
// the connection's reading goroutine, Sent on that of the sender, perhaps at the same time.
//
// A connection without a Trace pays a comparison for each message.
type Trace struct {
	// HandshakeDone is told how the handshake went.
	HandshakeDone func(h TraceHandshake)
	// Received is told every message that has arrived complete, before it is acted upon.
	Received func(m TraceMessage)
	// Sent is told every message that the connection itself sends: commands, answers and control messages. Those that
	// goroutines send at the same time may be told in another order. What is written
	// to a Publisher, a PlayStream or an Outlet is known to its writer, and is not reported.
	Sent func(m TraceMessage)
	// Closed is the last to be called, on every connection whose handshake has begun. One that ends in the handshake has no
	// HandshakeDone.
	Closed func(reason *CloseReason)
}

// TraceHandshake is the outcome of a handshake (RTMP 5.2).
type TraceHandshake struct {
	Name      string // as Conn.Handshake
	Requested byte   // the version that the client asked for
	Version   byte   // the one in force
	Verified  bool   // the peer's last packet was what it had to be; many good peers get it wrong
}

// TraceMessage is a message as it was on the wire.
type TraceMessage struct {
	Type          uint8 // RTMP 7.1
	ChunkStreamID uint32
	StreamID      uint32
	Timestamp     uint32 // milliseconds; it wraps
	// Body must be neither changed nor kept.
	Body []byte
	// ChunkSize is the chunk size of the sender behind this message.
	ChunkSize uint32
	// Oddities say what the sender has done so far that the specification does not allow.
	Oddities TraceOddities
}

// TraceOddities are habits of a peer's chunk stream. They add up and stay.
type TraceOddities struct {
	OmitsExtended bool // the extended timestamp is left out of fmt 3 chunks
	BlankExtended bool // or is repeated there as zeroes
	OpensShort    bool // a chunk stream began with fmt 2 or 3
	CutsMessages  bool // a message was given up in the middle
}

func traceOddities(o chunk.Oddities) TraceOddities {
	return TraceOddities{
		OmitsExtended: o&chunk.OmitsExtended != 0,
		BlankExtended: o&chunk.BlankExtended != 0,
		OpensShort:    o&chunk.OpensShort != 0,
		CutsMessages:  o&chunk.CutsMessages != 0,
	}
}

func (t *Trace) handshakeDone(i handshake.Info) {
	if t != nil && t.HandshakeDone != nil {
		t.HandshakeDone(TraceHandshake{Name: handshakeName(i), Requested: i.Requested, Version: i.Version, Verified: i.Verified})
	}
}

func (t *Trace) received(m *chunk.Message, r *chunk.Reader) {
	if t == nil || t.Received == nil {
		return
	}
	t.Received(TraceMessage{
		Type: m.Type, ChunkStreamID: m.ChunkStreamID, StreamID: m.StreamID, Timestamp: m.Timestamp, Body: m.Body,
		ChunkSize: r.ChunkSize(), Oddities: traceOddities(r.Oddities()),
	})
}

// sent encodes the messages once more: it is called without the lock under which they were written.
func (t *Trace) sent(msgs []outgoing, chunkSize uint32) {
	if t == nil || t.Sent == nil {
		return
	}
	for _, m := range msgs {
		body, err := message.Append(nil, m.msg)
		if err != nil {
			continue // it could not be sent either
		}
		csid, msid := lane(m)
		if s, ok := m.msg.(*message.SetChunkSize); ok {
			chunkSize = s.Size
		}
		t.Sent(TraceMessage{Type: uint8(m.msg.Type()), ChunkStreamID: csid, StreamID: msid, Body: body, ChunkSize: chunkSize})
	}
}

func (t *Trace) closed(reason *CloseReason) {
	if t != nil && t.Closed != nil {
		t.Closed(reason)
	}
}
