// Package codec describes streams for people and probes: which codec, profile, picture size and sampling rate stand
// in the configuration record of a Config packet, or in a frame of a codec that has no record.
//
// Names of codecs, profiles, pixel formats and channel layouts are those that ffprobe prints, because people
// compare. The package is a thin adapter: it walks through the records (ISO 14496-15, AV1 in ISO BMFF, VP codecs in
// ISO BMFF, OpusHead, STREAMINFO) and leaves the bit streams inside them to mediacommon.
//
// # Limits
//
// The input comes from peers. Parameter sets longer than 4 KiB are not looked at, all loops are bounded by the
// bytes that are there, and numbers that make no sense (a picture 100,000 wide, 10,000 frames per second) are left
// out.
package codec

import (
	"errors"
	"fmt"
	"strings"

	"leat/media"
)

// ErrMalformed is wrapped by the errors of Describe.
var ErrMalformed = errors.New("malformed configuration")

const (
	maxParameterSet = 4 << 10 // the longest sequence header that is looked at
	maxDimension    = 1 << 16
	maxFPS          = 1000
)

// Info describes one track. A field is zero when it is not known.
type Info struct {
	Kind    media.Kind
	Codec   string // h264, hevc, vvc, av1, vp9, vp8, flv1, aac, mp3, opus, flac, ac3, eac3, pcm_alaw, speex …
	Profile string // High, Main 10, LC, HE-AAC …
	Level   string // "4.1", "5.0", "1b"

	Width, Height int     // of the picture that is shown, in pixels
	FPS           float64 // frames per second, where the stream states them
	PixelFormat   string  // yuv420p, yuv420p10le …

	SampleRate    int    // Hz, of the sound that is heard
	Channels      int    // how many
	ChannelLayout string // mono, stereo, 5.1 …
}

// Merge returns i with the fields that it lacks taken from other. A codec whose record says less than its key
// frames, as VP9's, needs both.
func (i Info) Merge(other Info) Info {
	fill(&i.Kind, other.Kind)
	fill(&i.Codec, other.Codec)
	fill(&i.Profile, other.Profile)
	fill(&i.Level, other.Level)
	fill(&i.Width, other.Width)
	fill(&i.Height, other.Height)
	fill(&i.FPS, other.FPS)
	fill(&i.PixelFormat, other.PixelFormat)
	fill(&i.SampleRate, other.SampleRate)
	fill(&i.Channels, other.Channels)
	fill(&i.ChannelLayout, other.ChannelLayout)
	return i
}

func fill[T comparable](dst *T, v T) {
	var zero T
	if *dst == zero {
		*dst = v
	}
}

// String returns one line, such as "h264 (High) 4.0, yuv420p, 1920x1080, 30 fps" or "aac (LC), 48000 Hz, stereo".
func (i Info) String() string {
	head := i.Codec
	if head == "" {
		head = "unknown " + i.Kind.String()
	}
	if i.Profile != "" {
		head += " (" + i.Profile + ")"
	}
	if i.Level != "" {
		head += " " + i.Level
	}
	parts := []string{head}
	if i.PixelFormat != "" {
		parts = append(parts, i.PixelFormat)
	}
	if i.Width > 0 {
		parts = append(parts, fmt.Sprintf("%dx%d", i.Width, i.Height))
	}
	if i.FPS > 0 {
		parts = append(parts, fmt.Sprintf("%.4g fps", i.FPS))
	}
	if i.SampleRate > 0 {
		parts = append(parts, fmt.Sprintf("%d Hz", i.SampleRate))
	}
	switch {
	case i.ChannelLayout != "":
		parts = append(parts, i.ChannelLayout)
	case i.Channels > 0:
		parts = append(parts, fmt.Sprintf("%d channels", i.Channels))
	}
	return strings.Join(parts, ", ")
}

// Name returns what ffprobe calls the codec, and the FourCC itself for one that is not known here.
func Name(c media.FourCC) string {
	switch c {
	case media.CodecAVC:
		return "h264"
	case media.CodecHEVC:
		return "hevc"
	case media.CodecVVC:
		return "vvc"
	case media.CodecAV1:
		return "av1"
	case media.CodecVP9:
		return "vp9"
	case media.CodecVP8:
		return "vp8"
	case media.CodecAAC:
		return "aac"
	case media.CodecMP3:
		return "mp3"
	case media.CodecOpus:
		return "opus"
	case media.CodecFLAC:
		return "flac"
	case media.CodecAC3:
		return "ac3"
	case media.CodecEAC3:
		return "eac3"
	}
	return c.String()
}

// Describe says what p tells of its track. In codecs with a configuration record that is the Config packet; in MP3,
// AC-3, E-AC-3, the legacy codecs of FLV and VP8 any frame or any key frame; VP9 and its key frames add the picture
// size to the record. All other audio and video packets give Kind and Codec only, and data packets give Kind.
//
// An error wraps ErrMalformed; the Info then holds what could be read.
func Describe(p *media.Packet) (Info, error) {
	info := Info{Kind: p.Kind, Codec: Name(p.Codec)}
	if p.Codec == 0 {
		describeLegacy(&info, p.Body)
		return info, nil
	}
	if p.Name != "" || len(p.Data) == 0 {
		return info, nil
	}
	describe := frames(p)
	if p.Config {
		describe = records(p.Codec)
	}
	if describe == nil {
		return info, nil
	}
	if err := describe(&info, p.Data); err != nil {
		return info, fmt.Errorf("describe %s: %w: %w", info.Codec, ErrMalformed, err)
	}
	return info, nil
}

// records returns the parser of a codec's configuration record.
func records(c media.FourCC) func(*Info, []byte) error {
	switch c {
	case media.CodecAVC:
		return describeAVC
	case media.CodecHEVC:
		return describeHEVC
	case media.CodecAV1:
		return describeAV1
	case media.CodecVP8, media.CodecVP9:
		return describeVPx
	case media.CodecAAC:
		return describeAAC
	case media.CodecOpus:
		return describeOpus
	case media.CodecFLAC:
		return describeFLAC
	}
	return nil
}

// frames returns the parser of the frame p, if frames of its codec describe themselves.
func frames(p *media.Packet) func(*Info, []byte) error {
	switch {
	case p.Codec == media.CodecMP3:
		return describeMP3Frame
	case p.Codec == media.CodecAC3:
		return describeAC3Frame
	case p.Codec == media.CodecEAC3:
		return describeEAC3Frame
	case p.Codec == media.CodecVP8 && p.Key:
		return describeVP8Frame
	case p.Codec == media.CodecVP9 && p.Key:
		return describeVP9Frame
	}
	return nil
}

var errTruncated = errors.New("the record ends too early")

// setSize takes a picture size if it makes sense.
func (i *Info) setSize(width, height int) {
	if width > 0 && width < maxDimension && height > 0 && height < maxDimension {
		i.Width, i.Height = width, height
	}
}

// setFPS takes a frame rate if it makes sense.
func (i *Info) setFPS(ticks, unitsPerFrame float64) {
	if fps := ticks / unitsPerFrame; unitsPerFrame > 0 && fps > 0 && fps <= maxFPS {
		i.FPS = fps
	}
}

// pixelFormat names planar YUV with chroma_format_idc (0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4).
func pixelFormat(chroma, bitDepth int) string {
	if chroma < 0 || chroma > 3 || bitDepth < 8 || bitDepth > 16 {
		return ""
	}
	name := [...]string{"gray", "yuv420p", "yuv422p", "yuv444p"}[chroma]
	if bitDepth == 8 {
		return name
	}
	return fmt.Sprintf("%s%dle", name, bitDepth)
}
