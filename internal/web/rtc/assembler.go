package rtc

import "github.com/pion/rtp"

// maxFrame is how many bytes a frame may have that is put together of RTP packets.
const maxFrame = 8 << 20

// An assembler puts the RTP packets of a track together into frames. The zero value is ready for use but for its first two fields.
type assembler struct {
	depacketizer func() rtp.Depacketizer
	whole        bool // each packet is a frame

	inside rtp.Depacketizer
	frame  []byte
	size   int // payload bytes that have come of it
	at     uint32
	broken bool // something of it is missing
}

// add takes the next packet in order; missing says that some in front of it never came. It calls emit for a frame that is complete,
// which is valid until emit returns, and reports whether nothing was lost.
func (a *assembler) add(p *rtp.Packet, missing bool, emit func(frame []byte, at uint32)) bool {
	if len(p.Payload) == 0 {
		return !missing // padding, by which senders find out how much the path takes
	}
	if a.whole {
		emit(p.Payload, p.Timestamp)
		return !missing
	}
	intact := !missing
	if a.inside == nil || p.Timestamp != a.at {
		if len(a.frame) > 0 && !a.broken && !missing {
			emit(a.frame, a.at) // its end was not marked
		}
		a.restart()
		a.at = p.Timestamp
	}
	a.broken = a.broken || missing
	if a.size += len(p.Payload); a.size > maxFrame {
		a.restart()
		a.broken = true
	}
	if !a.broken {
		part, err := a.inside.Unmarshal(p.Payload)
		a.broken = err != nil
		a.frame = append(a.frame, part...)
	}
	intact = intact && !a.broken
	if p.Marker {
		if len(a.frame) > 0 && !a.broken {
			emit(a.frame, a.at)
		}
		a.restart()
	}
	return intact
}

// restart forgets the frame, and the fragments that the depacketizer holds of it.
func (a *assembler) restart() {
	a.inside = a.depacketizer()
	a.frame, a.size, a.broken = a.frame[:0], 0, false
}
