package multitrack

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxBody bounds a request, bytes. OBS sends one or two KiB.
const maxBody = 64 << 10

// The schema that is spoken, and those before it, whose requests have Width and Height instead of Canvases.
const schemaVersion = "2025-01-25"

var knownSchemas = []string{"2023-05-10", "2024-06-04", schemaVersion}

// request is what of OBS's document matters here. What it leaves out is zero.
type request struct {
	SchemaVersion  string       `json:"schema_version"`
	Authentication string       `json:"authentication"` // the stream key, with its query
	Client         client       `json:"client"`
	Capabilities   capabilities `json:"capabilities"`
	Preferences    preferences  `json:"preferences"`
}

type client struct {
	Name              string   `json:"name"`
	Version           string   `json:"version"`
	SupportedCodecs   []string `json:"supported_codecs"`
	SupportedEncoders []string `json:"supported_encoders"` // absent before OBS 32
}

// major is the first number of the version; 0 if there is none.
func (c *client) major() int {
	text, _, _ := strings.Cut(c.Version, ".")
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// codes reports whether the client can encode a codec. One that lists none is taken to know H.264.
func (c *client) codes(codec Codec) bool {
	if codec == HEVC && slices.Contains(c.SupportedCodecs, "h265") {
		return true
	}
	return codec == H264 || slices.Contains(c.SupportedCodecs, string(codec))
}

type capabilities struct {
	CPU struct {
		LogicalCores int `json:"logical_cores"`
	} `json:"cpu"`
	System struct {
		Name string `json:"name"`
		ARM  bool   `json:"arm"`
	} `json:"system"`
	GPU []gpu `json:"gpu"`
}

type gpu struct {
	VendorID uint32 `json:"vendor_id"` // of PCI
}

type preferences struct {
	MaximumAggregateBitrate *uint64   `json:"maximum_aggregate_bitrate"` // kbit/s
	MaximumVideoTracks      *uint32   `json:"maximum_video_tracks"`
	VODTrackAudio           bool      `json:"vod_track_audio"`
	CompositionGPU          *int      `json:"composition_gpu_index"`
	AudioChannels           int       `json:"audio_channels"`
	Canvases                []canvas  `json:"canvases"`
	Width                   int       `json:"width"`
	Height                  int       `json:"height"`
	Framerate               framerate `json:"framerate"`
}

type canvas struct {
	Width     int       `json:"width"` // as it is to be sent
	Height    int       `json:"height"`
	Framerate framerate `json:"framerate"`
}

// framerate is frames per second as a fraction.
type framerate struct {
	Numerator   uint32 `json:"numerator"`
	Denominator uint32 `json:"denominator"`
}

func (f framerate) perSecond() float64 { return float64(f.Numerator) / float64(f.Denominator) }

var (
	errTooLong = errors.New("the request is longer than 64 KiB")
	errNotOBS  = errors.New("the request is not the JSON that OBS sends")
)

// readRequest reads a document and nothing behind it.
func readRequest(r io.Reader) (*request, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxBody {
		return nil, errTooLong
	}
	q := &request{}
	if err := json.Unmarshal(b, q); err != nil {
		return nil, errNotOBS
	}
	if p := &q.Preferences; len(p.Canvases) == 0 && p.Width != 0 {
		p.Canvases = []canvas{{p.Width, p.Height, p.Framerate}}
	}
	return q, nil
}

// The limits of a canvas: what OBS can be set to.
const (
	leastSide = 32
	mostSide  = 16384
	mostFPS   = 1000
)

// main returns the canvas that is sent.
func (p *preferences) main() (canvas, bool) {
	if len(p.Canvases) == 0 {
		return canvas{}, false
	}
	c := p.Canvases[0]
	f := c.Framerate
	ok := min(c.Width, c.Height) >= leastSide && max(c.Width, c.Height) <= mostSide &&
		f.Numerator > 0 && f.Denominator > 0 && f.perSecond() >= 1 && f.perSecond() <= mostFPS
	return c, ok
}
