package config

import (
	_ "embed"
	"time"
)

// DefaultYAML is the annotated default configuration, as `leat config print` shows it.
//
//go:embed default.yaml
var DefaultYAML []byte

// Config is everything that an operator can set. It comes from Default, Load or Parse and is not changed
// afterwards. default.yaml says what each field means; the comments here add what code must know.
type Config struct {
	RTMP       string   `yaml:"rtmp" reload:"restart"`  // listen address; empty turns the listener off
	RTMPS      string   `yaml:"rtmps" reload:"restart"` // RTMP over TLS; empty turns it off; needs TLS
	HTTP       string   `yaml:"http" reload:"restart"`  // the public door; empty turns it off
	Admin      string   `yaml:"admin" reload:"restart"` // console, API, health and metrics; empty turns it off
	AdminNames []string `yaml:"admin_names" reload:"restart"`

	Data string `yaml:"data" reload:"restart"` // folder under which all that is written lives

	RTMPT   bool    `yaml:"rtmpt" reload:"restart"`
	RTMPE   bool    `yaml:"rtmpe" reload:"restart"`
	Proxies Sources `yaml:"proxies" reload:"hot"` // whose PROXY headers are believed

	Log Log `yaml:"log"`
	TLS TLS `yaml:"tls"`

	ChunkSize  uint32 `yaml:"chunk_size" reload:"restart" min:"128" max:"16777215"` // outgoing, bytes
	Merge      Merge  `yaml:"merge" reload:"hot"`
	TCPNoDelay bool   `yaml:"tcp_nodelay" reload:"restart"`

	LegacyCodecs bool `yaml:"legacy_codecs" reload:"restart"`
	Aggregate    bool `yaml:"aggregate" reload:"restart"`

	HLS HLS `yaml:"hls"`
	RTC RTC `yaml:"rtc"`

	Limits Limits `yaml:"limits"`

	Recordings Recordings `yaml:"recordings"`

	Defaults App    `yaml:"defaults"` // what an App has that it does not set itself
	Apps     Apps   `yaml:"apps" reload:"hot"`
	VHosts   VHosts `yaml:"vhosts" reload:"hot"`
}

// Log says what is logged and how.
type Log struct {
	Level  LogLevel  `yaml:"level" reload:"hot"`
	Format LogFormat `yaml:"format" reload:"restart"`
}

// TLS says where the certificate of RTMPS comes from: PEM files, both or neither, or ACME if there are domains.
type TLS struct {
	Cert string `yaml:"cert" reload:"hot"`
	Key  string `yaml:"key" reload:"hot"`

	Domains []string `yaml:"domains" reload:"restart"`
	Email   string   `yaml:"email" reload:"restart"`
}

// IsSet reports whether there is a certificate, or will be one by ACME.
func (t *TLS) IsSet() bool { return t.Cert != "" || len(t.Domains) > 0 }

// HLS says how live streams are cut for HLS.
type HLS struct {
	Mode    HLSMode       `yaml:"mode" reload:"hot"`
	Segment time.Duration `yaml:"segment" reload:"hot" min:"1s" max:"1m"`
	Part    time.Duration `yaml:"part" reload:"hot" min:"50ms" max:"10s"`
	Window  int           `yaml:"window" reload:"hot" min:"3" max:"100"` // segments
	Always  bool          `yaml:"always" reload:"hot"`
}

