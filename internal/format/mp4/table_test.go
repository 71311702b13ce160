package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"leat/internal/format"
	"leat/media"
)

// sparse is a file of which only some parts hold anything.
type sparse struct {
	size  int64
	parts map[int64][]byte
}

// Size returns the length.
func (s sparse) Size() int64 { return s.size }

// ReadAt reads from the one part that holds offset, or zeros.
func (s sparse) ReadAt(b []byte, offset int64) (int, error) {
	n := int(min(int64(len(b)), s.size-offset))
	clear(b[:n])
	for at, part := range s.parts {
		if offset < at+int64(len(part)) && offset+int64(n) > at {
			copy(b[max(at-offset, 0):n], part[max(offset-at, 0):])
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// times returns decoding time, offset and data of frames, and the headers between them.
func times(packets []*media.Packet) string {
	var b strings.Builder
	for _, p := range packets {
		switch {
		case p.Kind == media.Data:
		case p.Config:
			fmt.Fprintf(&b, "[%x] ", p.Data)
		default:
			key := ""
			if p.Key {
				key = "K"
			}
			fmt.Fprintf(&b, "%d%+d=%s%s ", p.Timestamp.Milliseconds(), p.Offset.Milliseconds(), p.Data, key)
		}
	}
	return strings.TrimSpace(b.String())
}

// Files of one track whose samples are the letters a to f.
func TestTables(t *testing.T) {
	const at = 5000
	one := bx("stsc", 0, 1, 1, 6, 1)
	stco := bx("stco", 0, 1, at)
	stts := bx("stts", 0, 1, 6, 40)
	stsz := bx("stsz", 0, 0, 6, 1, 1, 1, 1, 1, 1)
	plain := "0+0=a 40+0=b 80+0=c 120+0=d 160+0=e 200+0=f"
	tests := []struct {
		name   string
		edits  []byte
		tables [][]byte
		want   string
	}{
		{"plain", nil, [][]byte{stts, stsz, one, stco}, plain},
		{"one size", nil, [][]byte{stts, bx("stsz", 0, 1, 6), one, stco}, plain},
		{"sizes of 4 bits", nil, [][]byte{stts, bx("stz2", 0, 4, 6, []byte{0x11, 0x11, 0x11}), one, stco}, plain},
		{"sizes of 8 bits", nil, [][]byte{stts, bx("stz2", 0, 8, 6, []byte{1, 1, 1, 1, 1, 1}), one, stco}, plain},
		{"sizes of 16 bits", nil, [][]byte{stts, bx("stz2", 0, 16, 3, []byte{0, 1, 0, 2, 0, 3}), one, stco}, "0+0=a 40+0=bc 80+0=def"},
		{"64-bit offsets", nil, [][]byte{stts, stsz, one, bx("co64", 0, 1, uint64(at))}, plain},
		{"chunks", nil, [][]byte{
			stts, stsz, bx("stsc", 0, 2, 1, 1, 1, 3, 2, 1), bx("stco", 0, 4, at+1, at, at+4, at+2),
		}, "0+0=b 40+0=a 80+0=e 120+0=f 160+0=c 200+0=d"},
		{"changing durations", nil, [][]byte{bx("stts", 0, 3, 2, 40, 1, 0, 3, 10), stsz, one, stco}, "0+0=a 40+0=b 80+0=c 80+0=d 90+0=e 100+0=f"},
		{"durations that end early", nil, [][]byte{bx("stts", 0, 1, 2, 40), stsz, one, stco}, plain},
		{"a negative duration", nil, [][]byte{bx("stts", 0, 2, 1, -5, 5, 40), stsz, one, stco}, "0+0=a 0+0=b 40+0=c 80+0=d 120+0=e 160+0=f"},
		{"media time", bx("elst", 0, 1, 500, 40, 1<<16), [][]byte{stts, stsz, one, stco}, plain},
		{"empty edit", bx("elst", 0, 2, 70, -1, 1<<16, 500, 0, 1<<16), [][]byte{stts, stsz, one, stco}, "70+0=a 110+0=b 150+0=c 190+0=d 230+0=e 270+0=f"},
		{"64-bit edits", bx("elst", 1<<24, 2, uint64(70), uint64(1<<64-1), 1<<16, uint64(500), uint64(20), 1<<16), [][]byte{stts, stsz, one, stco}, "50+0=a 90+0=b 130+0=c 170+0=d 210+0=e 250+0=f"},
		{"samples behind the end", nil, [][]byte{stts, stsz, bx("stsc", 0, 1, 1, 2, 1), bx("stco", 0, 3, at, 9000, at+4)}, "0+0=a 40+0=b"},
		{"an empty sample", nil, [][]byte{stts, bx("stsz", 0, 0, 3, 1, 0, 1), bx("stsc", 0, 1, 1, 3, 1), stco}, "0+0=a 80+0=b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			head := moov(trak(1, "soun", test.edits, [][]byte{ac3Entry()}, test.tables...))
			in := sparse{size: at + 6, parts: map[int64][]byte{0: head, at: []byte("abcdef")}}
			f, err := Open(in)
			if err != nil {
				t.Fatal(err)
			}
			if got := times(readAll(t, f.NewCursor())); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestVideoTables(t *testing.T) {
	const at = 5000
	head := func(tables ...[]byte) []byte {
		entries := [][]byte{vp9Entry(64, 10), vp9Entry(64, 20), bx("xxxx", zeros(8))}
		return moov(trak(1, "vide", nil, entries, append(tables, bx("stts", 0, 1, 6, 40), bx("stsz", 0, 1, 6))...))
	}
	tests := []struct {
		name string
		head []byte
		want string
	}{
		{
			"keys", head(bx("stsc", 0, 1, 1, 6, 1), bx("stco", 0, 1, at), bx("stss", 0, 2, 1, 4)),
			"[01000000000a820202020000] 0+0=aK 40+0=b 80+0=c 120+0=dK 160+0=e 200+0=f",
		},
		{
			"all are keys", head(bx("stsc", 0, 1, 1, 6, 1), bx("stco", 0, 1, at)),
			"[01000000000a820202020000] 0+0=aK 40+0=bK 80+0=cK 120+0=dK 160+0=eK 200+0=fK",
		},
		{
			"the header changes, and is one of no use", head(bx("stsc", 0, 3, 1, 2, 1, 2, 2, 2, 3, 2, 3), bx("stco", 0, 3, at, at+2, at+4), bx("stss", 0, 1, 1)),
			"[01000000000a820202020000] 0+0=aK 40+0=b [010000000014820202020000] 80+0=c 120+0=d",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := Open(sparse{size: at + 6, parts: map[int64][]byte{0: test.head, at: []byte("abcdef")}})
			if err != nil {
				t.Fatal(err)
			}
			if got := times(readAll(t, f.NewCursor())); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// H.264 offsets of both versions, and lengths of NAL units of every size.
func TestNALLengths(t *testing.T) {
	for size := 1; size <= 4; size++ {
		record := []byte{1, 100, 0, 10, 0xfc | byte(size-1), 0xe0, 0}
		entry := bx("avc1", zeros(24), uint16(64), uint16(36), zeros(50), bx("avcC", record))
		unit := func(s string) []byte {
			return append(binary.BigEndian.AppendUint32(nil, uint32(len(s)))[4-size:], s...)
		}
		samples := [][]byte{append(unit("one"), unit("")...), unit("two"), unit("three"), {7, 7}}
		data := bytes.Join(samples, nil)
		const at = 2000
		f, err := Open(sparse{size: at + int64(len(data)), parts: map[int64][]byte{at: data, 0: moov(trak(1, "vide", nil, [][]byte{entry},
			bx("stts", 0, 1, 4, 40), bx("ctts", 0, 2, 1, 80, 1, -20), bx("stss", 0, 1, 1),
			bx("stsz", 0, 0, 4, len(samples[0]), len(samples[1]), len(samples[2]), len(samples[3])),
			bx("stsc", 0, 1, 1, 4, 1), bx("stco", 0, 1, at)))}})
		if err != nil {
			t.Fatal(err)
		}
		want := "[0164000affe000] 0+80=\x00\x00\x00\x03one\x00\x00\x00\x00K 40-20=\x00\x00\x00\x03two 80+0=\x00\x00\x00\x05three"
		if size == 4 {
			want += " 120+0=\a\a" // passed on as it is
		}
		if got := times(readAll(t, f.NewCursor())); got != want {
			t.Errorf("size %d: got %q\nwant %q", size, got, want)
		}
	}
}

// Behind 4 GiB, in a box with 64-bit length.
func TestLargeFile(t *testing.T) {
	const at = 5 << 30
	mdat := binary.BigEndian.AppendUint64([]byte{0, 0, 0, 1, 'm', 'd', 'a', 't'}, at+2)
	ftyp := bx("ftyp", "isom", 0)
	end := moov(trak(1, "soun", nil, [][]byte{ac3Entry()}, bx("stts", 0, 1, 2, 1<<30), bx("stsz", 0, 1, 2),
		bx("stsc", 0, 1, 1, 2, 1), bx("co64", 0, 1, uint64(at))))
	start := int64(len(ftyp)) + at + 2
	f, err := Open(sparse{size: start + int64(len(end)), parts: map[int64][]byte{
		0: append(bytes.Clone(ftyp), mdat...), at: []byte("ab"), start: end,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := times(readAll(t, f.NewCursor())), "0+0=a 1073741824+0=b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := f.Info().Duration, 1<<31*time.Millisecond; got != want {
		t.Errorf("duration %v, want %v", got, want)
	}
}

// Several tracks: the enabled one of a kind is number 0, and at one time audio comes before video.
func TestTracks(t *testing.T) {
	const at = 5000
	tables := func(offset int) [][]byte {
		return [][]byte{
			bx("stts", 0, 1, 2, 40), bx("stsz", 0, 1, 2), bx("stsc", 0, 1, 1, 2, 1), bx("stco", 0, 1, at+offset),
		}
	}
	off := trak(7, "soun", nil, [][]byte{ac3Entry()}, tables(0)...)
	off[19] = 0 // flags of tkhd
	head := moov(
		off,
		trak(8, "vide", nil, [][]byte{vp9Entry(64, 10)}, tables(2)...),
		trak(9, "soun", nil, [][]byte{ac3Entry()}, tables(4)...),
		trak(10, "tmcd", nil, [][]byte{bx("tmcd", zeros(20))}, tables(0)...),
	)
	f, err := Open(sparse{size: at + 6, parts: map[int64][]byte{0: head, at: []byte("abcdef")}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range frames(readAll(t, f.NewCursor())) {
		got = append(got, fmt.Sprintf("%v%d=%s", p.Kind, p.Track, p.Data))
	}
	if got, want := strings.Join(got, " "), "audio0=e audio1=a video0=c audio0=f audio1=b video0=d"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Fragments whose data is found in every way there is: from the file's start, from the moof, behind the track
// before, behind the run before.
func TestFragments(t *testing.T) {
	extends := bx("mvex", bx("trex", 0, 1, 1, 40, 1, 0), bx("trex", 0, 2, 1, 20, 1, 0))
	tables := [][]byte{bx("stts", 0, 0), bx("stsz", 0, 0, 0), bx("stsc", 0, 0), bx("stco", 0, 0)}
	head := moov(trak(1, "soun", nil, [][]byte{ac3Entry()}, tables...), trak(2, "soun", nil, [][]byte{ac3Entry()}, tables...), extends)
	at := len(head)
	tests := []struct {
		name  string
		trafs [][]byte
		want  string
	}{
		{
			"from the moof",
			[][]byte{bx("traf", bx("tfhd", tfhdBaseIsMoof, 1), bx("tfdt", 0, 1000), bx("trun", trunDataOffset, 2, 500))},
			"1000+0=a 1040+0=b",
		},
		{
			"from the start of the file",
			[][]byte{bx("traf", bx("tfhd", tfhdBaseOffset, 1, uint64(at+500)), bx("tfdt", 1<<24, uint64(7)), bx("trun", 0, 2))},
			"7+0=a 47+0=b",
		},
		{
			"one behind the other",
			[][]byte{
				bx("traf", bx("tfhd", 0, 1), bx("trun", trunDataOffset, 1, 500), bx("trun", 0, 1)),
				bx("traf", bx("tfhd", 0, 2), bx("trun", 0, 2)),
			},
			"0+0=a 0+0=c 20+0=d 40+0=b",
		},
		{
			"with all fields",
			[][]byte{bx("traf", bx("tfhd", tfhdBaseIsMoof|tfhdEntry|tfhdDuration|tfhdSize|tfhdFlags, 1, 1, 9, 9, 9), bx("tfdt", 0, 0),
				bx("trun", trunDataOffset|trunFirstFlags|trunDuration|trunSize|trunFlags|trunOffset, 2, 500, 0, 11, 2, 0, 0, 12, 1, 0, 0))},
			"0+0=ab 11+0=c",
		},
		{
			"no track of ours",
			[][]byte{
				bx("traf", bx("tfhd", tfhdBaseIsMoof, 9), bx("trun", trunDataOffset, 1, 500)),
				bx("traf", bx("tfhd", tfhdBaseIsMoof, 2), bx("trun", trunDataOffset, 1, 501)),
			},
			"0+0=b",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			parts := []any{bx("mfhd", 0, 1)}
			for _, traf := range test.trafs {
				parts = append(parts, traf)
			}
			moof := bx("moof", parts...)
			file := append(append(bytes.Clone(head), moof...), zeros(500-len(moof))...)
			binary.BigEndian.PutUint32(file[at+len(moof):], uint32(500-len(moof)+6))
			copy(file[at+len(moof)+4:], "mdat")
			file = append(file, "abcdef"...)
			if got := times(readAll(t, open(t, file).NewCursor())); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	bomb := append(bytes.Clone(head), bx("moof", bx("traf", bx("tfhd", tfhdSize, 1, 0), bx("trun", 0, -1)))...)
	if _, err := openBytes(bomb); !errors.Is(err, format.ErrStructure) {
		t.Errorf("4 billion empty samples: error %v, want ErrStructure", err)
	}
}

// Going from sample to sample and going to a sample are the same.
func TestPlaces(t *testing.T) {
	for _, name := range fixtures {
		for _, track := range open(t, fixture(t, name)).tracks {
			p := track.table.at(0)
			for i := range track.table.len() {
				if got, want := track.table.at(i), p; got != want {
					t.Fatalf("%s: sample %d is at %+v, stepping %+v", name, i, got, want)
				}
				track.table.advance(&p)
			}
		}
	}
}
