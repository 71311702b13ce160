package rtmp

import (
	"cmp"
	"context"
	"io"
	"strconv"
	"strings"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// maxAggregate bounds the body of an Aggregate message. It is what Flash Media Server sends at most by default.
const maxAggregate = 64 << 10

// aggregateOverhead is what each message of an Aggregate has around its body: a tag header and a back pointer.
const aggregateOverhead = 15

// Aggregates reports whether the client gets Aggregate messages: Server.Aggregate is set and its flashVer says that it
// knows them.
func (p *PlayStream) Aggregates() bool {
	return p.st.side.srv.Aggregate && knowsAggregates(p.Request().FlashVer)
}

// WritePackets sends packets that are due at the same time, as those of a recording that is sent ahead are. With
// Server.Aggregate, a client that has said that it knows them gets Aggregate messages (RTMP 7.1.6), others get a message for
// each packet. It blocks, and fails, as WritePacket does.
func (p *PlayStream) WritePackets(ctx context.Context, packets []*media.Packet) error {
	if !p.Aggregates() {
		for _, pkt := range packets {
			if err := p.WritePacket(ctx, pkt); err != nil {
				return err
			}
		}
		return nil
	}
	if err := p.Start(false); err != nil {
		return err
	}
	var waiting Aggregate
	send := func(alone *media.Packet) error {
		return p.st.c.out.writeMedia(ctx, func(dst []byte, _ uint32) []byte {
			dst = waiting.AppendTo(dst, &p.enc)
			if alone != nil {
				dst = p.enc.Append(dst, alone)
			}
			return dst
		})
	}
	for _, pkt := range packets {
		ready, over, err := p.prepare(pkt)
		if err != nil {
			return err
		}
		for _, pkt := range ready {
			if waiting.Add(pkt) {
				continue
			}
			if err := send(nil); err != nil {
				return err
			}
			if !waiting.Add(pkt) {
				if err := send(pkt); err != nil {
					return err
				}
			}
		}
		if over {
			return cmp.Or(send(nil), io.EOF)
		}
	}
	return send(nil)
}

// Aggregate gathers audio and video packets for one Aggregate message (RTMP 7.1.6). The zero value is empty.
type Aggregate struct {
	subs []message.Sub
	size int
}

// Add keeps p and reports true, or reports false for a data message and for a packet that does not fit behind the others. It
// keeps p's Body.
func (a *Aggregate) Add(p *media.Packet) bool {
	n := len(p.Body) + aggregateOverhead
	if p.Kind == media.Data || a.size+n > maxAggregate {
		return false
	}
	t := message.TypeVideo
	if p.Kind == media.Audio {
		t = message.TypeAudio
	}
	a.subs = append(a.subs, message.Sub{Type: t, Timestamp: media.WireTime(p.Timestamp), Body: p.Body})
	a.size += n
	return true
}

// Size is the length of the body so far, bytes.
func (a *Aggregate) Size() int { return a.size }

// AppendTo appends the message, whose timestamp is that of the first packet, and empties a. A packet that is alone is
// appended as a message of its own kind; nothing appends nothing.
func (a *Aggregate) AppendTo(dst []byte, e *Encoder) []byte {
	if len(a.subs) == 0 {
		return dst
	}
	first := a.subs[0]
	m := chunk.Message{ChunkStreamID: csidVideo, Type: uint8(first.Type), StreamID: e.StreamID, Timestamp: first.Timestamp, Body: first.Body}
	switch {
	case len(a.subs) > 1:
		body, err := message.AppendAggregate(nil, a.subs...)
		if err != nil { // Add keeps within what a message can hold
			panic("rtmp: " + err.Error())
		}
		m.Type, m.Body = uint8(message.TypeAggregate), body
	case first.Type == message.TypeAudio:
		m.ChunkStreamID = csidAudio
	}
	clear(a.subs)
	a.subs, a.size = a.subs[:0], 0
	return chunk.AppendFull(dst, &m, e.ChunkSize)
}

// knowsAggregates reports whether a client's flashVer ("LNX 10,0,32,18") says that it is, or plays the part of, a Flash
// Player from 9,0,115 on, which was the first to know Aggregate messages.
func knowsAggregates(flashVer string) bool {
	_, version, ok := strings.Cut(flashVer, " ")
	if !ok {
		return false
	}
	for i, text := range strings.SplitN(version, ",", 4) {
		if i == 3 {
			break
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return false
		}
		if least := [...]int{9, 0, 115}[i]; n != least {
			return n > least
		}
	}
	return strings.Count(version, ",") >= 2
}
