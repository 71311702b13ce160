//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/internal/format/mp4"
	"leat/media"
)

// movie is a file that ffmpeg makes.
type movie struct {
	name string
	file string   // the extension decides the muxer
	args []string // inputs, encoders and options of the muxer
	// onlyShown: decoding times cannot be compared, because ffmpeg moves them until no picture is shown before it is
	// decoded; we send negative offsets as they are.
	onlyShown bool
}

var (
	hevc = []string{"-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "2", "-x265-params", "log-level=error"}
	av1  = []string{"-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt", "yuv420p", "-g", "25"}
	vp9  = []string{"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p", "-g", "25"}
)

var movies = []movie{
	{name: "moov at the end", file: "a.mp4", args: concat(testPicture, testTone, h264, aac)},
	{name: "moov in front", file: "a.mp4", args: concat(testPicture, testTone, h264, aac, []string{"-movflags", "+faststart"})},
	{name: "QuickTime", file: "a.mov", args: concat(testPicture, testTone, h264, aac)},
	{name: "F4V", file: "a.f4v", args: concat(testPicture, testTone, h264, aac)},
	{name: "M4A", file: "a.m4a", args: concat(testTone, aac)},
	{name: "without audio", file: "a.m4v", args: concat(testPicture, h264)},
	{name: "MP3 in MP4", file: "a.mp4", args: concat(testPicture, testTone, h264, mp3)},
	{name: "without edit list", file: "a.mp4", args: concat(testPicture, testTone, h264, aac, []string{"-use_editlist", "0"})},
	{name: "negative offsets", file: "a.mp4", args: concat(testPicture, testTone, h264, aac, []string{"-movflags", "+negative_cts_offsets"}), onlyShown: true},
	{name: "fragments", file: "a.mp4", args: concat(testPicture, testTone, h264, aac, []string{"-movflags", "+frag_keyframe+empty_moov"})},
	{name: "fragments with moof as base", file: "a.mp4", args: concat(testPicture, testTone, h264, aac, []string{"-movflags", "+frag_keyframe+delay_moov+default_base_moof"})},
	{name: "a fragment for each frame", file: "a.mp4", args: concat(testPicture, testTone, h264, aac, []string{"-movflags", "+frag_every_frame+empty_moov"})},
	{name: "the first second in moov", file: "a.mp4", args: concat(testPicture, testTone, h264, aac, []string{"-movflags", "+frag_keyframe"})},
	{name: "H.265 and Opus", file: "a.mp4", args: concat(testPicture, testTone, hevc, []string{"-c:a", "libopus"})},
	{name: "H.265 as hev1, fragments", file: "a.mp4", args: concat(testPicture, testTone, hevc, aac, []string{"-tag:v", "hev1", "-movflags", "+frag_keyframe+empty_moov"})},
	{name: "AV1 and FLAC", file: "a.mp4", args: concat(testPicture, testTone, av1, []string{"-c:a", "flac", "-strict", "-2"})},
	{name: "VP9 and AC-3", file: "a.mp4", args: concat(testPicture, testTone, vp9, []string{"-c:a", "ac3"})},
	{name: "E-AC-3", file: "a.mp4", args: concat(testPicture, testTone, h264, []string{"-c:a", "eac3"})},
}

// make encodes four seconds.
func (m movie) make(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), m.file)
	output(t, "ffmpeg", concat([]string{"-nostdin", "-v", "error"}, m.args, []string{"-t", "4", path})...)
	return path
}

// fileInput is a format.Input.
type fileInput struct {
	*os.File
	size int64
}

func (f fileInput) Size() int64 { return f.size }

func openMP4(t *testing.T, path string) *mp4.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(t, f) })
	stat, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	file, err := mp4.Open(fileInput{f, stat.Size()})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestMP4Read: every frame that ffmpeg finds in its files comes out of ours: bytes, order, times; at the start and after
// seeks.
func TestMP4Read(t *testing.T) {
	for _, m := range movies {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			path := m.make(t)
			file := openMP4(t, path)
			cursor := file.NewCursor()
			packets, err := readAll(t.Context(), cursor)
			if err != nil {
				t.Fatal(err)
			}
			want := frameSums(t, path)
			got := recordingOf(packets)
			if m.onlyShown {
				want.forgetDecoding()
				got.forgetDecoding()
			}
			if d := got.diff(want, whole); d != "" {
				t.Error(d)
			}
			const seeks = 10
			for i := range seeks {
				at, err := cursor.Seek(file.Info().Duration * time.Duration(i) / seeks)
				if err != nil {
					t.Fatal(err)
				}
				rest, err := readAll(t.Context(), cursor)
				if err != nil {
					t.Fatal(err)
				}
				got := recordingOf(rest)
				if m.onlyShown {
					got.forgetDecoding()
				}
				if d := got.diff(want, tail); d != "" {
					t.Errorf("from %v on: %s", at, d)
				}
			}
		})
	}
}

// forgetDecoding leaves only the times at which frames are shown.
func (r *recording) forgetDecoding() {
	for _, frames := range [][]frame{r.video, r.audio} {
		for i := range frames {
			frames[i].dts = frames[i].pts
		}
	}
}

// TestMP4ToFLV: what ffmpeg reads in an FLV file made of our packets is what it reads in its own MP4 file.
func TestMP4ToFLV(t *testing.T) {
	for _, m := range movies[:4] {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			path := m.make(t)
			out := filepath.Join(t.TempDir(), "out.flv")
			f, err := os.Create(out)
			if err != nil {
				t.Fatal(err)
			}
			w := flv.NewWriter(f)
			if _, err := media.Copy(t.Context(), w, openMP4(t, path).NewCursor()); err != nil {
				t.Fatal(err)
			}
			closeAll(t, w, f)
			if d := frameSums(t, out).diff(frameSums(t, path), whole); d != "" {
				t.Error(d)
			}
		})
	}
}

// frameSums returns what ffmpeg finds in a file, with times rounded to milliseconds.
func frameSums(t *testing.T, path string) *recording {
	t.Helper()
	text := output(t, "ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0", "-c", "copy", "-copyts", "-f", "framemd5", "-")
	r := &recording{}
	kinds, scales := map[string]string{}, map[string]timeBase{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(line, "#media_type "); ok {
			index, kind, _ := strings.Cut(rest, ": ")
			kinds[index] = kind
			r.streams++
		}
		if rest, ok := strings.CutPrefix(line, "#tb "); ok {
			index, scale, _ := strings.Cut(rest, ": ")
			var s timeBase
			if _, err := fmt.Sscanf(scale, "%d/%d", &s.num, &s.den); err != nil {
				t.Fatalf("%s: time base %q: %v", path, scale, err)
			}
			scales[index] = s
		}
		fields := strings.Split(line, ",")
		if strings.HasPrefix(line, "#") || len(fields) < 6 {
			continue
		}
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		scale := scales[fields[0]]
		r.add(kinds[fields[0]], frame{
			dts: scale.milliseconds(integer(t, fields[1])), pts: scale.milliseconds(integer(t, fields[2])), sum: fields[5],
		})
	}
	return r
}

// timeBase is what ffmpeg counts the times of a stream in, in seconds.
type timeBase struct{ num, den int64 }

// milliseconds rounds to the nearest, and upwards in between.
func (b timeBase) milliseconds(n int64) int64 {
	twice := 2*n*b.num*1000 + b.den
	return (twice - (twice%(2*b.den)+2*b.den)%(2*b.den)) / (2 * b.den)
}
