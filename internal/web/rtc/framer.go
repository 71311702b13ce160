package rtc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"leat/flv"
	"leat/internal/format/codec"
	"leat/media"
)

// opusHead is the sequence header of all Opus over WebRTC (RFC 7845 5.1): two channels, 312 samples of pre-skip, 48 kHz.
var opusHead = []byte{'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0}

// errNoHeader says that a decoder could not begin with a frame.
var errNoHeader = errors.New("no parameter sets have come with the key frame")

// framer makes packets of the frames of one track.
type framer struct {
	codec         media.FourCC
	vps, sps, pps []byte
	config        []byte // the sequence header in force
}

// packets appends the packets of a frame: the frame, and a sequence header in front if it has changed. frame is not kept. The error
// says that the frame is left out.
func (f *framer) packets(dst []*media.Packet, frame []byte, at time.Duration) ([]*media.Packet, error) {
	var config []byte
	var key bool
	var err error
	switch f.codec {
	case media.CodecOpus:
		config, key = opusHead, true
	case media.CodecAVC, media.CodecHEVC:
		if frame, key = f.units(frame); key {
			config, err = f.record()
		}
	case media.CodecAV1:
		config, err = codec.AV1Record(frame)
		key = config != nil
	case media.CodecVP9:
		if config, err = codec.VP9Record(frame); err != nil {
			config, err = nil, nil // it begins as no key frame does
		}
		key = config != nil
	case media.CodecVP8:
		if key = len(frame) > 0 && frame[0]&1 == 0; key {
			config = codec.VP8Record()
		}
	}
	if err != nil || len(frame) == 0 {
		return dst, err
	}
	if config != nil && !bytes.Equal(config, f.config) {
		f.config = slices.Clone(config)
		if dst, err = f.append(dst, config, true, true, at); err != nil {
			return dst, err
		}
	}
	return f.append(dst, frame, false, key, at)
}

// append adds one packet: H.264 as RTMP has always had it, the rest in Enhanced RTMP.
func (f *framer) append(dst []*media.Packet, data []byte, config, key bool, at time.Duration) ([]*media.Packet, error) {
	var body []byte
	var err error
	tag := flv.TagVideo
	if f.codec == media.CodecOpus {
		tag = flv.TagAudio
		h := flv.AudioHeader{Enhanced: true, FourCC: f.codec, PacketType: flv.AudioCodedFrames}
		if config {
			h.PacketType = flv.AudioSequenceStart
		}
		body, err = flv.AppendAudioHeader(nil, &h)
	} else {
		body, err = flv.AppendVideoHeader(nil, f.videoHeader(config, key))
	}
	if err != nil {
		return dst, err
	}
	return flv.AppendPackets(dst, tag, at, append(body, data...))
}

func (f *framer) videoHeader(config, key bool) *flv.VideoHeader {
	h := &flv.VideoHeader{FrameType: flv.FrameInter}
	if key {
		h.FrameType = flv.FrameKey
	}
	if f.codec == media.CodecAVC {
		h.CodecID, h.AVCPacketType = flv.VideoAVC, flv.AVCNALU
		if config {
			h.AVCPacketType = flv.AVCSequenceHeader
		}
		return h
	}
	h.Enhanced, h.FourCC, h.PacketType = true, f.codec, flv.VideoCodedFrames
	switch {
	case config:
		h.PacketType = flv.VideoSequenceStart
	case f.codec == media.CodecHEVC:
		h.PacketType = flv.VideoCodedFramesX
	}
	return h
}

// record makes the sequence header of the parameter sets that have come.
func (f *framer) record() ([]byte, error) {
	switch {
	case f.sps == nil || f.pps == nil || f.codec == media.CodecHEVC && f.vps == nil:
		return nil, errNoHeader
	case f.codec == media.CodecHEVC:
		return codec.HEVCRecord(f.vps, f.sps, f.pps)
	}
	return codec.AVCRecord(f.sps, f.pps)
}

// units turns start codes into lengths. Parameter sets are taken note of and, like delimiters and filler, left out.
func (f *framer) units(frame []byte) (out []byte, key bool) {
	out = make([]byte, 0, len(frame)+16)
	for unit := range annexB(frame) {
		if f.note(unit) {
			continue
		}
		key = key || f.isKey(unit[0])
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(unit))), unit...)
	}
	return out, key
}

// The types of NAL units that are looked at (ISO 14496-10 table 7-1, ISO 23008-2 table 7-1).
const (
	avcIDR, avcSPS, avcPPS, avcDelimiter, avcFiller = 5, 7, 8, 9, 12

	hevcFirstIRAP, hevcLastIRAP                        = 16, 23
	hevcVPS, hevcSPS, hevcPPS, hevcDelimiter, hevcFill = 32, 33, 34, 35, 38
)

// note reports whether a unit belongs into no frame.
func (f *framer) note(unit []byte) bool {
	var set *[]byte
	if f.codec == media.CodecAVC {
		switch unit[0] & 0x1f {
		case avcSPS:
			set = &f.sps
		case avcPPS:
			set = &f.pps
		case avcDelimiter, avcFiller:
			return true
		}
	} else {
		switch unit[0] >> 1 & 0x3f {
		case hevcVPS:
			set = &f.vps
		case hevcSPS:
			set = &f.sps
		case hevcPPS:
			set = &f.pps
		case hevcDelimiter, hevcFill:
			return true
		}
	}
	if set != nil {
		*set = slices.Clone(unit)
	}
	return set != nil
}

func (f *framer) isKey(first byte) bool {
	if f.codec == media.CodecAVC {
		return first&0x1f == avcIDR
	}
	t := first >> 1 & 0x3f
	return t >= hevcFirstIRAP && t <= hevcLastIRAP
}

// annexB yields the NAL units between start codes; none is empty.
func annexB(b []byte) func(yield func(unit []byte) bool) {
	return func(yield func([]byte) bool) {
		start := []byte{0, 0, 1}
		_, b, _ = bytes.Cut(b, start)
		for len(b) > 0 {
			unit, rest, _ := bytes.Cut(b, start)
			b = rest
			if unit = bytes.TrimRight(unit, "\x00"); len(unit) > 0 && !yield(unit) {
				return
			}
		}
	}
}
