package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/media"
)

// What ffmpeg finds in files that it made is what we find.
func TestFixtures(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			got := map[string][]string{}
			for _, p := range frames(readAll(t, open(t, fixture(t, name)).NewCursor())) {
				if p.Kind != media.Data {
					got[p.Kind.String()] = append(got[p.Kind.String()], strings.TrimSpace(summary([]*media.Packet{p})))
				}
			}
			want := map[string][]string{}
			for _, line := range lines(t, name+".frames") {
				kind, _, _ := strings.Cut(line, " ")
				want[kind] = append(want[kind], line)
			}
			var shift *int
			for _, kind := range []string{"video", "audio"} {
				if len(got[kind]) != len(want[kind]) {
					t.Fatalf("%d %s frames, want %d", len(got[kind]), kind, len(want[kind]))
				}
				for i := range got[kind] {
					if d := diffLine(t, got[kind][i], want[kind][i], name == "faststart.mp4", &shift); d != "" {
						t.Fatalf("%s frame %d: %s", kind, i, d)
					}
				}
			}
		})
	}
}

// diffLine compares two frames up to a constant shift in time. onlyShown: ffmpeg moves decoding times where
// offsets are negative, so that they cannot be compared.
func diffLine(t *testing.T, got, want string, onlyShown bool, shift **int) string {
	t.Helper()
	g, w := strings.Fields(got), strings.Fields(want)
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if *shift == nil {
		*shift = new(number(g[2]) - number(w[2]))
	}
	if g[3] != w[3] || number(g[2])-**shift != number(w[2]) || !onlyShown && number(g[1])-**shift != number(w[1]) {
		return fmt.Sprintf("%s, want %s, shifted by %d", got, want, **shift)
	}
	return ""
}

func metadataOf(t *testing.T, f *File) *amf.Object {
	t.Helper()
	values, err := amf.Decode(f.Info().Metadata.Body, amf.Limits{})
	if err != nil || len(values) != 2 || values[0] != media.NameMetadata {
		t.Fatalf("metadata %v, %v", values, err)
	}
	return values[1].(*amf.Object)
}

func TestMetadata(t *testing.T) {
	for name, want := range map[string]string{
		"progressive.mp4": "duration width:96 height:54 framerate:25 videocodecid:avc1 avcprofile:100 avclevel:10 audiocodecid:mp4a audiosamplerate:44100 audiochannels:1 aacaot:2",
		"quicktime.mov":   "videocodecid:avc1 audiocodecid:mp4a audiosamplerate:44100 audiochannels:1",
		"fragmented.mp4":  "width:96 framerate:25 videocodecid:avc1 audiocodecid:mp4a",
		"text.mp4":        "audiocodecid:Opus audiosamplerate:48000 audiochannels:1",
		"hevc.mp4":        "width:64 height:36 framerate:10 videocodecid:hvc1 audiocodecid:ac-3 audiosamplerate:48000 audiochannels:1",
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, fixture(t, name))
			o := metadataOf(t, f)
			for field := range strings.FieldsSeq(want) {
				key, value, _ := strings.Cut(field, ":")
				got, ok := o.Get(key)
				if !ok || value != "" && fmt.Sprint(got) != value {
					t.Errorf("%s is %v, want %s", key, got, value)
				}
			}
			if d, _ := o.Number("duration"); d < 0.6 || d > 1.4 || d != f.Info().Duration.Seconds() {
				t.Errorf("duration %v, and %v in Info", d, f.Info().Duration)
			}
		})
	}
}

