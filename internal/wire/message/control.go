package message

import (
	"fmt"
	"io"
)

// SetChunkSize tells the receiver the chunk size of all chunks that follow it (RTMP 5.4.1). The chunk layer has
// already obeyed, and refused sizes that are not allowed, when a session sees it.
type SetChunkSize struct {
	Size uint32 // bytes, 1 to 0x7FFFFFFF; more than 16,777,215 means the same as that
}

// Abort tells the receiver to drop the incomplete message of a chunk stream (RTMP 5.4.2). The chunk layer has
// already obeyed when a session sees it.
type Abort struct {
	ChunkStreamID uint32
}

// Acknowledgement reports how much the sender of this message has received (RTMP 5.4.3).
type Acknowledgement struct {
	SequenceNumber uint32 // bytes in all, modulo 2^32
}

// WindowAckSize asks the receiver for an Acknowledgement every so many bytes (RTMP 5.4.4).
type WindowAckSize struct {
	Size uint32 // bytes
}

// SetPeerBandwidth limits how much the receiver may have sent without acknowledgement (RTMP 5.4.5).
type SetPeerBandwidth struct {
	Size  uint32 // bytes
	Limit LimitType
}

// LimitType says how the size of SetPeerBandwidth relates to the limit in force (RTMP 5.4.5). Peers may
// send values that have no name.
type LimitType uint8

// Limit types.
const (
	LimitHard    LimitType = 0 // the size is the limit
	LimitSoft    LimitType = 1 // the smaller of the two is the limit
	LimitDynamic LimitType = 2 // hard if the limit in force is hard, else without effect
)

// String returns the name of the limit type, or its number.
func (l LimitType) String() string {
	switch l {
	case LimitHard:
		return "hard"
	case LimitSoft:
		return "soft"
	case LimitDynamic:
		return "dynamic"
	default:
		return fmt.Sprintf("limit type %d", uint8(l))
	}
}

// Type returns TypeSetChunkSize.
func (*SetChunkSize) Type() Type { return TypeSetChunkSize }

// Type returns TypeAbort.
func (*Abort) Type() Type { return TypeAbort }

// Type returns TypeAcknowledgement.
func (*Acknowledgement) Type() Type { return TypeAcknowledgement }

// Type returns TypeWindowAckSize.
func (*WindowAckSize) Type() Type { return TypeWindowAckSize }

// Type returns TypeSetPeerBandwidth.
func (*SetPeerBandwidth) Type() Type { return TypeSetPeerBandwidth }

// parseControl parses the protocol control messages, which all begin with a 32-bit number.
func parseControl(t Type, body []byte) (Message, error) {
	c := cursor(body)
	v, err := c.uint32()
	if err != nil {
		return nil, tooShort(t, body)
	}
	switch t {
	case TypeSetChunkSize:
		return &SetChunkSize{Size: v}, nil
	case TypeAbort:
		return &Abort{ChunkStreamID: v}, nil
	case TypeAcknowledgement:
		return &Acknowledgement{SequenceNumber: v}, nil
	case TypeWindowAckSize:
		return &WindowAckSize{Size: v}, nil
	default:
		limit, err := c.uint8()
		if err != nil {
			return nil, tooShort(t, body)
		}
		return &SetPeerBandwidth{Size: v, Limit: LimitType(limit)}, nil
	}
}

func tooShort(t Type, body []byte) error {
	return &Error{Type: t, Reason: fmt.Sprintf("%d bytes are too few", len(body)), Err: io.ErrUnexpectedEOF}
}
