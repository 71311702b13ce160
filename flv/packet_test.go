package flv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"weak"

	"leat/media"
	"leat/media/mediatest"
)

const at = 1234 * time.Millisecond

// describe writes the fields of a packet that are set, its Data, and its Body if that is not the whole input.
func describe(p *media.Packet, input []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", p.Kind)
	if p.Codec != 0 {
		fmt.Fprintf(&b, " %v", p.Codec)
	}
	if p.Track != 0 {
		fmt.Fprintf(&b, " track=%d", p.Track)
	}
	if p.Offset != 0 {
		fmt.Fprintf(&b, " offset=%v", p.Offset)
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{p.Config, " config"}, {p.Key, " key"}, {p.Disposable, " disposable"}, {p.AMF3, " amf3"}} {
		if flag.set {
			b.WriteString(flag.name)
		}
	}
	if p.Name != "" {
		fmt.Fprintf(&b, " name=%s", p.Name)
	}
	if p.Data == nil {
		b.WriteString(" data=nil")
	} else {
		fmt.Fprintf(&b, " data=%x", p.Data)
	}
	if !bytes.Equal(p.Body, input) {
		fmt.Fprintf(&b, " body=%x", p.Body)
	}
	return b.String()
}

func TestAppendPackets(t *testing.T) {
	tests := []struct {
		name string
		tag  TagType
		body string
		want []string
	}{
		// Legacy video.
		{"AVC sequence header", TagVideo, "17 00 000000 01640020ffe1000467640020010004 68ee3c80", []string{"video avc1 config data=01640020ffe100046764002001000468ee3c80"}},
		{"AVC key frame", TagVideo, "17 01 000028 00000002 6588", []string{"video avc1 offset=40ms key data=000000026588"}},
		{"AVC inter frame", TagVideo, "27 01 ffffec 00000002 419a", []string{"video avc1 offset=-20ms data=00000002419a"}},
		{"AVC generated key frame", TagVideo, "47 01 000000 00000002 6588", []string{"video avc1 key data=000000026588"}},
		{"AVC end of sequence", TagVideo, "17 02 000000", []string{"video avc1 data=nil"}},
		{"AVC key frame without a frame", TagVideo, "17 01 000000", []string{"video avc1 data=nil"}},
		{"AVC packet type unknown", TagVideo, "17 09 000000 aa", []string{"video avc1 data=nil"}},
		{"HEVC id 12 header", TagVideo, "1c 00 000000 01", []string{"video hvc1 config data=01"}},
		{"HEVC id 12 frame", TagVideo, "2c 01 000014 00000001 02", []string{"video hvc1 offset=20ms data=0000000102"}},
		{"AV1 id 13", TagVideo, "1d 01 000000 0a01", []string{"video av01 key data=0a01"}},
		{"VP8 id 14", TagVideo, "1e 01 000000 aa", []string{"video vp08 key data=aa"}},
		{"VP9 id 15", TagVideo, "2f 01 000000 aa", []string{"video vp09 data=aa"}},
		{"Sorenson", TagVideo, "12 0000", []string{"video key data=0000"}},
		{"Sorenson disposable", TagVideo, "32 0000", []string{"video disposable data=0000"}},
		{"GStreamer 1.28 H.265 as id 8, key", TagVideo, "18 00000002 2601", []string{"video key data=000000022601"}},
		{"GStreamer 1.28 H.265 as id 8", TagVideo, "28 00000002 0201", []string{"video data=000000020201"}},
		{"seek start", TagVideo, "57 00", []string{"video avc1 data=nil"}},
		{"empty video", TagVideo, "", []string{"video data=nil"}},

		// Enhanced video, the worked examples first.
		{"AV1 SequenceStart", TagVideo, "90 61763031 81080c00", []string{"video av01 config data=81080c00"}},
		{"HEVC CodedFrames", TagVideo, "91 68766331 000028 00000004 26010203", []string{"video hvc1 offset=40ms key data=0000000426010203"}},
		{"HEVC CodedFramesX", TagVideo, "a3 68766331 00000002 0201", []string{"video hvc1 data=000000020201"}},
		{"OneTrack", TagVideo, "a6 03 68766331 02 00000002 0201", []string{"video hvc1 track=2 data=000000020201"}},
		{"ManyTracks", TagVideo, "96 11 61766331 00 000009 000000 00000002 65aa 01 00000a 000000 00000003 65bbcc", []string{
			"video avc1 key data=0000000265aa body=960161766331000000000000000265aa",
			"video avc1 track=1 key data=0000000365bbcc body=960161766331010000000000000365bbcc",
		}},
		{"ManyTracksManyCodecs", TagVideo, "96 20 61763031 00 000004 81080c00 76703039 01 00000c 01000000 000a8201 01010000", []string{
			"video av01 config data=81080c00 body=9600617630310081080c00",
			"video vp09 track=1 config data=01000000000a820101010000 body=9600767030390101000000000a820101010000",
		}},
		{"nanosecond offset", TagVideo, "97 02 07a120 01 61763031 12000a0b", []string{"video av01 offset=500µs key data=12000a0b"}},
		{"Enhanced seek start", TagVideo, "d0 00", []string{"video data=nil"}},
		{"SequenceEnd", TagVideo, "92 61763031", []string{"video av01 data=nil"}},
		{"MPEG2TSSequenceStart", TagVideo, "95 61763031 80048108", []string{"video av01 config data=80048108"}},
		{"colour information", TagVideo, "94 68766331 02 0009 636f6c6f72496e666f 06", []string{
			"video hvc1 config name=colorInfo data=020009636f6c6f72496e666f06",
		}},
		{"other metadata", TagVideo, "94 68766331 02 0002 6869 06", []string{"video hvc1 config name=hi data=020002686906"}},
		{"metadata in AMF3", TagVideo, "94 68766331 11 06 13 636f6c6f72496e666f", []string{
			"video hvc1 config name=colorInfo data=110613636f6c6f72496e666f",
		}},
		{"ModEx and ManyTracks", TagVideo, "97 02 00000a 06 13 68766331 00 000001 aa 05 000001 bb", []string{
			"video hvc1 offset=10ns key data=aa body=970200000a06036876633100aa",
			"video hvc1 track=5 offset=10ns key data=bb body=970200000a06036876633105bb",
		}},
		{"an empty track", TagVideo, "a6 13 68766331 00 000000 01 000001 bb", []string{
			"video hvc1 data=nil body=a6036876633100",
			"video hvc1 track=1 data=bb body=a6036876633101bb",
		}},
		{"unknown FourCC", TagVideo, "91 78797a31 aabb", []string{"video xyz1 key data=aabb"}},
		{"reserved packet type", TagVideo, "99 61763031 aabb", []string{"video av01 data=nil"}},
		{"reserved multitrack type", TagVideo, "96 31 aabb", []string{"video data=nil"}},

		// Legacy audio.
		{"AAC header", TagAudio, "af 00 1210", []string{"audio mp4a config data=1210"}},
		{"AAC frame", TagAudio, "af 01 2110", []string{"audio mp4a data=2110"}},
		{"AAC packet type unknown", TagAudio, "af 07 2110", []string{"audio mp4a data=nil"}},
		{"MP3", TagAudio, "2f fffb", []string{"audio .mp3 data=fffb"}},
		{"MP3 at 8 kHz", TagAudio, "e2 fffb", []string{"audio .mp3 data=fffb"}},
		{"Speex", TagAudio, "b6 1234", []string{"audio data=1234"}},
		{"A-law", TagAudio, "72 d5d5", []string{"audio data=d5d5"}},
		{"Opus id 13", TagAudio, "df fc01", []string{"audio Opus data=fc01"}},
		{"OpusHead id 13", TagAudio, "df 4f70757348656164 01", []string{"audio Opus config data=4f7075734865616401"}},
		{"silence", TagAudio, "", []string{"audio data=nil"}},
		{"reserved format", TagAudio, "c0 aa", []string{"audio data=aa"}},

		// Enhanced audio.
		{"Opus SequenceStart", TagAudio, "90 4f707573 4f70757348656164 01 02 3801 80bb0000 0000 00", []string{
			"audio Opus config data=4f707573486561640102380180bb0000000000",
		}},
		{"empty Opus SequenceStart", TagAudio, "90 4f707573", []string{"audio Opus config data=nil"}},
		{"Opus CodedFrames", TagAudio, "91 4f707573 fc01", []string{"audio Opus data=fc01"}},
		{"MultichannelConfig", TagAudio, "94 4f707573 01 06 0000003f", []string{"audio Opus config name=channelConfig data=01060000003f"}},
		{"OneTrack audio", TagAudio, "95 01 6d703461 01 21100400", []string{"audio mp4a track=1 data=21100400"}},
		{"ManyTracks audio", TagAudio, "95 11 4f707573 00 000001 aa ff 000002 bbcc", []string{
			"audio Opus data=aa body=95014f70757300aa",
			"audio Opus track=255 data=bbcc body=95014f707573ffbbcc",
		}},
		{"audio nanosecond offset", TagAudio, "97 02 000001 01 61632d33 0b77", []string{"audio ac-3 offset=1ns data=0b77"}},
		{"audio SequenceEnd", TagAudio, "92 664c6143", []string{"audio fLaC data=nil"}},
		{"audio reserved packet type", TagAudio, "96 664c6143 aa", []string{"audio fLaC data=nil"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := unhex(t, test.body)
			packets, err := AppendPackets(nil, test.tag, at, body)
			if err != nil {
				t.Fatal(err)
			}
			checkPackets(t, packets, body, test.want)
		})
	}
}

