//go:build interop

package interop

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRecorderKilled kills the server 50 times while it records what ffmpeg publishes. Each file opens as it was left, and
// again when the next server has repaired it; it then says how long it is.
func TestRecorderKilled(t *testing.T) {
	proves(t)
	source := videoAndAAC.make(t, "4")
	for _, format := range []string{"flv", "mp4"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			config := filepath.Join(dir, "leat.yaml")
			rule := "recordings: {min_free: 0}\ndefaults: {record: {when: always, segment_time: 2s, format: " + format + "}}\n"
			if err := os.WriteFile(config, []byte(rule), 0o600); err != nil {
				t.Fatal(err)
			}
			data := filepath.Join(dir, "data")
			const kills = 25
			for range kills {
				killRecorder(t, config, data, source.path)
				files := recordedFiles(t, data)
				probePackets(t, files[len(files)-1])
			}
			output(t, leat, "recordings", "repair", "--config", config, "--data", data)
			files := recordedFiles(t, data)
			if len(files) < kills {
				t.Errorf("%d files of %d recordings", len(files), kills)
			}
			for _, file := range files {
				last := probePackets(t, file)
				text := output(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file)
				duration, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
				if err != nil || duration < last-0.2 || duration > last+0.5 {
					t.Errorf("%s has the duration %s, and packets until %v s", file, text, last)
				}
			}
		})
	}
}

// recorder starts a server with the configuration.
func recorder(t *testing.T, config, data string) *liveServer {
	t.Helper()
	s := &liveServer{process: start(
		t, leat, "serve", "--config", config, "--data", data, "--rtmp", "127.0.0.1:0", "--http", "", "--admin", "", "--log-format", "json",
	)}
	s.url = s.event(t, "ready", "")["rtmp"].(string)
	return s
}

// killRecorder runs a server until some moment after the first key frame is in the file of a recording.
func killRecorder(t *testing.T, config, data, source string) {
	t.Helper()
	s := recorder(t, config, data)
	p := start(t, "ffmpeg", "-v", "error", "-readrate", "4", "-stream_loop", "-1", "-i", source, "-c", "copy", "-f", "flv", s.stream("cam"))
	s.event(t, "recording", "cam")
	<-time.After(rand.N(600 * time.Millisecond))
	s.kill()
	<-s.done
	p.kill()
	<-p.done
}

// recordedFiles returns the files of recordings, the newest last.
func recordedFiles(t *testing.T, data string) []string {
	t.Helper()
	var files []string
	changed := map[string]time.Time{}
	err := filepath.WalkDir(filepath.Join(data, "records"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || filepath.Ext(path) == ".part" {
			return err
		}
		info, err := entry.Info()
		files, changed[path] = append(files, path), info.ModTime()
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	slices.SortFunc(files, func(a, b string) int { return changed[a].Compare(changed[b]) })
	return files
}

// probePackets checks that ffprobe can read a file to its end, and returns the time of the last packet.
func probePackets(t *testing.T, file string) (last float64) {
	t.Helper()
	text := output(t, "ffprobe", "-v", "error", "-show_entries", "packet=dts_time", "-of", "csv=p=0", file)
	packets := 0
	for line := range strings.Lines(text) {
		at, err := strconv.ParseFloat(strings.Trim(line, ",\n "), 64)
		if err != nil {
			t.Fatalf("%s: ffprobe says %q", file, line)
		}
		packets++
		last = max(last, at)
	}
	if packets == 0 {
		t.Errorf("%s has no packets", file)
	}
	return last
}
