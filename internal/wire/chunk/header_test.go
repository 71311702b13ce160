package chunk

import (
	"bytes"
	"testing"
)

func TestBasicHeader(t *testing.T) {
	tests := []struct {
		csid uint32
		wire string // fmt 0
	}{
		{2, "02"},
		{63, "3f"},
		{64, "00 00"},
		{319, "00 ff"},
		{320, "01 00 01"},
		{365, "01 2d 01"},
		{65599, "01 ff ff"},
	}
	for _, tt := range tests {
		for format := range uint8(4) {
			want := unhex(t, tt.wire)
			want[0] |= format << 6
			got := appendBasicHeader(nil, format, tt.csid)
			if !bytes.Equal(got, want) {
				t.Errorf("csid %d, fmt %d: wrote % x, want % x", tt.csid, format, got, want)
			}
			if basicHeaderSize(tt.csid) != len(want) {
				t.Errorf("basicHeaderSize(%d) = %d, want %d", tt.csid, basicHeaderSize(tt.csid), len(want))
			}
			var h header
			n := h.parse(append(got, make([]byte, 11)...))
			if h.csid != tt.csid || h.fmt != format || n != len(want)+messageHeaderSize[format] {
				t.Errorf("parse(% x) = csid %d, fmt %d, size %d", got, h.csid, h.fmt, n)
			}
		}
	}
}

// The three-byte form can carry IDs that fit into two bytes, and they are the same chunk stream.
func TestLongBasicHeader(t *testing.T) {
	wire := unhex(t, `
		00 24 00000a 000001 08 01000000 aa
		81 2400 000005 bb`)
	wantMessages(t, wire,
		Message{100, 10, 8, 1, []byte{0xaa}},
		Message{100, 15, 8, 1, []byte{0xbb}})
}

func TestHeaderTruncated(t *testing.T) {
	for _, wire := range []string{
		"03 0003e8 000020 08 39300000",
		"00 05 0003e8 000020 08 39300000",
		"01 0505 0003e8 000020 08 39300000",
		"43 000014 000020 08",
		"40 05 000014 000020 08",
		"83 000014",
		"81 0505 000014",
		"c1 0505",
	} {
		b := unhex(t, wire)
		var h header
		if n := h.parse(b); n != len(b) {
			t.Errorf("parse(%s) = %d, want %d", wire, n, len(b))
		}
		for n := range b {
			if got := h.parse(b[:n]); got != 0 {
				t.Errorf("parse of %d bytes of %s = %d, want 0", n, wire, got)
			}
		}
	}
}
