package codec

import (
	"fmt"
	"math/bits"
	"strings"

	"leat/media"
)

// RFC6381 returns the codecs parameter (RFC 6381) for the track that a Config packet, or a frame of a codec without a
// configuration record, belongs to: "avc1.64001f", "mp4a.40.2", "opus". It is what browsers and HLS players are told. It is
// empty if p does not say enough, or its codec has no such name.
func RFC6381(p *media.Packet) string {
	b := p.Data
	switch p.Codec {
	case media.CodecAVC: // ISO 14496-15 E.3
		if len(b) >= 4 {
			return fmt.Sprintf("avc1.%02x%02x%02x", b[1], b[2], b[3])
		}
	case media.CodecHEVC:
		if len(b) >= 13 {
			return hevcString(b)
		}
	case media.CodecAV1: // AV1 in ISO BMFF 5
		if len(b) >= 4 {
			return av1String(b)
		}
	case media.CodecVP9: // VP codecs in ISO BMFF, Codecs Parameter String; behind version and flags of vpcC
		if len(b) >= 7 {
			return fmt.Sprintf("vp09.%02d.%02d.%02d", b[4], b[5], b[6]>>4)
		}
	case media.CodecVP8:
		return "vp8"
	case media.CodecAAC:
		pos := 0
		if object, err := aacObjectType(b, &pos); err == nil {
			return fmt.Sprintf("mp4a.40.%d", object)
		}
	case media.CodecMP3:
		return "mp4a.6B"
	case media.CodecOpus:
		return "opus"
	case media.CodecFLAC:
		return "flac"
	case media.CodecAC3:
		return "ac-3"
	case media.CodecEAC3:
		return "ec-3"
	}
	return ""
}

// hevcString reads an HEVCDecoderConfigurationRecord (ISO 14496-15 E.3).
func hevcString(b []byte) string {
	space := [...]string{"", "A", "B", "C"}[b[1]>>6]
	tier := "L"
	if b[1]&0x20 != 0 {
		tier = "H"
	}
	compatibility := uint32(b[2])<<24 | uint32(b[3])<<16 | uint32(b[4])<<8 | uint32(b[5])
	s := fmt.Sprintf("hvc1.%s%d.%X.%s%d", space, b[1]&0x1f, bits.Reverse32(compatibility), tier, b[12])
	constraints := b[6:12]
	for len(constraints) > 0 && constraints[len(constraints)-1] == 0 {
		constraints = constraints[:len(constraints)-1]
	}
	var sb strings.Builder
	sb.WriteString(s)
	for _, c := range constraints {
		fmt.Fprintf(&sb, ".%X", c)
	}
	return sb.String()
}

// av1String reads an AV1CodecConfigurationRecord.
func av1String(b []byte) string {
	tier := "M"
	if b[2]&0x80 != 0 {
		tier = "H"
	}
	depth := 8
	switch {
	case b[2]&0x40 != 0 && b[2]&0x20 != 0:
		depth = 12
	case b[2]&0x40 != 0:
		depth = 10
	}
	return fmt.Sprintf("av01.%d.%02d%s.%02d", b[1]>>5, b[1]&0x1f, tier, depth)
}
