package rtc

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pion/rtp"

	"leat/internal/format/codec"
	"leat/media"
)

// maxPayload is how many bytes of a frame go into one RTP packet, so that it fits the paths of the internet with all that is
// around it.
const maxPayload = 1188

// packetizer makes RTP packets of one track's packets.
type packetizer struct {
	codec     *knownCodec
	payloader rtp.Payloader
	sequence  uint16
	offset    uint32 // of the RTP timestamps
	sets      [][]byte
	length    int // bytes of the lengths of NAL units; 0 before the sequence header
	frame     []byte
}

func newPacketizer(k *knownCodec) *packetizer {
	return &packetizer{codec: k, payloader: k.payloader(), sequence: uint16(rand.Uint32()), offset: rand.Uint32()}
}

// timestamp returns the RTP timestamp of a place on the stream's timeline.
func (z *packetizer) timestamp(at time.Duration) uint32 {
	seconds, rest := at/time.Second, at%time.Second
	ticks := int64(seconds)*int64(z.codec.clock) + int64(rest)*int64(z.codec.clock)/int64(time.Second)
	return z.offset + uint32(ticks) // both wrap
}

// packets returns the RTP packets of a frame; none for a sequence header, which is taken note of. Payload type and SSRC are left
// to whoever sends them. The error says that the packet is malformed; it is left out then.
func (z *packetizer) packets(p *media.Packet) ([]*rtp.Packet, error) {
	if p.Config {
		return nil, z.configure(p)
	}
	frame := p.Data
	if z.codec.codec == media.CodecAVC || z.codec.codec == media.CodecHEVC {
		var err error
		if frame, err = z.annexB(p); err != nil || len(frame) == 0 {
			return nil, err
		}
	}
	payloads := z.payloader.Payload(maxPayload, frame)
	packets := make([]*rtp.Packet, len(payloads))
	at := z.timestamp(p.Timestamp + p.Offset)
	for i, payload := range payloads {
		packets[i] = &rtp.Packet{
			Header:  rtp.Header{Version: 2, Marker: i == len(payloads)-1 && p.Kind == media.Video, SequenceNumber: z.sequence, Timestamp: at},
			Payload: payload,
		}
		z.sequence++
	}
	return packets, nil
}

func (z *packetizer) configure(p *media.Packet) error {
	if p.Name != "" || z.codec.codec != media.CodecAVC && z.codec.codec != media.CodecHEVC {
		return nil
	}
	sets, length, err := codec.ParameterSets(p)
	if err == nil {
		z.sets, z.length = sets, length
	}
	return err
}

// annexB returns a frame with start codes in front of its NAL units, the parameter sets first in a key frame. It is valid
// until the next call.
func (z *packetizer) annexB(p *media.Packet) ([]byte, error) {
	if z.length == 0 {
		return nil, nil // nobody can decode it
	}
	z.frame = z.frame[:0]
	if p.Key {
		for _, set := range z.sets {
			z.append(set)
		}
	}
	for b := p.Data; len(b) > 0; {
		if len(b) < z.length {
			return nil, fmt.Errorf("a NAL unit's length has %d bytes of %d", len(b), z.length)
		}
		var long [8]byte
		copy(long[8-z.length:], b[:z.length])
		size := binary.BigEndian.Uint64(long[:])
		b = b[z.length:]
		if size > uint64(len(b)) {
			return nil, fmt.Errorf("a NAL unit of %d bytes where %d are left", size, len(b))
		}
		z.append(b[:size])
		b = b[size:]
	}
	return z.frame, nil
}

func (z *packetizer) append(unit []byte) {
	z.frame = append(append(z.frame, 0, 0, 0, 1), unit...)
}