func checkPackets(t *testing.T, packets []*media.Packet, body []byte, want []string) {
	t.Helper()
	if len(packets) != len(want) {
		t.Fatalf("%d packets, want %d", len(packets), len(want))
	}
	for i, p := range packets {
		if got := describe(p, body); got != want[i] {
			t.Errorf("packet %d of %x:\n got %s\nwant %s", i, body, got, want[i])
		}
		if p.Timestamp != at {
			t.Errorf("packet %d: timestamp %v", i, p.Timestamp)
		}
		if len(p.Data) > 0 && &p.Data[len(p.Data)-1] != &p.Body[len(p.Body)-1] {
			t.Errorf("packet %d: Data is not the end of Body", i)
		}
	}
}

// TestTracksKeepNothing: a header that is kept does not keep the other tracks of its message.
func TestTracksKeepNothing(t *testing.T) {
	body := unhex(t, "90 11 61766331 00 000004 01020304 01 010000")
	packets, err := AppendPackets(nil, TagVideo, 0, append(slices.Concat([]byte{0x96}, body[1:]), make([]byte, 1<<16)...))
	if err != nil || len(packets) != 2 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	header, other := packets[0], weak.Make(&packets[1].Body[0])
	clear(packets)
	for deadline := time.Now().Add(10 * time.Second); other.Value() != nil; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("what came with the header is kept")
		}
	}
	runtime.KeepAlive(header)
}

