package metrics

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// busy is a snapshot in which every metric has a value.
func busy() Snapshot {
	histogram := Histogram{
		Bounds: []time.Duration{10 * time.Millisecond, time.Second},
		Counts: []uint64{3, 2, 1},
		Sum:    4 * time.Second,
	}
	return Snapshot{
		Connections: 7, ConnectionsAccepted: 9,
		ConnectionsRefused: map[string]uint64{"connections": 2},
		ConnectionsClosed:  map[string]uint64{"peer": 1, "network": 1},
		BytesReceived:      1000, BytesSent: 5000,
		Streams: 1, Publishers: 1, Players: 5, Publications: 2, Plays: 6,
		Refusals:        []Refusal{{"publish", "token", 3}, {"connect", "app", 4}},
		Pushes:          []RelayState{{"tube", "publishing", 2}},
		PushTargets:     []PushTarget{{"tube", 14, 15, 16, 17}},
		Pulls:           []RelayState{{"", "playing", 18}},
		RTCSessions:     map[string]uint64{"viewer": 20},
		RTCKeyRequests:  21,
		MessagesDropped: 11, RingBytes: 12, LogBytes: 13, DVRBytes: 19,
		FanoutDelay: histogram, Connect: histogram, FirstFrame: histogram,
	}
}

func TestHandler(t *testing.T) {
	answer := httptest.NewRecorder()
	Handler(busy).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	text := answer.Body.String()
	if answer.Code != 200 {
		t.Fatalf("status %d: %s", answer.Code, text)
	}
	for _, want := range []string{
		"leat_connections 7",
		"leat_connections_accepted_total 9",
		`leat_connections_refused_total{reason="connections"} 2`,
		`leat_connections_closed_total{side="peer"} 1`,
		`leat_requests_refused_total{reason="token",request="publish"} 3`,
		`leat_pushes{state="publishing",target="tube"} 2`,
		`leat_push_refusals_total{target="tube"} 17`,
		`leat_pulls{state="playing"} 18`,
		"leat_dropped_messages_total 11",
		`leat_rtc_sessions{role="viewer"} 20`,
		"leat_rtc_key_requests_total 21",
		`leat_fanout_delay_seconds_bucket{le="0.01"} 3`,
		`leat_fanout_delay_seconds_bucket{le="1"} 5`,
		`leat_fanout_delay_seconds_bucket{le="+Inf"} 6`,
		"leat_fanout_delay_seconds_sum 4",
		"leat_fanout_delay_seconds_count 6",
		"go_goroutines ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the answer lacks %q", want)
		}
	}
}

func TestHandlerWithoutEvents(t *testing.T) {
	answer := httptest.NewRecorder()
	Handler(func() Snapshot { return Snapshot{} }).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 || !strings.Contains(answer.Body.String(), "\nleat_connections 0\n") {
		t.Errorf("status %d: %s", answer.Code, answer.Body)
	}
}

func TestNamesFollowTheRules(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(busy))
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(gathered).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if len(gathered) != len(families) {
		t.Errorf("%d of %d metrics have a value", len(gathered), len(families))
	}
}

// TestDocument holds docs/metrics.md to the code: a row for each metric, in the same order, and no other.
func TestDocument(t *testing.T) {
	const path = "../../docs/metrics.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `leat_") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	for i, f := range families {
		want := "| `" + f.name + "` | " + f.typeName() + " | " + f.unit() + " | " + strings.Join(f.labels, ", ") + " | " + f.help + " |"
		want = strings.ReplaceAll(want, "|  |", "| |")
		if i >= len(got) || got[i] != want {
			t.Errorf("%s lacks, or has at another place, the row\n%s", path, want)
		}
	}
	if len(got) > len(families) {
		t.Errorf("%s has %d rows, but there are %d metrics", path, len(got), len(families))
	}
}

func (f *family) typeName() string {
	switch {
	case f.histogram != nil:
		return "histogram"
	case f.kind == counter:
		return "counter"
	}
	return "gauge"
}

// unit returns what a metric counts, by its name.
func (f *family) unit() string {
	name := strings.TrimSuffix(f.name, "_total")
	for _, unit := range []string{"bytes", "seconds"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return "count"
}
