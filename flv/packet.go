package flv

import (
	"encoding/binary"
	"slices"
	"time"

	"leat/media"
)

// maxPrefix bounds what is repeated in front of every track when a body of many tracks is taken apart.
const maxPrefix = 4096

// AppendPackets appends the packets that the body of a tag or message holds: one, or one for each track of a
// ManyTracks body. The timestamp is the one of the tag on the stream's unwrapped timeline.
//
// Packet.Body is body itself, whole and untouched, and Packet.Data a part of it, so that body belongs to the packet
// from now on. The tracks of a ManyTracks body are wrapped anew, each as OneTrack, in memory of their own. An empty
// audio body, which means silence, is a packet with Data nil, and so is an empty video body.
//
// Key is set in key frames of video only: never in audio, and never in a Config packet, though sequence headers
// say they were key frames. Frames of unknown codecs are judged by their frame type.
//
// The Body of a data message begins with its handler name, which is Packet.Name: the format byte of type 15 (which
// the caller may have cut off already) and scalar values in front of the name (Uniview cameras send two numbers) are
// left out. Data is what follows the name. "@setDataFrame" is cut off too, and the rest is a Config packet;
// "@clearDataFrame" gives the Config packet with an empty Body that removes it. A plain onMetaData is Config as
// well, because encoders send it so and servers remember it. The name must be an AMF0 string, also in type 15, of at
// most 1,024 bytes, and no more than 16 values may stand in front of it. Without a name
// (IsNameless) the body stays whole.
//
// What this package does not know (codecs, packet types, layouts of tracks) is no error: it gives a packet with
// Data nil, to be relayed whole. A malformed body gives such a packet too, and beside it an *Error that is worth a
// log line. Only a type that is none of the four appends nothing.
func AppendPackets(dst []*media.Packet, t TagType, timestamp time.Duration, body []byte) ([]*media.Packet, error) {
	switch t {
	case TagAudio:
		return appendAudio(dst, timestamp, body)
	case TagVideo:
		return appendVideo(dst, timestamp, body)
	case TagScript, TagScriptAMF3:
		return appendData(dst, t, timestamp, body)
	}
	return dst, &Error{Tag: t, Reason: "a tag of this type holds no packet"}
}

func appendVideo(dst []*media.Packet, timestamp time.Duration, body []byte) ([]*media.Packet, error) {
	p := &media.Packet{Kind: media.Video, Timestamp: timestamp, Body: body}
	if len(body) == 0 {
		return append(dst, p), nil
	}
	h, n, err := ParseVideoHeader(body)
	p.Codec, p.Track = h.FourCC, h.TrackID
	if !h.Enhanced {
		p.Codec = h.CodecID.FourCC()
	}
	if err != nil {
		return append(dst, p), err
	}
	if h.ManyTracks() {
		if h.MultitrackType > ManyTracksManyCodecs {
			return append(dst, p), nil
		}
		return appendTracks(dst, p, n, h.MultitrackType, func(p *media.Packet, payload []byte) *Error {
			return fillVideoTrack(p, h, payload)
		})
	}
	if e := fillVideo(p, &h, body[n:]); e != nil {
		return append(dst, p), e
	}
	return append(dst, p), nil
}

// fillVideoTrack takes the composition time off the payload of one of several tracks.
func fillVideoTrack(p *media.Packet, h VideoHeader, payload []byte) *Error {
	if hasCompositionTime(h.PacketType, p.Codec) {
		if len(payload) < 3 {
			return truncated(TagVideo, p.Body, "end of the composition time")
		}
		h.CompositionTime = int24(payload)
		payload = payload[3:]
	}
	return fillVideo(p, &h, payload)
}

// fillVideo sets what the header h says about the payload behind it.
func fillVideo(p *media.Packet, h *VideoHeader, payload []byte) *Error {
	switch {
	case h.IsCommand():
		return nil
	case !h.Enhanced && !h.CodecID.hasPacketType():
		return fillFrame(p, h, payload)
	case !h.Enhanced && h.AVCPacketType == AVCSequenceHeader:
		return fillConfig(p, payload, TagVideo, true)
	case !h.Enhanced && h.AVCPacketType == AVCNALU:
		return fillFrame(p, h, payload)
	case !h.Enhanced:
		return nil
	}
	switch h.PacketType {
	case VideoSequenceStart, VideoMPEG2TSSequenceStart:
		return fillConfig(p, payload, TagVideo, true)
	case VideoCodedFrames, VideoCodedFramesX:
		return fillFrame(p, h, payload)
	case VideoMetadata:
		p.Name = metadataName(payload)
		return fillConfig(p, payload, TagVideo, true)
	}
	return nil
}

func fillFrame(p *media.Packet, h *VideoHeader, payload []byte) *Error {
	p.Offset = time.Duration(h.CompositionTime)*time.Millisecond + nanoOffset(h.ModEx)
	if len(payload) == 0 {
		return nil
	}
	p.Data = slices.Clip(payload)
	p.Key = h.FrameType == FrameKey || h.FrameType == FrameGeneratedKey
	p.Disposable = h.FrameType == FrameDisposable
	return nil
}

// fillConfig marks p as state of the stream. An empty record would replace a good one, so it is not taken for one
// where the codec needs it.
func fillConfig(p *media.Packet, payload []byte, t TagType, needed bool) *Error {
	if len(payload) == 0 && needed {
		return truncated(t, p.Body, "configuration record")
	}
	p.Config = true
	if len(payload) > 0 {
		p.Data = slices.Clip(payload)
	}
	return nil
}

