package rtmp

import (
	"leat/flv"
	"leat/media"
)

// rewrite returns p as the form wants it: p itself when that is how it came, nil when the form has no place for it. What
// cannot be understood is passed on whole.
func (f *Form) rewrite(p *media.Packet) *media.Packet {
	if len(p.Body) == 0 {
		return p
	}
	if p.Kind == media.Video {
		return f.rewriteVideo(p)
	}
	return f.rewriteAudio(p)
}

func (f *Form) rewriteVideo(p *media.Packet) *media.Packet {
	h, n, err := flv.ParseVideoHeader(p.Body)
	if err != nil || h.Multitrack && h.MultitrackType != flv.OneTrack {
		return p
	}
	changed := false
	switch {
	case !h.Enhanced && isExtension(h.CodecID) && f.Video.Names(p.Codec):
		h, changed = enhancedVideo(&h), true
	case !h.Enhanced:
		return p
	}
	if f.NoModEx && len(h.ModEx) > 0 {
		h.ModEx, changed = nil, true
	}
	if f.OneTrack && h.Multitrack {
		h.Multitrack, h.TrackID, changed = false, 0, true
	}
	switch {
	case h.IsCommand() && f.Legacy != LegacyReceived:
		h, changed = flv.VideoHeader{FrameType: flv.FrameCommand, CodecID: flv.VideoAVC, Command: h.Command}, true
	case h.Enhanced && !h.Multitrack && f.writesLegacy(media.Video, h.FourCC):
		legacy, ok := legacyVideo(&h)
		switch {
		case ok:
			h, changed = legacy, true
		case h.PacketType == flv.VideoMetadata:
			return nil
		}
	}
	if !changed {
		return p
	}
	body, err := flv.AppendVideoHeader(make([]byte, 0, len(p.Body)+16), &h)
	if err != nil {
		return p
	}
	return reparsed(p, flv.TagVideo, append(body, p.Body[n:]...))
}

// isExtension reports the numbers that were never standard and have a FourCC.
func isExtension(id flv.VideoCodecID) bool { return id != flv.VideoAVC && id.FourCC() != 0 }

// legacyVideo returns the header with the codec's number; false if there is none, or the packet type has no counterpart.
func legacyVideo(h *flv.VideoHeader) (flv.VideoHeader, bool) {
	l := flv.VideoHeader{FrameType: h.FrameType, CompositionTime: h.CompositionTime}
	for _, id := range []flv.VideoCodecID{flv.VideoAVC, flv.VideoHEVC, flv.VideoAV1, flv.VideoVP8, flv.VideoVP9} {
		if id.FourCC() == h.FourCC {
			l.CodecID = id
		}
	}
	switch h.PacketType {
	case flv.VideoSequenceStart:
		l.FrameType, l.AVCPacketType = flv.FrameKey, flv.AVCSequenceHeader
	case flv.VideoCodedFrames, flv.VideoCodedFramesX:
		l.AVCPacketType = flv.AVCNALU
	case flv.VideoSequenceEnd:
		l.FrameType, l.AVCPacketType = flv.FrameKey, flv.AVCEndOfSequence
	default:
		return l, false
	}
	return l, l.CodecID != 0
}

// enhancedVideo is the inverse of legacyVideo.
func enhancedVideo(l *flv.VideoHeader) flv.VideoHeader {
	h := flv.VideoHeader{Enhanced: true, FrameType: l.FrameType, FourCC: l.CodecID.FourCC(), Command: l.Command}
	switch l.AVCPacketType {
	case flv.AVCSequenceHeader:
		h.PacketType = flv.VideoSequenceStart
	case flv.AVCEndOfSequence:
		h.PacketType = flv.VideoSequenceEnd
	default:
		h.PacketType = flv.VideoCodedFrames
		if h.FourCC == media.CodecHEVC { // the others have no composition time
			h.CompositionTime = l.CompositionTime
		}
	}
	return h
}