func TestText(t *testing.T) {
	var got []string
	for _, p := range readAll(t, open(t, fixture(t, "text.mp4")).NewCursor()) {
		if p.Name != "onTextData" {
			continue
		}
		values, err := amf.Decode(p.Body, amf.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		o := values[1].(*amf.Object)
		got = append(got, fmt.Sprintf("%v %s %q", p.Timestamp, o.Text("language"), o.Text("text")))
	}
	want := `[6ms deu "" 206ms deu "Hello" 706ms deu "" 806ms deu "world" 1.106s deu ""]`
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestSeek(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			f := open(t, fixture(t, name))
			all := frames(readAll(t, f.NewCursor()))
			c := f.NewCursor()
			for target := -100 * time.Millisecond; target < 1500*time.Millisecond; target += 50 * time.Millisecond {
				at, err := c.Seek(target)
				if err != nil {
					t.Fatal(err)
				}
				if at > max(target, 100*time.Millisecond) {
					t.Fatalf("Seek(%v) went to %v", target, at)
				}
				checkSeek(t, f, all, readAll(t, c), target, at)
			}
		})
	}
}

// checkSeek checks what a cursor delivers after a seek against all frames of the file.
func checkSeek(t *testing.T, f *File, all, got []*media.Packet, target, at time.Duration) {
	t.Helper()
	for len(got) > 0 && got[0].Config {
		if got[0].Timestamp != at {
			t.Fatalf("a header at %v after a seek to %v", got[0].Timestamp, at)
		}
		got = got[1:]
	}
	var want []*media.Packet
	for _, p := range all {
		if p.Timestamp >= at {
			want = append(want, p)
		}
	}
	if g, w := summary(got), summary(want); g != w {
		t.Fatalf("after Seek(%v):\n%s\nwant\n%s", target, g, w)
	}
	if f.Info().HasVideo {
		for _, k := range f.Info().Keys {
			if k > at && k <= target {
				t.Fatalf("Seek(%v) went to %v although there is a key frame at %v", target, at, k)
			}
		}
		for _, p := range got {
			if p.Kind == media.Video {
				if !p.Key || p.Timestamp != at {
					t.Fatalf("after Seek(%v): the first picture is at %v, key=%v", target, p.Timestamp, p.Key)
				}
				break
			}
		}
	}
}

func TestKeys(t *testing.T) {
	for name, want := range map[string]string{
		"progressive.mp4": "[0s 600ms]", "fragmented.mp4": "[0s 600ms]", "text.mp4": "[]",
	} {
		if got := fmt.Sprint(open(t, fixture(t, name)).Info().Keys); got != want {
			t.Errorf("%s: keys %s, want %s", name, got, want)
		}
	}
}

// sane opens a file that is damaged. It must be refused with one of the errors of the contract, or play to its end.
func sane(t *testing.T, what string, b []byte) {
	t.Helper()
	f, err := openBytes(b)
	if err != nil {
		if !errors.Is(err, format.ErrStructure) && !errors.Is(err, format.ErrNoTrack) {
			t.Fatalf("%s: %v", what, err)
		}
		return
	}
	readAll(t, f.NewCursor())
	c := f.NewCursor()
	if _, err := c.Seek(f.Info().Duration / 2); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	readAll(t, c)
}

// Every prefix of a file opens or says why not, and what it holds is the beginning of each track.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"progressive.mp4", "faststart.mp4", "fragmented.mp4"} {
		whole := fixture(t, name)
		file := open(t, whole)
		want := map[media.Kind]string{}
		for _, p := range frames(readAll(t, file.NewCursor())) {
			want[p.Kind] += summary([]*media.Packet{p})
		}
		last := -1
		for n := range len(whole) {
			f, err := openBytes(whole[:n])
			if err != nil {
				if !errors.Is(err, format.ErrStructure) && !errors.Is(err, format.ErrNoTrack) {
					t.Fatalf("%s, %d bytes: %v", name, n, err)
				}
				continue
			}
			samples := 0
			for _, track := range f.tracks {
				samples += track.table.len()
			}
			if samples == last {
				continue
			}
			last = samples
			got := map[media.Kind]string{}
			for _, p := range frames(readAll(t, f.NewCursor())) {
				got[p.Kind] += summary([]*media.Packet{p})
			}
			for kind := range got {
				// Without its last track a file may begin at another time; then only their number can be compared.
				if f.origin == file.origin && !strings.HasPrefix(want[kind], got[kind]) {
					t.Fatalf("%s, %d bytes: %v is not the beginning of the whole", name, n, kind)
				}
			}
		}
	}
}

