package flv

import (
	"fmt"

	"leat/amf"
	"leat/media"
)

// ColorInfo is the value of a "colorInfo" pair in a VideoMetadata packet: how the colours of the frames behind it are
// to be understood (E-RTMP v2, Metadata). It replaces the earlier one as a whole; the zero value means what the
// bit stream says by itself.
type ColorInfo struct {
	ColorConfig *ColorConfig
	HDRCll      *HDRCll
	HDRMdcv     *HDRMdcv
}

// Unspecified is the index of ISO/IEC 23091-2 (H.273) for "not known", which absent members of a ColorConfig become.
const Unspecified = 2

// ColorConfig holds the colour description of H.273.
type ColorConfig struct {
	BitDepth                uint8 // of one component; 0: as the bit stream says
	ColorPrimaries          uint8 // H.273 8.1
	TransferCharacteristics uint8 // H.273 8.2
	MatrixCoefficients      uint8 // H.273 8.3; 0 is the identity, not "absent"
}

// HDRCll is the content light level in cd/m², 0.0001 to 10,000.
type HDRCll struct {
	MaxFall float64 // highest average of a frame; 0: absent
	MaxCLL  float64 // highest of a pixel; 0: absent
}

// HDRMdcv is the colour volume of the display on which the content was mastered: chromaticities x and y of CIE
// 1931, and luminance in cd/m². 0 is absent.
type HDRMdcv struct {
	RedX, RedY, GreenX, GreenY, BlueX, BlueY, WhitePointX, WhitePointY float64
	MaxLuminance, MinLuminance                                         float64
}

// members names the numbers of an HDRMdcv in the order of the specification.
func (m *HDRMdcv) members() []colorMember {
	return []colorMember{
		{"redX", &m.RedX},
		{"redY", &m.RedY},
		{"greenX", &m.GreenX},
		{"greenY", &m.GreenY},
		{"blueX", &m.BlueX},
		{"blueY", &m.BlueY},
		{"whitePointX", &m.WhitePointX},
		{"whitePointY", &m.WhitePointY},
		{"maxLuminance", &m.MaxLuminance},
		{"minLuminance", &m.MinLuminance},
	}
}

func (c *HDRCll) members() []colorMember {
	return []colorMember{{"maxFall", &c.MaxFall}, {"maxCLL", &c.MaxCLL}}
}

// colorMember is one number of an AMF object and where it belongs.
type colorMember struct {
	name  string
	value *float64
}

func decodeMembers(o *amf.Object, members []colorMember) {
	for _, m := range members {
		*m.value, _ = o.Number(m.name)
	}
}

func encodeMembers(members []colorMember) *amf.Object {
	o := &amf.Object{}
	for _, m := range members {
		if *m.value != 0 {
			o.Members = append(o.Members, amf.Member{Name: m.name, Value: *m.value})
		}
	}
	return o
}

// ParseColorInfo reads the payload of a VideoMetadata packet: pairs of name and value, of which the last
// "colorInfo" counts. Undefined or an empty object is the zero ColorInfo. ok is false if there is no such pair; err
// is the one of package amf for values that cannot be decoded.
func ParseColorInfo(b []byte) (c ColorInfo, ok bool, err error) {
	vals, err := amf.Decode(b, amf.Limits{})
	for i := 0; i+1 < len(vals); i += 2 {
		if vals[i] == media.NameColorInfo {
			o, _ := vals[i+1].(*amf.Object)
			c, ok = colorInfoOf(o), true
		}
	}
	if err != nil {
		return c, ok, fmt.Errorf("flv: decode video metadata: %w", err)
	}
	return c, ok, nil
}

func colorInfoOf(o *amf.Object) (c ColorInfo) {
	if config := o.Object("colorConfig"); config != nil {
		c.ColorConfig = &ColorConfig{
			BitDepth:                index(config, "bitDepth", 0),
			ColorPrimaries:          index(config, "colorPrimaries", Unspecified),
			TransferCharacteristics: index(config, "transferCharacteristics", Unspecified),
			MatrixCoefficients:      index(config, "matrixCoefficients", Unspecified),
		}
	}
	if cll := o.Object("hdrCll"); cll != nil {
		c.HDRCll = &HDRCll{}
		decodeMembers(cll, c.HDRCll.members())
	}
	if mdcv := o.Object("hdrMdcv"); mdcv != nil {
		c.HDRMdcv = &HDRMdcv{}
		decodeMembers(mdcv, c.HDRMdcv.members())
	}
	return c
}

// index returns a member as an index of 0 to 255, and absent if it is none.
func index(o *amf.Object, name string, absent uint8) uint8 {
	f, ok := o.Number(name)
	if !ok || f < 0 || f > 255 {
		return absent
	}
	return uint8(f)
}

// AppendColorInfo appends the payload of a VideoMetadata packet with c as its only pair, in AMF0. The zero value is
// written as Undefined, which resets what was sent before.
func AppendColorInfo(dst []byte, c *ColorInfo) ([]byte, error) {
	dst = amf.AppendString(dst, media.NameColorInfo)
	if *c == (ColorInfo{}) {
		return amf.AppendUndefined(dst), nil
	}
	o := &amf.Object{}
	if c.ColorConfig != nil {
		config := &amf.Object{}
		if c.ColorConfig.BitDepth != 0 {
			config.Set("bitDepth", float64(c.ColorConfig.BitDepth))
		}
		config.Set("colorPrimaries", float64(c.ColorConfig.ColorPrimaries))
		config.Set("transferCharacteristics", float64(c.ColorConfig.TransferCharacteristics))
		config.Set("matrixCoefficients", float64(c.ColorConfig.MatrixCoefficients))
		o.Set("colorConfig", config)
	}
	if c.HDRCll != nil {
		o.Set("hdrCll", encodeMembers(c.HDRCll.members()))
	}
	if c.HDRMdcv != nil {
		o.Set("hdrMdcv", encodeMembers(c.HDRMdcv.members()))
	}
	return amf.Append(dst, o)
}
