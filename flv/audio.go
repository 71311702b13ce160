package flv

import (
	"encoding/binary"

	"leat/media"
)

// SoundFormat is the codec of an audio tag (FLV 10.1, E.4.2.1). 13 is not Adobe's but in use.
type SoundFormat uint8

// Sound formats.
const (
	SoundPCMPlatform  SoundFormat = 0 // linear PCM in the byte order of the machine that wrote it; taken as little-endian
	SoundADPCM        SoundFormat = 1
	SoundMP3          SoundFormat = 2
	SoundPCM          SoundFormat = 3 // linear PCM, little-endian
	SoundNellymoser16 SoundFormat = 4 // 16 kHz mono
	SoundNellymoser8  SoundFormat = 5 // 8 kHz mono
	SoundNellymoser   SoundFormat = 6
	SoundG711A        SoundFormat = 7
	SoundG711U        SoundFormat = 8
	SoundExHeader     SoundFormat = 9 // only on the wire: AudioHeader.Enhanced says it
	SoundAAC          SoundFormat = 10
	SoundSpeex        SoundFormat = 11
	SoundOpus         SoundFormat = 13
	SoundMP3At8kHz    SoundFormat = 14
	SoundDevice       SoundFormat = 15 // device-specific
)

// FourCC returns the FourCC that means the same codec, or zero.
func (f SoundFormat) FourCC() media.FourCC {
	switch f {
	case SoundAAC:
		return media.CodecAAC
	case SoundMP3, SoundMP3At8kHz:
		return media.CodecMP3
	case SoundOpus:
		return media.CodecOpus
	}
	return 0
}

// SoundRate is the sampling rate that a legacy tag states. AAC and Opus always say SoundRate44kHz.
type SoundRate uint8

// Sound rates.
const (
	SoundRate5kHz  SoundRate = iota // 5.5 kHz
	SoundRate11kHz                  // 11.025 kHz
	SoundRate22kHz                  // 22.05 kHz
	SoundRate44kHz                  // 44.1 kHz, or more in MP3
)

// AACPacketType says what an AAC tag holds (FLV 10.1, E.4.2.1).
type AACPacketType uint8

// AAC packet types.
const (
	AACSequenceHeader AACPacketType = iota // an AudioSpecificConfig
	AACRaw                                 // an access unit
)

// AudioPacketType says what an Enhanced RTMP audio message holds (E-RTMP v2, Enhanced Audio). Others are reserved.
type AudioPacketType uint8

// Audio packet types.
const (
	AudioSequenceStart      AudioPacketType = 0 // the configuration of the codec
	AudioCodedFrames        AudioPacketType = 1
	AudioSequenceEnd        AudioPacketType = 2
	AudioMultichannelConfig AudioPacketType = 4
	AudioMultitrack         AudioPacketType = 5 // only on the wire: an AudioHeader has the type behind it
	AudioModEx              AudioPacketType = 7 // only on the wire: an AudioHeader has the type behind it
)

// AudioHeader is the front of an audio body up to the coded data, or up to the first of several tracks.
type AudioHeader struct {
	Enhanced bool // Enhanced RTMP (SoundExHeader); otherwise the legacy layout

	SoundFormat   SoundFormat   // legacy only; never SoundExHeader
	SoundRate     SoundRate     // legacy only
	SixteenBit    bool          // legacy only: SoundSize, of no meaning in compressed formats
	Stereo        bool          // legacy only: SoundType
	AACPacketType AACPacketType // SoundAAC only

	PacketType     AudioPacketType // Enhanced only; never AudioMultitrack or AudioModEx
	ModEx          []ModEx
	Multitrack     bool
	MultitrackType MultitrackType
	FourCC         media.FourCC // zero in ManyTracksManyCodecs, where each track has one
	TrackID        uint8        // OneTrack only
}

// ManyTracks reports whether tracks follow the header, for ParseTrack.
func (h *AudioHeader) ManyTracks() bool { return h.Multitrack && h.MultitrackType != OneTrack }

var audioTypes = exTypes{tag: TagAudio, modEx: uint8(AudioModEx), multi: uint8(AudioMultitrack)}

// ParseAudioHeader reads the front of an audio body and returns the offset of what follows it (FLV 10.1, E.4.2.1;
// E-RTMP v2, Enhanced Audio). The error is an *Error. ModEx data are sub-slices of b. An empty body, which means
// silence, has no header: the caller must look for it first.
//
// With a reserved packet or multitrack type the offset is that of the first byte whose meaning is unknown.
func ParseAudioHeader(b []byte) (h AudioHeader, n int, err error) {
	if len(b) == 0 {
		return h, 0, truncated(TagAudio, b, "first byte")
	}
	h.SoundFormat = SoundFormat(b[0] >> 4)
	if h.SoundFormat == SoundExHeader {
		return parseEnhancedAudio(b)
	}
	h.SoundRate = SoundRate(b[0] >> 2 & 3)
	h.SixteenBit = b[0]&2 != 0
	h.Stereo = b[0]&1 != 0
	if h.SoundFormat != SoundAAC {
		return h, 1, nil
	}
	if len(b) < 2 {
		return h, 1, truncated(TagAudio, b, "AAC packet type")
	}
	h.AACPacketType = AACPacketType(b[1])
	return h, 2, nil
}

