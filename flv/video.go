package flv

import (
	"leat/media"
)

// FrameType is the kind of a video frame (FLV 10.1, E.4.3.1). 0, 6 and 7 are reserved.
type FrameType uint8

// Frame types.
const (
	FrameKey          FrameType = iota + 1
	FrameInter                  // depends on others
	FrameDisposable             // no other frame depends on it
	FrameGeneratedKey           // reserved for servers
	FrameCommand                // no frame: a VideoCommand
)

// VideoCodecID is the codec of a legacy video tag. 8, 9 and 12 to 15 are not Adobe's: encoders and players of the field
// agreed on them before Enhanced RTMP came.
type VideoCodecID uint8

// Legacy video codecs.
const (
	VideoJPEG     VideoCodecID = 1
	VideoSorenson VideoCodecID = 2 // Sorenson H.263
	VideoScreen   VideoCodecID = 3
	VideoVP6      VideoCodecID = 4
	VideoVP6Alpha VideoCodecID = 5
	VideoScreen2  VideoCodecID = 6
	VideoAVC      VideoCodecID = 7
	VideoRealH263 VideoCodecID = 8
	VideoMPEG4    VideoCodecID = 9 // MPEG-4 part 2
	VideoHEVC     VideoCodecID = 12
	VideoAV1      VideoCodecID = 13
	VideoVP8      VideoCodecID = 14
	VideoVP9      VideoCodecID = 15
)

// FourCC returns the FourCC that means the same codec, or zero.
func (id VideoCodecID) FourCC() media.FourCC {
	switch id {
	case VideoAVC:
		return media.CodecAVC
	case VideoHEVC:
		return media.CodecHEVC
	case VideoAV1:
		return media.CodecAV1
	case VideoVP8:
		return media.CodecVP8
	case VideoVP9:
		return media.CodecVP9
	}
	return 0
}

// hasPacketType reports whether AVCPacketType and CompositionTime follow the first byte.
func (id VideoCodecID) hasPacketType() bool { return id.FourCC() != 0 }

// AVCPacketType says what a legacy AVC tag holds (FLV 10.1, E.4.3.1). The extension ids 12 to 15 use it too.
type AVCPacketType uint8

// AVC packet types.
const (
	AVCSequenceHeader AVCPacketType = iota
	AVCNALU
	AVCEndOfSequence
)

// VideoPacketType says what an Enhanced RTMP video message holds (E-RTMP v2, Enhanced Video). Others are reserved.
type VideoPacketType uint8

// Video packet types.
const (
	VideoSequenceStart        VideoPacketType = iota // the configuration record of the codec
	VideoCodedFrames                                 // frames; with a composition time for AVC, HEVC and VVC
	VideoSequenceEnd                                 // nothing
	VideoCodedFramesX                                // frames whose composition time is 0
	VideoMetadata                                    // AMF pairs of name and value
	VideoMPEG2TSSequenceStart                        // AV1: the video descriptor of AV1 in MPEG-2 TS
	VideoMultitrack                                  // only on the wire: a VideoHeader has the type behind it
	VideoModEx                                       // only on the wire: a VideoHeader has the type behind it
)

// VideoCommand brackets the frames that a client must decode and not show on its way to the point it sought (FLV 10.1, E.4.3.1;
// E-RTMP v2, Enhanced Video). Others are reserved.
type VideoCommand uint8

// Video commands.
const (
	VideoStartSeek VideoCommand = iota
	VideoEndSeek
)

// VideoHeader is the front of a video body up to the coded data, or up to the first of several tracks.
type VideoHeader struct {
	Enhanced  bool      // Enhanced RTMP; otherwise the legacy layout
	FrameType FrameType // 3 bits; of no meaning in VideoMetadata

	CodecID       VideoCodecID  // legacy only
	AVCPacketType AVCPacketType // legacy AVC and the extension ids 12 to 15 only

	PacketType     VideoPacketType // Enhanced only; never VideoMultitrack or VideoModEx; of no meaning in a command
	ModEx          []ModEx
	Multitrack     bool
	MultitrackType MultitrackType
	FourCC         media.FourCC // zero in ManyTracksManyCodecs, where each track has one
	TrackID        uint8        // OneTrack only

	// CompositionTime is the offset from decoding to presentation in milliseconds, −8,388,608 to 8,388,607. It is 0
	// where the layout has no field for it, and with several tracks, where each payload begins with its own.
	CompositionTime int32

	Command VideoCommand // only if IsCommand
}

// IsCommand reports whether the body is a Command and has no frame.
func (h *VideoHeader) IsCommand() bool {
	return h.FrameType == FrameCommand && (!h.Enhanced || h.PacketType != VideoMetadata)
}

// ManyTracks reports whether tracks follow the header, for ParseTrack.
func (h *VideoHeader) ManyTracks() bool { return h.Multitrack && h.MultitrackType != OneTrack }

var videoTypes = exTypes{tag: TagVideo, modEx: uint8(VideoModEx), multi: uint8(VideoMultitrack)}

const exVideoFlag = 0x80

// ParseVideoHeader reads the front of a video body and returns the offset of what follows it (FLV 10.1, E.4.3.1;
// E-RTMP v2, Enhanced Video). The error is an *Error. ModEx data are sub-slices of b.
//
// With a reserved packet or multitrack type the offset is that of the first byte whose meaning is unknown.
func ParseVideoHeader(b []byte) (h VideoHeader, n int, err error) {
	if len(b) == 0 {
		return h, 0, truncated(TagVideo, b, "first byte")
	}
	var e *Error
	if b[0]&exVideoFlag != 0 {
		n, e = h.parseEnhanced(b)
	} else {
		n, e = h.parseLegacy(b)
	}
	if e != nil {
		return h, n, e
	}
	return h, n, nil
}

