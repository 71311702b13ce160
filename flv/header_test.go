package flv

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
	"time"

	"leat/media"
)

func nano(ns time.Duration) []ModEx { return []ModEx{NanoOffset(ns)} }

// The bytes are the worked examples of docs/wire/enhanced-rtmp.md and docs/wire/flv.md.
var videoHeaders = []struct {
	name  string
	bytes string // the header only
	want  VideoHeader
}{
	{"AVC sequence header", "17 00 000000", VideoHeader{FrameType: FrameKey, CodecID: VideoAVC}},
	{"AVC key frame", "17 01 000028", VideoHeader{FrameType: FrameKey, CodecID: VideoAVC, AVCPacketType: AVCNALU, CompositionTime: 40}},
	{"AVC inter frame, negative offset", "27 01 ffffec", VideoHeader{FrameType: FrameInter, CodecID: VideoAVC, AVCPacketType: AVCNALU, CompositionTime: -20}},
	{"AVC end of sequence", "17 02 000000", VideoHeader{FrameType: FrameKey, CodecID: VideoAVC, AVCPacketType: AVCEndOfSequence}},
	{"HEVC by extension id", "1c 00 000000", VideoHeader{FrameType: FrameKey, CodecID: VideoHEVC}},
	{"AV1 by extension id", "2d 01 000000", VideoHeader{FrameType: FrameInter, CodecID: VideoAV1, AVCPacketType: AVCNALU}},
	{"VP8 by extension id", "1e 01 000000", VideoHeader{FrameType: FrameKey, CodecID: VideoVP8, AVCPacketType: AVCNALU}},
	{"VP9 by extension id", "1f 01 000000", VideoHeader{FrameType: FrameKey, CodecID: VideoVP9, AVCPacketType: AVCNALU}},
	{"Sorenson disposable", "32", VideoHeader{FrameType: FrameDisposable, CodecID: VideoSorenson}},
	{"VP6 with alpha", "15", VideoHeader{FrameType: FrameKey, CodecID: VideoVP6Alpha}},
	{"H.265 as GStreamer 1.28 writes it", "18", VideoHeader{FrameType: FrameKey, CodecID: VideoRealH263}},
	{"seek start", "57 00", VideoHeader{FrameType: FrameCommand, CodecID: VideoAVC}},
	{"seek end", "57 01", VideoHeader{FrameType: FrameCommand, CodecID: VideoAVC, Command: VideoEndSeek}},

	{"AV1 SequenceStart", "90 61763031", VideoHeader{Enhanced: true, FrameType: FrameKey, FourCC: media.CodecAV1}},
	{"HEVC CodedFrames", "91 68766331 000028", VideoHeader{
		Enhanced: true, FrameType: FrameKey, PacketType: VideoCodedFrames, FourCC: media.CodecHEVC, CompositionTime: 40,
	}},
	{"HEVC CodedFramesX", "a3 68766331", VideoHeader{Enhanced: true, FrameType: FrameInter, PacketType: VideoCodedFramesX, FourCC: media.CodecHEVC}},
	{"VVC CodedFrames, negative offset", "a1 76766331 ffffec", VideoHeader{
		Enhanced: true, FrameType: FrameInter, PacketType: VideoCodedFrames, FourCC: media.CodecVVC, CompositionTime: -20,
	}},
	{"VP9 CodedFrames", "a1 76703039", VideoHeader{Enhanced: true, FrameType: FrameInter, PacketType: VideoCodedFrames, FourCC: media.CodecVP9}},
	{"SequenceEnd with frame type 0", "82 61766331", VideoHeader{Enhanced: true, PacketType: VideoSequenceEnd, FourCC: media.CodecAVC}},
	{"Metadata", "94 68766331", VideoHeader{Enhanced: true, FrameType: FrameKey, PacketType: VideoMetadata, FourCC: media.CodecHEVC}},
	{"Metadata with frame type 5", "d4 68766331", VideoHeader{Enhanced: true, FrameType: FrameCommand, PacketType: VideoMetadata, FourCC: media.CodecHEVC}},
	{"MPEG2TSSequenceStart", "95 61763031", VideoHeader{Enhanced: true, FrameType: FrameKey, PacketType: VideoMPEG2TSSequenceStart, FourCC: media.CodecAV1}},
	{"OneTrack", "a6 03 68766331 02", VideoHeader{
		Enhanced: true, FrameType: FrameInter, PacketType: VideoCodedFramesX, Multitrack: true, FourCC: media.CodecHEVC, TrackID: 2,
	}},
	{"OneTrack with composition time", "a6 01 61766331 02 000028", VideoHeader{
		Enhanced: true, FrameType: FrameInter, PacketType: VideoCodedFrames, Multitrack: true, FourCC: media.CodecAVC, TrackID: 2, CompositionTime: 40,
	}},
	{"ManyTracks", "96 11 61766331", VideoHeader{
		Enhanced: true, FrameType: FrameKey, PacketType: VideoCodedFrames, Multitrack: true, MultitrackType: ManyTracks, FourCC: media.CodecAVC,
	}},
	{"ManyTracksManyCodecs", "96 20", VideoHeader{Enhanced: true, FrameType: FrameKey, Multitrack: true, MultitrackType: ManyTracksManyCodecs}},
	{"reserved multitrack type", "96 31", VideoHeader{
		Enhanced: true, FrameType: FrameKey, PacketType: VideoCodedFrames, Multitrack: true, MultitrackType: 3,
	}},
	{"reserved packet type", "98 61763031", VideoHeader{Enhanced: true, FrameType: FrameKey, PacketType: 8, FourCC: media.CodecAV1}},
	{"nanosecond offset", "97 02 07a120 01 61763031", VideoHeader{
		Enhanced: true, FrameType: FrameKey, PacketType: VideoCodedFrames, ModEx: nano(500_000), FourCC: media.CodecAV1,
	}},
	{"two ModEx blocks, one unknown", "97 00 aa 37 02 00000a 03 68766331", VideoHeader{
		Enhanced: true, FrameType: FrameKey, PacketType: VideoCodedFramesX, FourCC: media.CodecHEVC,
		ModEx: []ModEx{{Type: 3, Data: []byte{0xaa}}, NanoOffset(10)},
	}},
	{"ModEx before Multitrack", "97 02 00000a 06 03 68766331 05", VideoHeader{
		Enhanced: true, FrameType: FrameKey, PacketType: VideoCodedFramesX, Multitrack: true, FourCC: media.CodecHEVC, TrackID: 5, ModEx: nano(10),
	}},
	{"Enhanced seek start", "d0 00", VideoHeader{Enhanced: true, FrameType: FrameCommand}},
	{"Enhanced seek end behind ModEx", "d7 02 000000 00 01", VideoHeader{Enhanced: true, FrameType: FrameCommand, Command: VideoEndSeek, ModEx: nano(0)}},
}

