package rtmp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/media"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// parsePackets returns the packets of a message body.
func parsePackets(t *testing.T, tag flv.TagType, body string) []*media.Packet {
	t.Helper()
	packets, err := flv.AppendPackets(nil, tag, 40*time.Millisecond, unhex(t, body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return packets
}

var (
	oldPlayer  = playerForm(&Capabilities{}, false)
	oldLegacy  = playerForm(&Capabilities{}, true)
	multitrack = playerForm(&Capabilities{CapsEx: CapsMultitrack}, false)
	modEx      = playerForm(&Capabilities{CapsEx: CapsMultitrack | CapsModEx}, false)
	hevcOnly   = playerForm(&Capabilities{FourCCList: []string{"hvc1"}}, false)
	opusOnly   = playerForm(&Capabilities{AudioInfo: map[string]CodecInfo{"Opus": CanDecode}}, false)
)

// TestFormRewrite holds the worked examples of Enhanced RTMP against what each kind of peer gets of them. "" is nothing, and
// "same" is the packet itself.
func TestFormRewrite(t *testing.T) {
	const v, a = flv.TagVideo, flv.TagAudio
	const same = "same"
	tests := []struct {
		name string
		tag  flv.TagType
		body string
		form Form
		want string
	}{
		{"legacy AVC", v, "17 01 000028 00000002 65aa", oldPlayer, same},
		{"AV1 header, as it is", v, "90 61763031 81080c00", oldPlayer, same},
		{"AV1 header by number", v, "90 61763031 81080c00", oldLegacy, "1d 00 000000 81080c00"},
		{"HEVC by number", v, "91 68766331 000028 00000004 26010203", oldLegacy, "1c 01 000028 00000004 26010203"},
		{"HEVC without composition time by number", v, "a3 68766331 00000002 0201", oldLegacy, "2c 01 000000 00000002 0201"},
		{"AVC header by number", v, "90 61766331 0164001f", oldPlayer, "17 00 000000 0164001f"},
		{"AVC frame by number", v, "91 61766331 ffffec 00000002 65aa", oldPlayer, "17 01 ffffec 00000002 65aa"},
		{"AVC end by number", v, "92 61766331", oldPlayer, "17 02 000000"},
		{"AVC for who lists other codecs", v, "a3 61766331 00000002 41aa", hevcOnly, "27 01 000000 00000002 41aa"},
		{"AVC for who says what it takes without lists", v, "a3 61766331 00000002 41aa", multitrack, same},
		{"colour of AVC has no old form", v, "94 61766331 02 0009 636f6c6f72496e666f 03 000009", oldPlayer, ""},
		{"colour of HEVC", v, "94 68766331 02 0009 636f6c6f72496e666f 03 000009", oldPlayer, same},
		{"unknown packet type", v, "9a 61766331 0102", oldPlayer, same},
		{"seek begins", v, "d0 00", oldPlayer, "57 00"},
		{"seek begins for who knows", v, "d0 01", modEx, same},
		{"track 2 unwrapped", v, "a6 03 68766331 02 00000002 0201", hevcOnly, "a3 68766331 00000002 0201"},
		{"track 2 kept", v, "a6 03 68766331 02 00000002 0201", multitrack, same},
		{"track 0 of AVC unwrapped to its number", v, "96 01 61766331 00 000000 00000002 65aa", oldPlayer, "17 01 000000 00000002 65aa"},
		{"nanoseconds taken off", v, "97 02 07a120 01 61763031 12000a0b", oldPlayer, "91 61763031 12000a0b"},
		{"nanoseconds kept", v, "97 02 07a120 01 61763031 12000a0b", modEx, same},
		{"reserved multitrack type", v, "96 31 61766331", oldPlayer, same},
		{"old HEVC for who lists HEVC", v, "1c 01 000028 00000004 26010203", hevcOnly, "91 68766331 000028 00000004 26010203"},
		{"old HEVC header for who lists HEVC", v, "1c 00 000000 0101", hevcOnly, "90 68766331 0101"},
		{"old HEVC end for who lists HEVC", v, "1c 02 000000", hevcOnly, "92 68766331"},
		{"old HEVC for others", v, "1c 01 000028 00000004 26010203", modEx, same},
		{"GStreamer 1.28's HEVC", v, "18 00 01 02", hevcOnly, same},

		{"legacy AAC", a, "af 01 2110", oldPlayer, same},
		{"silence", a, "", oldPlayer, same},
		{"Opus header, as it is", a, "90 4f707573 4f70757348656164 01 02 3801 80bb0000 0000 00", oldPlayer, same},
		{"Opus header by number", a, "90 4f707573 4f70757348656164 01 02 3801 80bb0000 0000 00", oldLegacy, "df 4f70757348656164 01 02 3801 80bb0000 0000 00"},
		{"old Opus for who lists Opus", a, "df fc01", opusOnly, "91 4f707573 fc01"},
		{"old Opus header for who lists Opus", a, "df 4f70757348656164 01", opusOnly, "90 4f707573 4f70757348656164 01"},
		{"AAC header by number", a, "90 6d703461 1190", oldPlayer, "af 00 1190"},
		{"AAC frame by number", a, "91 6d703461 2110", oldPlayer, "af 01 2110"},
		{"AAC end is silence", a, "92 6d703461", oldPlayer, "silence"},
		{"AAC for who lists Opus", a, "91 6d703461 2110", opusOnly, "af 01 2110"},
		{"channels of AAC have no old form", a, "94 6d703461 01 06 0000003f", oldPlayer, ""},
		{"channels of Opus", a, "94 4f707573 01 06 0000003f", oldPlayer, same},
		{"track 1 unwrapped", a, "95 01 6d703461 01 21100400", opusOnly, "af 01 21100400"},
		{"track 1 kept", a, "95 01 6d703461 01 21100400", modEx, same},
		{"MP3 at 44.1 kHz", a, "91 2e6d7033 fffb9000", oldPlayer, "2f fffb9000"},
		{"MP3 at 22.05 kHz, mono", a, "91 2e6d7033 fff390c0", oldPlayer, "2a fff390c0"},
		{"MP3 at 8 kHz", a, "91 2e6d7033 ffe39800", oldPlayer, "e3 ffe39800"},
		{"MP3 at 11.025 kHz", a, "91 2e6d7033 ffe39000", oldPlayer, "27 ffe39000"},
		{"nanoseconds of audio taken off", a, "97 02 07a120 01 4f707573 fc01", multitrack, "91 4f707573 fc01"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := parsePackets(t, test.tag, test.body)[0]
			before := bytes.Clone(p.Body)
			got := test.form.rewrite(p)
			if !bytes.Equal(p.Body, before) {
				t.Fatal("the packet was changed")
			}
			switch {
			case test.want == same && got != p:
				t.Errorf("got %+v, want the packet itself", got)
			case test.want == same:
			case test.want == "" && got != nil:
				t.Errorf("got % x, want nothing", got.Body)
			case test.want == "":
			case got == nil:
				t.Errorf("got nothing, want %s", test.want)
			case test.want == "silence" && len(got.Body) == 0:
			case !bytes.Equal(got.Body, unhex(t, test.want)):
				t.Errorf("got % x, want %s", got.Body, test.want)
			case got.Timestamp != p.Timestamp || got.Track != 0 || p.Codec != 0 && got.Codec != p.Codec || got.Key != p.Key || got.Config != p.Config:
				t.Errorf("got %+v of %+v", got, p)
			}
		})
	}
}

// A body that was cut off anywhere is passed on, and harms nothing.
func TestFormRewriteTruncated(t *testing.T) {
	for _, test := range []struct {
		tag  flv.TagType
		body string
	}{
		{flv.TagVideo, "97 02 07a120 06 01 61766331 00 000000 00000002 65aa"},
		{flv.TagVideo, "1c 01 000028 00000004 26010203"},
		{flv.TagAudio, "95 01 6d703461 01 21100400"},
		{flv.TagAudio, "97 02 07a120 01 4f707573 fc01"},
		{flv.TagAudio, "91 2e6d7033 fffb9000"},
	} {
		whole := unhex(t, test.body)
		for n := range whole {
			packets, _ := flv.AppendPackets(nil, test.tag, 0, whole[:n]) // damage is the point
			for _, form := range []Form{oldPlayer, oldLegacy, hevcOnly, opusOnly, modEx} {
				for _, p := range packets {
					form.rewrite(p)
				}
			}
		}
	}
}

func TestPublisherForm(t *testing.T) {
	everything := serverCapabilities()
	tests := []struct {
		name   string
		caps   Capabilities
		legacy bool
		want   Form
	}{
		{"a server that takes everything", everything, true, Form{}},
		{"a server that says nothing", Capabilities{}, false, Form{NoModEx: true}},
		{"and gets old numbers", Capabilities{}, true, Form{NoModEx: true, Legacy: LegacyAll}},
		{"a server of version 1", Capabilities{FourCCList: []string{"hvc1"}}, false, Form{OneTrack: true, NoModEx: true, Video: Codecs(media.CodecHEVC)}},
	}
	for _, test := range tests {
		if got := publisherForm(&test.caps, test.legacy); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

func FuzzFormRewrite(f *testing.F) {
	f.Add(true, []byte{0x97, 2, 7, 0xa1, 0x20, 6, 1, 'a', 'v', 'c', '1', 0, 0, 0, 0})
	f.Add(false, []byte{0x95, 1, 'm', 'p', '4', 'a', 1, 0x21})
	f.Fuzz(func(t *testing.T, video bool, body []byte) {
		tag := flv.TagAudio
		if video {
			tag = flv.TagVideo
		}
		packets, _ := flv.AppendPackets(nil, tag, 0, body) // damage is the point
		for _, form := range []Form{oldPlayer, oldLegacy, multitrack, hevcOnly, opusOnly} {
			fitter := NewFitter(form, "x")
			for _, p := range packets {
				out, _ := fitter.Fit(nil, p)
				for _, q := range out {
					if q.Kind != p.Kind || q.Timestamp != p.Timestamp {
						t.Fatalf("%+v became %+v", p, q)
					}
				}
			}
		}
	})
}
