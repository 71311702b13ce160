package flv

import (
	"encoding/binary"
	"fmt"

	"leat/media"
)

// TagType is the type of an FLV tag, and of the RTMP message with the same payload.
type TagType uint8

// Tag types. Readers skip all others.
const (
	TagAudio      TagType = 8
	TagVideo      TagType = 9
	TagScriptAMF3 TagType = 15 // script data whose values may switch to AMF3 (E-RTMP v2, AMF3 in FLV)
	TagScript     TagType = 18
)

// String returns "audio", "video", "script", "AMF3 script", "file header" for zero, and the number for others.
func (t TagType) String() string {
	switch t {
	case 0:
		return "file header"
	case TagAudio:
		return "audio"
	case TagVideo:
		return "video"
	case TagScriptAMF3:
		return "AMF3 script"
	case TagScript:
		return "script"
	}
	return fmt.Sprintf("tag type %d", uint8(t))
}

const (
	fileHeaderSize  = 9
	tagHeaderSize   = 11
	previousTagSize = 4
	maxTagBody      = 1<<24 - 1

	flagAudio  = 4
	flagVideo  = 1
	filterFlag = 0x20
)

// Tag is one tag of a file as it stands there.
type Tag struct {
	Type      TagType
	Encrypted bool   // the Filter bit: Body begins with an EncryptionTagHeader and cannot be used
	Timestamp uint32 // milliseconds, modulo 2^32
	StreamID  uint32 // 24 bits; writers put 0
	Body      []byte // less than 16 MiB
}

// tagHeader is what the 11 bytes in front of a body say.
type tagHeader struct {
	Tag
	size int
}

// parseTagHeader reads the 11 bytes b (FLV 10.1, E.4.1).
func parseTagHeader(b []byte) tagHeader {
	_ = b[tagHeaderSize-1]
	return tagHeader{
		Tag: Tag{
			Type:      TagType(b[0] & 0x1f),
			Encrypted: b[0]&filterFlag != 0,
			Timestamp: uint24(b[4:]) | uint32(b[7])<<24,
			StreamID:  uint24(b[8:]),
		},
		size: int(uint24(b[1:])),
	}
}

// PacketTag returns the type of the tag, and of the RTMP message, in which p travels. It returns 0 for a packet
// without a Kind.
func PacketTag(p *media.Packet) TagType {
	switch {
	case p.Kind == media.Audio:
		return TagAudio
	case p.Kind == media.Video:
		return TagVideo
	case p.Kind == media.Data && p.AMF3:
		return TagScriptAMF3
	case p.Kind == media.Data:
		return TagScript
	}
	return 0
}

// AppendHeader appends the 13 bytes with which a file or an HTTP-FLV stream begins: the header with its two flags and
// the first PreviousTagSize (FLV 10.1, E.2). Set both flags when it is not known what will come.
func AppendHeader(dst []byte, audio, video bool) []byte {
	var flags byte
	if audio {
		flags |= flagAudio
	}
	if video {
		flags |= flagVideo
	}
	return append(dst, 'F', 'L', 'V', 1, flags, 0, 0, 0, fileHeaderSize, 0, 0, 0, 0)
}

// AppendTag appends p as a tag: header, body and the PreviousTagSize behind it. The timestamp is in milliseconds,
// modulo 2^32. Data messages become tags of type 18 even if p.AMF3 is set, because players know only these, and get
// their AMF0Body.
//
// Nothing is appended for what no file holds: a packet without a Kind, the removal of a stored data message
// (an empty Body of kind Data), and a body of 16 MiB or more.
func AppendTag(dst []byte, p *media.Packet, timestamp uint32) []byte {
	t, body := PacketTag(p), p.Body
	switch t {
	case 0:
		return dst
	case TagScript, TagScriptAMF3:
		if len(body) == 0 {
			return dst
		}
		t, body = TagScript, AMF0Body(p)
	}
	return appendTag(dst, t, timestamp, body)
}

func appendTag(dst []byte, t TagType, timestamp uint32, body []byte) []byte {
	if len(body) > maxTagBody {
		return dst
	}
	dst = append(dst, byte(t))
	dst = appendUint24(dst, uint32(len(body)))
	dst = appendUint24(dst, timestamp)
	dst = append(dst, byte(timestamp>>24), 0, 0, 0)
	dst = append(dst, body...)
	return binary.BigEndian.AppendUint32(dst, uint32(tagHeaderSize+len(body)))
}

func uint24(b []byte) uint32 {
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}

func appendUint24(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>16), byte(v>>8), byte(v))
}

// int24 reads an SI24, two's complement.
func int24(b []byte) int32 { return int32(uint24(b)<<8) >> 8 }
