package mp4

import (
	"encoding/binary"
	"math"
	"slices"

	"leat/media"
)

// Sizes of an audio sample entry up to its boxes: as in ISO 14496-12, and in versions 1 and 2 of QuickTime's sound
// sample description.
const (
	audioEntrySize = 28
	soundV1Size    = 44
	soundV2Size    = 64
)

// Object types of esds (ISO 14496-1 7.2.6.6.2, MP4 registration authority).
const (
	objectAAC       = 0x40
	objectAAC2Main  = 0x66 // AAC of MPEG-2, with LC and SSR behind it
	objectAAC2SSR   = 0x68
	objectMP3MPEG2  = 0x69
	objectMP3       = 0x6b
	objectAC3       = 0xa5
	objectEAC3      = 0xa6
	opusHeadVersion = 1
)

func readAudio(x box) entry {
	b := x.body
	if len(b) < audioEntrySize {
		return entry{}
	}
	e := entry{
		channels: int(binary.BigEndian.Uint16(b[16:])),
		rate:     int(binary.BigEndian.Uint16(b[24:])), // 16.16
	}
	version := binary.BigEndian.Uint16(b[8:])
	inner := b[audioEntrySize:]
	switch {
	case version == 1 && len(b) >= soundV1Size && nested(b[soundV1Size:]):
		inner = b[soundV1Size:]
	case version == 2 && len(b) >= soundV2Size:
		if rate := math.Float64frombits(binary.BigEndian.Uint64(b[32:])); rate >= 1 && rate < 1<<20 {
			e.rate = int(rate)
		}
		e.channels = int(binary.BigEndian.Uint32(b[40:]) & 0xff)
		inner = b[soundV2Size:]
	}
	if wave := findChild(inner, "wave"); wave != nil { // QuickTime has one box more around
		inner = wave
	}
	e.setAudioConfig(x.kind, inner)
	return e
}

// nested reports whether b begins with a box, as it does if the description really is QuickTime's: ISO
// 14496-12 has a version 1 too, that is no longer than version 0.
func nested(b []byte) bool {
	x, _, err := nextBox(b)
	return err == nil && x.kind != ""
}

// setAudioConfig sets codec and configuration from the boxes of an audio entry, and kind if they are complete.
func (e *entry) setAudioConfig(kind string, inner []byte) {
	switch kind {
	case "mp4a":
		e.setObject(readESDS(findChild(inner, "esds")))
	case ".mp3", "ms\x00\x55":
		e.kind, e.codec = media.Audio, media.CodecMP3
	case "ac-3":
		e.kind, e.codec = media.Audio, media.CodecAC3
		e.setDolbyChannels(findChild(inner, "dac3"), dac3Channels)
	case "ec-3":
		e.kind, e.codec = media.Audio, media.CodecEAC3
		e.setDolbyChannels(findChild(inner, "dec3"), dec3Channels)
	case "Opus":
		if e.config = opusHead(findChild(inner, "dOps")); e.config != nil {
			e.kind, e.codec = media.Audio, media.CodecOpus
		}
	case "fLaC":
		if e.config = flacHeader(findChild(inner, "dfLa")); e.config != nil {
			e.kind, e.codec = media.Audio, media.CodecFLAC
		}
	}
}

// Bits in dac3 and dec3 (ETSI TS 102 366 F.4, F.6) at which acmod stands, with lfeon behind it.
const (
	dac3Channels = 2 + 5 + 3
	dec3Channels = 16 + 2 + 5 + 1 + 1 + 3
)

// setDolbyChannels takes the number of channels from acmod and lfeon: the entry always says 2.
func (e *entry) setDolbyChannels(b []byte, at int) {
	if len(b)*8 < at+4 {
		return
	}
	r := bitReader{b: b, pos: at}
	e.channels = [8]int{2, 1, 2, 3, 3, 4, 4, 5}[r.read(3)] + int(r.read(1))
}

// setObject sets what an esds box says.
func (e *entry) setObject(objectType uint8, specific []byte) {
	switch {
	case objectType == objectAAC || objectType >= objectAAC2Main && objectType <= objectAAC2SSR:
		if len(specific) < 2 {
			return
		}
		e.codec, e.config = media.CodecAAC, slices.Clone(specific)
	case objectType == objectMP3 || objectType == objectMP3MPEG2:
		e.codec = media.CodecMP3
	case objectType == objectAC3:
		e.codec = media.CodecAC3
	case objectType == objectEAC3:
		e.codec = media.CodecEAC3
	default:
		return
	}
	e.kind = media.Audio
}

// opusHead makes the ID header (RFC 7845 5.1) of a dOps box (Opus in ISO BMFF 4.3.2). It has the same fields,
// little-endian and with a name in front.
func opusHead(b []byte) []byte {
	f := fields{b: b}
	f.skip(1) // version 0
	head := append([]byte("OpusHead"), opusHeadVersion, f.u8())
	head = binary.LittleEndian.AppendUint16(head, f.u16()) // pre-skip
	head = binary.LittleEndian.AppendUint32(head, f.u32()) // input sample rate
	head = binary.LittleEndian.AppendUint16(head, f.u16()) // gain
	head = append(head, f.b...)                            // mapping family and table
	if f.short || len(f.b) == 0 {
		return nil
	}
	return head
}

const (
	flacMarker     = "fLaC"
	streamInfoSize = 4 + 34 // block header and STREAMINFO
	flacLastBlock  = 0x80
)

// flacHeader makes what Enhanced RTMP sends of a dfLa box: the marker of a FLAC file and the STREAMINFO block, with
// which the box begins.
func flacHeader(b []byte) []byte {
	f := fields{b: b}
	f.full()
	block := f.bytes(streamInfoSize)
	if block == nil || block[0]&0x7f != 0 {
		return nil
	}
	head := append([]byte(flacMarker), block...)
	head[len(flacMarker)] |= flacLastBlock
	return head
}
