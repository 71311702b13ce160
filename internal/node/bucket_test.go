package node

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/object/objecttest"
	"leat/media/mediatest"
	"leat/rtmp"
)

// A recording of which one part is in the object store and another on the disk is played as one.
func TestPlayFromBucket(t *testing.T) {
	store := objecttest.New()
	t.Cleanup(store.Close)
	data, tweak := inFolder(t, func(c *config.Config) {
		s := &c.Recordings.S3
		s.Endpoint, s.Bucket, s.Prefix = store.URL, objecttest.Bucket, "leat"
		s.AccessKey, s.SecretKey = "key", config.NewSecret(secret)
	})
	s := start(t, tweak)
	packets := mediatest.AVC(2 * time.Second)
	p, _ := publishAs(t, s, rtmp.PublishAppend)
	send(t, p, packets...)
	finish(t, s, p)
	s.lines.wait(t, "recording stored")
	s.lines.wait(t, "recordings are brought to an object store", "store="+store.URL+"/recordings/leat/")
	until(t, "the file leaves the disk", func() bool {
		entries, err := os.ReadDir(filepath.Join(data, "records"))
		return err == nil && len(entries) == 0
	})
	store.Fail(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == http.MethodPut && objecttest.Down(w, r)
	})
	p, _ = publishAs(t, s, rtmp.PublishAppend)
	send(t, p, packets...)
	finish(t, s, p)
	if names := store.Names(); len(names) != 1 || !strings.HasPrefix(names[0], "leat/live/") || len(recorded(t, data)) != 1 {
		t.Fatalf("one recording should be in the store, and one on the disk: %q", names)
	}
	player := play(t, s.url("/live/cam"), &rtmp.PlayOptions{Recorded: true})
	want := framesOf(packets)
	got := framesOf(rest(t, player))
	if len(got) != 2*len(want) {
		t.Fatalf("%d frames, want twice %d", len(got), len(want))
	}
	for i, p := range got {
		if w := want[i%len(want)]; p.Kind != w.Kind || string(p.Body) != string(w.Body) {
			t.Fatalf("frame %d is %v, want %v", i, p, w)
		}
	}
}

// The configuration is checked as far as that is possible without the store; a wrong key is said in the log.
func TestBucketRefuses(t *testing.T) {
	store := objecttest.New()
	t.Cleanup(store.Close)
	store.Fail(objecttest.Refuse(http.StatusForbidden, "InvalidAccessKeyId"))
	_, tweak := inFolder(t, func(c *config.Config) {
		s := &c.Recordings.S3
		s.Endpoint, s.Bucket, s.AccessKey, s.SecretKey = store.URL, objecttest.Bucket, "key", config.NewSecret(secret)
	})
	s := start(t, tweak)
	p, ear := publishAs(t, s, rtmp.PublishRecord)
	until(t, "the publisher hears of it", func() bool { return ear.codes() == "Publish.Start Record.Start" })
	send(t, p, mediatest.AVC(time.Second)...)
	finish(t, s, p)
	s.lines.wait(t, "the object store cannot be used: recordings stay on the disk")
	if n := len(rest(t, play(t, s.url("/live/cam"), &rtmp.PlayOptions{Recorded: true}))); n == 0 {
		t.Error("the recording cannot be played")
	}
}
