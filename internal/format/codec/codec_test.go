package codec

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
)

// Configuration records and frames that ffmpeg 5.1 made with libx264, libx265, libaom, SVT-AV1, libvpx, libopus and
// its own encoders; what they describe is what ffprobe printed. SEI messages are cut out of the HEVC records.
const (
	avcHigh      = "0164000dffe1001a6764000dacd941419f9f0110000003001000000303c0f142996001000668ebe3cb22c0fdf8f800"
	avcBaseline  = "0142c00dffe100186742c00dd90141fb011000000300100000030320f142a48001000568cb83cb20"
	avcHigh422   = "017a0028ffe10019677a0028b6cb403c0113f13808800001f480007530078c195001000468ce0fc8fefafa00"
	avcInterlace = "01640028ffe1001a67640028acd94078044fde0220000003002000000643e2c5b2c001000668faa3cb22c0fdf8f800"

	hevcMain   = "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959809a10001002b42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300f040a2000100074401c172b46240"
	hevcMain10 = "0102200000009000000000007bf000fcfdfafa00001303a00001001c40010c02ffff02200000030090000003000003007b00009594aca048a10001002f42010202200000030090000003000003007b0000a003c0801107cad965652b2a5261780b4040000003004000000f02a2000100064401c073c189"
	hevcRext   = "0104080000009e08000000003cf000fcfff8f800000f03a00001001740010c01ffff0408000003009e0800000300003c959809a1000100294201010408000003009e0800000300003c9001410173e5cb2b349265780b4040000003004000000782a2000100084401c172860c4624"

	av1Main   = "81000c000a0b000000043cfeccdaf90040"
	av1Main10 = "81004c000a0b000000043cfecc02f84040"
	vp9Box    = "01000000000b820202020000"
	vp9Frame  = "824983420013f00b360c38241c184a0005e07fcdfa3c771fe3ef3bfa3846e6fc"
	vp8Frame  = "3051009d012a4001b400004708858588"

	aacStereo  = "121056e500"
	aac51      = "11b056e500"
	opusStereo = "4f707573486561640102380180bb0000000000"
	opus51     = "4f707573486561640106380180bb00000000010402000401020305"
	flacBlock  = "800000221200120000046d0005080ac442f0000033ae36567c6137e8d578c431ed191fd85ff5"
	mp3Frame   = "fffb90640000026b0bce9d60600000000d20a000011665451819ea0000000034"
	ac3Frame   = "0b77b50b1e40ebf8403eff99ff0841fc3f87f0dd5c3e86fbfe757cf9f3e7cf9f"
	eac3Frame  = "0b77017f3487c0002084210838008c06060601818187bd77ef9f3e7cf9c77b86"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func config(kind media.Kind, c media.FourCC, data []byte) *media.Packet {
	return &media.Packet{Kind: kind, Codec: c, Config: true, Data: data, Body: data}
}

func frame(kind media.Kind, c media.FourCC, data []byte) *media.Packet {
	return &media.Packet{Kind: kind, Codec: c, Key: kind == media.Video, Data: data, Body: data}
}

func TestDescribe(t *testing.T) {
	video := func(c media.FourCC, s string) *media.Packet { return config(media.Video, c, unhex(t, s)) }
	audio := func(c media.FourCC, s string) *media.Packet { return config(media.Audio, c, unhex(t, s)) }
	tests := []struct {
		name   string
		packet *media.Packet
		want   string
	}{
		{"High with B-frames", video(media.CodecAVC, avcHigh), "h264 (High) 1.3, yuv420p, 320x180, 30 fps"},
		{"Baseline", video(media.CodecAVC, avcBaseline), "h264 (Constrained Baseline) 1.3, yuv420p, 320x240, 25 fps"},
		{"High 4:2:2, 10 bits, NTSC rate", video(media.CodecAVC, avcHigh422), "h264 (High 4:2:2) 4.0, yuv422p10le, 1920x1080, 29.97 fps"},
		{"interlaced, cropped", video(media.CodecAVC, avcInterlace), "h264 (High) 4.0, yuv420p, 1920x1080, 25 fps"},
		{"HEVC Main", video(media.CodecHEVC, hevcMain), "hevc (Main) 2.0, yuv420p, 320x180, 30 fps"},
		{"HEVC Main 10 with temporal layers", video(media.CodecHEVC, hevcMain10), "hevc (Main 10) 4.1, yuv420p10le, 1920x1080, 60 fps"},
		{"HEVC range extensions", video(media.CodecHEVC, hevcRext), "hevc (Rext) 2.0, yuv444p, 320x180, 30 fps"},
		{"VVC", video(media.CodecVVC, "ff"), "vvc"},
		{"AV1", video(media.CodecAV1, av1Main), "av1 (Main) 2.0, yuv420p, 320x180"},
		{"AV1 10 bits", video(media.CodecAV1, av1Main10), "av1 (Main) 2.0, yuv420p10le, 320x180"},
		{"AV1 without sequence header", video(media.CodecAV1, "81080c00"), "av1 (Main) 4.0, yuv420p"},
		{"AV1 descriptor of MPEG-2 TS", video(media.CodecAV1, "800481080c00"), "av1 (Main) 4.0, yuv420p"},
		{"VP9 full box", video(media.CodecVP9, vp9Box), "vp9 (Profile 0) 1.1, yuv420p"},
		{"VP9 with version", video(media.CodecVP9, "01"+vp9Box[8:]), "vp9 (Profile 0) 1.1, yuv420p"},
		{"VP9 bare", video(media.CodecVP9, vp9Box[8:]), "vp9 (Profile 0) 1.1, yuv420p"},
		{"VP9 key frame", frame(media.Video, media.CodecVP9, unhex(t, vp9Frame)), "vp9 (Profile 0), yuv420p, 320x180"},
		{"VP8 key frame", frame(media.Video, media.CodecVP8, unhex(t, vp8Frame)), "vp8, yuv420p, 320x180"},
		{"AVC frame", frame(media.Video, media.CodecAVC, unhex(t, "0000000165")), "h264"},
		{"AAC LC", audio(media.CodecAAC, aacStereo), "aac (LC), 44100 Hz, stereo"},
		{"AAC LC 5.1", audio(media.CodecAAC, aac51), "aac (LC), 48000 Hz, 5.1"},
		{"HE-AAC, explicit", audio(media.CodecAAC, "2b118800"), "aac (HE-AAC), 48000 Hz, stereo"},
		{"HE-AAC, backward compatible", audio(media.CodecAAC, "131056e598"), "aac (HE-AAC), 48000 Hz, stereo"},
		{"AAC without the flags at its end", audio(media.CodecAAC, "1210"), "aac (LC), 44100 Hz, stereo"},
		{"xHE-AAC", audio(media.CodecAAC, "f94844"), "aac (xHE-AAC), 44100 Hz, stereo"},
		{"Opus", audio(media.CodecOpus, opusStereo), "opus, 48000 Hz, stereo"},
		{"Opus 5.1", audio(media.CodecOpus, opus51), "opus, 48000 Hz, 5.1"},
		{"Opus, empty", audio(media.CodecOpus, ""), "opus"},
		{"FLAC", audio(media.CodecFLAC, "664c6143"+flacBlock), "flac, 44100 Hz, stereo"},
		{"FLAC block", audio(media.CodecFLAC, flacBlock), "flac, 44100 Hz, stereo"},
		{"FLAC bare", audio(media.CodecFLAC, flacBlock[8:]), "flac, 44100 Hz, stereo"},
		{"MP3", frame(media.Audio, media.CodecMP3, unhex(t, mp3Frame)), "mp3, 44100 Hz, stereo"},
		{"AC-3", frame(media.Audio, media.CodecAC3, unhex(t, ac3Frame)), "ac3, 48000 Hz, 5.1(side)"},
		{"E-AC-3", frame(media.Audio, media.CodecEAC3, unhex(t, eac3Frame)), "eac3, 48000 Hz, stereo"},
		{"unknown FourCC", config(media.Video, 0x78797a31, []byte{1, 2, 3}), "xyz1"},
		{"colour information", &media.Packet{Kind: media.Video, Codec: media.CodecHEVC, Config: true, Name: media.NameColorInfo, Data: []byte{2}}, "hevc"},
		{"A-law", &media.Packet{Kind: media.Audio, Body: []byte{0x72, 0xd5}}, "pcm_alaw, 8000 Hz, mono"},
		{"Speex", &media.Packet{Kind: media.Audio, Body: []byte{0xb6}}, "speex, 16000 Hz, mono"},
		{"PCM", &media.Packet{Kind: media.Audio, Body: []byte{0x3f, 0, 0}}, "pcm_s16le, 44100 Hz, stereo"},
		{"device sound", &media.Packet{Kind: media.Audio, Body: []byte{0xff}}, "unknown audio"},
		{"Sorenson", &media.Packet{Kind: media.Video, Body: []byte{0x12, 0}}, "flv1"},
		{"silence", &media.Packet{Kind: media.Audio}, "unknown audio"},
		{"reserved multitrack", &media.Packet{Kind: media.Video, Body: []byte{0x96, 0x31}}, "unknown video"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			info, err := Describe(test.packet)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.String(); got != test.want {
				t.Errorf("Describe(%x) = %q, want %q", test.packet.Data, got, test.want)
			}
		})
	}
}

