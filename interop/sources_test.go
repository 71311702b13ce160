//go:build interop

package interop

import (
	"path/filepath"
	"testing"
)

// source is what ffmpeg makes and publishes.
type source struct {
	name    string
	streams int
	args    []string // inputs and encoders
}

var (
	testPicture = []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"}
	testTone    = []string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"}
	// b-adapt=0 makes every group of pictures one of two B-frames between others, which have negative and positive composition
	// offsets among them; a key frame comes every second.
	h264 = []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "25", "-bf", "2", "-x264-params", "b-adapt=0"}
	aac  = []string{"-c:a", "aac", "-b:a", "64k"}
	mp3  = []string{"-c:a", "libmp3lame", "-b:a", "64k"}
)

var (
	videoAndAAC = source{"H.264 with B-frames, AAC", 2, concat(testPicture, testTone, h264, aac)}
	videoAndMP3 = source{"H.264 with B-frames, MP3", 2, concat(testPicture, testTone, h264, mp3)}
	audioOnly   = source{"audio only", 1, concat(testTone, aac)}
	videoOnly   = source{"video only", 1, concat(testPicture, h264)}
)

func concat(parts ...[]string) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// clip is a source that was made: an FLV file and what is in it.
type clip struct {
	source
	path string
	want *recording
}

// make encodes some seconds of a source. What ffmpeg reads in the file and what our reader does must agree, so
// that neither judges itself.
func (s source) make(t *testing.T, seconds string) *clip {
	t.Helper()
	dir := t.TempDir()
	raw, path, sums := filepath.Join(dir, "raw.flv"), filepath.Join(dir, "source.flv"), filepath.Join(dir, "source.md5")
	output(t, "ffmpeg", concat([]string{"-v", "error"}, s.args, []string{"-t", seconds, raw})...)
	// Once more through the muxer: what it writes to a file now is what it sends over RTMP.
	output(t, "ffmpeg", "-v", "error", "-i", raw, "-c", "copy", path)
	output(t, "ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-copyts", "-f", "framemd5", sums)
	want := readFrameMD5(t, sums)
	own := readFLV(t, path)
	if d := own.diff(want, whole); d != "" {
		t.Fatalf("our reader and ffmpeg disagree on %s: %s", path, d)
	}
	own.streams = want.streams
	return &clip{source: s, path: path, want: own}
}
