package flv

import (
	"encoding/binary"
	"fmt"
	"time"

	"leat/media"
)

// The parts that the Enhanced RTMP headers of audio and video share: ModEx, Multitrack and FourCC.

const (
	maxModEx    = 16     // blocks in one header; the specification defines one type
	maxTracks   = 256    // track ids are one byte
	maxNano     = 999999 // a full millisecond would be an RTMP timestamp
	maxModBytes = 65536  // UI16 + 1
)

// ModExType says what a ModEx block modifies (E-RTMP v2, ModEx).
type ModExType uint8

// ModExTimestampOffsetNano is the only type that is defined: Data begins with a UI24 of 0…999,999 nanoseconds,
// which are added to the presentation time of this message. All other types are skipped.
const ModExTimestampOffsetNano ModExType = 0

// ModEx is a block in front of an Enhanced RTMP header that modifies or extends it.
type ModEx struct {
	Type ModExType // 4 bits
	Data []byte    // 1 to 65,536 bytes
}

// NanoOffset returns the block that moves the presentation time by d, which is cut to 0…999,999 ns.
func NanoOffset(d time.Duration) ModEx {
	return ModEx{Type: ModExTimestampOffsetNano, Data: appendUint24(nil, uint32(min(max(d, 0), maxNano)))}
}

// nanoOffset returns what the blocks add to the presentation time. Values over 999,999 ns are not valid and are passed
// over.
func nanoOffset(blocks []ModEx) time.Duration {
	for _, m := range blocks {
		if m.Type == ModExTimestampOffsetNano && len(m.Data) >= 3 {
			if n := uint24(m.Data); n <= maxNano {
				return time.Duration(n)
			}
		}
	}
	return 0
}

// MultitrackType says how the tracks of one message are laid out (E-RTMP v2, Multitrack). Values above 2 are reserved.
type MultitrackType uint8

// Multitrack types.
const (
	OneTrack             MultitrackType = iota // one track that runs to the end of the message
	ManyTracks                                 // several tracks of one codec, each with its size
	ManyTracksManyCodecs                       // several tracks, each with its FourCC and its size
)

// exHeader is an Enhanced RTMP header behind the four bits that audio and video do not share.
type exHeader struct {
	packetType     uint8
	modEx          []ModEx
	multitrack     bool
	multitrackType MultitrackType
	fourCC         media.FourCC
	track          uint8
}

// exTypes are the packet types of audio or video that change the layout of the header.
type exTypes struct {
	tag          TagType
	modEx, multi uint8
}

// parseModEx reads ModEx blocks from b[n:] on while the packet type says that one follows.
func (h *exHeader) parseModEx(b []byte, n int, t exTypes) (int, *Error) {
	for h.packetType == t.modEx {
		if len(h.modEx) == maxModEx {
			return n, &Error{Tag: t.tag, Offset: n, Reason: "more than 16 ModEx blocks"}
		}
		if n >= len(b) {
			return n, truncated(t.tag, b, "ModEx size")
		}
		size := int(b[n]) + 1
		n++
		if size == 256 { // the size of larger blocks follows in 16 bits
			if len(b)-n < 2 {
				return n, truncated(t.tag, b, "ModEx size")
			}
			size = int(binary.BigEndian.Uint16(b[n:])) + 1
			n += 2
		}
		if len(b)-n < size+1 {
			return n, truncated(t.tag, b, "end of ModEx")
		}
		next := b[n+size]
		h.modEx = append(h.modEx, ModEx{Type: ModExType(next >> 4), Data: b[n : n+size : n+size]})
		h.packetType = next & 0x0f
		n += size + 1
	}
	return n, nil
}