var audioHeaders = []struct {
	name  string
	bytes string
	want  AudioHeader
}{
	{"AAC sequence header", "af 00", AudioHeader{SoundFormat: SoundAAC, SoundRate: SoundRate44kHz, SixteenBit: true, Stereo: true}},
	{"AAC raw", "af 01", AudioHeader{SoundFormat: SoundAAC, SoundRate: SoundRate44kHz, SixteenBit: true, Stereo: true, AACPacketType: AACRaw}},
	{"MP3", "2f", AudioHeader{SoundFormat: SoundMP3, SoundRate: SoundRate44kHz, SixteenBit: true, Stereo: true}},
	{"MP3 at 8 kHz", "e2", AudioHeader{SoundFormat: SoundMP3At8kHz, SixteenBit: true}},
	{"Speex", "b6", AudioHeader{SoundFormat: SoundSpeex, SoundRate: SoundRate11kHz, SixteenBit: true}},
	{"A-law", "72", AudioHeader{SoundFormat: SoundG711A, SixteenBit: true}},
	{"µ-law", "80", AudioHeader{SoundFormat: SoundG711U}},
	{"PCM", "3e", AudioHeader{SoundFormat: SoundPCM, SoundRate: SoundRate44kHz, SixteenBit: true}},
	{"Nellymoser", "66", AudioHeader{SoundFormat: SoundNellymoser, SoundRate: SoundRate11kHz, SixteenBit: true}},
	{"Opus by extension id", "df", AudioHeader{SoundFormat: SoundOpus, SoundRate: SoundRate44kHz, SixteenBit: true, Stereo: true}},
	{"device sound", "f0", AudioHeader{SoundFormat: SoundDevice}},

	{"Opus SequenceStart", "90 4f707573", AudioHeader{Enhanced: true, FourCC: media.CodecOpus}},
	{"Opus CodedFrames", "91 4f707573", AudioHeader{Enhanced: true, PacketType: AudioCodedFrames, FourCC: media.CodecOpus}},
	{"FLAC SequenceEnd", "92 664c6143", AudioHeader{Enhanced: true, PacketType: AudioSequenceEnd, FourCC: media.CodecFLAC}},
	{"MultichannelConfig", "94 4f707573", AudioHeader{Enhanced: true, PacketType: AudioMultichannelConfig, FourCC: media.CodecOpus}},
	{"OneTrack", "95 01 6d703461 01", AudioHeader{
		Enhanced: true, PacketType: AudioCodedFrames, Multitrack: true, FourCC: media.CodecAAC, TrackID: 1,
	}},
	{"ManyTracks", "95 11 6d703461", AudioHeader{
		Enhanced: true, PacketType: AudioCodedFrames, Multitrack: true, MultitrackType: ManyTracks, FourCC: media.CodecAAC,
	}},
	{"ManyTracksManyCodecs", "95 20", AudioHeader{Enhanced: true, Multitrack: true, MultitrackType: ManyTracksManyCodecs}},
	{"nanosecond offset", "97 02 0f423f 01 2e6d7033", AudioHeader{
		Enhanced: true, PacketType: AudioCodedFrames, ModEx: nano(999_999), FourCC: media.CodecMP3,
	}},
	{"reserved packet type", "93 61632d33", AudioHeader{Enhanced: true, PacketType: 3, FourCC: media.CodecAC3}},
}

