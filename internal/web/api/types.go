package api

import "time"

// About says what the server is and how it fares.
type About struct {
	Version     string    `json:"version" doc:"What is running."`
	Since       time.Time `json:"since" doc:"When it was started."`
	Addresses   []Address `json:"addresses" doc:"The doors that are open."`
	CPUs        int       `json:"cpus" doc:"How many it may use at once."`
	Goroutines  int       `json:"goroutines"`
	Memory      uint64    `json:"memory" doc:"Bytes that the Go runtime has from the system."`
	MemoryLimit uint64    `json:"memory_limit,omitempty" doc:"Bytes that it tries to stay under; absent without a limit."`
	Connections int       `json:"connections"`
	Publishers  int       `json:"publishers"`
	Players     int       `json:"players"`
	BytesIn     uint64    `json:"bytes_in"`
	BytesOut    uint64    `json:"bytes_out"`
	Limits      Limits    `json:"limits"`
}

// Address is a door.
type Address struct {
	Door string `json:"door" enum:"rtmp,rtmps,http,https,admin"`
	URL  string `json:"url" doc:"As it may be opened on the server's own machine."`
	Port int    `json:"port"`
	Any  bool   `json:"any" doc:"Whether it listens on all of the machine's addresses."`
}

// Limits are the most of each that the server takes; 0 is no limit.
type Limits struct {
	Connections      int `json:"connections"`
	Publishers       int `json:"publishers"`
	PlayersPerStream int `json:"players_per_stream"`
}

// The states of a Stream.
const (
	StateLive    = "live"    // somebody publishes it
	StateGrace   = "grace"   // its publisher's connection broke; it may come back
	StateWaiting = "waiting" // players wait for a publisher
)

// Stream is a stream that somebody publishes or waits for.
type Stream struct {
	Name  string `json:"name" example:"live/studio" doc:"Application and stream name."`
	State string `json:"state" enum:"live,grace,waiting"`

	Publisher *Publisher `json:"publisher,omitempty"`
	Tracks    []Track    `json:"tracks" doc:"In the order in which they appeared."`

	Bitrate       int64   `json:"bitrate" doc:"Of all tracks now."`
	FPS           float64 `json:"fps" doc:"Of the first video track now."`
	KeyIntervalMS int64   `json:"key_interval_ms,omitempty" doc:"Between the last two key frames."`
	SkewMS        *int64  `json:"skew_ms,omitempty" doc:"How far audio is ahead of video; negative: behind."`
	Bytes         uint64  `json:"bytes" doc:"From this publisher so far."`
	SilentMS      int64   `json:"silent_ms" doc:"Since the newest packet."`

	Players   int   `json:"players" doc:"Over RTMP and HTTP."`
	LagMS     int64 `json:"lag_ms" doc:"Of the player that is furthest behind; of HLS it is not known."`
	Dropped   int64 `json:"dropped" doc:"Messages that the players of now were too slow for."`
	Recording bool  `json:"recording"`

	History []Sample `json:"history,omitempty" doc:"The last minutes, oldest first. Only in answers about one stream."`
}

// Publisher is who publishes a stream.
type Publisher struct {
	Connection uint64    `json:"connection,omitempty" doc:"Number of its connection; absent when it has none of this server."`
	Remote     string    `json:"remote,omitempty"`
	Since      time.Time `json:"since"`
	Encoder    string    `json:"encoder,omitempty" doc:"As its metadata calls it."`
}

// Track is an audio or video track.
type Track struct {
	Kind        string  `json:"kind" enum:"audio,video"`
	Track       uint8   `json:"track"`
	Codec       string  `json:"codec,omitempty" example:"h264"`
	Description string  `json:"description,omitempty" example:"h264 (High) 4.0, yuv420p, 1920x1080, 30 fps"`
	Width       int     `json:"width,omitempty"`
	Height      int     `json:"height,omitempty"`
	SampleRate  int     `json:"sample_rate,omitempty"`
	Channels    int     `json:"channels,omitempty"`
	Bitrate     int64   `json:"bitrate"`
	FPS         float64 `json:"fps,omitempty" doc:"Frames per second of media time, of video."`
	Bytes       uint64  `json:"bytes"`
	Frames      uint64  `json:"frames"`
}

// Sample is a second of a stream.
type Sample struct {
	At      time.Time `json:"at"`
	Bitrate int64     `json:"bitrate"`
	FPS     float64   `json:"fps"`
	Players int       `json:"players"`
}

// Player is a client that plays a live stream.
type Player struct {
	Stream     string    `json:"stream"`
	Connection uint64    `json:"connection,omitempty" doc:"Number of its connection, over RTMP."`
	Viewer     uint64    `json:"viewer,omitempty" doc:"Number by which one over HTTP can be ended."`
	Transport  string    `json:"transport" example:"rtmp" doc:"A transport of RTMP, or flv, mp4, ws-flv, ws-mp4, hls, webrtc."`
	Remote     string    `json:"remote"`
	Agent      string    `json:"agent,omitempty" doc:"What a client over HTTP calls itself."`
	Since      time.Time `json:"since"`
	Bytes      int64     `json:"bytes"`
	Messages   int64     `json:"messages"`
	Dropped    int64     `json:"dropped" doc:"Messages that it was too slow for."`
	LagMS      int64     `json:"lag_ms" doc:"For how long the next message has been waiting for it."`
	Paused     bool      `json:"paused"`
}