// Every box with a length that is wrong in every way.
func TestBoxLengths(t *testing.T) {
	for _, name := range fixtures {
		whole := fixture(t, name)
		headers := 0
		for at := 4; at+4 <= len(whole); at++ {
			if !isBoxKind(whole[at : at+4]) {
				continue
			}
			headers++
			size := binary.BigEndian.Uint32(whole[at-4:])
			for _, wrong := range []uint32{0, 1, 7, 8, 9, size - 1, size + 1, size * 2, uint32(len(whole)), 1<<31 - 1, 1<<32 - 1} {
				b := bytes.Clone(whole)
				binary.BigEndian.PutUint32(b[at-4:], wrong)
				sane(t, fmt.Sprintf("%s: box %s at %d with %d bytes", name, whole[at:at+4], at-4, wrong), b)
			}
		}
		if headers < 20 {
			t.Errorf("%s: only %d boxes were tried", name, headers)
		}
	}
}

func isBoxKind(b []byte) bool {
	return strings.Contains("ftyp moov mvhd trak tkhd edts elst mdia mdhd hdlr minf stbl stsd avc1 avcC hev1 hvcC mp4a wave esds "+
		"Opus dOps ac-3 tx3g stts ctts stss stsc stsz stco mvex trex moof mfhd traf tfhd tfdt trun mdat free udta", string(b))
}

// Every number in the boxes, one after the other, as large as it can be: nothing is allocated for what is not there.
func TestHugeNumbers(t *testing.T) {
	for _, name := range fixtures {
		if name == "faststart.mp4" {
			continue // the same boxes as in progressive.mp4
		}
		whole := fixture(t, name)
		for at := 0; at+4 <= len(whole); at += 2 {
			if string(whole[at:at+4]) == "mdat" {
				at += int(binary.BigEndian.Uint32(whole[at-4:])) - boxHeader
				continue
			}
			b := bytes.Clone(whole)
			b[at], b[at+1], b[at+2], b[at+3] = 0xff, 0xff, 0xff, 0xff
			if at%4 == 0 {
				b[at] = 0x7f
			}
			sane(t, fmt.Sprintf("%s: %02xffffff at %d", name, b[at], at), b)
		}
	}
}

func TestNotMP4(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":       nil,
		"text":        []byte("this is not a movie, whatever its name says"),
		"FLV":         []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00\x12\x00\x00"),
		"only ftyp":   bx("ftyp", "isom", 0),
		"empty movie": bx("moov"),
	} {
		if _, err := openBytes(b); !errors.Is(err, format.ErrStructure) {
			t.Errorf("%s: error %v, want ErrStructure", name, err)
		}
	}
	if _, err := openBytes(moov()); !errors.Is(err, format.ErrNoTrack) {
		t.Errorf("no tracks: error %v, want ErrNoTrack", err)
	}
}

// TestNested: boxes that lie in each other as deep as a file has room for take no stack.
func TestNested(t *testing.T) {
	const depth = 1 << 18
	nested := make([]byte, 0, depth*boxHeader)
	for left := depth * boxHeader; left > 0; left -= boxHeader {
		nested = append(binary.BigEndian.AppendUint32(nested, uint32(left)), "mdia"...)
	}
	if _, err := openBytes(moov(bx("trak", nested))); !errors.Is(err, format.ErrStructure) || !strings.Contains(err.Error(), "deep") {
		t.Errorf("%v, want that they are too deep", err)
	}
}

// A file that has become shorter since it was opened ends there.
func TestFileShrinks(t *testing.T) {
	whole := fixture(t, "faststart.mp4")
	in := bytes.NewReader(whole)
	f, err := Open(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Reset(whole[:len(whole)/2])
	if got := frames(readAll(t, f.NewCursor())); len(got) == 0 {
		t.Error("nothing was played of what is left")
	}
}