func (f *Form) rewriteAudio(p *media.Packet) *media.Packet {
	h, n, err := flv.ParseAudioHeader(p.Body)
	if err != nil || h.Multitrack && h.MultitrackType != flv.OneTrack {
		return p
	}
	payload := p.Body[n:]
	changed := false
	switch {
	case h.SoundFormat == flv.SoundOpus && f.Audio.Names(p.Codec):
		h, changed = flv.AudioHeader{Enhanced: true, FourCC: p.Codec, PacketType: flv.AudioCodedFrames}, true
		if p.Config {
			h.PacketType = flv.AudioSequenceStart
		}
	case !h.Enhanced:
		return p
	}
	if f.NoModEx && len(h.ModEx) > 0 {
		h.ModEx, changed = nil, true
	}
	if f.OneTrack && h.Multitrack {
		h.Multitrack, h.TrackID, changed = false, 0, true
	}
	if !h.Multitrack && f.writesLegacy(media.Audio, h.FourCC) {
		switch legacy, ok := legacyAudio(&h, payload); {
		case ok && h.PacketType == flv.AudioSequenceEnd: // means silence, and silence is an empty message
			return reparsed(p, flv.TagAudio, nil)
		case ok:
			h, changed = legacy, true
		case h.PacketType == flv.AudioMultichannelConfig, h.PacketType == flv.AudioSequenceStart:
			return nil
		}
	}
	if !changed {
		return p
	}
	body, err := flv.AppendAudioHeader(make([]byte, 0, len(p.Body)+16), &h)
	if err != nil {
		return p
	}
	return reparsed(p, flv.TagAudio, append(body, payload...))
}

// legacyAudio returns the header with the codec's number; false if there is none, or the packet type has no counterpart.
func legacyAudio(h *flv.AudioHeader, payload []byte) (flv.AudioHeader, bool) {
	l := flv.AudioHeader{SoundFormat: flv.SoundAAC, SoundRate: flv.SoundRate44kHz, SixteenBit: true, Stereo: true}
	known := h.PacketType == flv.AudioSequenceStart || h.PacketType == flv.AudioCodedFrames || h.PacketType == flv.AudioSequenceEnd
	switch h.FourCC {
	case media.CodecAAC:
		if h.PacketType == flv.AudioCodedFrames {
			l.AACPacketType = flv.AACRaw
		}
		return l, known
	case media.CodecOpus:
		l.SoundFormat = flv.SoundOpus
		return l, known
	case media.CodecMP3:
		l.SoundFormat, l.SoundRate, l.Stereo = mp3Sound(payload)
		return l, known && h.PacketType != flv.AudioSequenceStart
	}
	return l, false
}

// mp3Sound reads from a frame header (ISO/IEC 11172-3, 2.4.1.3, and 13818-3) what a legacy tag says about MP3. The
// tag has four rates, and a number of its own for 8 kHz.
func mp3Sound(frame []byte) (flv.SoundFormat, flv.SoundRate, bool) {
	if len(frame) < 4 || frame[0] != 0xff || frame[1]&0xe0 != 0xe0 {
		return flv.SoundMP3, flv.SoundRate44kHz, true
	}
	stereo := frame[3]>>6 != 3
	switch version, rate := frame[1]>>3&3, frame[2]>>2&3; {
	case version == 3: // MPEG-1: 44.1, 48, 32 kHz
		return flv.SoundMP3, flv.SoundRate44kHz, stereo
	case version == 2: // MPEG-2: the half
		return flv.SoundMP3, flv.SoundRate22kHz, stereo
	case rate == 2: // MPEG-2.5, 8 kHz
		return flv.SoundMP3At8kHz, flv.SoundRate5kHz, stereo
	}
	return flv.SoundMP3, flv.SoundRate11kHz, stereo
}

// reparsed returns the packet of a body that was written anew for p.
func reparsed(p *media.Packet, tag flv.TagType, body []byte) *media.Packet {
	packets, err := flv.AppendPackets(nil, tag, p.Timestamp, body)
	if err != nil || len(packets) != 1 {
		return p
	}
	packets[0].Received = p.Received
	return packets[0]
}