// parseTracks reads the multitrack byte, if the packet type says so, the FourCC and the id of a single track.
// The result is the offset of the payload, or of the first track if there may be several.
func (h *exHeader) parseTracks(b []byte, n int, t exTypes) (int, *Error) {
	if h.packetType == t.multi {
		if n >= len(b) {
			return n, truncated(t.tag, b, "multitrack type")
		}
		h.multitrack = true
		h.multitrackType = MultitrackType(b[n] >> 4)
		h.packetType = b[n] & 0x0f
		n++
		if h.packetType == t.multi || h.packetType == t.modEx {
			return n, &Error{Tag: t.tag, Offset: n - 1, Reason: "a multitrack message within a multitrack message"}
		}
		if h.multitrackType >= ManyTracksManyCodecs {
			return n, nil // each track has its own FourCC; reserved types have an unknown layout
		}
	}
	if len(b)-n < 4 {
		return n, truncated(t.tag, b, "end of the FourCC")
	}
	h.fourCC = media.FourCC(binary.BigEndian.Uint32(b[n:]))
	n += 4
	if h.multitrack && h.multitrackType == OneTrack {
		if n >= len(b) {
			return n, truncated(t.tag, b, "track id")
		}
		h.track = b[n]
		n++
	}
	return n, nil
}

// append writes the header behind the upper four bits of its first byte, which are in first.
func (h *exHeader) append(dst []byte, first byte, t exTypes, withFourCC bool) ([]byte, error) {
	if len(h.modEx) > maxModEx {
		return dst, &Error{Tag: t.tag, Reason: "more than 16 ModEx blocks"}
	}
	last := h.packetType
	if h.multitrack {
		last = t.multi
	}
	start := len(dst)
	dst = append(dst, first|last)
	for i, m := range h.modEx {
		if len(m.Data) == 0 || len(m.Data) > maxModBytes || m.Type > 15 {
			return dst[:start], &Error{Tag: t.tag, Reason: fmt.Sprintf("ModEx block %d has %d bytes, or a type above 15", i, len(m.Data))}
		}
		dst[len(dst)-1] = dst[len(dst)-1]&0xf0 | t.modEx
		if n := len(m.Data) - 1; n < 255 {
			dst = append(dst, byte(n))
		} else {
			dst = append(dst, 255, byte(n>>8), byte(n))
		}
		dst = append(dst, m.Data...)
		dst = append(dst, byte(m.Type)<<4|last)
	}
	if h.multitrack {
		dst = append(dst, byte(h.multitrackType)<<4|h.packetType)
		withFourCC = h.multitrackType < ManyTracksManyCodecs
	}
	if withFourCC {
		dst = binary.BigEndian.AppendUint32(dst, uint32(h.fourCC))
	}
	if h.multitrack && h.multitrackType == OneTrack {
		dst = append(dst, h.track)
	}
	return dst, nil
}

// Track is one track of a ManyTracks or ManyTracksManyCodecs body.
type Track struct {
	FourCC  media.FourCC // only in ManyTracksManyCodecs; zero in ManyTracks
	ID      uint8
	Payload []byte // less than 16 MiB; includes the composition time offset of video codecs that have one
}

// ParseTrack reads the first track of b, the bytes behind a header of type t, which must be ManyTracks or
// ManyTracksManyCodecs. The payload is a sub-slice of b; rest is what follows it. The error is an *Error: the bytes ended too early.
func ParseTrack(b []byte, t MultitrackType) (tr Track, rest []byte, err error) {
	n := 0
	if t == ManyTracksManyCodecs {
		if len(b) < 4 {
			return Track{}, nil, truncated(0, b, "end of the FourCC of a track")
		}
		tr.FourCC = media.FourCC(binary.BigEndian.Uint32(b))
		n = 4
	}
	if len(b)-n < 4 {
		return Track{}, nil, truncated(0, b, "size of a track")
	}
	tr.ID = b[n]
	size := int(uint24(b[n+1:]))
	n += 4
	if len(b)-n < size {
		return Track{}, nil, truncated(0, b, "end of a track")
	}
	tr.Payload = b[n : n+size : n+size]
	return tr, b[n+size:], nil
}

// AppendTrack appends tr as ParseTrack reads it. A payload of 16 MiB or more is an *Error, and dst is returned as it was.
func AppendTrack(dst []byte, t MultitrackType, tr *Track) ([]byte, error) {
	if len(tr.Payload) > maxTagBody {
		return dst, &Error{Reason: "a track of 16 MiB or more"}
	}
	if t == ManyTracksManyCodecs {
		dst = binary.BigEndian.AppendUint32(dst, uint32(tr.FourCC))
	}
	dst = append(dst, tr.ID)
	dst = appendUint24(dst, uint32(len(tr.Payload)))
	return append(dst, tr.Payload...), nil
}
