package main

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, total := range []int64{0, 1000} {
			var terminal bytes.Buffer
			p := startProgress(&terminal, "publishing", total)
			time.Sleep(time.Second)
			p.at(500, 3725*time.Second, 250_000)
			shown := terminal.String()
			if !strings.Contains(shown, "publishing 1:02:05, 250.0 kB, 2.00 Mbit/s") {
				t.Errorf("total %d: it shows %q", total, shown)
			}
			if percent := strings.Contains(shown, "50%"); percent != (total > 0) {
				t.Errorf("total %d: it shows %q", total, shown)
			}
			p.at(1000, 3726*time.Second, 260_000) // too soon to show
			if strings.Contains(terminal.String(), "1:02:06") {
				t.Errorf("total %d: it is shown too often", total)
			}
			p.end()
			if shown := terminal.String(); !strings.Contains(shown, "1:02:06, 260.0 kB, 2.08 Mbit/s") || !strings.HasSuffix(shown, "\n") {
				t.Errorf("total %d: at the end it shows %q", total, shown)
			}
		}
	})
}

func TestProgressInAPipe(t *testing.T) {
	var pipe bytes.Buffer
	p := newProgress(&pipe, "playing", 10)
	p.at(1, time.Second, 100)
	p.end()
	if p != nil || pipe.Len() > 0 {
		t.Errorf("a pipe gets %q", &pipe)
	}
}

func TestSizes(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0.0 kB", 1500: "1.5 kB", 2_340_000: "2.3 MB", 12_340_000_000: "12.34 GB"} {
		if got := size(bytes); got != want {
			t.Errorf("size(%d) = %s, want %s", bytes, got, want)
		}
	}
}
