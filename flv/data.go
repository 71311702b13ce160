package flv

import (
	"encoding/binary"
	"slices"
	"time"

	"leat/media"
)

// Handler names of data messages that a publisher sends to the server (RTMP, NetStream data messages).
const (
	setDataFrame   = "@setDataFrame"
	clearDataFrame = "@clearDataFrame"
)

const (
	// maxSkipped is how many values may stand in front of a handler name. A packet's body begins at the name and keeps all of the message in
	// memory, so there must not be much.
	maxSkipped = 16
	// maxName is how many bytes a handler name may have: it lies in memory besides the body, and in indexes.
	maxName = 1 << 10
)

// IsNameless reports whether p is a data message that begins with no handler name, as the timecodes that FFmpeg copies from some files do.
// It means nothing to a player, and FFmpeg takes it for a track of subtitles.
func IsNameless(p *media.Packet) bool {
	return p.Kind == media.Data && !p.Config && p.Name == "" && p.Data == nil
}

// AMF0 markers of the values that are looked at in front of the handler name.
const (
	amf0Number      = 0x00
	amf0Boolean     = 0x01
	amf0StringMark  = 0x02
	amf0Null        = 0x05
	amf0Undefined   = 0x06
	amf0Date        = 0x0b
	amf0LongString  = 0x0c
	amf0Unsupported = 0x0d
)

// appendData appends the packet of a data message, as AppendPackets says.
func appendData(dst []*media.Packet, t TagType, timestamp time.Duration, body []byte) ([]*media.Packet, error) {
	p := &media.Packet{Kind: media.Data, Timestamp: timestamp, AMF3: t == TagScriptAMF3, Body: body}
	dst = append(dst, p)
	name, start, rest, ok := dataHandler(t, body)
	if !ok {
		return dst, nil
	}
	if name == setDataFrame || name == clearDataFrame {
		stored, after, ok := amf0String(rest)
		if !ok {
			p.Name = name
			return dst, truncated(t, body, "name of the stored data message")
		}
		p.Config, p.Name = true, stored
		if name == clearDataFrame {
			p.Body = nil
			return dst, nil
		}
		p.Body, p.Data = slices.Clip(rest), slices.Clip(after)
		return dst, nil
	}
	p.Name, p.Body, p.Data = name, slices.Clip(body[start:]), slices.Clip(rest)
	p.Config = name == media.NameMetadata
	return dst, nil
}

// dataHandler finds the handler name of a message. It starts at byte start, and rest follows it.
func dataHandler(t TagType, body []byte) (name string, start int, rest []byte, ok bool) {
	if t == TagScriptAMF3 && len(body) > 0 && body[0] == 0 {
		// The format byte; but to one who cut it off already, a leading 0x00 is the marker of a number.
		if name, start, rest, ok := scanHandler(body[1:]); ok {
			return name, start + 1, rest, true
		}
	}
	return scanHandler(body)
}

// scanHandler skips scalar values up to the first string.
func scanHandler(b []byte) (name string, start int, rest []byte, ok bool) {
	for skipped := 0; start < len(b) && skipped <= maxSkipped; skipped++ {
		if name, rest, ok := amf0String(b[start:]); ok {
			return name, start, rest, true
		}
		switch b[start] {
		case amf0Number:
			start += 9
		case amf0Boolean:
			start += 2
		case amf0Date:
			start += 11
		case amf0Null, amf0Undefined, amf0Unsupported:
			start++
		default:
			return "", 0, nil, false
		}
	}
	return "", 0, nil, false
}

// amf0String reads the AMF0 string or long string at the start of b, unless it is longer than a name may be.
func amf0String(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 3 {
		return "", nil, false
	}
	var n, size uint64
	switch {
	case b[0] == amf0StringMark:
		n, size = 3, uint64(binary.BigEndian.Uint16(b[1:]))
	case b[0] == amf0LongString && len(b) >= 5:
		n, size = 5, uint64(binary.BigEndian.Uint32(b[1:]))
	default:
		return "", nil, false
	}
	if uint64(len(b)) < n+size || size > maxName {
		return "", nil, false
	}
	return string(b[n : n+size]), b[n+size:], true
}