func (h *VideoHeader) parseLegacy(b []byte) (int, *Error) {
	h.FrameType = FrameType(b[0] >> 4)
	h.CodecID = VideoCodecID(b[0] & 0x0f)
	if h.FrameType == FrameCommand {
		return h.parseLegacyCommand(b)
	}
	if !h.CodecID.hasPacketType() {
		return 1, nil
	}
	if len(b) < 5 {
		return len(b), truncated(TagVideo, b, "end of the composition time")
	}
	h.AVCPacketType = AVCPacketType(b[1])
	h.CompositionTime = int24(b[2:])
	return 5, nil
}

// parseLegacyCommand takes both layouts that are in use: servers send two bytes; to the letter of the
// specification the fields of AVC stand in between.
func (h *VideoHeader) parseLegacyCommand(b []byte) (int, *Error) {
	n := 1
	if h.CodecID.hasPacketType() && len(b) >= 6 {
		n = 5
	}
	if n >= len(b) {
		return n, truncated(TagVideo, b, "command")
	}
	h.Command = VideoCommand(b[n])
	return n + 1, nil
}

func (h *VideoHeader) parseEnhanced(b []byte) (int, *Error) {
	h.Enhanced = true
	h.FrameType = FrameType(b[0] >> 4 & 7)
	ex := exHeader{packetType: b[0] & 0x0f}
	n, err := ex.parseModEx(b, 1, videoTypes)
	h.PacketType, h.ModEx = VideoPacketType(ex.packetType), ex.modEx
	if err != nil {
		return n, err
	}
	if h.IsCommand() {
		if n >= len(b) {
			return n, truncated(TagVideo, b, "command")
		}
		h.Command = VideoCommand(b[n])
		return n + 1, nil
	}
	n, err = ex.parseTracks(b, n, videoTypes)
	h.PacketType, h.Multitrack, h.MultitrackType = VideoPacketType(ex.packetType), ex.multitrack, ex.multitrackType
	h.FourCC, h.TrackID = ex.fourCC, ex.track
	if err != nil || h.ManyTracks() || !hasCompositionTime(h.PacketType, h.FourCC) {
		return n, err
	}
	if len(b)-n < 3 {
		return n, truncated(TagVideo, b, "end of the composition time")
	}
	h.CompositionTime = int24(b[n:])
	return n + 3, nil
}

// hasCompositionTime reports whether an SI24 stands in front of the coded data.
func hasCompositionTime(t VideoPacketType, c media.FourCC) bool {
	return t == VideoCodedFrames && (c == media.CodecAVC || c == media.CodecHEVC || c == media.CodecVVC)
}

// AppendVideoHeader appends h as ParseVideoHeader reads it; commands in the two-byte layout. It fails, with dst as
// it was, if a ModEx block is empty or too long, a field does not fit its bits, or a composition time is set that
// the layout has no field for.
func AppendVideoHeader(dst []byte, h *VideoHeader) ([]byte, error) {
	if h.FrameType > 7 || h.CodecID > 15 || h.PacketType > 15 || h.MultitrackType > 15 ||
		h.CompositionTime != h.CompositionTime<<8>>8 {
		return dst, &Error{Tag: TagVideo, Reason: "a field of the header is too large"}
	}
	if !h.Enhanced {
		return h.appendLegacy(dst)
	}
	if h.PacketType == VideoModEx || h.PacketType == VideoMultitrack && !h.IsCommand() {
		return dst, &Error{Tag: TagVideo, Reason: "the packet type must be the one behind ModEx and Multitrack"}
	}
	withTime := !h.ManyTracks() && hasCompositionTime(h.PacketType, h.FourCC)
	if h.CompositionTime != 0 && !withTime {
		return dst, &Error{Tag: TagVideo, Reason: "no place for a composition time"}
	}
	ex := exHeader{
		packetType: uint8(h.PacketType), modEx: h.ModEx, multitrack: h.Multitrack && !h.IsCommand(),
		multitrackType: h.MultitrackType, fourCC: h.FourCC, track: h.TrackID,
	}
	dst, err := ex.append(dst, exVideoFlag|byte(h.FrameType)<<4, videoTypes, !h.IsCommand())
	if err != nil {
		return dst, err
	}
	switch {
	case h.IsCommand():
		dst = append(dst, byte(h.Command))
	case withTime:
		dst = appendUint24(dst, uint32(h.CompositionTime))
	}
	return dst, nil
}

func (h *VideoHeader) appendLegacy(dst []byte) ([]byte, error) {
	withType := !h.IsCommand() && h.CodecID.hasPacketType()
	if h.CompositionTime != 0 && !withType {
		return dst, &Error{Tag: TagVideo, Reason: "no place for a composition time"}
	}
	dst = append(dst, byte(h.FrameType)<<4|byte(h.CodecID))
	switch {
	case h.IsCommand():
		dst = append(dst, byte(h.Command))
	case withType:
		dst = append(dst, byte(h.AVCPacketType))
		dst = appendUint24(dst, uint32(h.CompositionTime))
	}
	return dst, nil
}
