package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"leat/internal/format/codec"
	"leat/media"
)

// report is what `leat probe` prints. Names, units and which numbers are strings are ffprobe's, but for RTMP, which ffprobe does
// not have.
type report struct {
	Streams []reportStream `json:"streams"`
	Format  reportFormat   `json:"format"`
	RTMP    *session       `json:"rtmp,omitempty"`

	tracks []*track // of Streams
}

type reportStream struct {
	Index     int    `json:"index"`
	ID        string `json:"id,omitempty"` // of Enhanced RTMP multitrack, where it is not 0
	CodecName string `json:"codec_name,omitempty"`
	Profile   string `json:"profile,omitempty"`
	CodecType string `json:"codec_type"`

	Width      int    `json:"width,omitempty"`
	Height     int    `json:"height,omitempty"`
	HasBFrames *int   `json:"has_b_frames,omitempty"` // how many frames a decoder holds back
	PixFmt     string `json:"pix_fmt,omitempty"`
	Level      int    `json:"level,omitempty"`

	SampleRate    string `json:"sample_rate,omitempty"`
	Channels      int    `json:"channels,omitempty"`
	ChannelLayout string `json:"channel_layout,omitempty"`

	RFrameRate    string `json:"r_frame_rate"`   // what the codec says, else as below
	AvgFrameRate  string `json:"avg_frame_rate"` // what was counted
	TimeBase      string `json:"time_base"`
	StartTime     string `json:"start_time,omitempty"`
	BitRate       string `json:"bit_rate,omitempty"`
	NbReadPackets string `json:"nb_read_packets"`

	KeyFrameIntervalMS float64 `json:"key_frame_interval_ms,omitempty"` // not ffprobe's
}

type reportFormat struct {
	Filename   string `json:"filename"`
	NbStreams  int    `json:"nb_streams"`
	FormatName string `json:"format_name"`
	StartTime  string `json:"start_time,omitempty"`
	Duration   string `json:"duration,omitempty"` // of files only
	Size       string `json:"size,omitempty"`     // of files only
	BitRate    string `json:"bit_rate,omitempty"`
}

// session is what a report says about the connection. Times count from the start of dialling.
type session struct {
	Server             string  `json:"server,omitempty"` // what it calls itself
	Handshake          string  `json:"handshake"`
	ConnectMS          float64 `json:"connect_ms"`                           // until it had accepted connect
	FirstByteMS        float64 `json:"time_to_first_byte_ms"`                // of the stream
	FirstKeyFrameMS    float64 `json:"time_to_first_key_frame_ms,omitempty"` // 0: none came
	KeyFrameIntervalMS float64 `json:"key_frame_interval_ms,omitempty"`      // of the first video track; 0: not known
}

func newReport(filename string, a *analysis) *report {
	r := &report{Format: reportFormat{Filename: filename, NbStreams: len(a.tracks), FormatName: "flv"}, tracks: a.tracks}
	sum := 0.0
	var shown []time.Duration
	for i, t := range a.tracks {
		r.Streams = append(r.Streams, newStream(i, t))
		sum += t.bitRate()
		if t.frames > 0 {
			shown = append(shown, t.start)
		}
	}
	if len(shown) > 0 {
		r.Format.StartTime = seconds(slices.Min(shown))
	}
	r.Format.BitRate = wholeNumber(sum)
	return r
}

func newStream(index int, t *track) reportStream {
	s := reportStream{
		Index:              index,
		CodecName:          t.info.Codec,
		Profile:            t.info.Profile,
		CodecType:          t.id.kind.String(),
		RFrameRate:         "0/0",
		AvgFrameRate:       "0/0",
		TimeBase:           "1/1000",
		BitRate:            wholeNumber(t.bitRate()),
		NbReadPackets:      fmt.Sprint(t.frames),
		KeyFrameIntervalMS: milliseconds(t.keyInterval()),
	}
	if t.id.track > 0 {
		s.ID = fmt.Sprintf("%#x", t.id.track)
	}
	if t.frames > 0 {
		s.StartTime = seconds(t.start)
	}
	if t.id.kind == media.Video {
		s.Width, s.Height, s.PixFmt = t.info.Width, t.info.Height, t.info.PixelFormat
		s.HasBFrames = &t.reordered
		s.Level = levelNumber(&t.info)
		s.AvgFrameRate = fraction(t.frameRate())
		s.RFrameRate = s.AvgFrameRate
		if t.info.FPS > 0 {
			s.RFrameRate = fraction(t.info.FPS)
		}
		return s
	}
	s.SampleRate, s.Channels, s.ChannelLayout = wholeNumber(float64(t.info.SampleRate)), t.info.Channels, t.info.ChannelLayout
	return s
}

