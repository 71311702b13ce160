package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

const hevcRecordSize = 23

// describeHEVC reads an HEVCDecoderConfigurationRecord (ISO 14496-15 8.3.3.1): 23 bytes, of which 1 holds
// general_profile_idc, 12 general_level_idc, 16 chroma_format_idc, 17 the bit depth and 22 the number of arrays:
//
//	{ UI8 NAL unit type | UI16 number of units | { UI16 length, unit } … } …
func describeHEVC(info *Info, b []byte) error {
	if len(b) < hevcRecordSize {
		return errTruncated
	}
	info.Profile, info.Level = hevcProfile(b[1]&0x1f), hevcLevel(b[12])
	info.PixelFormat = pixelFormat(int(b[16]&3), int(b[17]&7)+8)
	arrays := int(b[22])
	b = b[hevcRecordSize:]
	for range arrays {
		if len(b) < 3 {
			return errTruncated
		}
		unitType, units := h265.NALUType(b[0]&0x3f), int(binary.BigEndian.Uint16(b[1:]))
		b = b[3:]
		for range units { // each takes two bytes at least, or the loop ends
			unit, rest, err := lengthPrefixed(b)
			if err != nil {
				return err
			}
			if unitType == h265.NALUType_SPS_NUT {
				return describeHEVCSPS(info, unit)
			}
			b = rest
		}
	}
	return errors.New("no sequence parameter set")
}

func describeHEVCSPS(info *Info, b []byte) error {
	if len(b) > maxParameterSet {
		return errors.New("sequence parameter set is too long")
	}
	var sps h265.SPS
	if err := sps.Unmarshal(b); err != nil {
		// The library refuses profiles of sub-layers and long-term references; the size stands in front of most.
		width, height, sizeErr := hevcSize(b)
		if sizeErr != nil {
			return fmt.Errorf("sequence parameter set: %w", err)
		}
		info.setSize(width, height)
		return nil
	}
	info.setSize(sps.Width(), sps.Height())
	if vui := sps.VUI; vui != nil {
		info.PixelFormat = withColour(info.PixelFormat, vui.VideoFullRangeFlag, vui.ColourDescriptionPresentFlag, vui.MatrixCoefficients)
		if t := vui.TimingInfo; t != nil {
			info.setFPS(float64(t.TimeScale), float64(t.NumUnitsInTick))
		}
	}
	return nil
}

// hevcSize reads an SPS up to the conformance window only (H.265 7.3.2.2.1).
func hevcSize(b []byte) (width, height int, err error) {
	b = h264.EmulationPreventionRemove(b)
	pos := 16 + 4 // NAL unit header, sps_video_parameter_set_id
	subLayers, err := bits.ReadBits(b, &pos, 3)
	if err != nil {
		return 0, 0, err
	}
	pos += 1 + 96 // temporal id nesting; general profile, tier and level
	if pos, err = skipSubLayers(b, pos, int(subLayers)); err != nil {
		return 0, 0, err
	}
	var id, chroma, w, h uint32
	if err := golombs(b, &pos, &id, &chroma); err != nil {
		return 0, 0, err
	}
	if chroma == 3 {
		if _, err := bits.ReadFlag(b, &pos); err != nil { // separate_colour_plane_flag
			return 0, 0, err
		}
	}
	if err := golombs(b, &pos, &w, &h); err != nil {
		return 0, 0, err
	}
	window, err := bits.ReadFlag(b, &pos)
	if err != nil || !window {
		return int(w), int(h), err
	}
	var left, right, top, bottom uint32
	if err := golombs(b, &pos, &left, &right, &top, &bottom); err != nil {
		return 0, 0, err
	}
	unitX, unitY := 1, 1
	if chroma == 1 || chroma == 2 {
		unitX = 2
	}
	if chroma == 1 {
		unitY = 2
	}
	return int(w) - unitX*(int(left)+int(right)), int(h) - unitY*(int(top)+int(bottom)), nil
}

// golombs reads unsigned Exp-Golomb numbers.
func golombs(b []byte, pos *int, values ...*uint32) (err error) {
	for _, v := range values {
		if *v, err = bits.ReadGolombUnsigned(b, pos); err != nil {
			return err
		}
	}
	return nil
}

// skipSubLayers passes over the profiles and levels of the n sub-layers (H.265 7.3.3).
func skipSubLayers(b []byte, pos, n int) (int, error) {
	if n == 0 {
		return pos, bits.HasSpace(b, pos, 1)
	}
	skip := 0
	for range n {
		present, err := bits.ReadBits(b, &pos, 2)
		if err != nil {
			return 0, err
		}
		if present&2 != 0 {
			skip += 88 // profile
		}
		if present&1 != 0 {
			skip += 8 // level
		}
	}
	pos += 2*(8-n) + skip
	return pos, bits.HasSpace(b, pos, 1)
}

// hevcProfile names general_profile_idc (H.265 A.3).
func hevcProfile(idc byte) string {
	switch idc {
	case 1:
		return "Main"
	case 2:
		return "Main 10"
	case 3:
		return "Main Still Picture"
	case 4:
		return "Rext"
	case 6:
		return "Multiview Main"
	case 9:
		return "Scc"
	}
	return ""
}

// hevcLevel names general_level_idc, which is 30 times the level (H.265 A.4).
func hevcLevel(idc byte) string {
	if idc == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%d", idc/30, idc%30/3)
}