func parseEnhancedAudio(b []byte) (AudioHeader, int, error) {
	h := AudioHeader{Enhanced: true}
	ex := exHeader{packetType: b[0] & 0x0f}
	n, err := ex.parseModEx(b, 1, audioTypes)
	if err == nil {
		n, err = ex.parseTracks(b, n, audioTypes)
	}
	h.PacketType, h.ModEx = AudioPacketType(ex.packetType), ex.modEx
	h.Multitrack, h.MultitrackType = ex.multitrack, ex.multitrackType
	h.FourCC, h.TrackID = ex.fourCC, ex.track
	if err != nil {
		return h, n, err
	}
	return h, n, nil
}

// AppendAudioHeader appends h as ParseAudioHeader reads it. It fails, with dst as it was, if a ModEx block is empty or
// too long, a field does not fit its bits, or SoundFormat is SoundExHeader.
func AppendAudioHeader(dst []byte, h *AudioHeader) ([]byte, error) {
	if h.SoundFormat > 15 || h.SoundRate > 3 || h.PacketType > 15 || h.MultitrackType > 15 {
		return dst, &Error{Tag: TagAudio, Reason: "a field of the header is too large"}
	}
	if h.Enhanced {
		if h.PacketType == AudioMultitrack || h.PacketType == AudioModEx {
			return dst, &Error{Tag: TagAudio, Reason: "the packet type must be the one behind ModEx and Multitrack"}
		}
		ex := exHeader{
			packetType: uint8(h.PacketType), modEx: h.ModEx, multitrack: h.Multitrack,
			multitrackType: h.MultitrackType, fourCC: h.FourCC, track: h.TrackID,
		}
		return ex.append(dst, byte(SoundExHeader)<<4, audioTypes, true)
	}
	if h.SoundFormat == SoundExHeader {
		return dst, &Error{Tag: TagAudio, Reason: "SoundExHeader is the format of enhanced headers"}
	}
	first := byte(h.SoundFormat)<<4 | byte(h.SoundRate)<<2
	if h.SixteenBit {
		first |= 2
	}
	if h.Stereo {
		first |= 1
	}
	dst = append(dst, first)
	if h.SoundFormat == SoundAAC {
		dst = append(dst, byte(h.AACPacketType))
	}
	return dst, nil
}

// ChannelOrder says how the channels of a stream are assigned to loudspeakers.
type ChannelOrder uint8

// Channel orders. Others are reserved.
const (
	ChannelsUnspecified ChannelOrder = iota // only the number of channels is known
	ChannelsNative                          // in the order of the bits of a mask
	ChannelsCustom                          // each channel names its loudspeaker
)

// ChannelConfig is the payload of an AudioMultichannelConfig packet (E-RTMP v2, MultichannelConfig).
type ChannelConfig struct {
	Order   ChannelOrder
	Count   uint8
	Mask    uint32 // ChannelsNative: bit i is loudspeaker i: front left, front right, front center, low frequency, back left, …
	Mapping []byte // ChannelsCustom: the loudspeaker of each channel; 0xfe not used, 0xff unknown
}

// ParseChannelConfig reads the payload b of an AudioMultichannelConfig packet. Bytes behind it, and all bytes
// behind the count of a reserved order, are ignored. Mapping is a sub-slice of b. The error is an *Error: the bytes ended too early.
func ParseChannelConfig(b []byte) (c ChannelConfig, err error) {
	if len(b) < 2 {
		return c, truncated(TagAudio, b, "channel count")
	}
	c.Order, c.Count = ChannelOrder(b[0]), b[1]
	b = b[2:]
	switch c.Order {
	case ChannelsNative:
		if len(b) < 4 {
			return c, truncated(TagAudio, b, "end of the channel mask")
		}
		c.Mask = binary.BigEndian.Uint32(b)
	case ChannelsCustom:
		if len(b) < int(c.Count) {
			return c, truncated(TagAudio, b, "end of the channel mapping")
		}
		c.Mapping = b[:c.Count:c.Count]
	}
	return c, nil
}

// AppendChannelConfig appends the payload. With ChannelsCustom the mapping must have Count entries, else the error is an *Error, and
// dst is returned as it was.
func AppendChannelConfig(dst []byte, c *ChannelConfig) ([]byte, error) {
	switch c.Order {
	case ChannelsNative:
		return binary.BigEndian.AppendUint32(append(dst, byte(c.Order), c.Count), c.Mask), nil
	case ChannelsCustom:
		if len(c.Mapping) != int(c.Count) {
			return dst, &Error{Tag: TagAudio, Reason: "the channel mapping does not have as many entries as there are channels"}
		}
		return append(append(dst, byte(c.Order), c.Count), c.Mapping...), nil
	}
	return append(dst, byte(c.Order), c.Count), nil
}