// wholeNumber writes a number as ffprobe does, as a string; "" for 0, which is unknown.
func wholeNumber(f float64) string {
	if f == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", f)
}

// near is how far a counted frame rate may be from one in use: timestamps are whole milliseconds.
const near = 0.002

// fraction writes a frame rate as ffprobe does: 25/1, 30000/1001; "0/0" when it is not known.
func fraction(fps float64) string {
	if fps <= 0 {
		return "0/0"
	}
	whole := math.Round(fps)
	ntsc := whole * 1000 / 1001
	// 29.97 and 30 are closer to each other than the tolerance allows for high rates: take the nearer.
	if math.Abs(fps-ntsc) < math.Abs(fps-whole) && math.Abs(fps-ntsc) <= fps*near {
		return fmt.Sprintf("%.0f/1001", whole*1000)
	}
	if math.Abs(fps-whole) <= fps*near {
		return fmt.Sprintf("%.0f/1", whole)
	}
	a, b := int64(math.Round(fps*1000)), int64(1000)
	d := divisor(a, b)
	return fmt.Sprintf("%d/%d", a/d, b/d)
}

func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// levelNumber returns a level as it stands in the bit stream, which is what ffprobe prints: 41 in H.264 and 123 in H.265 for
// level 4.1, 8 in AV1 for 4.0. It is 0 when it is not known.
func levelNumber(i *codec.Info) int {
	var major, minor int
	if i.Codec == "h264" && i.Level == "1b" {
		return 9
	}
	if _, err := fmt.Sscanf(i.Level, "%d.%d", &major, &minor); err != nil {
		return 0
	}
	switch i.Codec {
	case "hevc":
		return 30*major + 3*minor
	case "vvc":
		return 16*major + 3*minor
	case "av1":
		return (major-2)<<2 + minor
	}
	return 10*major + minor
}

// json prints the report for programs.
func (r *report) json(w io.Writer) error { return encode(w, r) }

// table prints the report for people.
func (r *report) table(w io.Writer) error {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-11s%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(&b, r.Format.Filename)
	if s := r.RTMP; s != nil {
		server := s.Server
		if server == "" {
			server = "does not say what it is"
		}
		row("server", "%s, %s handshake, connected after %.0f ms", server, s.Handshake, s.ConnectMS)
		key := ""
		if s.FirstKeyFrameMS > 0 {
			key = fmt.Sprintf(", first key frame after %.0f ms", s.FirstKeyFrameMS)
		}
		row("start", "first byte after %.0f ms%s", s.FirstByteMS, key)
	}
	if r.Format.Duration != "" {
		row("duration", "%s s, %s bytes", r.Format.Duration, r.Format.Size)
	}
	sum := 0.0
	for i, t := range r.tracks {
		row(fmt.Sprintf("#%d %s", i, t.id.kind), "%s", describe(t))
		sum += t.bitRate()
	}
	row("together", "%s", bitRate(sum))
	_, err := io.WriteString(w, b.String())
	return err
}

// describe says in a line what a track is.
func describe(t *track) string {
	info := t.info
	if info.FPS == 0 && info.Kind == media.Video {
		info.FPS = t.frameRate()
	}
	parts := []string{info.String()}
	if t.reordered > 0 {
		parts = append(parts, "B-frames")
	}
	if t.frames == 0 {
		parts = append(parts, "no frames")
	}
	if rate := t.bitRate(); rate > 0 {
		parts = append(parts, bitRate(rate))
	}
	if interval := t.keyInterval(); interval > 0 {
		parts = append(parts, fmt.Sprintf("a key frame every %.2f s", interval.Seconds()))
	}
	if t.id.track > 0 {
		parts = append(parts, fmt.Sprintf("track %d", t.id.track))
	}
	return strings.Join(parts, ", ")
}
