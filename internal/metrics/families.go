package metrics

import "github.com/prometheus/client_golang/prometheus"

// A family is one metric: what it is called, what it means, and where it is in a Snapshot. Exactly one of the
// functions is set.
type family struct {
	name   string
	help   string
	kind   prometheus.ValueType
	labels []string

	value     func(*Snapshot) float64
	values    func(*Snapshot) map[string]uint64 // by the value of the only label
	refusals  func(*Snapshot) []Refusal
	labelled  func(*Snapshot) []labelled
	histogram func(*Snapshot) *Histogram
}

// labelled is a value with the values of its labels.
type labelled struct {
	labels []string
	value  float64
}

// byTarget makes a family's values of one number of each push target.
func byTarget(number func(*PushTarget) uint64) func(*Snapshot) []labelled {
	return func(s *Snapshot) []labelled {
		list := make([]labelled, len(s.PushTargets))
		for i := range s.PushTargets {
			t := &s.PushTargets[i]
			list[i] = labelled{[]string{t.Name}, float64(number(t))}
		}
		return list
	}
}

func pushStates(s *Snapshot) []labelled {
	list := make([]labelled, len(s.Pushes))
	for i, p := range s.Pushes {
		list[i] = labelled{[]string{p.Target, p.State}, float64(p.Count)}
	}
	return list
}