// metadataName returns the name under which a video Metadata packet is kept: that of its first pair.
func metadataName(payload []byte) string {
	if name, _, ok := amf0String(payload); ok && name != "" {
		return name
	}
	return media.NameColorInfo
}

func appendAudio(dst []*media.Packet, timestamp time.Duration, body []byte) ([]*media.Packet, error) {
	p := &media.Packet{Kind: media.Audio, Timestamp: timestamp, Body: body}
	if len(body) == 0 {
		return append(dst, p), nil
	}
	h, n, err := ParseAudioHeader(body)
	p.Codec, p.Track = h.FourCC, h.TrackID
	if !h.Enhanced {
		p.Codec = h.SoundFormat.FourCC()
	}
	if err != nil {
		return append(dst, p), err
	}
	if h.ManyTracks() {
		if h.MultitrackType > ManyTracksManyCodecs {
			return append(dst, p), nil
		}
		return appendTracks(dst, p, n, h.MultitrackType, func(p *media.Packet, payload []byte) *Error {
			return fillAudio(p, &h, payload)
		})
	}
	if e := fillAudio(p, &h, body[n:]); e != nil {
		return append(dst, p), e
	}
	return append(dst, p), nil
}

// fillAudio sets what the header h says about the payload behind it.
func fillAudio(p *media.Packet, h *AudioHeader, payload []byte) *Error {
	switch {
	case h.SoundFormat == SoundAAC && h.AACPacketType == AACSequenceHeader:
		return fillConfig(p, payload, TagAudio, true)
	case h.SoundFormat == SoundAAC && h.AACPacketType != AACRaw:
		return nil
	case h.SoundFormat == SoundOpus && isOpusHead(payload):
		return fillConfig(p, payload, TagAudio, true)
	case h.Enhanced && h.PacketType == AudioSequenceStart:
		return fillConfig(p, payload, TagAudio, p.Codec == media.CodecAAC || p.Codec == media.CodecFLAC)
	case h.Enhanced && h.PacketType == AudioMultichannelConfig:
		p.Name = media.NameChannelConfig
		return fillConfig(p, payload, TagAudio, true)
	case h.Enhanced && h.PacketType != AudioCodedFrames:
		return nil
	}
	p.Offset = nanoOffset(h.ModEx)
	if p.Codec == media.CodecAAC {
		payload = withoutADTS(payload)
	}
	if len(payload) > 0 {
		p.Data = slices.Clip(payload)
	}
	return nil
}

// isOpusHead recognizes the ID header of RFC 7845, 5.1. Legacy tags with sound format 13 have no field that would say
// what they hold.
func isOpusHead(b []byte) bool { return len(b) >= 8 && string(b[:8]) == "OpusHead" }

// withoutADTS cuts off the ADTS header that some encoders leave in front of an access unit. It takes one only if its
// frame length is exactly the payload, because an access unit may by chance begin with the same twelve bits.
func withoutADTS(b []byte) []byte {
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return b
	}
	if frame := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5; frame != len(b) {
		return b
	}
	if b[1]&1 == 0 && len(b) >= 9 { // protection_absent is 0: a CRC follows
		return b[9:]
	}
	return b[7:]
}

// appendTracks takes a body of several tracks apart. whole is the packet of the undivided body, whose tracks begin
// at n; it is what remains if the tracks do not fill the body exactly.
func appendTracks(dst []*media.Packet, whole *media.Packet, n int, t MultitrackType,
	fill func(p *media.Packet, payload []byte) *Error,
) ([]*media.Packet, error) {
	tag := PacketTag(whole)
	tracks, err := parseTracks(whole, n, t)
	if err != nil {
		return append(dst, whole), err
	}
	mark := n - 1 // offset of the multitrack byte
	if t == ManyTracks {
		mark -= 4
	}
	if mark > maxPrefix {
		return append(dst, whole), &Error{Tag: tag, Offset: mark, Reason: "too much ModEx in front of several tracks"}
	}
	var first error
	for _, tr := range tracks {
		// Memory of its own for each: a header is kept as long as its stream lasts, and must not keep what came with it.
		buf := make([]byte, 0, mark+6+len(tr.Payload))
		buf = append(buf, whole.Body[:mark]...)
		buf = append(buf, byte(OneTrack)<<4|whole.Body[mark]&0x0f)
		buf = binary.BigEndian.AppendUint32(buf, uint32(tr.FourCC))
		buf = append(buf, tr.ID)
		payload := len(buf)
		buf = append(buf, tr.Payload...)
		p := &media.Packet{Kind: whole.Kind, Track: tr.ID, Codec: tr.FourCC, Timestamp: whole.Timestamp, Body: buf}
		if e := fill(p, buf[payload:]); e != nil && first == nil {
			first = e
		}
		dst = append(dst, p)
	}
	return dst, first
}

// parseTracks returns the tracks from byte n on, each with its codec. There is at least one.
func parseTracks(whole *media.Packet, n int, t MultitrackType) ([]Track, error) {
	tag := PacketTag(whole)
	rest := whole.Body[n:]
	if len(rest) == 0 {
		return nil, truncated(tag, whole.Body, "first track")
	}
	var tracks []Track
	for len(rest) > 0 {
		if len(tracks) == maxTracks {
			return nil, &Error{Tag: tag, Offset: len(whole.Body) - len(rest), Reason: "more than 256 tracks"}
		}
		tr, after, err := ParseTrack(rest, t)
		if err != nil {
			return nil, truncated(tag, whole.Body, "end of a track")
		}
		if t == ManyTracks {
			tr.FourCC = whole.Codec
		}
		tracks = append(tracks, tr)
		rest = after
	}
	return tracks, nil
}
