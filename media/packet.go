package media

import "time"

// Kind says what a packet carries.
type Kind uint8

// The kinds of packets. Their zero value is no kind: a packet always has one.
const (
	Audio Kind = iota + 1 // RTMP message type 8
	Video                 // RTMP message type 9
	Data                  // RTMP message types 15 and 18: metadata, cue points, captions
)

// String returns "audio", "video" or "data", and "unknown" for anything else.
func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	case Data:
		return "data"
	}
	return "unknown"
}

// Names of packets that are state of a stream without being a sequence header (Packet.Name).
const (
	NameColorInfo     = "colorInfo"     // video Metadata packet (E-RTMP v2, Metadata)
	NameChannelConfig = "channelConfig" // audio MultichannelConfig packet (E-RTMP v2, MultichannelConfig)
	NameMetadata      = "onMetaData"    // the usual stored data message
)

// Packet is one frame, header or data message of a stream.
//
// A packet is shared by pointer among all who read the stream. From the moment it is handed
// to a Writer nobody may change it, its Body or its Data, and it is never recycled.
type Packet struct {
	Kind  Kind
	Track uint8  // E-RTMP v2 multitrack; 0 unless the message said otherwise
	Codec FourCC // zero for Data and for codecs that have no FourCC of their own

	// Timestamp is the decode time on the stream's own unwrapped timeline: it goes on rising
	// where the 32-bit millisecond clock of the protocol wraps.
	Timestamp time.Duration
	Offset    time.Duration // composition time offset, negative allowed

	// Config marks state of the stream that late joiners need before frames: a sequence header,
	// colour information, a channel configuration, a stored data message. It replaces the earlier
	// Config packet of the same Kind, Track and Name. A Config packet of kind Data with an empty
	// Body removes the stored message of that Name (@clearDataFrame).
	Config     bool
	Key        bool // decoding can start here
	Disposable bool // no other frame needs this one
	AMF3       bool // data message that came as type 15

	// Name is the handler of a data message ("onMetaData", "onTextData", …). In audio and video
	// it is empty but for Config packets that are not the sequence header (NameColorInfo, NameChannelConfig).
	Name string

	Received time.Time // when its last byte was read; zero when it did not come from a network

	// Body is the FLV tag body exactly as it was received, what RTMP and FLV outputs send.
	// The body of a data message begins with its handler name; the leading format byte of
	// message type 15 and the "@setDataFrame" in front are cut off.
	Body []byte
	// Data is the coded data (a frame, a codec configuration record), a sub-slice of Body; nil when the
	// packet's layout is unknown. Outputs other than RTMP and FLV read it.
	Data []byte
}

// FourCC names a codec by four ASCII bytes, most significant first, as Enhanced RTMP and MP4 do.
// Legacy FLV codecs that have no such name keep the zero value.
type FourCC uint32

// FourCC values of Enhanced RTMP v2. Legacy FLV codec ids 7 (AVC), 10 (AAC) and 2 (MP3) are equivalent to
// CodecAVC, CodecAAC and CodecMP3; the extension ids 12, 13, 14, 15 (video) and 13 (audio) to
// CodecHEVC, CodecAV1, CodecVP8, CodecVP9 and CodecOpus.
const (
	CodecVP8  FourCC = 0x76703038 // vp08
	CodecVP9  FourCC = 0x76703039 // vp09
	CodecAV1  FourCC = 0x61763031 // av01
	CodecAVC  FourCC = 0x61766331 // avc1
	CodecHEVC FourCC = 0x68766331 // hvc1
	CodecVVC  FourCC = 0x76766331 // vvc1

	CodecAC3  FourCC = 0x61632d33 // ac-3
	CodecEAC3 FourCC = 0x65632d33 // ec-3
	CodecOpus FourCC = 0x4f707573 // Opus
	CodecMP3  FourCC = 0x2e6d7033 // .mp3
	CodecFLAC FourCC = 0x664c6143 // fLaC
	CodecAAC  FourCC = 0x6d703461 // mp4a
)

// String returns the four characters, with "?" for bytes that are not printable ASCII,
// and "" for zero.
func (c FourCC) String() string {
	if c == 0 {
		return ""
	}
	b := [4]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}
	for i, v := range b {
		if v < 0x20 || v > 0x7e {
			b[i] = '?'
		}
	}
	return string(b[:])
}

// ParseFourCC returns the FourCC of a four-byte string; ok is false for any other length.
func ParseFourCC(s string) (c FourCC, ok bool) {
	if len(s) != 4 {
		return 0, false
	}
	return FourCC(s[0])<<24 | FourCC(s[1])<<16 | FourCC(s[2])<<8 | FourCC(s[3]), true
}
