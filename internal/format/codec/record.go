package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"

	"leat/media"
)

// maxParameterSets bounds the parameter sets of one record.
const maxParameterSets = 64

// ParameterSets returns the parameter sets in the sequence header of an AVC or HEVC track, in the order in which a decoder wants
// them, as sub-slices of p.Data, and how many bytes the lengths of the units in its frames have: 1, 2 or 4. An error wraps
// ErrMalformed.
func ParameterSets(p *media.Packet) (sets [][]byte, lengthSize int, err error) {
	switch p.Codec {
	case media.CodecAVC:
		sets, lengthSize, err = avcParameterSets(p.Data)
	case media.CodecHEVC:
		sets, lengthSize, err = hevcParameterSets(p.Data)
	default:
		err = fmt.Errorf("%v has no parameter sets", p.Codec)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return sets, lengthSize, nil
}

func avcParameterSets(b []byte) (sets [][]byte, lengthSize int, err error) {
	if len(b) < 6 {
		return nil, 0, errTruncated
	}
	lengthSize = int(b[4]&3) + 1
	count, b := int(b[5]&0x1f), b[6:]
	for range 2 { // sequence parameter sets, then picture parameter sets
		if sets, b, err = appendUnits(sets, b, count); err != nil {
			return nil, 0, err
		}
		if len(b) == 0 {
			break
		}
		count, b = int(b[0]), b[1:]
	}
	return sets, lengthSize, nil
}

func hevcParameterSets(b []byte) (sets [][]byte, lengthSize int, err error) {
	if len(b) < hevcRecordSize {
		return nil, 0, errTruncated
	}
	lengthSize = int(b[21]&3) + 1
	arrays := int(b[22])
	b = b[hevcRecordSize:]
	for range arrays {
		if len(b) < 3 {
			return nil, 0, errTruncated
		}
		if sets, b, err = appendUnits(sets, b[3:], int(binary.BigEndian.Uint16(b[1:]))); err != nil {
			return nil, 0, err
		}
	}
	return sets, lengthSize, nil
}

func appendUnits(sets [][]byte, b []byte, count int) (all [][]byte, rest []byte, err error) {
	if len(sets)+count > maxParameterSets {
		return nil, nil, fmt.Errorf("more than %d parameter sets", maxParameterSets)
	}
	for range count {
		unit, rest, err := lengthPrefixed(b)
		if err != nil {
			return nil, nil, err
		}
		sets, b = append(sets, unit), rest
	}
	return sets, b, nil
}

// AVCRecord makes the AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1) of the parameter sets that a stream carries itself;
// lengths in its frames have four bytes. An error wraps ErrMalformed.
func AVCRecord(sps, pps []byte) ([]byte, error) {
	var parsed h264.SPS
	switch {
	case len(sps) < 4 || len(sps) > maxParameterSet || len(pps) == 0 || len(pps) > maxParameterSet:
		return nil, fmt.Errorf("%w: parameter sets of %d and %d bytes", ErrMalformed, len(sps), len(pps))
	case parsed.Unmarshal(sps) != nil:
		return nil, fmt.Errorf("%w: the sequence parameter set cannot be read", ErrMalformed)
	}
	b := []byte{1, sps[1], sps[2], sps[3], 0xff, 0xe1}
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(sps))), sps...)
	b = append(b, 1)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(pps))), pps...)
	switch sps[1] {
	case 100, 110, 122, 144:
		b = append(b, 0xfc|byte(parsed.ChromaFormatIdc&3), 0xf8|byte(parsed.BitDepthLumaMinus8&7), 0xf8|byte(parsed.BitDepthChromaMinus8&7), 0)
	}
	return b, nil
}

// HEVCRecord is AVCRecord for an HEVCDecoderConfigurationRecord (ISO 14496-15 8.3.3.1).
func HEVCRecord(vps, sps, pps []byte) ([]byte, error) {
	for _, set := range [][]byte{vps, sps, pps} {
		if len(set) < 3 || len(set) > maxParameterSet {
			return nil, fmt.Errorf("%w: a parameter set of %d bytes", ErrMalformed, len(set))
		}
	}
	var parsed h265.SPS
	if err := parsed.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("%w: sequence parameter set: %w", ErrMalformed, err)
	}
	const profileTierLevel = 3 // offset of the general part, 12 bytes long, without emulation prevention
	plain := h264.EmulationPreventionRemove(sps)
	if len(plain) < profileTierLevel+12 {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, errTruncated)
	}
	b := append([]byte{1}, plain[profileTierLevel:profileTierLevel+12]...)
	nested := (plain[2]&1)<<2 | (plain[2]>>1&7+1)<<3 // temporalIdNested, numTemporalLayers
	b = append(b,
		0xf0, 0, 0xfc, // min_spatial_segmentation_idc, parallelismType: not known
		0xfc|byte(parsed.ChromaFormatIdc&3), 0xf8|byte(parsed.BitDepthLumaMinus8&7), 0xf8|byte(parsed.BitDepthChromaMinus8&7),
		0, 0, nested|3, // average frame rate: not known; lengths of four bytes
		3)
	for _, set := range [][]byte{vps, sps, pps} {
		b = append(b, 0x80|set[0]>>1&0x3f, 0, 1)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(set))), set...)
	}
	return b, nil
}

// AV1Record makes the AV1CodecConfigurationRecord (AV1 in ISO BMFF 2.3) of a temporal unit that has a sequence header; nil when
// it has none. An error wraps ErrMalformed.
func AV1Record(unit []byte) ([]byte, error) {
	obu, err := sequenceHeaderOBU(unit)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if obu == nil {
		return nil, nil
	}
	var h av1.SequenceHeader
	if err := h.Unmarshal(obu); err != nil {
		return nil, fmt.Errorf("%w: sequence header: %w", ErrMalformed, err)
	}
	if len(h.SeqLevelIdx) == 0 {
		return nil, fmt.Errorf("%w: a sequence header without operating points", ErrMalformed)
	}
	flags := byte(0)
	for bit, set := range map[byte]bool{
		0x80: len(h.SeqTier) > 0 && h.SeqTier[0],
		0x40: h.ColorConfig.HighBitDepth, 0x20: h.ColorConfig.TwelveBit, 0x10: h.ColorConfig.MonoChrome,
		0x08: h.ColorConfig.SubsamplingX, 0x04: h.ColorConfig.SubsamplingY,
	} {
		if set {
			flags |= bit
		}
	}
	return append([]byte{av1RecordMarker, h.SeqProfile<<5 | h.SeqLevelIdx[0]&0x1f, flags, 0}, obu...), nil
}

// VP9Record makes the VPCodecConfigurationRecord (VP codecs in ISO BMFF 2.2) of a key frame, as a full box. An error wraps
// ErrMalformed.
func VP9Record(frame []byte) ([]byte, error) {
	var h vp9.Header
	if err := h.Unmarshal(frame[:min(len(frame), 64)]); err != nil {
		return nil, fmt.Errorf("%w: frame header: %w", ErrMalformed, err)
	}
	if h.ColorConfig == nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, errors.New("not a key frame"))
	}
	return vpRecord(h.Profile, h.ColorConfig.BitDepth, h.ChromaSubsampling()), nil
}

// VP8Record returns the VPCodecConfigurationRecord of every VP8 stream.
func VP8Record() []byte { return vpRecord(0, 8, 1) }

func vpRecord(profile, depth, chroma byte) []byte {
	const unspecified = 2
	const anyLevel = 10
	return []byte{1, 0, 0, 0, profile, anyLevel, depth<<4 | chroma<<1, unspecified, unspecified, unspecified, 0, 0}
}
