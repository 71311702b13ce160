package codec

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
)

const (
	av1DescriptorTag = 0x80 // of the AV1 video descriptor in MPEG-2 TS
	av1RecordMarker  = 0x81 // marker 1 and version 1
)

// describeAV1 reads an AV1CodecConfigurationRecord (AV1 in ISO BMFF 2.3): four bytes and the sequence header as an
// OBU, which may be absent. The AV1 video descriptor of an MPEG2TSSequenceStart has the same four bytes, in some
// encoders behind tag and length.
func describeAV1(info *Info, b []byte) error {
	if len(b) >= 6 && b[0] == av1DescriptorTag && b[1] == 4 {
		b = b[2:]
	}
	if len(b) < 4 {
		return errTruncated
	}
	if b[0] != av1RecordMarker {
		return fmt.Errorf("record begins with %#x, not 0x81", b[0])
	}
	info.Profile, info.Level = av1Profile(b[1]>>5), av1Level(b[1]&0x1f)
	depth := 8
	if b[2]&0x40 != 0 { // high_bitdepth
		depth = 10
		if b[2]&0x20 != 0 { // twelve_bit
			depth = 12
		}
	}
	info.PixelFormat = pixelFormat(chromaFormat(b[2]&0x10 != 0, b[2]&8 != 0, b[2]&4 != 0), depth)
	header, err := sequenceHeaderOBU(b[4:])
	if header == nil {
		return err
	}
	var sequence av1.SequenceHeader
	if err := sequence.Unmarshal(header); err != nil {
		return fmt.Errorf("sequence header: %w", err)
	}
	info.setSize(int(sequence.MaxFrameWidthMinus1)+1, int(sequence.MaxFrameHeightMinus1)+1)
	if t := sequence.TimingInfo; t != nil && t.EqualPictureInterval {
		info.setFPS(float64(t.TimeScale), float64(t.NumUnitsInDisplayTick)*(float64(t.NumTicksPerPictureMinus1)+1))
	}
	return nil
}

// chromaFormat turns AV1's flags into chroma_format_idc.
func chromaFormat(mono, subsamplingX, subsamplingY bool) int {
	switch {
	case mono:
		return 0
	case subsamplingX && subsamplingY:
		return 1
	case subsamplingX:
		return 2
	}
	return 3
}

// sequenceHeaderOBU returns the first sequence header OBU of b with its header (AV1 5.3), or nil if there is none.
func sequenceHeaderOBU(b []byte) ([]byte, error) {
	const sequenceHeader = 1
	for len(b) > 0 {
		head := 1
		if b[0]&4 != 0 { // obu_extension_flag
			head = 2
		}
		size := len(b) - head
		if b[0]&2 != 0 { // obu_has_size_field
			if len(b) < head {
				return nil, errTruncated
			}
			v, n := binary.Uvarint(b[head:])
			if n <= 0 || v > uint64(len(b)-head-n) {
				return nil, errTruncated
			}
			head, size = head+n, int(v)
		}
		if size < 0 {
			return nil, errTruncated
		}
		if b[0]>>3&0x0f == sequenceHeader {
			if size > maxParameterSet {
				return nil, errors.New("sequence header is too long")
			}
			return b[:head+size], nil
		}
		b = b[head+size:]
	}
	return nil, nil
}

func av1Profile(p byte) string {
	switch p {
	case 0:
		return "Main"
	case 1:
		return "High"
	case 2:
		return "Professional"
	}
	return ""
}

// av1Level names seq_level_idx; 31 means no limits (AV1 A.3).
func av1Level(idx byte) string {
	if idx > 27 {
		return ""
	}
	return fmt.Sprintf("%d.%d", 2+idx/4, idx%4)
}

// describeVPx reads a VPCodecConfigurationRecord (VP codecs in ISO BMFF 2.2). Three forms are in use: 12 bytes or
// more with the version and flags of a full box in front, 9 with the version only, and 8 bare:
//
//	profile | level | bit depth 4, chroma subsampling 3, full range 1 | primaries | transfer | matrix | UI16 0
func describeVPx(info *Info, b []byte) error {
	switch {
	case len(b) >= 12 && b[1] == 0 && b[2] == 0 && b[3] == 0:
		b = b[4:]
	case len(b) == 9:
		b = b[1:]
	}
	if len(b) < 8 {
		return errTruncated
	}
	if info.Codec == "vp9" {
		info.Profile = vp9Profile(b[0])
	}
	if b[1] > 0 {
		info.Level = fmt.Sprintf("%d.%d", b[1]/10, b[1]%10)
	}
	chroma := max(1, int(b[2]>>1&7)) // 0 and 1 are 4:2:0 with different places of the samples
	info.PixelFormat = pixelFormat(chroma, int(b[2]>>4))
	return nil
}

func vp9Profile(p byte) string {
	if p > 3 {
		return ""
	}
	return fmt.Sprintf("Profile %d", p)
}

// describeVP8Frame reads the header of a key frame (RFC 6386 9.1): a 3-byte frame tag, the start code, width and height
// with two bits of scaling each, all little-endian.
func describeVP8Frame(info *Info, b []byte) error {
	if len(b) < 10 {
		return errTruncated
	}
	if b[0]&1 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return errors.New("not a key frame")
	}
	info.setSize(int(binary.LittleEndian.Uint16(b[6:])&0x3fff), int(binary.LittleEndian.Uint16(b[8:])&0x3fff))
	info.PixelFormat = pixelFormat(1, 8)
	return nil
}

func describeVP9Frame(info *Info, b []byte) error {
	var h vp9.Header
	if err := h.Unmarshal(b[:min(len(b), 64)]); err != nil {
		return fmt.Errorf("frame header: %w", err)
	}
	info.Profile = vp9Profile(h.Profile)
	info.setSize(h.Width(), h.Height())
	if c := h.ColorConfig; c != nil {
		info.PixelFormat = pixelFormat(int(h.ChromaSubsampling()), int(c.BitDepth))
	}
	return nil
}
