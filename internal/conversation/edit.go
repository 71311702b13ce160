package conversation

import (
	"bytes"
	"encoding/binary"
	"slices"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// editSize is how many bytes of edits make one change: what, which message, and three bytes that say how.
const editSize = 5

// maxGrowth bounds what edits add to a conversation, bytes.
const maxGrowth = 64 << 10

// MaxEdits is how many bytes of edits a fuzz test should take: dozens of changes.
const MaxEdits = 200

// Edit returns what the side says behind its handshake when it is changed by edits: the pieces are to be sent one after another, each in
// one write. Whatever edits are, they mean something. Without any, the pieces are the messages as they were
// recorded. others are conversations to borrow from.
//
// The first byte is even for changes of messages, odd for changes of bytes; each five behind it are a change.
func (c *Conversation) Edit(edits []byte, others []*Conversation) [][]byte {
	pieces := make([][]byte, len(c.Messages))
	if len(edits) <= editSize || edits[0]&1 != 0 {
		for i, m := range c.Messages {
			pieces[i] = bytes.Clone(m.Wire)
		}
		e := byteEditor{pieces: pieces}
		for edit := range slices.Chunk(edits[min(1, len(edits)):], editSize) {
			if len(edit) == editSize && len(e.pieces) > 0 {
				e.apply(edit[0], int(edit[1]), int(binary.BigEndian.Uint16(edit[2:])), edit[4])
			}
		}
		return e.pieces
	}
	e := messageEditor{others: others}
	for _, m := range c.Messages {
		e.messages = append(e.messages, spoken{Message: m.Message})
	}
	for edit := range slices.Chunk(edits[1:], editSize) {
		if len(edit) == editSize && len(e.messages) > 0 {
			e.apply(edit[0], int(edit[1]), int(binary.BigEndian.Uint16(edit[2:])), edit[4])
		}
	}
	return e.encode()
}

// byteEditor changes bytes of pieces.
type byteEditor struct {
	pieces [][]byte
	grown  int
}

func (e *byteEditor) apply(what byte, which, x int, v byte) {
	i := which % len(e.pieces)
	piece := e.pieces[i]
	if len(piece) == 0 {
		return
	}
	at := x % len(piece)
	switch what % 7 {
	case 0:
		piece[at] = v
	case 1:
		piece[at] ^= 1 << (v % 8)
	case 2: // leave out
		e.pieces[i] = slices.Delete(piece, at, min(len(piece), at+1+int(v)))
	case 3: // double
		more := bytes.Clone(piece[at:min(len(piece), at+1+int(v))])
		if e.grown += len(more); e.grown <= maxGrowth {
			e.pieces[i] = slices.Insert(piece, at, more...)
		}
	case 4: // insert
		if e.grown++; e.grown <= maxGrowth {
			e.pieces[i] = slices.Insert(piece, at, v)
		}
	case 5: // end there
		e.pieces[i] = piece[:at]
		e.pieces = e.pieces[:i+1]
	case 6: // send it with what follows
		if i+1 < len(e.pieces) {
			e.pieces[i+1] = slices.Concat(piece, e.pieces[i+1])
			e.pieces = slices.Delete(e.pieces, i, i+1)
		}
	}
}

// spoken is a message that is to be said.
type spoken struct {
	chunk.Message
	along bool // it goes in one write with what follows
}

// messageEditor changes messages.
type messageEditor struct {
	messages []spoken
	others   []*Conversation
	grown    int
}

func (e *messageEditor) apply(what byte, which, x int, v byte) {
	i := which % len(e.messages)
	m := &e.messages[i]
	at := 0
	if len(m.Body) > 0 {
		at = x % len(m.Body)
	}
	switch what % 16 {
	case 0: // leave out
		e.messages = slices.Delete(e.messages, i, min(len(e.messages), i+1+int(v)%8))
	case 1: // say again, later
		e.insert((i+x)%(len(e.messages)+1), *m)
	case 2: // exchange with another
		j := x % len(e.messages)
		e.messages[i], e.messages[j] = e.messages[j], e.messages[i]
	case 3: // borrow
		if len(e.others) > 0 {
			if from := e.others[int(v)%len(e.others)].Messages; len(from) > 0 {
				e.insert(i, spoken{Message: from[x%len(from)].Message})
			}
		}
	case 4:
		e.insert(i, control(x, v))
	case 5:
		m.along = true
	case 6:
		m.Type = v
	case 7:
		m.StreamID = uint32(x) | uint32(v)<<24
	case 8:
		m.Timestamp += uint32(x) << (v % 32)
	case 9:
		m.Timestamp = uint32(0xffff00+x) << (v % 9)
	case 10:
		m.ChunkStreamID = chunk.MinChunkStreamID + uint32(x)%(chunk.MaxChunkStreamID-1)
	case 11: // cut off
		m.Body = m.Body[:at]
	case 12: // make longer
		if e.grown += x; e.grown <= maxGrowth {
			m.Body = slices.Concat(m.Body, bytes.Repeat([]byte{v}, x))
		}
	case 13: // insert
		m.Body = slices.Insert(bytes.Clone(m.Body), at, v)
	case 14, 15:
		if len(m.Body) > 0 {
			m.Body = bytes.Clone(m.Body)
			if what%16 == 14 {
				m.Body[at] = v
			} else {
				m.Body[at] ^= 1 << (v % 8)
			}
		}
	}
}

func (e *messageEditor) insert(i int, m spoken) {
	if e.grown += len(m.Body) + 16; e.grown <= maxGrowth {
		e.messages = slices.Insert(e.messages, i, m)
	}
}

// control is a message of the protocol itself, whose value is x shifted.
func control(x int, v byte) spoken {
	types := []message.Type{
		message.TypeSetChunkSize, message.TypeAbort, message.TypeAcknowledgement, message.TypeUserControl, message.TypeWindowAckSize,
		message.TypeSetPeerBandwidth,
	}
	typ := types[int(v)%len(types)]
	value := uint32(x) << (v / 8)
	body := binary.BigEndian.AppendUint32(nil, value)
	switch typ {
	case message.TypeUserControl:
		body = append([]byte{0, v / 8}, body...)
	case message.TypeSetPeerBandwidth:
		body = append(body, v/8)
	}
	return spoken{Message: chunk.Message{ChunkStreamID: chunk.MinChunkStreamID, Type: uint8(typ), Body: body}}
}

// encode writes the messages as chunks, of the size that they themselves announce.
func (e *messageEditor) encode() [][]byte {
	w := chunk.NewWriter()
	var pieces [][]byte
	var piece []byte
	for _, m := range e.messages {
		piece = w.AppendMessage(piece, &m.Message)
		if message.Type(m.Type) == message.TypeSetChunkSize && len(m.Body) >= 4 {
			if size := binary.BigEndian.Uint32(m.Body); size > 0 && size <= chunk.MaxChunkSize {
				w.SetChunkSize(size)
			}
		}
		if !m.along {
			pieces, piece = append(pieces, piece), nil
		}
	}
	return append(pieces, piece)
}
