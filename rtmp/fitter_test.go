package rtmp

import (
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/media"
)

// fitting feeds bodies to a Fitter and keeps what comes out, as text.
type fitting struct {
	t *testing.T
	f *Fitter
}

// feed feeds a body at ms and returns the bodies that come out, in hexadecimal, and the last notice.
func (f fitting) feed(tag flv.TagType, ms int, body string) (bodies []string, notice *Status) {
	f.t.Helper()
	packets, err := flv.AppendPackets(nil, tag, time.Duration(ms)*time.Millisecond, unhex(f.t, body))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, p := range packets {
		out, n := f.f.Fit(nil, p)
		if n != nil {
			notice = n
		}
		for _, q := range out {
			if q.Timestamp != p.Timestamp {
				f.t.Errorf("a packet of %v came out at %v", p.Timestamp, q.Timestamp)
			}
			bodies = append(bodies, hexOf(q.Body))
		}
	}
	return bodies, notice
}

func (f fitting) want(tag flv.TagType, ms int, body string, want ...string) {
	f.t.Helper()
	got, notice := f.feed(tag, ms, body)
	if notice != nil {
		f.t.Errorf("%s: notice %q", body, notice.Description)
	}
	for i, w := range want {
		want[i] = strings.ReplaceAll(w, " ", "")
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		f.t.Errorf("%s:\n got %q\nwant %q", body, got, want)
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(b))
	for _, v := range b {
		out = append(out, digits[v>>4], digits[v&15])
	}
	return string(out)
}

// ManyTracks is split and each player gets its part of it: track 0 alone, or all.
func TestFitterTracks(t *testing.T) {
	const body = "96 11 61766331 00 000009 000000 00000002 65aa 01 00000a 000000 00000003 65bbcc"
	fitting{t, NewFitter(oldPlayer, "cam")}.want(flv.TagVideo, 0, body, "17 01 000000 00000002 65aa")
	fitting{t, NewFitter(multitrack, "cam")}.want(flv.TagVideo, 0, body,
		"96 01 61766331 00 000000 00000002 65aa", "96 01 61766331 01 000000 00000003 65bbcc")
	fitting{t, NewFitter(Form{}, "cam")}.want(flv.TagVideo, 0, body,
		"96 01 61766331 00 000000 00000002 65aa", "96 01 61766331 01 000000 00000003 65bbcc")

	const starts = "96 20 61763031 00 000004 81080c00 76703039 01 00000c 01000000 000a8201 01010000"
	vp9 := playerForm(&Capabilities{FourCCList: []string{"vp09"}}, false)
	f := fitting{t, NewFitter(vp9, "cam")}
	got, notice := f.feed(flv.TagVideo, 0, starts)
	if len(got) != 1 || got[0] != "9076703039"+"01000000000a820101010000" {
		t.Errorf("who takes VP9 only gets %q of the two tracks", got)
	}
	if notice == nil || notice.Code != string(CodePlayNoSupportedTrackFound) || notice.Level != LevelWarning ||
		!strings.Contains(notice.Description, "av01") || !strings.Contains(notice.Description, "cam") {
		t.Errorf("the notice about track 0 is %+v", notice)
	}
}

// A player that does not know tracks and cannot take track 0 gets another one, and track 0 when that has changed.
func TestFitterOtherTrack(t *testing.T) {
	const v = flv.TagVideo
	f := fitting{t, NewFitter(hevcOnly, "cam")}
	if got, notice := f.feed(v, 0, "90 61763031 81080c00"); len(got) != 0 || notice == nil {
		t.Errorf("AV1 gives %q and notice %v", got, notice)
	}
	f.want(v, 0, "96 00 68766331 02 0101", "90 68766331 0101")
	f.want(v, 10, "93 61763031 0a01")
	f.want(v, 10, "a6 03 68766331 02 aa", "a3 68766331 aa")
	f.want(v, 10, "96 03 68766331 03 bb")
	f.want(v, 20, "96 00 68766331 01 0202", "90 68766331 0202") // a lower one
	f.want(v, 20, "96 03 68766331 02 aa")
	f.want(v, 20, "96 03 68766331 01 bb", "93 68766331 bb")
	f.want(v, 30, "90 68766331 0303", "90 68766331 0303")
	f.want(v, 30, "96 03 68766331 01 bb")
	if n := f.f.Notices(); len(n) != 0 {
		t.Errorf("notices %v remain of a track that is taken", n)
	}
	// Track 0 becomes AV1 again: at the key frame track 1 goes on, with its header.
	if got, notice := f.feed(v, 40, "90 61763031 81080c00"); len(got) != 0 || notice != nil {
		t.Errorf("AV1 again gives %q and notice %v", got, notice)
	}
	f.want(v, 40, "a6 03 68766331 01 cc")
	f.want(v, 50, "96 03 68766331 01 dd", "90 68766331 0202", "93 68766331 dd")
	if n := f.f.Notices(); len(n) != 1 {
		t.Errorf("notices %v, want one", n)
	}
	f.f.Reset()
	if n := f.f.Notices(); len(n) != 0 {
		t.Errorf("notices %v after Reset", n)
	}
	if _, notice := f.feed(v, 60, "90 61763031 81080c00"); notice == nil {
		t.Error("no notice of another publisher's track")
	}
}