// Connection is an RTMP client that has connected to an application.
type Connection struct {
	ID        uint64    `json:"id" doc:"The conn of the log lines."`
	Remote    string    `json:"remote"`
	Transport string    `json:"transport" enum:"rtmp,rtmps,rtmpt,rtmpts,rtmpe,rtmpte"`
	App       string    `json:"app"`
	TCURL     string    `json:"tcurl,omitempty"`
	Client    string    `json:"client,omitempty" doc:"What it calls itself (flashVer)."`
	Since     time.Time `json:"since"`
	Role      string    `json:"role,omitempty" enum:"publisher,player"`
	Streams   []string  `json:"streams"`
	BytesIn   uint64    `json:"bytes_in"`
	BytesOut  uint64    `json:"bytes_out"`
	RTTMS     float64   `json:"rtt_ms,omitempty" doc:"Of the last ping; absent before the first."`
	Findings  []Finding `json:"findings" doc:"What was found wrong with what it sends."`
}

// Finding says in words what is wrong with a conversation.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Text     string `json:"text"`
	Count    int    `json:"count"`
	AtMS     int64  `json:"at_ms" doc:"When it first happened, since the beginning of the connection."`
}

// Recording is a recorded file.
type Recording struct {
	Path       string    `json:"path" example:"live/studio/20260102-150405.flv" doc:"In the folder of the recordings; it names the recording."`
	Stream     string    `json:"stream"`
	Format     string    `json:"format" enum:"flv,mp4"`
	Take       time.Time `json:"take" doc:"When the recording began that the file is a segment of."`
	Segment    int       `json:"segment" doc:"From 1."`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended,omitzero"`
	DurationMS int64     `json:"duration_ms,omitempty" doc:"Absent until it is complete."`
	Size       int64     `json:"size,omitempty"`
	Complete   bool      `json:"complete" doc:"Nobody writes it any more."`
}

// The kinds of a Relay.
const (
	RelayPush = "push"
	RelayPull = "pull"
)

// Relay is a stream on its way to or from another server.
type Relay struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind" enum:"push,pull"`
	Stream     string    `json:"stream" doc:"Of this server."`
	Target     string    `json:"target,omitempty" doc:"Name of a push's target."`
	Address    string    `json:"address" doc:"Of the other server."`
	State      string    `json:"state" enum:"idle,connecting,publishing,playing,waiting,failed"`
	Since      time.Time `json:"since" doc:"Of the state."`
	RetryAt    time.Time `json:"retry_at,omitzero"`
	Error      string    `json:"error,omitempty" doc:"Why it failed last."`
	Bytes      uint64    `json:"bytes"`
	Dropped    uint64    `json:"dropped" doc:"Packets that the target of a push was too slow for."`
	Reconnects uint64    `json:"reconnects"`
}

// NewRelay is a push or pull that is to begin.
type NewRelay struct {
	Kind   string `json:"kind" enum:"push,pull"`
	Stream string `json:"stream" minLength:"3" maxLength:"1024" example:"live/studio" doc:"Of this server; it need not be live."`
	URL    string `json:"url" minLength:"1" maxLength:"2048" example:"rtmp://example.org/live" doc:"Of the other server. Without a name the stream keeps its own."`
	Key    string `json:"key,omitempty" maxLength:"1024" doc:"Of a push: the stream key at the other server, if it is a secret. It shows up nowhere."`
}

// Snapshot is what the console shows, each second.
type Snapshot struct {
	At      time.Time `json:"at"`
	Server  About     `json:"server"`
	Streams []Stream  `json:"streams" doc:"At most 200, by name."`
	Total   int       `json:"total" doc:"How many streams there are."`
}

// The kinds of an Event.
const (
	EventPublished   = "published"
	EventUnpublished = "unpublished"
	EventPlaying     = "playing"
	EventLeft        = "left"
	EventRecording   = "recording"
	EventRecorded    = "recorded"
	EventFinding     = "finding"
)

// Event is something that happened.
type Event struct {
	At         time.Time `json:"at"`
	Kind       string    `json:"kind" enum:"published,unpublished,playing,left,recording,recorded,finding"`
	Stream     string    `json:"stream,omitempty"`
	Connection uint64    `json:"connection,omitempty"`
	Remote     string    `json:"remote,omitempty"`
	Text       string    `json:"text,omitempty" doc:"More about it, in words."`
	Missed     int       `json:"missed,omitempty" doc:"Events before this one that this listener was too slow for."`
}
