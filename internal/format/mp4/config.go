package mp4

import (
	"bytes"
	"encoding/binary"

	"leat/media"
)

// fullBox is the version 0 and flags 0 that a full box begins with.
var fullBox = []byte{0, 0, 0, 0}

// videoConfig returns the configuration box of a video track.
func (t *outTrack) videoConfig() (kind string, body []byte) {
	switch t.codec {
	case media.CodecAVC:
		return "avcC", t.config
	case media.CodecHEVC:
		return "hvcC", t.config
	case media.CodecVVC:
		return "vvcC", append(bytes.Clone(fullBox), t.config...)
	case media.CodecAV1:
		return "av1C", av1Config(t.config)
	}
	return "vpcC", vpConfig(t.config)
}

// av1Config returns the body of an av1C box. Enhanced RTMP allows the video descriptor of MPEG-2 TS in its place: a
// tag, a length, and the first four bytes of the same.
func av1Config(b []byte) []byte {
	const descriptorTag, descriptorSize = 0x80, 4
	if len(b) >= 2+descriptorSize && b[0] == descriptorTag && b[1] == descriptorSize {
		return b[2 : 2+descriptorSize]
	}
	return b
}

// vpConfig returns the body of a vpcC box, which is a full one of version 1. Encoders send the record with version
// and flags in front, with the version only, or bare (E-RTMP v2, VPCodecConfigurationRecord).
func vpConfig(b []byte) []byte {
	const version, bareSize = 1, 8
	switch {
	case len(b) >= len(fullBox)+bareSize && bytes.Equal(b[1:4], fullBox[1:]):
		return b
	case len(b) == 1+bareSize:
		b = b[1:]
	}
	return append([]byte{version, 0, 0, 0}, b...)
}

// audioConfig returns the configuration box of an audio track.
func (t *outTrack) audioConfig() (kind string, body []byte) {
	switch t.codec {
	case media.CodecOpus:
		return "dOps", opusConfig(t.config, t.first)
	case media.CodecFLAC:
		return "dfLa", flacConfig(t.config)
	case media.CodecAC3:
		return "dac3", ac3Config(t.first)
	case media.CodecEAC3:
		return "dec3", eac3Config(t.first)
	case media.CodecMP3:
		return "esds", appendESDS(nil, objectMP3, nil)
	}
	return "esds", appendESDS(nil, objectAAC, t.config)
}

// opusConfig returns the body of a dOps box, as opusHead reads it. Without an ID header a packet says whether it is
// stereo (RFC 6716 3.1).
func opusConfig(head, packet []byte) []byte {
	const idHeader, stereo = 19, 4
	if len(head) < idHeader {
		channels := byte(2)
		if len(packet) > 0 && packet[0]&stereo == 0 {
			channels = 1
		}
		return append([]byte{0, channels, 0, 0}, 0, 0, 0xbb, 0x80, 0, 0, 0) // 48 kHz
	}
	b := []byte{0, head[9]}
	b = binary.BigEndian.AppendUint16(b, binary.LittleEndian.Uint16(head[10:]))
	b = binary.BigEndian.AppendUint32(b, binary.LittleEndian.Uint32(head[12:]))
	b = binary.BigEndian.AppendUint16(b, binary.LittleEndian.Uint16(head[16:]))
	return append(b, head[18:]...)
}

// flacConfig returns the body of a dfLa box, as flacHeader reads it. Some encoders leave out the marker, or the header
// of the block too.
func flacConfig(b []byte) []byte {
	const streamInfo = streamInfoSize - 4
	b = bytes.TrimPrefix(b, []byte(flacMarker))
	if len(b) == streamInfo {
		return append(append(bytes.Clone(fullBox), flacLastBlock, 0, 0, streamInfo), b...)
	}
	body := append(bytes.Clone(fullBox), b[:min(len(b), streamInfoSize)]...)
	if len(body) > len(fullBox) {
		body[len(fullBox)] |= flacLastBlock
	}
	return body
}

// ac3Config returns the body of a dac3 box (ETSI TS 102 366 F.4), from the header of a frame (4.4): fields of 2, 5, 3, 3,
// 1 and 5 bits.
func ac3Config(frame []byte) []byte {
	r := bitReader{b: frame}
	r.read(16 + 16) // sync word, CRC
	fscod, frmsizecod := r.read(2), r.read(6)
	bsid, bsmod, acmod := r.read(5), r.read(3), r.read(3)
	if acmod&1 != 0 && acmod != 1 {
		r.read(2) // cmixlev
	}
	if acmod&4 != 0 {
		r.read(2) // surmixlev
	}
	if acmod == 2 {
		r.read(2) // dsurmod
	}
	lfeon := r.read(1)
	v := fscod<<22 | bsid<<17 | bsmod<<14 | acmod<<11 | lfeon<<10 | frmsizecod>>1<<5
	return []byte{byte(v >> 16), byte(v >> 8), byte(v)}
}

// eac3Config returns the body of a dec3 box (ETSI TS 102 366 F.6), from the header of a frame (E.1.3.1): UI16 data rate
// 13 and number of substreams less one 3, then fields of 2, 5, 1, 1, 3, 3, 1, 3, 4 and 1 bits. It speaks of the first
// substream only.
func eac3Config(frame []byte) []byte {
	blocks := [4]uint32{1, 2, 3, 6}
	rates := [4]uint32{48000, 44100, 32000, 24000}
	r := bitReader{b: frame}
	r.read(16 + 2 + 3) // sync word, type, number
	words := r.read(11) + 1
	fscod, numblks := r.read(2), r.read(2)
	acmod, lfeon, bsid := r.read(3), r.read(1), r.read(5)
	samples := 256 * blocks[numblks]
	if fscod == 3 {
		samples = 256 * 6
	}
	kbits := words * 16 * rates[fscod] / samples / 1000
	v := fscod<<22 | bsid<<17 | acmod<<9 | lfeon<<8
	return append(binary.BigEndian.AppendUint16(nil, uint16(kbits<<3)), byte(v>>16), byte(v>>8), byte(v))
}

// bitReader reads bits, the highest first. Behind the end there are zeros.
type bitReader struct {
	b   []byte
	pos int
}

func (r *bitReader) read(n int) (v uint32) {
	for range n {
		v <<= 1
		if i := r.pos / 8; i < len(r.b) {
			v |= uint32(r.b[i]) >> (7 - r.pos%8) & 1
		}
		r.pos++
	}
	return v
}
