package multitrack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"html"
	"slices"
)

// answer is the document that OBS reads.
type answer struct {
	Meta                  meta                 `json:"meta"`
	Status                status               `json:"status"`
	IngestEndpoints       []Endpoint           `json:"ingest_endpoints"`
	EncoderConfigurations []videoConfiguration `json:"encoder_configurations"`
	AudioConfigurations   audioConfigurations  `json:"audio_configurations"`
}

type meta struct {
	Service       string `json:"service"`
	SchemaVersion string `json:"schema_version"`
	ConfigID      string `json:"config_id"` // comes back as clientConfigId in the query of the stream key
}

// The results of a status.
const (
	resultSuccess = "success"
	resultWarning = "warning" // OBS asks whether to go on; without encoders, whether to send one track
	resultError   = "error"   // OBS does not stream
)

type status struct {
	Result string `json:"result"`
	HTML   string `json:"html_en_us,omitempty"`
}

// Endpoint is where to publish.
type Endpoint struct {
	Protocol string `json:"protocol"`     // RTMP or RTMPS
	URL      string `json:"url_template"` // ends in "/{stream_key}"
}

type videoConfiguration struct {
	Type         string         `json:"type"`
	Width        int            `json:"width"`
	Height       int            `json:"height"`
	Framerate    framerate      `json:"framerate"`
	GPUScaleType string         `json:"gpu_scale_type"`
	Colorspace   string         `json:"colorspace"`
	Range        string         `json:"range"`
	Format       string         `json:"format"`
	Settings     map[string]any `json:"settings"`
	CanvasIndex  int            `json:"canvas_index"`
}

type audioConfigurations struct {
	Live []audioConfiguration `json:"live"`
	VOD  []audioConfiguration `json:"vod,omitempty"`
}

type audioConfiguration struct {
	Codec    string         `json:"codec"`
	TrackID  int            `json:"track_id"` // from 1, as OBS numbers its mixers
	Channels int            `json:"channels"`
	Settings map[string]any `json:"settings"`
}

// newAnswer returns an answer without renditions.
func newAnswer(q *request, result, sentence string) *answer {
	a := &answer{
		Meta:            meta{Service: "Leat", SchemaVersion: schemaVersion},
		Status:          status{Result: result, HTML: html.EscapeString(sentence)},
		IngestEndpoints: []Endpoint{}, EncoderConfigurations: []videoConfiguration{},
		AudioConfigurations: audioConfigurations{Live: []audioConfiguration{}},
	}
	if slices.Contains(knownSchemas, q.SchemaVersion) {
		a.Meta.SchemaVersion = q.SchemaVersion
	}
	return a
}

// add fills in what to send and where.
func (a *answer) add(list []rendition, endpoints []Endpoint, p *preferences) error {
	a.IngestEndpoints = endpoints
	for _, r := range list {
		a.EncoderConfigurations = append(a.EncoderConfigurations, videoConfiguration{
			Type: r.encoder, Width: r.width, Height: r.height, Framerate: r.rate,
			GPUScaleType: "OBS_SCALE_BICUBIC", Colorspace: "VIDEO_CS_709", Range: "VIDEO_RANGE_PARTIAL", Format: "VIDEO_FORMAT_NV12",
			Settings: r.settings(),
		})
	}
	// Other numbers of channels than OBS has are refused by OBS.
	channels := p.AudioChannels
	if channels < 1 || channels > 8 {
		channels = 2
	}
	sound := audioConfiguration{Codec: "ffmpeg_aac", TrackID: 1, Channels: channels, Settings: map[string]any{"bitrate": audioBitrate}}
	a.AudioConfigurations.Live = []audioConfiguration{sound}
	if p.VODTrackAudio {
		sound.TrackID = 2
		a.AudioConfigurations.VOD = []audioConfiguration{sound}
	}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	a.Meta.ConfigID = hex.EncodeToString(sum[:6])
	return nil
}
