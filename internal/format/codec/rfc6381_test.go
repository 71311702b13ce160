package codec

import (
	"testing"

	"leat/media"
)

func TestRFC6381(t *testing.T) {
	tests := []struct {
		codec media.FourCC
		data  []byte
		want  string
	}{
		{media.CodecAVC, []byte{1, 0x64, 0, 0x1f, 0xff}, "avc1.64001f"},
		{media.CodecAVC, []byte{1, 0x64, 0}, ""},
		{media.CodecHEVC, []byte{1, 0x01, 0x60, 0, 0, 0, 0xb0, 0, 0, 0, 0, 0, 93}, "hvc1.1.6.L93.B0"},
		{media.CodecHEVC, []byte{1, 0x22, 0x20, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 120}, "hvc1.2.4.H120.90"},
		{media.CodecHEVC, []byte{1, 2, 3}, ""},
		{media.CodecAV1, []byte{0x81, 0x08, 0x0c, 0}, "av01.0.08M.08"},
		{media.CodecAV1, []byte{0x81, 0x28, 0xcc, 0}, "av01.1.08H.10"},
		{media.CodecVP9, []byte{1, 0, 0, 0, 0, 31, 0x82}, "vp09.00.31.08"},
		{media.CodecAAC, []byte{0x11, 0x90}, "mp4a.40.2"},
		{media.CodecAAC, []byte{0x2b, 0x92, 0x08, 0}, "mp4a.40.5"},
		{media.CodecAAC, nil, ""},
		{media.CodecMP3, nil, "mp4a.6B"},
		{media.CodecOpus, nil, "opus"},
		{media.CodecFLAC, nil, "flac"},
		{0, []byte{1, 2, 3, 4}, ""},
	}
	for _, test := range tests {
		if got := RFC6381(&media.Packet{Codec: test.codec, Data: test.data}); got != test.want {
			t.Errorf("%v % x: %q, want %q", test.codec, test.data, got, test.want)
		}
	}
}
