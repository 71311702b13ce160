package metrics

import "time"

// A Source returns what has been counted until now. It is called for each scrape, from any goroutine, perhaps
// from several at once. Counters must not go back between two calls.
type Source func() Snapshot

// A Snapshot is everything that is shown. The zero value is a server to which nothing has happened.
type Snapshot struct {
	Connections         int               // open now
	ConnectionsAccepted uint64            // since the start
	ConnectionsRefused  map[string]uint64 // not let in at all, by reason: a few fixed words
	ConnectionsClosed   map[string]uint64 // by the side that ended them

	BytesReceived uint64 // of RTMP connections, below TLS
	BytesSent     uint64

	Streams    int // with a publisher now
	Publishers int // streaming now
	Players    int // now, waiting ones too

	Publications uint64 // publishers let in since the start
	Plays        uint64 // players let in since the start

	// Refusals of connect, publish and play.
	Refusals []Refusal

	Recording         int    // streams that are being recorded now
	RecordingFailures uint64 // times that a recording could not go on, since the start
	UploadsWaiting    int    // recordings that wait for the object store now
	Uploads           uint64 // recordings that the object store has got, since the start
	UploadFailures    uint64 // times that the object store could not be used, since the start

	Pushes       []RelayState // now, by target and state
	PushTargets  []PushTarget // since the start
	Pulls        []RelayState // now, by state
	PulledBytes  uint64       // of packet bodies
	PullFailures uint64       // times that an origin failed

	MessagesDropped uint64 // that slow players did not get

	RTCSessions    map[string]uint64 // over WebRTC now, by role
	RTCKeyRequests uint64            // of viewers, since the start

	RingBytes int64 // packets held in the hub
	LogBytes  int64 // encoded bytes held for players
	DVRBytes  int64 // on disk, of live streams that can be rewound

	FanoutDelay Histogram // of messages on their way to players, each player counted
	Connect     Histogram // from accept to the client's connect command
	FirstFrame  Histogram // from play to the first bytes of media, for players of a running stream
}

// A Refusal counts how often a request was refused for one reason.
type Refusal struct {
	Request string // connect, publish or play
	Reason  string // a few fixed words
	Count   uint64
}

// A RelayState counts the pushes or pulls that are in one state.
type RelayState struct {
	Target string // name of the target of pushes; "" for pulls
	State  string // a few fixed words
	Count  int
}

// A PushTarget is what the pushes to one target have done, under the name that the operator has given it.
type PushTarget struct {
	Name       string
	Bytes      uint64 // of packet bodies
	Dropped    uint64 // packets that it did not get because it was too slow
	Reconnects uint64
	Refusals   uint64
}

// Histogram is a count of durations in buckets.
type Histogram struct {
	Bounds []time.Duration // upper bounds of the buckets, ascending
	Counts []uint64        // for each bound, and one more for what is above the last; not cumulated
	Sum    time.Duration
}
