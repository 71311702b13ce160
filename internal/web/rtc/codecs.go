package rtc

import (
	"encoding/hex"
	"strconv"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"leat/media"
)

const (
	videoClock = 90000 // Hz
	opusClock  = 48000
)

// knownCodec is a codec that goes over WebRTC.
type knownCodec struct {
	codec media.FourCC
	name  string // as in an offer
	mime  string
	clock uint32

	payloader    func() rtp.Payloader
	depacketizer func() rtp.Depacketizer
}

// knownCodecs is what can be carried, the most wanted of a publisher first.
var knownCodecs = []knownCodec{
	{media.CodecAVC, "h264", webrtc.MimeTypeH264, videoClock, func() rtp.Payloader { return &codecs.H264Payloader{} }, func() rtp.Depacketizer { return &codecs.H264Packet{} }},
	{media.CodecHEVC, "h265", webrtc.MimeTypeH265, videoClock, func() rtp.Payloader { return &codecs.H265Payloader{} }, func() rtp.Depacketizer { return &codecs.H265Depacketizer{} }},
	{media.CodecAV1, "av1", webrtc.MimeTypeAV1, videoClock, func() rtp.Payloader { return &codecs.AV1Payloader{} }, func() rtp.Depacketizer { return &codecs.AV1Depacketizer{} }},
	{media.CodecVP9, "vp9", webrtc.MimeTypeVP9, videoClock, func() rtp.Payloader { return &codecs.VP9Payloader{} }, func() rtp.Depacketizer { return &codecs.VP9Packet{} }},
	{media.CodecVP8, "vp8", webrtc.MimeTypeVP8, videoClock, func() rtp.Payloader { return &codecs.VP8Payloader{EnablePictureID: true} }, func() rtp.Depacketizer { return &codecs.VP8Packet{} }},
	{media.CodecOpus, "opus", webrtc.MimeTypeOpus, opusClock, func() rtp.Payloader { return &codecs.OpusPayloader{} }, func() rtp.Depacketizer { return &codecs.OpusPacket{} }},
}

// known returns nil for a codec that does not go over WebRTC.
func known(codec media.FourCC) *knownCodec {
	for i := range knownCodecs {
		if knownCodecs[i].codec == codec {
			return &knownCodecs[i]
		}
	}
	return nil
}

func (k *knownCodec) kind() webrtc.RTPCodecType {
	if k.codec == media.CodecOpus {
		return webrtc.RTPCodecTypeAudio
	}
	return webrtc.RTPCodecTypeVideo
}

// register puts a codec of an offer into an engine, as it was offered.
func register(m *webrtc.MediaEngine, k *knownCodec, o *offered) error {
	capability := webrtc.RTPCodecCapability{MimeType: k.mime, ClockRate: k.clock, SDPFmtpLine: o.fmtp}
	if k.codec == media.CodecOpus {
		capability.Channels = 2 // RFC 7587 7
	} else {
		capability.RTCPFeedback = []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}, {Type: "ccm", Parameter: "fir"}}
	}
	return m.RegisterCodec(webrtc.RTPCodecParameters{RTPCodecCapability: capability, PayloadType: webrtc.PayloadType(o.payload)}, k.kind())
}

// fit returns the codec of an offer that a peer can take a track with; nil when there is none. config is the track's sequence
// header, which may be nil.
func (o *offer) fit(k *knownCodec, config *media.Packet) *offered {
	var best *offered
	for i := range o.codecs {
		c := &o.codecs[i]
		if c.name != k.name || c.clock != k.clock || !c.carries(k.codec, config) {
			continue
		}
		if k.codec == media.CodecAVC && config != nil && c.avcProfile() == avcProfile(config) {
			return c
		}
		if best == nil {
			best = c
		}
	}
	return best
}

// carries reports whether a track of the same codec fits the format parameters.
func (o *offered) carries(codec media.FourCC, config *media.Packet) bool {
	switch codec {
	case media.CodecAVC:
		// A profile is a wish: browsers show more than they offer. Without mode 1 a NAL unit had to fit one packet.
		return o.parameter("packetization-mode") == "1"
	case media.CodecHEVC:
		return !hasBytes(config, 2) || o.has("profile-id", 1, int(config.Data[1]&0x1f))
	case media.CodecAV1:
		return !hasBytes(config, 2) || o.has("profile", 0, int(config.Data[1]>>5))
	case media.CodecVP9:
		return !hasBytes(config, 8) || o.has("profile-id", 0, int(vp9Profile(config.Data)))
	}
	return true
}

// has reports whether a parameter has a value; one that is absent has that of missing.
func (o *offered) has(name string, missing, want int) bool {
	value := missing
	if text := o.parameter(name); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return false
		}
		value = n
	}
	return value == want
}

func hasBytes(p *media.Packet, n int) bool { return p != nil && len(p.Data) >= n }

// vp9Profile reads a VPCodecConfigurationRecord with or without the version and flags of a full box in front.
func vp9Profile(b []byte) byte {
	switch {
	case len(b) >= 12:
		return b[4]
	case len(b) == 9:
		return b[1]
	}
	return b[0]
}

// avcProfile returns profile_idc of a sequence header, or of an offer's profile-level-id; 0 when there is none.
func avcProfile(config *media.Packet) byte {
	if !hasBytes(config, 2) {
		return 0
	}
	return config.Data[1]
}

func (o *offered) avcProfile() byte {
	b, err := hex.DecodeString(o.parameter("profile-level-id"))
	if err != nil || len(b) == 0 {
		return 0
	}
	return b[0]
}