func TestVideoHeader(t *testing.T) {
	for _, test := range videoHeaders {
		t.Run(test.name, func(t *testing.T) {
			b := unhex(t, test.bytes)
			got, n, err := ParseVideoHeader(append(bytes.Clone(b), 0xca, 0xfe)[:len(b)+2])
			if test.want.IsCommand() || test.want.Multitrack && test.want.MultitrackType > ManyTracksManyCodecs {
				got, n, err = ParseVideoHeader(b)
			}
			if err != nil || n != len(b) {
				t.Fatalf("Parse(%x) = %d bytes, error %v", b, n, err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("Parse(%x) =\n%+v, want\n%+v", b, got, test.want)
			}
			out, err := AppendVideoHeader([]byte{1}, &got)
			if err != nil || !bytes.Equal(out[1:], b) {
				t.Errorf("Append = %x, %v, want %x", out, err, b)
			}
			for n := range b {
				if _, _, err := ParseVideoHeader(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("Parse(%x) has error %v, want io.ErrUnexpectedEOF", b[:n], err)
				}
			}
		})
	}
}

func TestAudioHeader(t *testing.T) {
	for _, test := range audioHeaders {
		t.Run(test.name, func(t *testing.T) {
			b := unhex(t, test.bytes)
			got, n, err := ParseAudioHeader(append(bytes.Clone(b), 0xca, 0xfe))
			if err != nil || n != len(b) {
				t.Fatalf("Parse(%x) = %d bytes, error %v", b, n, err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("Parse(%x) =\n%+v, want\n%+v", b, got, test.want)
			}
			out, err := AppendAudioHeader([]byte{1}, &got)
			if err != nil || !bytes.Equal(out[1:], b) {
				t.Errorf("Append = %x, %v, want %x", out, err, b)
			}
			for n := range b {
				if _, _, err := ParseAudioHeader(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("Parse(%x) has error %v, want io.ErrUnexpectedEOF", b[:n], err)
				}
			}
		})
	}
}

// TestLegacyCommandWithAVCFields: to the letter of the specification AVCPacketType and CompositionTime precede the
// command.
func TestLegacyCommandWithAVCFields(t *testing.T) {
	h, n, err := ParseVideoHeader(unhex(t, "57 01 000000 01"))
	if err != nil || n != 6 || h.Command != VideoEndSeek {
		t.Errorf("Parse = %+v, %d, %v, want the end of a seek", h, n, err)
	}
}

// TestModExSizes covers the escape to 16 bits: 255 bytes are the last size of one byte, 256 the first of three.
func TestModExSizes(t *testing.T) {
	for _, test := range []struct {
		size int
		want string // the size field
	}{
		{1, "00"}, {255, "fe"}, {256, "ff 00ff"}, {257, "ff 0100"}, {65536, "ff ffff"},
	} {
		h := VideoHeader{Enhanced: true, PacketType: VideoCodedFramesX, FourCC: media.CodecAV1, ModEx: []ModEx{{Type: 9, Data: make([]byte, test.size)}}}
		b, err := AppendVideoHeader(nil, &h)
		if err != nil {
			t.Fatal(err)
		}
		want := unhex(t, test.want)
		if !bytes.Equal(b[1:1+len(want)], want) {
			t.Errorf("%d bytes: size field %x, want %x", test.size, b[1:1+len(want)], want)
		}
		got, n, err := ParseVideoHeader(b)
		if err != nil || n != len(b) || !reflect.DeepEqual(got, h) {
			t.Errorf("%d bytes: parsed %d of %d bytes, error %v", test.size, n, len(b), err)
		}
	}
}

func TestNanoOffset(t *testing.T) {
	for _, test := range []struct {
		blocks []ModEx
		want   time.Duration
	}{
		{nil, 0},
		{nano(500_000), 500 * time.Microsecond},
		{nano(2 * time.Millisecond), 999_999},
		{nano(-1), 0},
		{[]ModEx{{Data: []byte{0x0f, 0x42, 0x40}}}, 0}, // 1,000,000 is not valid
		{[]ModEx{{Data: []byte{1, 2}}}, 0},
		{[]ModEx{{Type: 1, Data: []byte{0, 0, 9}}, {Data: []byte{0, 0, 7, 0xff}}}, 7},
	} {
		if got := nanoOffset(test.blocks); got != test.want {
			t.Errorf("nanoOffset(%v) = %v, want %v", test.blocks, got, test.want)
		}
	}
}

func TestHeaderErrors(t *testing.T) {
	many := []byte{0x97}
	for range maxModEx + 1 {
		many = append(many, 0, 0xaa, 0x07)
	}
	for name, b := range map[string][]byte{
		"17 ModEx blocks":                    many,
		"multitrack within multitrack":       {0x96, 0x06, 'a', 'v', '0', '1', 0},
		"ModEx within multitrack":            {0x96, 0x07, 'a', 'v', '0', '1', 0},
		"multitrack within multitrack again": {0x96, 0x26, 'a', 'v', '0', '1', 0},
	} {
		var e *Error
		if _, _, err := ParseVideoHeader(b); !errors.As(err, &e) || e.Truncated || e.Tag != TagVideo {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for name, h := range map[string]VideoHeader{
		"frame type of four bits":    {FrameType: 8},
		"composition time too large": {CodecID: VideoAVC, CompositionTime: 1 << 23},
		"no place for the offset":    {CodecID: VideoVP6, CompositionTime: 1},
		"no place in AV1":            {Enhanced: true, PacketType: VideoCodedFrames, FourCC: media.CodecAV1, CompositionTime: 1},
		"packet type ModEx":          {Enhanced: true, PacketType: VideoModEx},
		"empty ModEx":                {Enhanced: true, ModEx: []ModEx{{}}},
		"ModEx over 64 KiB":          {Enhanced: true, ModEx: []ModEx{{Data: make([]byte, maxModBytes+1)}}},
		"17 ModEx blocks":            {Enhanced: true, ModEx: make([]ModEx, 17)},
	} {
		if b, err := AppendVideoHeader([]byte("x"), &h); err == nil || string(b) != "x" {
			t.Errorf("%s: Append = %x, %v", name, b, err)
		}
	}
	for name, h := range map[string]AudioHeader{
		"sound rate of three bits": {SoundRate: 4},
		"packet type Multitrack":   {Enhanced: true, PacketType: AudioMultitrack},
		"enhanced by its format":   {SoundFormat: SoundExHeader},
	} {
		if b, err := AppendAudioHeader([]byte("x"), &h); err == nil || string(b) != "x" {
			t.Errorf("%s: Append = %x, %v", name, b, err)
		}
	}
}

func TestChannelConfig(t *testing.T) {
	for _, test := range []struct {
		bytes string
		want  ChannelConfig
	}{
		{"01 06 0000003f", ChannelConfig{Order: ChannelsNative, Count: 6, Mask: 0x3f}},
		{"02 03 00 01 fe", ChannelConfig{Order: ChannelsCustom, Count: 3, Mapping: []byte{0, 1, 0xfe}}},
		{"00 02", ChannelConfig{Order: ChannelsUnspecified, Count: 2}},
	} {
		b := unhex(t, test.bytes)
		got, err := ParseChannelConfig(b)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("Parse(%x) = %+v, %v, want %+v", b, got, err, test.want)
		}
		out, err := AppendChannelConfig(nil, &got)
		if err != nil || !bytes.Equal(out, b) {
			t.Errorf("Append = %x, %v, want %x", out, err, b)
		}
		for n := range b {
			if _, err := ParseChannelConfig(b[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("Parse(%x) has error %v", b[:n], err)
			}
		}
	}
	if _, err := AppendChannelConfig(nil, &ChannelConfig{Order: ChannelsCustom, Count: 2}); err == nil {
		t.Error("a mapping that is too short is written")
	}
}
