package flv

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"leat/amf"
	"leat/media"
)

// TestColorInfoMessage builds the worked example of E-RTMP v2, Metadata: HDR10 in 145 bytes.
func TestColorInfoMessage(t *testing.T) {
	h := VideoHeader{Enhanced: true, FrameType: FrameKey, PacketType: VideoMetadata, FourCC: media.CodecHEVC}
	b, err := AppendVideoHeader(nil, &h)
	if err != nil {
		t.Fatal(err)
	}
	want := ColorInfo{ColorConfig: &ColorConfig{BitDepth: 10, ColorPrimaries: 9, TransferCharacteristics: 16, MatrixCoefficients: 9}}
	if b, err = AppendColorInfo(b, &want); err != nil {
		t.Fatal(err)
	}
	start := unhex(t, "94 68766331 02 0009 636f6c6f72496e666f 03 000b 636f6c6f72436f6e666967 03 0008 6269744465707468 00 4024000000000000")
	if len(b) != 145 || !bytes.HasPrefix(b, start) {
		t.Errorf("%d bytes: %x, want 145 bytes that begin with %x", len(b), b, start)
	}
	packets, err := AppendPackets(nil, TagVideo, 0, b)
	if err != nil {
		t.Fatal(err)
	}
	p := packets[0]
	if !p.Config || p.Key || p.Name != media.NameColorInfo || p.Codec != media.CodecHEVC {
		t.Errorf("packet: %s", describe(p, b))
	}
	got, ok, err := ParseColorInfo(p.Data)
	if err != nil || !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseColorInfo = %+v, %v, %v", got, ok, err)
	}
}

func TestColorInfoRoundTrip(t *testing.T) {
	for name, want := range map[string]ColorInfo{
		"reset": {},
		"all": {
			ColorConfig: &ColorConfig{BitDepth: 12, ColorPrimaries: 9, TransferCharacteristics: 18},
			HDRCll:      &HDRCll{MaxFall: 400, MaxCLL: 1000.5},
			HDRMdcv: &HDRMdcv{
				RedX: 0.708, RedY: 0.292, GreenX: 0.17, GreenY: 0.797, BlueX: 0.131, BlueY: 0.046,
				WhitePointX: 0.3127, WhitePointY: 0.329, MaxLuminance: 1000, MinLuminance: 0.0001,
			},
		},
		"light level only": {HDRCll: &HDRCll{MaxCLL: 1}},
	} {
		b, err := AppendColorInfo(nil, &want)
		if err != nil {
			t.Fatal(err)
		}
		got, ok, err := ParseColorInfo(b)
		if err != nil || !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: ParseColorInfo = %+v, %v, %v, want %+v", name, got, ok, err, want)
		}
		for n := 1; n < len(b); n++ {
			if _, ok, err := ParseColorInfo(b[:n]); ok && err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestParseColorInfoLenient(t *testing.T) {
	pair := func(name string, v any) []byte {
		b, err := amf.Append(amf.AppendString(nil, name), v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	config := amf.NewObject("colorConfig", amf.NewObject("bitDepth", "10", "colorPrimaries", 300.0))
	for _, test := range []struct {
		name string
		b    []byte
		want ColorInfo
		ok   bool
	}{
		{"nothing", nil, ColorInfo{}, false},
		{"another name", pair("hdr", 1.0), ColorInfo{}, false},
		{"an empty object resets", pair("colorInfo", &amf.Object{}), ColorInfo{}, true},
		{"another pair in front", append(pair("x", true), pair("colorInfo", amf.AVMPlus{Value: config})...), ColorInfo{
			ColorConfig: &ColorConfig{BitDepth: 10, ColorPrimaries: Unspecified, TransferCharacteristics: Unspecified, MatrixCoefficients: Unspecified},
		}, true},
		{"the last one counts", append(pair("colorInfo", config), pair("colorInfo", amf.Undefined{})...), ColorInfo{}, true},
	} {
		got, ok, err := ParseColorInfo(test.b)
		if err != nil || ok != test.ok || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: ParseColorInfo = %+v, %v, %v, want %+v", test.name, got, ok, err, test.want)
		}
	}
}