func pullStates(s *Snapshot) []labelled {
	list := make([]labelled, len(s.Pulls))
	for i, p := range s.Pulls {
		list[i] = labelled{[]string{p.State}, float64(p.Count)}
	}
	return list
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// families are all metrics of a server, in the order of docs/metrics.md.
var families = []family{
	{
		name: "leat_connections", kind: gauge,
		help:  "RTMP connections that are open.",
		value: func(s *Snapshot) float64 { return float64(s.Connections) },
	},
	{
		name: "leat_connections_accepted_total", kind: counter,
		help:  "RTMP connections that were let in.",
		value: func(s *Snapshot) float64 { return float64(s.ConnectionsAccepted) },
	},
	{
		name: "leat_connections_refused_total", kind: counter, labels: []string{"reason"},
		help:   "RTMP connections that were closed at once, because a limit was reached or the server was shutting down.",
		values: func(s *Snapshot) map[string]uint64 { return s.ConnectionsRefused },
	},
	{
		name: "leat_connections_closed_total", kind: counter, labels: []string{"side"},
		help:   "RTMP connections that have ended, by who ended them: peer, local (the server) or network (it broke).",
		values: func(s *Snapshot) map[string]uint64 { return s.ConnectionsClosed },
	},
	{
		name: "leat_received_bytes_total", kind: counter,
		help:  "Bytes received on RTMP connections.",
		value: func(s *Snapshot) float64 { return float64(s.BytesReceived) },
	},
	{
		name: "leat_sent_bytes_total", kind: counter,
		help:  "Bytes sent on RTMP connections.",
		value: func(s *Snapshot) float64 { return float64(s.BytesSent) },
	},
	{
		name: "leat_streams", kind: gauge,
		help:  "Live streams that have a publisher.",
		value: func(s *Snapshot) float64 { return float64(s.Streams) },
	},
	{
		name: "leat_publishers", kind: gauge,
		help:  "Clients that publish.",
		value: func(s *Snapshot) float64 { return float64(s.Publishers) },
	},
	{
		name: "leat_players", kind: gauge,
		help:  "Clients that play, those that wait for a publisher too.",
		value: func(s *Snapshot) float64 { return float64(s.Players) },
	},
	{
		name: "leat_publications_total", kind: counter,
		help:  "Times that a client began to publish.",
		value: func(s *Snapshot) float64 { return float64(s.Publications) },
	},
	{
		name: "leat_plays_total", kind: counter,
		help:  "Times that a client began to play.",
		value: func(s *Snapshot) float64 { return float64(s.Plays) },
	},
	{
		name: "leat_requests_refused_total", kind: counter, labels: []string{"request", "reason"},
		help:     "Refused requests to connect, publish or play, by reason; the log has a line for each.",
		refusals: func(s *Snapshot) []Refusal { return s.Refusals },
	},
	{
		name: "leat_dropped_messages_total", kind: counter,
		help:  "Messages that players did not get because they were too slow.",
		value: func(s *Snapshot) float64 { return float64(s.MessagesDropped) },
	},
	{
		name: "leat_rtc_sessions", kind: gauge, labels: []string{"role"},
		help:   "Clients that play or publish over WebRTC, which the other numbers count as well.",
		values: func(s *Snapshot) map[string]uint64 { return s.RTCSessions },
	},
	{
		name: "leat_rtc_key_requests_total", kind: counter,
		help:  "Times that a viewer over WebRTC asked for a key frame, because it has lost packets for good.",
		value: func(s *Snapshot) float64 { return float64(s.RTCKeyRequests) },
	},
	{
		name: "leat_recordings", kind: gauge,
		help:  "Streams that are being recorded.",
		value: func(s *Snapshot) float64 { return float64(s.Recording) },
	},
	{
		name: "leat_recording_failures_total", kind: counter,
		help:  "Times that a recording could not go on, because of the disk; the log has a line for each.",
		value: func(s *Snapshot) float64 { return float64(s.RecordingFailures) },
	},
	{
		name: "leat_recording_uploads_waiting", kind: gauge,
		help:  "Recordings that wait for the object store, or are on their way to it or to be removed there.",
		value: func(s *Snapshot) float64 { return float64(s.UploadsWaiting) },
	},
	{
		name: "leat_recording_uploads_total", kind: counter,
		help:  "Recordings that were brought to the object store.",
		value: func(s *Snapshot) float64 { return float64(s.Uploads) },
	},
	{
		name: "leat_recording_upload_failures_total", kind: counter,
		help:  "Times that the object store could not be used; the log has a line when that begins, and one when it ends.",
		value: func(s *Snapshot) float64 { return float64(s.UploadFailures) },
	},
	{
		name: "leat_pushes", kind: gauge, labels: []string{"target", "state"},
		help:     "Streams that are to be pushed, by the name of the target and by what the push is doing.",
		labelled: pushStates,
	},
	{
		name: "leat_push_bytes_total", kind: counter, labels: []string{"target"},
		help:     "Bytes of audio, video and data pushed to a target.",
		labelled: byTarget(func(t *PushTarget) uint64 { return t.Bytes }),
	},
	{
		name: "leat_push_dropped_messages_total", kind: counter, labels: []string{"target"},
		help:     "Messages that a target did not get because it was too slow.",
		labelled: byTarget(func(t *PushTarget) uint64 { return t.Dropped }),
	},
	{
		name: "leat_push_reconnects_total", kind: counter, labels: []string{"target"},
		help:     "Connections to a target that were lost while a stream was pushed.",
		labelled: byTarget(func(t *PushTarget) uint64 { return t.Reconnects }),
	},
	{
		name: "leat_push_refusals_total", kind: counter, labels: []string{"target"},
		help:     "Times that a target refused a stream; the log has a line for each.",
		labelled: byTarget(func(t *PushTarget) uint64 { return t.Refusals }),
	},
	{
		name: "leat_pulls", kind: gauge, labels: []string{"state"},
		help:     "Streams that are fetched from other servers, by what the pull is doing.",
		labelled: pullStates,
	},
	{
		name: "leat_pull_bytes_total", kind: counter,
		help:  "Bytes of audio, video and data fetched from other servers.",
		value: func(s *Snapshot) float64 { return float64(s.PulledBytes) },
	},
	{
		name: "leat_pull_failures_total", kind: counter,
		help:  "Times that an origin could not be reached, refused, failed or fell silent; the log has a line for each.",
		value: func(s *Snapshot) float64 { return float64(s.PullFailures) },
	},
	{
		name: "leat_ring_bytes", kind: gauge,
		help:  "Memory held by the packets of live streams.",
		value: func(s *Snapshot) float64 { return float64(s.RingBytes) },
	},
	{
		name: "leat_log_bytes", kind: gauge,
		help:  "Memory held by encoded messages for players.",
		value: func(s *Snapshot) float64 { return float64(s.LogBytes) },
	},
	{
		name: "leat_dvr_bytes", kind: gauge,
		help:  "Disk space of what players can go back to in live streams (dvr_window).",
		value: func(s *Snapshot) float64 { return float64(s.DVRBytes) },
	},
	{
		name:      "leat_fanout_delay_seconds",
		help:      "Time from a message's arrival until it was written to a player's socket, gathering (merge) included; each player counts.",
		histogram: func(s *Snapshot) *Histogram { return &s.FanoutDelay },
	},
	{
		name:      "leat_connect_seconds",
		help:      "Time from accepting a connection to its connect command: handshake and round trips.",
		histogram: func(s *Snapshot) *Histogram { return &s.Connect },
	},
	{
		name:      "leat_first_frame_seconds",
		help:      "Time from a play command to the first bytes of a running stream in the player's socket.",
		histogram: func(s *Snapshot) *Histogram { return &s.FirstFrame },
	},
}
