package rtmp

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"leat/amf"
	"leat/media"
)

func TestParseCapabilities(t *testing.T) {
	everything := serverCapabilities()
	full := amf.NewObject()
	everything.set(full)
	tests := []struct {
		name    string
		objects []*amf.Object
		want    Capabilities
		says    bool
	}{
		{"nothing", []*amf.Object{nil}, Capabilities{}, false},
		{"librtmp", []*amf.Object{amf.NewObject("videoFunction", 1.0)}, Capabilities{VideoFunction: VideoClientSeek}, false},
		{
			"OBS 30",
			[]*amf.Object{amf.NewObject("fourCcList", []any{"av01", "vp09", "hvc1"})},
			Capabilities{FourCCList: []string{"av01", "vp09", "hvc1"}},
			true,
		},
		{"what is written is read", []*amf.Object{full}, everything, true},
		{
			"maps and masks",
			[]*amf.Object{amf.NewObject(
				"videoFourCcInfoMap", amf.NewObject("*", 4.0, "vp09", 1.0),
				"audioFourCcInfoMap", &amf.Object{ECMA: true, Members: []amf.Member{{Name: "Opus", Value: 7.0}}},
				"capsEx", 15.0, "videoFunction", 6.0,
			)},
			Capabilities{
				VideoInfo:     map[string]CodecInfo{"*": CanForward, "vp09": CanDecode},
				AudioInfo:     map[string]CodecInfo{"Opus": CanDecode | CanEncode | CanForward},
				CapsEx:        CapsReconnect | CapsMultitrack | CapsModEx | CapsTimestampNanoOffset,
				VideoFunction: VideoHDR | VideoMetadataPacket,
			},
			true,
		},
		{
			"Red5's capital, and the second object",
			[]*amf.Object{amf.NewObject("code", "x"), amf.NewObject("CapsEx", 2.0)},
			Capabilities{CapsEx: CapsMultitrack},
			true,
		},
		{
			"an array with names, a single string, text numbers",
			[]*amf.Object{amf.NewObject(
				"fourCcList", &amf.Object{ECMA: true, Members: []amf.Member{{Name: "0", Value: "avc1"}, {Name: "1", Value: "avc1"}}},
				"capsEx", "4",
			)},
			Capabilities{FourCCList: []string{"avc1"}, CapsEx: CapsModEx},
			true,
		},
		{
			"nonsense",
			[]*amf.Object{amf.NewObject(
				"fourCcList", []any{1.0, "toolong", "", nil, "\x00\x01\x02\x03"},
				"videoFourCcInfoMap", "hvc1",
				"audioFourCcInfoMap", amf.NewObject("x", 1.0, "mp4a", math.NaN(), "Opus", -1.0, "fLaC", 1e30, "ac-3", "soon"),
				"capsEx", math.Inf(1), "videoFunction", []any{},
			)},
			Capabilities{
				FourCCList: []string{"\x00\x01\x02\x03"},
				AudioInfo:  map[string]CodecInfo{"mp4a": 0, "Opus": 0, "fLaC": 0, "ac-3": 0},
			},
			true,
		},
	}
	for _, test := range tests {
		got := parseCapabilities(test.objects...)
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.name, got, test.want)
		}
		if got.Announced() != test.says {
			t.Errorf("%s: Announced is %v", test.name, got.Announced())
		}
	}
}

func TestParseCapabilitiesIsBounded(t *testing.T) {
	var list []any
	info := amf.NewObject()
	for i := range 1000 {
		name := fmt.Sprintf("%04d", i)
		list = append(list, name)
		info.Set(name, 1.0)
	}
	c := parseCapabilities(amf.NewObject("fourCcList", list, "videoFourCcInfoMap", info))
	if len(c.FourCCList) != maxFourCCs || len(c.VideoInfo) != maxFourCCs {
		t.Errorf("%d codecs in the list and %d in the map, want %d", len(c.FourCCList), len(c.VideoInfo), maxFourCCs)
	}
}

func TestCapabilitiesTakes(t *testing.T) {
	tests := []struct {
		name         string
		caps         Capabilities
		video, audio CodecSet
	}{
		{"nothing said", Capabilities{}, CodecSet{}, CodecSet{}},
		{"any", Capabilities{FourCCList: []string{"av01", "*"}}, CodecSet{}, CodecSet{}},
		{"version 1 speaks of video only", Capabilities{FourCCList: []string{"hvc1", "av01"}}, Codecs(media.CodecAV1, media.CodecHEVC), CodecSet{}},
		{
			"list and map add up",
			Capabilities{FourCCList: []string{"av01"}, VideoInfo: map[string]CodecInfo{"vp09": CanForward, "hvc1": CanEncode}},
			Codecs(media.CodecAV1, media.CodecVP9),
			CodecSet{},
		},
		{
			"the star overrides",
			Capabilities{VideoInfo: map[string]CodecInfo{"*": CanDecode, "hvc1": CanEncode}, AudioInfo: map[string]CodecInfo{"*": CanEncode, "Opus": CanDecode}},
			CodecSet{},
			Codecs(media.CodecOpus),
		},
		{"an encoder plays nothing", Capabilities{VideoInfo: map[string]CodecInfo{"avc1": CanEncode}}, Codecs(), CodecSet{}},
	}
	for _, test := range tests {
		if video, audio := test.caps.takes(media.Video), test.caps.takes(media.Audio); video != test.video || audio != test.audio {
			t.Errorf("%s: takes %+v and %+v, want %+v and %+v", test.name, video, audio, test.video, test.audio)
		}
	}
}

func TestCodecSet(t *testing.T) {
	s := Codecs(media.CodecVP9, media.CodecAVC, media.CodecVP9)
	if s != Codecs(media.CodecAVC, media.CodecVP9) {
		t.Error("equal sets differ")
	}
	if !s.Has(media.CodecVP9) || !s.Has(0) || s.Has(media.CodecAV1) || s.All() || s.Names(0) {
		t.Errorf("%+v does not hold what it was given", s)
	}
	if all := (CodecSet{}); !all.Has(media.CodecAV1) || all.Names(media.CodecAV1) || !all.All() {
		t.Error("the zero value does not hold all codecs")
	}
}