// Limits bounds what peers can make the server hold or wait for. Times, sizes and counts are positive; only
// fields whose comment in default.yaml says so may be 0.
type Limits struct {
	HandshakeTimeout time.Duration `yaml:"handshake_timeout" reload:"hot" min:"100ms" max:"10m"`
	IdleTimeout      time.Duration `yaml:"idle_timeout" reload:"hot" min:"1s" max:"24h"`
	PublishIdle      time.Duration `yaml:"publish_idle" reload:"hot" min:"1s" max:"24h"`
	WriteStall       time.Duration `yaml:"write_stall" reload:"hot" min:"100ms" max:"10m"`
	MaxLag           time.Duration `yaml:"max_lag" reload:"hot" min:"1s" max:"10m"`
	DeadAfter        time.Duration `yaml:"dead_after" reload:"restart" min:"1s" max:"10m"`
	PublisherGrace   time.Duration `yaml:"publisher_grace" reload:"restart" min:"0s" max:"10m"` // 0: players are told at once

	Rewind       time.Duration `yaml:"rewind" reload:"restart" min:"100ms" max:"10m"`
	RingDuration time.Duration `yaml:"ring_duration" reload:"restart" min:"1s" max:"10m"`
	RingSize     Size          `yaml:"ring_size" reload:"restart" min:"1MiB" max:"4GiB"`

	ControlMessage  Size `yaml:"control_message" reload:"hot" min:"16" max:"1MiB"`
	CommandMessage  Size `yaml:"command_message" reload:"hot" min:"4KiB" max:"16MiB"`
	MediaMessage    Size `yaml:"media_message" reload:"hot" min:"64KiB" max:"16MiB"`
	PartialMessages int  `yaml:"partial_messages" reload:"hot" min:"4" max:"65536"`
	PartialSize     Size `yaml:"partial_size" reload:"hot" min:"64KiB" max:"1GiB"`
	PartialTotal    Size `yaml:"partial_total" reload:"hot" min:"1MiB" max:"1GiB"`
	WriteBuffer     Size `yaml:"write_buffer" reload:"hot" min:"64KiB" max:"1GiB"`
	WriteTotal      Size `yaml:"write_total" reload:"hot" min:"1MiB" max:"1024GiB"`

	AMFDepth    int  `yaml:"amf_depth" reload:"hot" min:"4" max:"1000"`
	AMFElements int  `yaml:"amf_elements" reload:"hot" min:"64" max:"16777216"`
	AMFString   Size `yaml:"amf_string" reload:"hot" min:"1KiB" max:"16MiB"`

	Streams           int `yaml:"streams" reload:"hot" min:"1" max:"65535"`
	PendingCalls      int `yaml:"pending_calls" reload:"hot" min:"1" max:"65536"`
	CommandsPerSecond int `yaml:"commands_per_second" reload:"hot" min:"10" max:"1000000"`
	MediaPerSecond    int `yaml:"media_per_second" reload:"hot" min:"0"` // 0: no limit

	SharedObjects     int  `yaml:"shared_objects" reload:"hot" min:"1" max:"65536"` // of one connection
	SharedObjectSlots int  `yaml:"shared_object_slots" reload:"hot" min:"1" max:"65536"`
	SharedObjectSize  Size `yaml:"shared_object_size" reload:"hot" min:"1KiB" max:"16MiB"`
	SharedObjectsSize Size `yaml:"shared_objects_size" reload:"hot" min:"1MiB" max:"64GiB"` // all in memory

	Connections           int `yaml:"connections" reload:"hot" min:"0"`             // 0: no limit
	ConnectionsPerAddress int `yaml:"connections_per_address" reload:"hot" min:"0"` // 0: no limit
	ConnectsPerSecond     int `yaml:"connects_per_second" reload:"hot" min:"0"`     // 0: no limit
	ConnectsPerAddress    int `yaml:"connects_per_address" reload:"hot" min:"0"`    // in a second; 0: no limit
	Publishers            int `yaml:"publishers" reload:"hot" min:"0"`              // 0: no limit
	PlayersPerStream      int `yaml:"players_per_stream" reload:"hot" min:"0"`      // 0: no limit
	HTTPConnections       int `yaml:"http_connections" reload:"hot" min:"0"`        // 0: no limit
	RTCSessions           int `yaml:"rtc_sessions" reload:"hot" min:"0"`            // 0: no limit

	Memory Size `yaml:"memory" reload:"hot" min:"0"` // for the Go runtime; 0: GOMEMLIMIT decides
}

// Default returns the configuration of default.yaml.
func Default() *Config {
	c, err := parse("", nil, nil, nil)
	if err != nil {
		panic("config: the embedded default.yaml is broken: " + err.Error())
	}
	return c
}
