package rtmp

import (
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

// WritePackets sends packets that are due at the same time, as those of a recording that is sent ahead are. With
// Server.Aggregate, a client that has said that it knows them gets Aggregate messages (RTMP 7.1.6), others get a message for
// each packet. It blocks, and fails, as WritePacket does.
func (p *PlayStream) WritePackets(ctx context.Context, packets []*media.Packet) error {
	if !p.st.side.srv.Aggregate || !knowsAggregates(p.Request().FlashVer) {
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
	var batch []*media.Packet
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := p.st.c.out.writeMedia(ctx, func(dst []byte, _ uint32) []byte { return p.enc.appendAggregate(dst, batch) })
		batch, size = batch[:0], 0
		return err
	}
	for _, pkt := range packets {
		ready, over, err := p.prepare(pkt)
		if err != nil {
			return err
		}
		for _, pkt := range ready {
			n := len(pkt.Body) + aggregateOverhead
			if pkt.Kind == media.Data || size+n > maxAggregate {
				if err := flush(); err != nil {
					return err
				}
			}
			batch, size = append(batch, pkt), size+n
		}
		if over {
			if err := flush(); err != nil {
				return err
			}
			return io.EOF
		}
	}
	return flush()
}

// appendAggregate appends audio and video packets as one Aggregate message, whose timestamp is that of the first. What is
// alone, or is a data message, is appended as Append does.
func (e *Encoder) appendAggregate(dst []byte, packets []*media.Packet) []byte {
	var subs []message.Sub
	for _, p := range packets {
		if p.Kind == media.Data || len(packets) == 1 {
			dst = e.Append(e.appendSubs(dst, subs), p)
			subs = nil
			continue
		}
		t := message.TypeVideo
		if p.Kind == media.Audio {
			t = message.TypeAudio
		}
		subs = append(subs, message.Sub{Type: t, Timestamp: media.WireTime(p.Timestamp), Body: p.Body})
	}
	return e.appendSubs(dst, subs)
}

func (e *Encoder) appendSubs(dst []byte, subs []message.Sub) []byte {
	if len(subs) == 0 {
		return dst
	}
	body, err := message.AppendAggregate(nil, subs...)
	if err != nil { // only WritePackets comes here, with maxAggregate bytes at most
		panic("rtmp: " + err.Error())
	}
	m := chunk.Message{
		ChunkStreamID: csidVideo, Type: uint8(message.TypeAggregate), StreamID: e.StreamID,
		Timestamp: subs[0].Timestamp, Body: body,
	}
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