// TestDescribeHEVCSubLayers takes an SPS with the level of a sub-layer, which the library refuses: that of
// hevcMain10 with the flag set and the level inserted.
func TestDescribeHEVCSubLayers(t *testing.T) {
	const sps = "42010202200000030090000003000003007b" + "4000" + "7b" + "a003c0801107cad965652b2a5261780b4040000003004000000f02"
	var info Info
	if err := describeHEVCSPS(&info, unhex(t, sps)); err != nil {
		t.Fatal(err)
	}
	if info.Width != 1920 || info.Height != 1080 {
		t.Errorf("size = %dx%d, want 1920x1080", info.Width, info.Height)
	}
}

// TestDescribeFixtures: the streams that other packages test with have records that are read without an error.
func TestDescribeFixtures(t *testing.T) {
	for _, test := range []struct {
		packets []*media.Packet
		want    []string // of the headers
	}{
		{mediatest.AVC(time.Second), []string{"unknown data", "h264 (High) 1.0, yuv420p, 96x54, 25 fps", "aac (LC), 48000 Hz, stereo"}},
		{mediatest.HEVC(time.Second), []string{"unknown data", "hevc (Main) 1.0, yuv420p, 128x72, 25 fps", "aac (LC), 48000 Hz, stereo"}},
		{mediatest.AV1(time.Second), []string{"unknown data", "av1 (Main) 2.0, yuv420p, 128x72", "opus, 48000 Hz, stereo"}},
		{mediatest.Opus(time.Second), []string{"opus, 48000 Hz, stereo"}},
	} {
		for i, p := range test.packets {
			info, err := Describe(p)
			if err != nil {
				t.Fatalf("%v packet %d: %v", p.Codec, i, err)
			}
			if i < len(test.want) && info.String() != test.want[i] {
				t.Errorf("%v: %q, want %q", p.Codec, info, test.want[i])
			}
		}
	}
}