// TestAppendPacketsAliases: the body is not copied, and OneTrack bodies parse to the same packet again.
func TestAppendPacketsAliases(t *testing.T) {
	body := unhex(t, "17 01 000000 0000000165")
	packets, err := AppendPackets(nil, TagVideo, 0, body)
	if err != nil || &packets[0].Body[0] != &body[0] || &packets[0].Data[0] != &body[5] {
		t.Errorf("the packet does not point into the body (%v)", err)
	}
	tracks, err := AppendPackets(nil, TagVideo, 0, unhex(t, "96 11 61766331 00 000004 000028 65 01 000004 ffffff 41"))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range tracks {
		again, err := AppendPackets(nil, TagVideo, 0, p.Body)
		if err != nil {
			t.Fatal(err)
		}
		if d := mediatest.DiffAll(again, tracks[i:i+1]); d != "" {
			t.Error(d)
		}
	}
}

func TestADTSIsCutOffOnlyIfItFits(t *testing.T) {
	for _, test := range []struct {
		name, body, want string
	}{
		{"no CRC", "af 01 fff15080017ffc 2110 2233", "21102233"},
		{"CRC", "af 01 fff05080017ffc dead 2110", "2110"},
		{"length is another", "af 01 fff15080015ffc 2110 2233", "fff15080015ffc21102233"},
		{"layer is not 0", "af 01 fff35080017ffc 2110 2233", "fff35080017ffc21102233"},
	} {
		packets, err := AppendPackets(nil, TagAudio, 0, unhex(t, test.body))
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", packets[0].Data); got != test.want {
			t.Errorf("%s: Data %s, want %s", test.name, got, test.want)
		}
	}
}

