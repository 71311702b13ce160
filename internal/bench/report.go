package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// A Report is what a run has found. Its JSON form has the names below; times are milliseconds where a name says so.
type Report struct {
	Server  string    `json:"server"` // host and port
	Scheme  string    `json:"scheme"`
	Label   string    `json:"label,omitempty"` // what the user calls the run
	Started time.Time `json:"started"`
	Media   MediaRate `json:"stream"`
	Steps   []Result  `json:"steps"`
}

// MediaRate is what each stream carries.
type MediaRate struct {
	Video         int     `json:"video_kbit_per_s"`
	FrameRate     int     `json:"frames_per_s"`
	KeyIntervalMS float64 `json:"key_interval_ms"`
	Audio         int     `json:"audio_kbit_per_s"`
}

// A Result is what one step has found, within Seconds but where it says otherwise.
type Result struct {
	Step
	Seconds   float64        `json:"seconds"`
	Publish   *PublishResult `json:"publish,omitempty"` // nil without publishers
	Play      *PlayResult    `json:"play,omitempty"`    // nil without players
	Process   *Process       `json:"server_process,omitempty"`
	Generator Generator      `json:"generator"`
	Series    []Point        `json:"series"`
	// Interrupted says that the user has ended the measurement early.
	Interrupted bool `json:"interrupted,omitempty"`
}

// PublishResult is what became of publishers.
type PublishResult struct {
	Connections
	Messages  uint64  `json:"messages"`
	Bytes     uint64  `json:"bytes"`
	Mbit      float64 `json:"mbit_per_s"`
	LateMS    Spread  `json:"late_ms"`    // how late this program was itself
	BlockedMS float64 `json:"blocked_ms"` // how long writes have waited for the server, all publishers together
}

// Connections counts what became of connections, from the first to the last moment.
type Connections struct {
	Connected int            `json:"connected"`
	Failed    int            `json:"failed"`            // never got so far
	Closed    int            `json:"closed"`            // ended before their time
	Reasons   map[string]int `json:"reasons,omitempty"` // of both
}

// PlayResult is what became of players.
type PlayResult struct {
	Connections
	Messages uint64  `json:"messages"`
	Bytes    uint64  `json:"bytes"`
	Mbit     float64 `json:"mbit_per_s"`

	// From the first message of each player on.
	Lost         uint64  `json:"lost"`
	Gaps         uint64  `json:"gaps"` // places where messages are missing
	Repeated     uint64  `json:"repeated"`
	OutOfOrder   uint64  `json:"out_of_order"`
	Lossy        int     `json:"lossy_players"`
	Silent       int     `json:"silent"`   // never got a message
	Unmarked     uint64  `json:"unmarked"` // messages of other publishers: no losses are known of them
	Stalls       int     `json:"stalls"`   // times without a message for more than a second
	LongestStall float64 `json:"longest_stall_ms"`

	DelayMS     Spread `json:"delay_ms"`      // of the players that are read at once
	LazyDelayMS Spread `json:"lazy_delay_ms"` // of the others: up to a tick more
	FirstMS     Spread `json:"first_message_ms"`
	FirstKeyMS  Spread `json:"first_key_frame_ms"`
}

// Spread is a distribution.
type Spread struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// Process is what the server's process has used, with its children.
type Process struct {
	PID           int     `json:"pid"`
	CPUSeconds    float64 `json:"cpu_s"`
	CPUPercent    float64 `json:"cpu_percent"`        // of one core
	PerGbitOut    float64 `json:"cpu_s_per_gbit_out"` // 0: nothing was delivered
	PerGbitIn     float64 `json:"cpu_s_per_gbit_in"`  // 0: nothing was published
	MemoryBefore  int64   `json:"memory_before_bytes"`
	MemoryPeak    int64   `json:"memory_peak_bytes"`
	PerConnection int64   `json:"memory_per_connection_bytes"`
}

// Generator is what this program has used.
type Generator struct {
	CPUPercent float64  `json:"cpu_percent"` // of one core; 0: not known
	Cores      int      `json:"cores"`
	Warnings   []string `json:"warnings,omitempty"`
}

// A Point is a moment of the measurement and what has happened since the one before.
type Point struct {
	Seconds    float64 `json:"s"`
	Mbit       float64 `json:"mbit_per_s"`
	CPUPercent float64 `json:"cpu_percent"`
	DelayP50   float64 `json:"delay_p50_ms"`
	DelayP99   float64 `json:"delay_p99_ms"`
	Memory     int64   `json:"memory_bytes"` // of the server
}

// Outcome is what a run comes to.
type Outcome int

// The outcomes, from good to bad.
const (
	Fine   Outcome = iota
	Lossy          // messages were lost, repeated or out of order
	Failed         // connections failed, were closed or stayed silent
)

// Outcome returns the worst of all steps.
func (r *Report) Outcome() Outcome {
	worst := Fine
	for i := range r.Steps {
		worst = max(worst, r.Steps[i].Outcome())
	}
	return worst
}

// Outcome returns what the step comes to.
func (r *Result) Outcome() Outcome {
	worst := Fine
	if p := r.Play; p != nil {
		if p.Lost+p.Repeated+p.OutOfOrder > 0 {
			worst = Lossy
		}
		if p.Failed+p.Closed+p.Silent > 0 {
			worst = Failed
		}
	}
	if p := r.Publish; p != nil && p.Failed+p.Closed > 0 {
		worst = Failed
	}
	return worst
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// ReadJSON reads what WriteJSON has written.
func ReadJSON(r io.Reader) (*Report, error) {
	report := new(Report)
	if err := json.NewDecoder(r).Decode(report); err != nil {
		return nil, fmt.Errorf("this is not a report of leat bench --json: %w", err)
	}
	if len(report.Steps) == 0 {
		return nil, errors.New("this is not a report of leat bench --json: it has no steps")
	}
	return report, nil
}