func TestMerge(t *testing.T) {
	record, err := Describe(config(media.Video, media.CodecVP9, unhex(t, vp9Box)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := Describe(frame(media.Video, media.CodecVP9, unhex(t, vp9Frame)))
	if err != nil {
		t.Fatal(err)
	}
	const want = "vp9 (Profile 0) 1.1, yuv420p, 320x180"
	if got := record.Merge(key).String(); got != want {
		t.Errorf("Merge = %q, want %q", got, want)
	}
}

// TestDescribeTruncated cuts every record and frame short: no panic, and an error or a shorter description.
func TestDescribeTruncated(t *testing.T) {
	for _, p := range samples(t) {
		whole, err := Describe(p)
		if err != nil {
			t.Fatal(err)
		}
		for n := 1; n < len(p.Data); n++ {
			short := *p
			short.Data = p.Data[:n]
			info, err := Describe(&short)
			if err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %d bytes: %v is not ErrMalformed", whole.Codec, n, err)
			}
			if info.Codec != whole.Codec {
				t.Errorf("%s: %d bytes: codec %q", whole.Codec, n, info.Codec)
			}
		}
	}
}

func TestDescribeMalformed(t *testing.T) {
	tests := []struct {
		name   string
		packet *media.Packet
	}{
		{"AVC without SPS", config(media.Video, media.CodecAVC, unhex(t, "01640028ffe0"))},
		{"AVC of version 0", config(media.Video, media.CodecAVC, unhex(t, "00640028ffe1"))},
		{"AVC with a huge SPS", config(media.Video, media.CodecAVC, append(unhex(t, "01640028ffe1ffff"), make([]byte, 1<<16)...))},
		{"AV1 of version 2", config(media.Video, media.CodecAV1, unhex(t, "82080c00"))},
		{"AAC with a reserved rate", config(media.Audio, media.CodecAAC, unhex(t, "1690"))},
		{"Vorbis instead of Opus", config(media.Audio, media.CodecOpus, append([]byte("\x01vorbis_"), make([]byte, 20)...))},
		{"MP3 without sync", frame(media.Audio, media.CodecMP3, make([]byte, 64))},
	}
	for _, test := range tests {
		if _, err := Describe(test.packet); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", test.name, err)
		}
	}
}

