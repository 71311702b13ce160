package mp4

import (
	"encoding/binary"
	"slices"

	"leat/media"
)

// entry is a sample description: what the samples that refer to it are (ISO 14496-12 8.5.2).
type entry struct {
	kind    media.Kind   // zero: RTMP has no form for it
	codec   media.FourCC // zero in text
	config  []byte       // Data of the sequence header; nil if the codec has none
	nalSize int          // bytes of a NAL unit's length in the samples; 0: they have no NAL units

	width, height  int
	rate, channels int
}

const maxEntries = 256 // of a track

// readEntries reads an stsd box. What RTMP cannot carry is in the list with kind 0.
func readEntries(b []byte) ([]entry, error) {
	f := fields{b: b}
	f.full()
	count := f.u32()
	if err := f.check("stsd"); err != nil {
		return nil, err
	}
	var entries []entry
	err := children(f.b, func(x box) error {
		if uint32(len(entries)) == count {
			return nil
		}
		if len(entries) == maxEntries {
			return damaged("more than %d sample descriptions", maxEntries)
		}
		e := readEntry(x)
		if e.kind == 0 {
			e = entry{}
		}
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// readEntry reads a sample description. One that lacks something is as one that RTMP cannot carry.
func readEntry(x box) entry {
	switch x.kind {
	case "avc1", "avc3":
		return readVideo(x.body, media.CodecAVC, "avcC")
	case "hvc1", "hev1":
		return readVideo(x.body, media.CodecHEVC, "hvcC")
	case "vvc1", "vvi1":
		return readVideo(x.body, media.CodecVVC, "vvcC")
	case "av01":
		return readVideo(x.body, media.CodecAV1, "av1C")
	case "vp09":
		return readVideo(x.body, media.CodecVP9, "vpcC")
	case "vp08":
		return readVideo(x.body, media.CodecVP8, "vpcC")
	case "mp4a", ".mp3", "ms\x00\x55", "Opus", "fLaC", "ac-3", "ec-3":
		return readAudio(x)
	case "tx3g", "text":
		return entry{kind: media.Data}
	}
	return entry{}
}

const visualEntrySize = 78 // up to its boxes

func readVideo(b []byte, codec media.FourCC, configBox string) entry {
	if len(b) < visualEntrySize {
		return entry{}
	}
	e := entry{
		codec:  codec,
		width:  int(binary.BigEndian.Uint16(b[24:])),
		height: int(binary.BigEndian.Uint16(b[26:])),
	}
	if e.setVideoConfig(findChild(b[visualEntrySize:], configBox)) {
		e.kind = media.Video
	}
	return e
}

// setVideoConfig takes the body of the codec's configuration box. The records of codecs with NAL units are made to say
// that lengths have four bytes, which is how the samples will be sent.
func (e *entry) setVideoConfig(record []byte) bool {
	at, shift := 0, 0 // of lengthSizeMinusOne
	switch e.codec {
	case media.CodecAVC: // ISO 14496-15 5.3.3.1
		if len(record) < 7 {
			return false
		}
		at = 4
	case media.CodecHEVC: // ISO 14496-15 8.3.3.1
		if len(record) < 23 {
			return false
		}
		at = 21
	case media.CodecVVC: // ISO 14496-15 11.2.4.2; the box is a full one
		if len(record) < 6 {
			return false
		}
		record, shift = record[4:], 1
	default:
		e.config = slices.Clone(record)
		return len(record) >= 4
	}
	e.config = slices.Clone(record)
	e.nalSize = int(record[at]>>shift&3) + 1
	e.config[at] |= 3 << shift
	return true
}

// findChild returns the body of the first box of a kind in b, or nil.
func findChild(b []byte, kind string) []byte {
	for len(b) > 0 {
		x, rest, err := nextBox(b)
		if err != nil {
			return nil
		}
		if x.kind == kind {
			return x.body
		}
		b = rest
	}
	return nil
}