func TestFitterAudioTrack(t *testing.T) {
	const a = flv.TagAudio
	f := fitting{t, NewFitter(opusOnly, "cam")}
	if got, notice := f.feed(a, 0, "91 664c6143 fff8"); len(got) != 0 || notice == nil {
		t.Errorf("FLAC gives %q and notice %v", got, notice)
	}
	f.want(a, 0, "91 664c6143 fff8") // said once
	f.want(a, 0, "95 01 4f707573 01 fc01", "91 4f707573 fc01")
	f.want(a, 0, "", "")
	f.want(a, 0, "2f fffb9000", "2f fffb9000") // track 0 is MP3 now and can be begun
}

// Who knows tracks gets all whose codec it takes, with a notice of each other one.
func TestFitterManyTracks(t *testing.T) {
	const v = flv.TagVideo
	form := playerForm(&Capabilities{FourCCList: []string{"hvc1"}, CapsEx: CapsMultitrack}, false)
	f := fitting{t, NewFitter(form, "cam")}
	f.want(v, 0, "90 61766331 01", "17 00 000000 01")
	f.want(v, 0, "96 00 68766331 01 0101", "96 00 68766331 01 0101")
	for _, body := range []string{"96 00 61766331 02 01", "96 00 61763031 03 01"} { // avc1 has no plain form there
		if got, notice := f.feed(v, 0, body); len(got) != 0 || notice == nil {
			t.Errorf("%s gives %q and notice %v", body, got, notice)
		}
	}
	if n := f.f.Notices(); len(n) != 2 {
		t.Errorf("notices %v, want two", n)
	}
	// Unknown packet types and codecs without a name are passed on.
	f.want(v, 0, "9a 68766331 0102", "9a 68766331 0102")
	f.want(v, 0, "18 00 01", "18 00 01")
	f.want(v, 0, "22 00 01", "22 00 01")
}

// A publisher that changes codecs all the time does not make players drown in notices.
func TestFitterNoticesAreBounded(t *testing.T) {
	f := NewFitter(hevcOnly, "cam")
	told := 0
	for i := range 10 * maxTold {
		p := &media.Packet{Kind: media.Video, Codec: media.FourCC(0x61616100 + i), Key: true, Data: []byte{1}, Body: []byte{0x93, 'a', 'a', 'a', byte(i), 1}}
		if _, notice := f.Fit(nil, p); notice != nil {
			told++
		}
		if len(f.Notices()) > 1 {
			t.Fatalf("%d notices of one track", len(f.Notices()))
		}
	}
	if told != maxTold {
		t.Errorf("players were told %d times, want %d", told, maxTold)
	}
}

func TestFitterKeepsData(t *testing.T) {
	f := NewFitter(oldPlayer, "cam")
	p := &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: []byte{2, 0, 1, 'x'}}
	if out, notice := f.Fit(nil, p); len(out) != 1 || out[0] != p || notice != nil {
		t.Errorf("metadata became %v, %v", out, notice)
	}
}

func BenchmarkFitter(b *testing.B) {
	for name, body := range map[string][]byte{"legacy": {0x27, 1, 0, 0, 0, 1, 2, 3}, "enhanced": append([]byte{0xa3, 'h', 'v', 'c', '1'}, make([]byte, 4000)...)} {
		b.Run(name, func(b *testing.B) {
			packets, err := flv.AppendPackets(nil, flv.TagVideo, 0, body)
			if err != nil {
				b.Fatal(err)
			}
			packets[0].Key = true
			f := NewFitter(oldPlayer, "cam")
			var dst []*media.Packet
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = f.Fit(dst[:0], packets[0])
			}
		})
	}
}
