package record

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"leat/internal/store"
	"leat/live"
	"leat/media/mediatest"
)

// The environment variables that make of the test binary the process that TestKilled kills.
const (
	childDir    = "LEAT_RECORD_TEST_DIR"
	childFormat = "LEAT_RECORD_TEST_FORMAT"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := recordForEver(context.Background(), dir, Format(os.Getenv(childFormat))); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// recordForEver publishes a stream that it records, ten times as fast as it should be, and prints the time of each key frame
// when the one after it is published.
func recordForEver(ctx context.Context, dir string, format Format) error {
	folder, err := OpenFolder(filepath.Join(dir, "records"))
	if err != nil {
		return err
	}
	index, err := store.Open(filepath.Join(dir, "leat.db"), nil)
	if err != nil {
		return err
	}
	hub := live.NewHub(nil)
	r := Open(Options{Disk: folder, Index: index, Sync: 20 * time.Millisecond, MinFree: -1, Logger: slog.New(slog.DiscardHandler)})
	if _, err := r.Start(hub, cam, Spec{Format: format, KeepVersions: -1, SegmentTime: 3 * time.Second}); err != nil {
		return err
	}
	p, err := hub.Publish(cam, nil)
	if err != nil {
		return err
	}
	packets := mediatest.AVC(time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	for n := 0; ; n++ {
		for _, pkt := range packets {
			if n > 0 && pkt.Config {
				continue
			}
			<-tick.C
			q := *pkt
			q.Timestamp += time.Duration(n) * time.Second
			if err := p.WritePacket(ctx, &q); err != nil {
				return err
			}
		}
		if _, err := fmt.Println(n + 1); err != nil {
			return err
		}
	}
}

func TestKilled(t *testing.T) {
	for format := range containers {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			testKilled(t, format, 3)
		})
	}
}

// testKilled kills a process that records, again and again, at any moment. Before anything is repaired each file opens and has
// all but the last second; after the repair it says so.
func testKilled(t *testing.T, format Format, times int) {
	dir := t.TempDir()
	for n := range times {
		seconds := killedAfter(t, dir, format)
		folder, err := OpenFolder(filepath.Join(dir, "records"))
		if err != nil {
			t.Fatal(err)
		}
		index, err := store.Open(filepath.Join(dir, "leat.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		r := newRecordings(Options{Disk: folder, Index: index, Logger: slog.New(slog.DiscardHandler)})
		s := &studio{Recordings: r}
		take, ok, err := s.Lookup(cam)
		if !ok || err != nil {
			t.Fatalf("kill %d after %d s: no recording (%v)", n, seconds, err)
		}
		frames := s.played(t, take)
		last := frames[len(frames)-1].Timestamp
		if last < time.Duration(seconds-1)*time.Second-40*time.Millisecond {
			t.Errorf("kill %d: the recording ends at %v of %d s", n, last, seconds)
		}
		if _, err := s.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		repaired := s.take(t)
		// The index may not have known of a segment that had only just begun; the repair adds it behind the others.
		added := repaired.Segments[len(take.Segments):]
		repaired.Segments = repaired.Segments[:len(take.Segments)]
		if got := s.played(t, repaired); len(got) != len(frames) && len(got) != len(frames)-1 {
			t.Errorf("kill %d: %d frames before the repair, %d behind it", n, len(frames), len(got))
		}
		if len(added) > 1 {
			t.Errorf("kill %d: the index did not know of %d segments", n, len(added))
		}
		if got, err := s.takes(cam, 0); err != nil || len(got) != n+1 {
			t.Errorf("kill %d: %d recordings (%v)", n, len(got), err)
		}
		if err := index.Close(); err != nil {
			t.Fatal(err)
		}
		if err := folder.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// killedAfter runs the process that records, kills it, and returns how many seconds it had published then at least.
func killedAfter(t *testing.T, dir string, format Format) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir, childFormat+"="+string(format))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	seconds := 0
	lines := bufio.NewScanner(out)
	for want := 2 + rand.IntN(4); seconds < want && lines.Scan(); {
		if seconds, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
	}
	<-time.After(rand.N(150 * time.Millisecond)) // the moment is anywhere between two lines
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the process ended by itself")
	}
	return seconds
}
