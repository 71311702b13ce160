package main

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/hostile"
	"leat/rtmp/rtmptest"
)

// TestCutServers: a good conversation that breaks off behind any byte of the server ends each verb at once, with the exit code and the
// sentence of the step that was not completed.
func TestCutServers(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cam.flv")
	if err := createFLV(file, time.Second); err != nil {
		t.Fatal(err)
	}
	const url = "rtmp://server/live/cam?token=sesame"
	out := filepath.Join(dir, "out.flv")
	tests := []struct {
		args  []string
		codes []string // that are right for a cut in each step of hostile.BreakOff
	}{
		{[]string{"publish", "--retry", "0", file, url}, []string{"3", "3", "4", "4"}},
		{[]string{"play", "-o", out, url}, []string{"3", "3", "4", "4", "12", "2", "0"}},
		{[]string{"dump", "-r", url, "-o", out}, []string{"3", "1", "1", "1", "10", "0", "0"}},
		{[]string{"probe", url}, []string{"3", "3", "4", "4", "12", "2", "0"}},
	}
	for _, test := range tests {
		t.Run(test.args[0], func(t *testing.T) {
			t.Parallel()
			ends, _ := cut(t, test.args, hostile.Never)
			begin := int64(0)
			for step, codes := range test.codes {
				for _, at := range cuts(begin, ends[step]) {
					_, got := cut(t, test.args, at)
					if !strings.Contains(codes, string(rune('0'+got.code))) || got.took > 3*time.Second {
						t.Errorf("cut behind byte %d, in step %d: code %d after %v, want one of %s; it said %s", at, step, got.code, got.took, codes, got.said)
					}
					if test.args[0] != "dump" && got.code != exitDone && !isClear(got.said) || strings.Contains(got.said, "sesame") {
						t.Errorf("cut behind byte %d, it is not one clear line without secrets: %q", at, got.said)
					}
				}
				begin = ends[step]
			}
		})
	}
}

// cuts returns where a step is cut off: at both ends, and behind each 7th byte, but not so often in a handshake, nor in short runs.
func cuts(begin, end int64) []int64 {
	stride := int64(7)
	if end-begin > 3000 {
		stride = 193
	}
	if testing.Short() {
		stride *= 5
	}
	var at []int64
	for i := begin; i < end; i++ {
		if i < begin+3 || i > end-3 || i%stride == 0 {
			at = append(at, i)
		}
	}
	return at
}

// ended is how a verb has ended.
type ended struct {
	code int
	said string
	took time.Duration
}

// cut runs a verb against a server that breaks off behind so many bytes. ends are how many it had sent behind each step.
func cut(t *testing.T, args []string, at int64) (ends []int64, got ended) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := rtmptest.NewListener()
		s := hostile.Serve(l, hostile.BreakOff(at, func(n int64) { ends = append(ends, n) }))
		begun := time.Now()
		got.code, _, got.said = runOn(t, hosts{"server:1935": l}, args...)
		got.took = time.Since(begun)
		s.Close()
	})
	return ends, got
}
