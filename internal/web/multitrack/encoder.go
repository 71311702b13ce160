package multitrack

import (
	"slices"
	"strings"
)

// Vendors of graphics cards, by their number on PCI.
const (
	amd    = 0x1002
	nvidia = 0x10de
	intel  = 0x8086
)

// software is the encoder that every OBS has.
const software = "obs_x264"

// encoders are those of OBS, by what they need. Those with a vendor can be told from the request alone; the others only by their name
// in its list.
var encoders = []struct {
	id     string
	codec  Codec
	vendor uint32
	before int // major version of OBS that has another id for it; 0: none
}{
	{"obs_nvenc_h264_tex", H264, nvidia, 0},
	{"obs_nvenc_hevc_tex", HEVC, nvidia, 0},
	{"obs_nvenc_av1_tex", AV1, nvidia, 0},
	{"jim_nvenc", H264, nvidia, 31},
	{"jim_hevc_nvenc", HEVC, nvidia, 31},
	{"jim_av1_nvenc", AV1, nvidia, 31},
	{"h264_texture_amf", H264, amd, 0},
	{"h265_texture_amf", HEVC, amd, 0},
	{"av1_texture_amf", AV1, amd, 0},
	{"obs_qsv11_v2", H264, intel, 0},
	{"obs_qsv11_hevc", HEVC, intel, 0},
	{"obs_qsv11_av1", AV1, intel, 0},
	{"com.apple.videotoolbox.videoencoder.ave.avc", H264, 0, 0},
	{"com.apple.videotoolbox.videoencoder.ave.hevc", HEVC, 0, 0},
	{"ffmpeg_vaapi_tex", H264, 0, 0},
	{"hevc_ffmpeg_vaapi_tex", HEVC, 0, 0},
	{"av1_ffmpeg_vaapi_tex", AV1, 0, 0},
}

func (r rendition) isSoftware() bool { return r.encoder == software }

// encoderFor returns the encoder that a client should use for a codec: that of the graphics card that draws its picture, if there is
// one. It is "" when the client cannot encode it well; for H.264 there always is one.
func encoderFor(codec Codec, q *request) string {
	if !q.Client.codes(codec) {
		return ""
	}
	vendor := q.Capabilities.vendor(q.Preferences.CompositionGPU)
	listed := q.Client.SupportedEncoders
	other := ""
	for _, e := range encoders {
		switch {
		case e.codec != codec:
		case listed != nil && !slices.Contains(listed, e.id):
		case listed == nil && !q.canBeTold(e.id, e.before):
		case e.vendor == vendor && vendor != 0:
			return e.id
		case listed != nil && other == "" && e.vendor == 0:
			other = e.id
		case listed == nil && e.vendor == 0:
			other = e.id
		}
	}
	if other == "" && codec == H264 {
		return software
	}
	return other
}

// canBeTold reports whether a client that lists no encoders has one, if it has the graphics card.
func (q *request) canBeTold(id string, before int) bool {
	system := strings.ToLower(q.Capabilities.System.Name)
	switch {
	case strings.HasPrefix(id, "com.apple."):
		return strings.Contains(system, "mac") && q.Capabilities.System.ARM
	case strings.Contains(id, "vaapi"):
		return false
	case strings.Contains(id, "nvenc"):
		return (q.Client.major() < 31) == (before == 31)
	}
	return strings.Contains(system, "windows")
}

// vendor returns who made the graphics card that draws the picture, or the first one; 0 if it is not known.
func (c *capabilities) vendor(index *int) uint32 {
	switch {
	case index != nil && *index >= 0 && *index < len(c.GPU):
		return c.GPU[*index].VendorID
	case len(c.GPU) > 0:
		return c.GPU[0].VendorID
	}
	return 0
}

// settings are those of an encoder, by the names that OBS has for them; the rest stays as OBS has it.
func (r rendition) settings() map[string]any {
	s := map[string]any{"rate_control": "CBR", "bitrate": r.bitrate, "keyint_sec": keyInterval, "profile": "main"}
	if r.codec == H264 {
		s["profile"] = "high"
	}
	if r.isSoftware() {
		s["preset"] = "veryfast"
	}
	return s
}

// keyInterval is the seconds between key frames: as long as segments of HLS are by default.
const keyInterval = 2
