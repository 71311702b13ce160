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
			const seeks = 10 // points to seek to
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

// TestMP4Write: what ffmpeg finds in a fragmented file of ours is what it finds in the one that it was made of.
func TestMP4Write(t *testing.T) {
	for _, m := range movies {
		if m.onlyShown {
			continue // ffmpeg shows pictures with negative offsets too late when they are in fragments
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			path := m.make(t)
			out := rewrite(t, path, true)
			got, want := frameSums(t, out), frameSums(t, path)
			if d := got.diff(want, whole); d != "" {
				t.Error(d)
			}
			if got.streams != want.streams {
				t.Errorf("%d streams, want %d", got.streams, want.streams)
			}
			checkClean(t, out)
			checkDuration(t, out, 4)
		})
	}
}

// rewrite makes a fragmented file of an MP4 file. finish says whether it is closed, or left as after kill -9.
func rewrite(t *testing.T, path string, finish bool) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.mp4")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	w := mp4.NewWriter(f, nil)
	if _, err := media.Copy(t.Context(), w, openMP4(t, path).NewCursor()); err != nil {
		t.Fatal(err)
	}
	if finish {
		closeAll(t, w)
	}
	closeAll(t, f)
	return out
}

// checkClean checks that ffmpeg decodes a file without a complaint.
func checkClean(t *testing.T, path string) {
	t.Helper()
	said := output(t, "sh", "-c", `ffmpeg -nostdin -v warning -i "$0" -map 0 -f null - 2>&1`, path)
	if said = strings.TrimSpace(said); said != "" {
		t.Errorf("ffmpeg says of %s:\n%s", path, said)
	}
}

func checkDuration(t *testing.T, path string, want float64) {
	t.Helper()
	text := output(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path)
	var got float64
	if _, err := fmt.Sscan(text, &got); err != nil {
		t.Fatalf("duration %q: %v", text, err)
	}
	if got < want-0.1 || got > want+0.2 {
		t.Errorf("ffprobe says that %s has %g s, want %g", path, got, want)
	}
}

// TestMP4Repair: a file that was cut off anywhere plays in ffmpeg without a complaint after a repair, and has lost
// the last second at most.
func TestMP4Repair(t *testing.T) {
	path := movies[0].make(t)
	want := frameSums(t, path)
	torn, err := os.ReadFile(rewrite(t, path, false))
	if err != nil {
		t.Fatal(err)
	}
	const cuts = 20
	for i := range cuts {
		n := len(torn) - i*len(torn)/(2*cuts)
		out := filepath.Join(t.TempDir(), "torn.mp4")
		if err := os.WriteFile(out, torn[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(out, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := mp4.Repair(f, int64(n)); err != nil {
			t.Fatal(err)
		}
		closeAll(t, f)
		got := frameSums(t, out)
		if i == 0 && len(got.video) < len(want.video)-25 {
			t.Errorf("%d frames of %d are left", len(got.video), len(want.video))
		}
		want := &recording{video: want.video[:len(got.video)], audio: want.audio[:len(got.audio)]}
		if d := got.diff(want, whole); d != "" {
			t.Errorf("cut at %d of %d: %s", n, len(torn), d)
		}
		checkClean(t, out)
	}
}
