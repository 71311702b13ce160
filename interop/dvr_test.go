//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestDVR: while a stream is live, programs begin in its past and go back in it, and have every frame from there to its end.
func TestDVR(t *testing.T) {
	t.Parallel()
	c := videoAndAAC.make(t, "12")
	config := filepath.Join(t.TempDir(), "leat.yaml")
	if err := os.WriteFile(config, []byte("recordings: {min_free: 0}\ndefaults: {dvr_window: 1h}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "--config", config)
	url := s.stream("cam")
	w := watch(t, url)
	publisher := ffmpegPublish(t, c, url)
	w.until(t, 5500*time.Millisecond)
	keys := keySums(c.want.packets)
	dir := t.TempDir()
	behind := []struct {
		name string
		key  int // with which it begins
		read func(*testing.T, string) *recording
		args []string
	}{
		{"rtmpdump", 2, readFLV, []string{"rtmpdump", "-q", "-A", "2.5", "-r", url, "-o"}},
		{"ffmpeg", 0, readFrameMD5, concat([]string{"ffmpeg", "-v", "error", "-rtmp_live", "recorded", "-i", url}, sums)},
		{"ffmpeg, seeking", 3, readFrameMD5, concat([]string{"ffmpeg", "-v", "error", "-seek_timestamp", "1", "-ss", "3.5", "-i", url}, sums)},
	}
	programs := make([]*process, len(behind))
	for i, b := range behind {
		programs[i] = start(t, b.args[0], append(b.args[1:], filepath.Join(dir, b.name))...)
	}
	for i, b := range behind {
		t.Run(b.name, func(t *testing.T) {
			proves(t)
			programs[i].end(t)
			fromKey(t, b.read(t, filepath.Join(dir, b.name)), c.want, keys, b.key)
		})
	}
	publisher.succeed(t)
}

// sums makes ffmpeg write down what it reads.
var sums = []string{"-c", "copy", "-copyts", "-f", "framemd5"}

// fromKey wants all frames from a key frame of the stream to its end.
func fromKey(t *testing.T, got, want *recording, keys []string, key int) {
	t.Helper()
	if d := got.diff(want, tail); d != "" {
		t.Fatal(d)
	}
	if i := slices.Index(keys, got.video[0].sum); i != key {
		t.Errorf("it begins with key frame %d, want %d", i, key)
	}
}