// samples returns one packet of each record and frame.
func samples(t testing.TB) []*media.Packet {
	var out []*media.Packet
	for _, s := range []string{avcHigh, avcBaseline, avcHigh422, avcInterlace} {
		out = append(out, config(media.Video, media.CodecAVC, unhex(t, s)))
	}
	for _, s := range []string{hevcMain, hevcMain10, hevcRext} {
		out = append(out, config(media.Video, media.CodecHEVC, unhex(t, s)))
	}
	for _, s := range []string{av1Main, av1Main10} {
		out = append(out, config(media.Video, media.CodecAV1, unhex(t, s)))
	}
	return append(out,
		config(media.Video, media.CodecVP9, unhex(t, vp9Box)),
		frame(media.Video, media.CodecVP9, unhex(t, vp9Frame)),
		frame(media.Video, media.CodecVP8, unhex(t, vp8Frame)),
		config(media.Audio, media.CodecAAC, unhex(t, aacStereo)),
		config(media.Audio, media.CodecAAC, unhex(t, "131056e598")),
		config(media.Audio, media.CodecOpus, unhex(t, opus51)),
		config(media.Audio, media.CodecFLAC, unhex(t, flacBlock)),
		frame(media.Audio, media.CodecMP3, unhex(t, mp3Frame)),
		frame(media.Audio, media.CodecAC3, unhex(t, ac3Frame)),
		frame(media.Audio, media.CodecEAC3, unhex(t, eac3Frame)),
	)
}

// FuzzDescribe looks for panics and loops in what peers can put into a record or frame.
func FuzzDescribe(f *testing.F) {
	for _, p := range samples(f) {
		f.Add(uint8(p.Kind), uint32(p.Codec), p.Config, p.Data)
	}
	f.Fuzz(func(t *testing.T, kind uint8, codec uint32, isConfig bool, data []byte) {
		p := &media.Packet{Kind: media.Kind(kind), Codec: media.FourCC(codec), Config: isConfig, Key: !isConfig, Data: data, Body: data}
		info, err := Describe(p)
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("error %v is not ErrMalformed", err)
		}
		if info.Width < 0 || info.Height < 0 || info.FPS < 0 || info.Channels < 0 || info.SampleRate < 0 {
			t.Errorf("negative values: %+v", info)
		}
		_ = info.String()
	})
}
