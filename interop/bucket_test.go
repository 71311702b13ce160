//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// storing writes the configuration of a server that records everything and brings it to the store at an address.
func storing(t *testing.T, address, format string) (config string) {
	t.Helper()
	config = filepath.Join(t.TempDir(), "leat.yaml")
	text := fmt.Sprintf("recordings: {min_free: 0, s3: {endpoint: 'http://%s', bucket: %s, prefix: leat, access_key: %s, secret_key: %s}}\n"+
		"defaults: {record: {when: always, format: %s}}\n", address, storeBucket, storeKey, storeSecret, format)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// awaitClosed waits for a channel.
func awaitClosed(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

// seeks plays two seconds from several places.
func seeks(t *testing.T, url string, want *recording, places ...int) {
	t.Helper()
	for _, at := range places {
		got := received(t, "-rtmp_buffer", "3000", "-ss", fmt.Sprint(at), "-t", "2", "-i", url)
		if d := someFrames(got, want); d != "" {
			t.Errorf("seek to %d s: %s", at, d)
		}
	}
}

// TestBucketPlays: what ffmpeg publishes is recorded, brought to the store, and played from there as it was published.
func TestBucketPlays(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"flv", "mp4"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			proves(t)
			dir := t.TempDir()
			_, address := gateway(t, dir)
			data := filepath.Join(t.TempDir(), "data")
			config := storing(t, address, format)
			s := recorder(t, config, data)
			source := videoAndAAC.make(t, "12")
			start(t, "ffmpeg", "-v", "error", "-i", source.path, "-c", "copy", "-f", "flv", s.stream("cam")).succeed(t)
			stored := s.event(t, "recording stored", "")["file"].(string)
			object := filepath.Join(dir, storeBucket, "leat", filepath.FromSlash(stored))
			same := filepath.Join(t.TempDir(), "same.flv")
			output(t, "ffmpeg", "-v", "error", "-i", object, "-c", "copy", same) // with the times of a timeline in milliseconds
			want := received(t, "-i", same)
			if d := sameFrames(received(t, concat(hasten, []string{"-i", s.stream("cam")})...), want); d != "" {
				t.Error(d)
			}
			if len(want.video) != len(source.want.video) {
				t.Errorf("%d pictures were recorded of %d", len(want.video), len(source.want.video))
			}
			seeks(t, s.stream("cam"), want, 1, 6, 10)
			s.kill()
			<-s.done
			list := output(t, leat, "recordings", "ls", "--config", config, "--data", data)
			if !strings.Contains(list, " stored ") {
				t.Errorf("leat recordings ls says\n%s", list)
			}
		})
	}
}

// TestBucketResumes: the store dies in the middle of an upload, then the server does. The upload goes on where it was, and what is
// played in the end is what was published.
func TestBucketResumes(t *testing.T) {
	t.Parallel()
	proves(t)
	const part = 8 << 20
	dir := t.TempDir()
	store, address := gateway(t, dir)
	way := newStrait(t, address)
	config, data := storing(t, way.Addr().String(), "flv"), filepath.Join(t.TempDir(), "data")
	s := recorder(t, config, data)
	source := filepath.Join(t.TempDir(), "large.flv")
	output(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25", "-f", "lavfi", "-i", "sine", "-t", "20",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "20M", "-minrate", "20M", "-maxrate", "20M",
		"-bufsize", "20M", "-x264-params", "nal-hrd=cbr", "-c:a", "aac", source)

	reached := way.hold(2*part + part/2)
	start(t, "ffmpeg", "-v", "error", "-i", source, "-c", "copy", "-f", "flv", s.stream("cam")).succeed(t)
	awaitClosed(t, "the third part", reached)
	store.kill()
	<-store.done
	_, address = gateway(t, dir)
	way.lead(address)

	reached = way.hold(part + part/2)
	awaitClosed(t, "the fourth part", reached)
	s.kill()
	<-s.done
	way.hold(1 << 62)
	s = recorder(t, config, data)
	stored := s.event(t, "recording stored", "")
	size := int64(stored["bytes"].(float64))
	if size < 5*part {
		t.Fatalf("the recording is too small for this test: %d bytes", size)
	}
	if sent := way.sent(); sent > size+2*part {
		t.Errorf("%d bytes were sent of a recording of %d", sent, size)
	}
	object := filepath.Join(dir, storeBucket, "leat", filepath.FromSlash(stored["file"].(string)))
	want := received(t, "-i", source)
	if d := sameFrames(received(t, "-i", object), want); d != "" {
		t.Errorf("the object: %s", d)
	}
	if left := files(t, filepath.Join(data, "records")); len(left) > 0 {
		t.Errorf("still on the disk: %q", left)
	}
	if d := sameFrames(received(t, concat(hasten, []string{"-i", s.stream("cam")})...), want); d != "" {
		t.Errorf("played: %s", d)
	}
	seeks(t, s.stream("cam"), want, 17, 9)
}

// files returns the files in a folder and below it.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
