package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// describeAVC reads an AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1):
//
//	01 profile compatibility level | reserved 6, lengthSizeMinusOne 2 | reserved 3, number of SPS 5 | { UI16 length, SPS } …
func describeAVC(info *Info, b []byte) error {
	if len(b) < 6 {
		return errTruncated
	}
	if b[0] != 1 {
		return fmt.Errorf("record version %d", b[0])
	}
	info.Profile, info.Level = avcProfile(b[1], b[2]), avcLevel(b[1], b[2], b[3])
	if b[5]&0x1f == 0 {
		return errors.New("no sequence parameter set")
	}
	sps, _, err := lengthPrefixed(b[6:])
	if err != nil {
		return err
	}
	return describeAVCSPS(info, sps)
}

// lengthPrefixed returns the bytes behind a 16-bit length, and what follows them.
func lengthPrefixed(b []byte) (unit, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, errTruncated
	}
	n := int(binary.BigEndian.Uint16(b))
	if len(b)-2 < n {
		return nil, nil, errTruncated
	}
	return b[2 : 2+n], b[2+n:], nil
}

func describeAVCSPS(info *Info, b []byte) error {
	if len(b) > maxParameterSet {
		return errors.New("sequence parameter set is too long")
	}
	var sps h264.SPS
	if err := sps.Unmarshal(b); err != nil {
		return fmt.Errorf("sequence parameter set: %w", err)
	}
	info.setSize(sps.Width(), sps.Height())
	info.PixelFormat = avcPixelFormat(&sps)
	if sps.VUI != nil && sps.VUI.TimingInfo != nil {
		t := sps.VUI.TimingInfo
		info.setFPS(float64(t.TimeScale), 2*float64(t.NumUnitsInTick)) // a tick is a field
	}
	return nil
}

func avcPixelFormat(sps *h264.SPS) string {
	if sps.ChromaFormatIdc > 3 || sps.BitDepthLumaMinus8 > 8 {
		return ""
	}
	name := pixelFormat(int(sps.ChromaFormatIdc), int(sps.BitDepthLumaMinus8)+8)
	if vui := sps.VUI; vui != nil {
		return withColour(name, vui.VideoFullRangeFlag, vui.ColourDescriptionPresentFlag, vui.MatrixCoefficients)
	}
	return name
}

// withColour changes the name for the two cases that ffprobe gives names of their own: full-range 8-bit, and RGB.
func withColour(name string, fullRange, described bool, matrix uint8) string {
	const identity = 0 // H.273 matrix coefficients
	switch {
	case described && matrix == identity && len(name) >= 7 && name[:7] == "yuv444p":
		return "gbrp" + name[7:]
	case fullRange && (name == "yuv420p" || name == "yuv422p" || name == "yuv444p"):
		return "yuvj" + name[3:]
	}
	return name
}

// Constraint flags in the second byte of an SPS, profile_compatibility (H.264 7.4.2.1.1).
const (
	avcConstraintSet1 = 0x40
	avcConstraintSet3 = 0x10
)

// avcProfile names profile_idc with its constraint flags (H.264 A.2).
func avcProfile(profile, compatibility byte) string {
	switch profile {
	case 66:
		if compatibility&avcConstraintSet1 != 0 {
			return "Constrained Baseline"
		}
		return "Baseline"
	case 77:
		return "Main"
	case 88:
		return "Extended"
	case 100:
		return "High"
	case 110:
		return "High 10" + avcIntra(compatibility)
	case 122:
		return "High 4:2:2" + avcIntra(compatibility)
	case 144:
		return "High 4:4:4"
	case 244:
		if intra := avcIntra(compatibility); intra != "" {
			return "High 4:4:4" + intra
		}
		return "High 4:4:4 Predictive"
	case 44:
		return "CAVLC 4:4:4"
	case 118:
		return "Multiview High"
	case 128:
		return "Stereo High"
	}
	return ""
}

func avcIntra(compatibility byte) string {
	if compatibility&avcConstraintSet3 != 0 {
		return " Intra"
	}
	return ""
}

// avcLevel names level_idc (H.264 A.3).
func avcLevel(profile, compatibility, level byte) string {
	if level == 9 || level == 11 && profile <= 88 && compatibility&avcConstraintSet3 != 0 {
		return "1b"
	}
	return fmt.Sprintf("%d.%d", level/10, level%10)
}
