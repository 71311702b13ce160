package mp3

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"

	"leat/amf"
	"leat/media"
)

const (
	id3Header  = 10
	id3v1Size  = 128
	maxID3Read = 1 << 20 // of a tag's text frames; pictures may lie behind
	maxID3Text = 4 << 10
	maxID3     = 64 // text frames
)

// tagSize returns the size of an ID3v2 tag at the start of b, 0 when there is none (ID3v2.4 3.1).
func tagSize(b []byte) int64 {
	if len(b) < id3Header || string(b[:3]) != "ID3" {
		return 0
	}
	size := int64(syncsafe(b[6:])) + id3Header
	if b[5]&0x10 != 0 { // a footer follows
		size += id3Header
	}
	return size
}

func syncsafe(b []byte) uint32 {
	return uint32(b[0]&0x7f)<<21 | uint32(b[1]&0x7f)<<14 | uint32(b[2]&0x7f)<<7 | uint32(b[3]&0x7f)
}

// names are the members that Flash gave to onID3, by ID3v2 frame.
var names = map[string]string{
	"TIT2": "songname", "TPE1": "artist", "TALB": "album", "TYER": "year", "TDRC": "year", "TRCK": "track", "TCON": "genre", "COMM": "comment",
}

// onID3 makes the data message of a tag's text frames; nil when there are none.
func onID3(tag []byte) *media.Packet {
	if len(tag) < id3Header {
		return nil
	}
	object := amf.NewObject()
	version, rest := tag[3], tag[id3Header:]
	if version != 3 && version != 4 {
		return nil
	}
	for len(rest) > id3Header && rest[0] != 0 && len(object.Members) < maxID3 {
		id := string(rest[:4])
		size := binary.BigEndian.Uint32(rest[4:])
		if version == 4 {
			size = syncsafe(rest[4:])
		}
		if int64(size) > int64(len(rest)-id3Header) {
			break
		}
		body := rest[id3Header : id3Header+int(size)]
		rest = rest[id3Header+int(size):]
		if id[0] != 'T' && id != "COMM" || len(body) > maxID3Text {
			continue
		}
		text := id3Text(id, body)
		object.Set(id, text)
		if name, ok := names[id]; ok {
			object.Set(name, text)
		}
	}
	if len(object.Members) == 0 {
		return nil
	}
	body, err := amf.Append(amf.AppendString(nil, "onID3"), object)
	if err != nil {
		return nil // more text than one message may hold
	}
	return &media.Packet{Kind: media.Data, Name: "onID3", Body: body}
}

// id3Text decodes a text frame (ID3v2.4 4.2): its first byte is the encoding.
func id3Text(id string, b []byte) string {
	if len(b) == 0 {
		return ""
	}
	encoding, b := b[0], b[1:]
	if id == "COMM" {
		b = withoutDescription(b, encoding == 1 || encoding == 2)
	}
	switch encoding {
	case 1, 2:
		return utf16Text(b, encoding == 2)
	case 3:
		return string(bytes.Trim(b, "\x00"))
	}
	runes := make([]rune, 0, len(b)) // Latin-1
	for _, c := range bytes.Trim(b, "\x00") {
		runes = append(runes, rune(c))
	}
	return string(runes)
}

// withoutDescription returns the text of a comment (ID3v2.4 4.10): language and a short description, which ends with a zero, come first.
func withoutDescription(b []byte, wide bool) []byte {
	b = b[min(3, len(b)):]
	if !wide {
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return b[i+1:]
		}
		return b
	}
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[i+2:]
		}
	}
	return b
}

func utf16Text(b []byte, bigEndian bool) string {
	if len(b) >= 2 {
		switch {
		case b[0] == 0xfe && b[1] == 0xff:
			bigEndian, b = true, b[2:]
		case b[0] == 0xff && b[1] == 0xfe:
			bigEndian, b = false, b[2:]
		}
	}
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if bigEndian {
			u = binary.BigEndian.Uint16(b)
		}
		if u != 0 {
			units = append(units, u)
		}
	}
	return string(utf16.Decode(units))
}
