package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// reports are two runs, the first of one step and the second of three.
func reports() (one, many *Report) {
	result := func(publishers, players int) Result {
		n := float64(players)
		return Result{
			Step: Step{publishers, players}, Seconds: 10,
			Publish: &PublishResult{
				Connections: Connections{Connected: publishers}, Messages: 730, Bytes: 1_412_500, Mbit: 1.13,
				LateMS: Spread{730, .1, .2, .3, 1.5},
			},
			Play: &PlayResult{
				Connections: Connections{Connected: players}, Messages: uint64(730 * players), Bytes: uint64(1_412_500 * players), Mbit: 1.13 * n,
				DelayMS: Spread{100, 8.5, 20, 37.25, 120}, LazyDelayMS: Spread{1000, 20, 40, 60, 130},
				FirstMS: Spread{7, .75, .875, 1.5, 1.5}, FirstKeyMS: Spread{7, 1, 1, 2, 2},
			},
			Process: &Process{
				PID: 4711, CPUSeconds: .0025 * n, CPUPercent: .025 * n, PerGbitOut: .22, PerGbitIn: .22 * n,
				MemoryBefore: 20_000_000, MemoryPeak: 20_000_000 + 21_000*int64(players), PerConnection: 21_000,
			},
			Generator: Generator{CPUPercent: 12.5, Cores: 2},
			Series:    []Point{{1, 1.2 * n, 2, 8, 40, 20_000_000}, {2, 1.1 * n, 3, 9, 38, 21_000_000}},
		}
	}
	report := func(label string, steps ...Result) *Report {
		return &Report{
			Server: "127.0.0.1:1935", Scheme: "rtmp", Label: label, Started: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
			Media: MediaRate{Video: 1000, FrameRate: 30, KeyIntervalMS: 2000, Audio: 128}, Steps: steps,
		}
	}
	bad := result(1, 1000)
	bad.Interrupted = true
	bad.Play.Failed, bad.Play.Closed, bad.Play.Silent, bad.Play.Stalls, bad.Play.LongestStall = 2, 1, 1, 3, 1500
	bad.Play.Lost, bad.Play.Gaps, bad.Play.Lossy, bad.Play.Unmarked = 40, 2, 1, 5
	bad.Play.Reasons = map[string]int{"connect: connection refused": 2, "EOF": 1}
	bad.Generator.CPUPercent = 199
	bad.Publish.LateMS.P99 = 35
	bad.Generator.Warnings = (&step{}).warnings(&bad)
	ingest := result(500, 0)
	ingest.Play, ingest.Process.PerGbitOut = nil, 0
	return report("", result(1, 100)), report(`one core & "two"`, result(1, 100), bad, ingest)
}

func TestReport(t *testing.T) {
	one, many := reports()
	draw := func(reports ...*Report) func(io.Writer) error {
		return func(w io.Writer) error { return WriteSVG(w, reports...) }
	}
	for name, write := range map[string]func(io.Writer) error{
		"one.txt": one.WriteTable, "many.txt": many.WriteTable, "one.json": one.WriteJSON,
		"one.svg": draw(one), "many.svg": draw(one, many),
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", "report", name)
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s differs; run go test -update and look at the difference:\n%s", file, &got)
		}
		if strings.HasSuffix(name, ".svg") {
			checkXML(t, name, &got)
		}
	}
}

// checkXML finds what a browser would not draw.
func checkXML(t *testing.T, name string, r io.Reader) {
	t.Helper()
	d := xml.NewDecoder(r)
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("%s: %s=%q", name, a.Name.Local, a.Value)
				}
			}
		}
	}
}

func TestReadJSON(t *testing.T) {
	_, many := reports()
	var text bytes.Buffer
	if err := many.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	got, err := ReadJSON(&text)
	if err != nil || !reflect.DeepEqual(got, many) {
		t.Errorf("%v: %+v, want %+v", err, got, many)
	}
	for _, bad := range []string{"", "{}", "[1]", `{"steps":[]}`, "none"} {
		if _, err := ReadJSON(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was taken for a report", bad)
		}
	}
}

// TestEmptyChart draws what has no measurements at all.
func TestEmptyChart(t *testing.T) {
	for _, steps := range [][]Result{{{}}, {{}, {}}} {
		var b bytes.Buffer
		if err := WriteSVG(&b, &Report{Steps: steps}); err != nil {
			t.Fatal(err)
		}
		checkXML(t, "an empty chart", &b)
	}
	if err := WriteSVG(io.Discard, make([]*Report, MaxReports+1)...); err == nil {
		t.Error("too many reports were drawn")
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct{ most, step, end float64 }{
		{0, 1, 1}, {1, .2, 1}, {4, 1, 4}, {100, 20, 100}, {101, 50, 150}, {5000, 1000, 5000}, {.07, .02, .08}, {11, 5, 15},
	} {
		step := tickStep(test.most)
		if end := roundUp(test.most, step); !near(step, test.step) || !near(end, test.end) {
			t.Errorf("up to %v there is a tick each %v to %v, want %v to %v", test.most, step, end, test.step, test.end)
		}
	}
}

func near(a, b float64) bool { return a > b*.999 && a < b*1.001 }