// TestMalformedIsRelayed: one packet with the whole body, and an *Error.
func TestMalformedIsRelayed(t *testing.T) {
	tooMany := []byte{0x96, 0x13, 'h', 'v', 'c', '1'}
	for range maxTracks + 1 {
		tooMany = append(tooMany, 0, 0, 0, 0)
	}
	longPrefix := append([]byte{0x97, 0xff, 0x1f, 0xff}, make([]byte, 0x2000)...)
	longPrefix = append(longPrefix, 0x16, 0x13, 'h', 'v', 'c', '1', 0, 0, 0, 1, 0xaa)
	for _, test := range []struct {
		name      string
		tag       TagType
		body      []byte
		truncated bool
	}{
		{"AVC of one byte", TagVideo, unhex(t, "17"), true},
		{"AVC cut in the composition time", TagVideo, unhex(t, "27 01 0000"), true},
		{"AVC header without a record", TagVideo, unhex(t, "17 00 000000"), true},
		{"AAC of one byte", TagAudio, unhex(t, "af"), true},
		{"AAC header without a record", TagAudio, unhex(t, "af 00"), true},
		{"Enhanced of one byte", TagVideo, unhex(t, "91"), true},
		{"Enhanced cut in the FourCC", TagVideo, unhex(t, "91 6876"), true},
		{"Enhanced without composition time", TagVideo, unhex(t, "91 68766331 00"), true},
		{"empty SequenceStart", TagVideo, unhex(t, "90 68766331"), true},
		{"Enhanced audio cut", TagAudio, unhex(t, "91 4f70"), true},
		{"ModEx of 65,536 bytes that are not there", TagVideo, unhex(t, "97 ff ffff 00"), true},
		{"tracks, none there", TagVideo, unhex(t, "96 13 68766331"), true},
		{"tracks, the second cut", TagVideo, unhex(t, "96 13 68766331 00 000001 aa 01 00ffff bb"), true},
		{"tracks, one byte too many", TagVideo, unhex(t, "96 13 68766331 00 000001 aa 01"), true},
		{"tracks of many codecs, cut", TagAudio, unhex(t, "95 21 4f707573 00 000001 aa 4f70"), true},
		{"tracks, more than 256", TagVideo, tooMany, false},
		{"tracks behind 8 KiB of ModEx", TagVideo, longPrefix, false},
		{"multitrack within multitrack", TagVideo, unhex(t, "96 06 61763031 00 aa"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			packets, err := AppendPackets(nil, test.tag, at, test.body)
			var e *Error
			if !errors.As(err, &e) || errors.Is(err, io.ErrUnexpectedEOF) != test.truncated {
				t.Errorf("error %v, truncated %v", err, test.truncated)
			}
			if len(packets) != 1 {
				t.Fatalf("%d packets, want 1", len(packets))
			}
			p := packets[0]
			if !bytes.Equal(p.Body, test.body) || p.Data != nil || p.Config || p.Key {
				t.Errorf("got %s", describe(p, test.body))
			}
		})
	}
}

// TestMalformedTrack: tracks that can be told apart are, even if one of them holds nonsense.
func TestMalformedTrack(t *testing.T) {
	packets, err := AppendPackets(nil, TagVideo, at, unhex(t, "96 11 68766331 00 000002 0000 01 000004 000028 aa"))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v", err)
	}
	checkPackets(t, packets, nil, []string{
		"video hvc1 data=nil body=960168766331000000",
		"video hvc1 track=1 offset=40ms key data=aa body=96016876633101000028aa",
	})
}

func TestAppendPacketsUnknownTag(t *testing.T) {
	packets, err := AppendPackets(nil, 20, 0, []byte{1})
	var e *Error
	if len(packets) != 0 || !errors.As(err, &e) {
		t.Errorf("%d packets, error %v", len(packets), err)
	}
}

func TestTrackRoundTrip(t *testing.T) {
	for _, mt := range []MultitrackType{ManyTracks, ManyTracksManyCodecs} {
		tr := Track{ID: 200, Payload: []byte{1, 2, 3}}
		if mt == ManyTracksManyCodecs {
			tr.FourCC = media.CodecAV1
		}
		b, err := AppendTrack(nil, mt, &tr)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := ParseTrack(append(b, 0xee), mt)
		if err != nil || got.ID != tr.ID || got.FourCC != tr.FourCC || !bytes.Equal(got.Payload, tr.Payload) || len(rest) != 1 {
			t.Errorf("ParseTrack = %+v, %d left, %v", got, len(rest), err)
		}
		for n := range b {
			if _, _, err := ParseTrack(b[:n], mt); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
	}
	if _, err := AppendTrack(nil, ManyTracks, &Track{Payload: make([]byte, maxTagBody+1)}); err == nil {
		t.Error("a track of 16 MiB is written")
	}
}
