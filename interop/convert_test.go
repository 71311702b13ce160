//go:build interop

package interop

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	hevcAndAAC = movie{name: "H.265 with B-frames, AAC", file: "a.mp4", args: concat(testPicture, testTone, hevc, aac)}
	h264AndAAC = movie{name: "H.264 with B-frames, AAC", file: "a.mp4", args: concat(testPicture, testTone, h264, aac)}
	av1AndOpus = movie{name: "AV1, Opus", file: "a.mp4", args: concat(testPicture, testTone, av1, []string{"-c:a", "libopus"})}
	onlyMP3    = movie{name: "MP3", file: "a.mp3", args: concat(testTone, mp3)}
)

// converted are the files that leat convert takes to FLV and on to MP4.
var converted = []movie{h264AndAAC, hevcAndAAC, av1AndOpus, onlyMP3}

// TestConvert converts what ffmpeg made to FLV and on to MP4: every frame is the same, and is shown at the same time.
func TestConvert(t *testing.T) {
	for _, m := range converted {
		t.Run(m.name, func(t *testing.T) {
			proves(t)
			t.Parallel()
			from := m.make(t)
			dir := t.TempDir()
			over, to := filepath.Join(dir, "over.flv"), filepath.Join(dir, "to.mp4")
			output(t, leat, "convert", from, over)
			output(t, leat, "convert", over, to)
			for _, kind := range []string{"v", "a"} {
				want, got := packetSums(t, from, kind), packetSums(t, to, kind)
				if !slices.Equal(got, want) {
					t.Errorf("%s: %d frames, want the %d of the source", kind, len(got), len(want))
				}
				sameTimes(t, showTimes(t, to, kind), showTimes(t, from, kind))
			}
		})
	}
}

// packetSums returns the checksums of a kind of frames, as they are in the file.
func packetSums(t *testing.T, path, kind string) []string {
	t.Helper()
	var sums []string
	text := output(t, "ffmpeg", "-nostdin", "-v", "error", "-i", path, "-map", "0:"+kind+"?", "-c", "copy", "-f", "framemd5", "-")
	for line := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSpace(line), ","); len(fields) >= 6 && !strings.HasPrefix(line, "#") {
			sums = append(sums, strings.TrimSpace(fields[5]))
		}
	}
	return sums
}

// showTimes returns when the packets of a kind are shown, in seconds from the first of them on.
func showTimes(t *testing.T, path, kind string) []float64 {
	t.Helper()
	var times []float64
	text := output(t, "ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", "packet=pts_time", "-of", "default=nokey=1:noprint_wrappers=1", path)
	for line := range strings.FieldsSeq(text) {
		at, err := strconv.ParseFloat(line, 64)
		if err != nil {
			t.Fatalf("ffprobe says %q of %s: %v", line, path, err)
		}
		times = append(times, at)
	}
	for i := len(times) - 1; i >= 0; i-- {
		times[i] -= times[0]
	}
	return times
}

// sameTimes compares times of files whose clocks are of whole milliseconds, or finer.
func sameTimes(t *testing.T, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d packets, want %d", len(got), len(want))
		return
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 0.0021 {
			t.Errorf("packet %d is shown at %.4f s, want %.4f s", i, got[i], want[i])
			return
		}
	}
}
