package chunk

import (
	"encoding/binary"
	"testing"
)

// Chunk streams that open with something other than fmt 0: librtmp's control messages (fmt 1), DJI
// cameras (fmt 2 on chunk stream 33).
func TestReaderFreshChunkStream(t *testing.T) {
	tests := []struct {
		name string
		wire string
		want []Message
	}{
		{
			name: "librtmp SetBufferLength",
			wire: "42 000000 00000a 04 0003 00000000 0000012c",
			want: []Message{{2, 0, 4, 0, unhex(t, "0003000000000000012c")}},
		},
		{
			name: "librtmp Acknowledgement",
			wire: "42 000000 000004 03 00030d40",
			want: []Message{{2, 0, 3, 0, unhex(t, "00030d40")}},
		},
		{
			name: "fmt 1 with an extended delta",
			wire: "45 ffffff 000001 08 01000000 aa c5 01000000 bb",
			want: []Message{{5, 0x1000000, 8, 0, []byte{0xaa}}, {5, 0x2000000, 8, 0, []byte{0xbb}}},
		},
		{
			name: "fmt 2 is an empty message of type 0",
			wire: "a1 000014 21 000001 000001 08 01000000 aa",
			want: []Message{{33, 20, 0, 0, nil}, {33, 1, 8, 1, []byte{0xaa}}},
		},
		{
			name: "fmt 3 is an empty message of type 0 at time 0",
			wire: "e1 21 000001 000001 08 01000000 aa",
			want: []Message{{33, 0, 0, 0, nil}, {33, 1, 8, 1, []byte{0xaa}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantMessages(t, unhex(t, tt.wire), tt.want...) })
	}
}

// A header of fmt 0, 1 or 2 within a message: the old message is dropped, its timestamp counts.
func TestReaderHeaderWithinMessage(t *testing.T) {
	body := pattern(200)
	begun := cat(unhex(t, "06 000010 0000c8 09 01000000"), body[:128])
	rest := cat(unhex(t, "c6"), body[128:])
	t.Run("fmt 0", func(t *testing.T) {
		wantMessages(t, cat(begun, unhex(t, "06 000020 0000c8 08 02000000"), body[:128], rest), Message{6, 32, 8, 2, body})
	})
	t.Run("fmt 1 with another length", func(t *testing.T) {
		wantMessages(t, cat(begun, unhex(t, "46 000001 000002 08 aabb")), Message{6, 17, 8, 1, []byte{0xaa, 0xbb}})
	})
	t.Run("fmt 1 with the same length", func(t *testing.T) {
		wantMessages(t, cat(begun, unhex(t, "46 000000 0000c8 09"), body[:128], rest), Message{6, 16, 9, 1, body})
	})
	t.Run("fmt 2", func(t *testing.T) {
		wantMessages(t, cat(begun, unhex(t, "86 000002"), body[:128], rest), Message{6, 18, 9, 1, body})
	})
}

// The ways in which peers treat the extended timestamp of continuing fmt 3 chunks.
func TestReaderExtendedDialects(t *testing.T) {
	const time = 0x81000004 // differs from its low 31 bits
	body := pattern(300)
	u32 := func(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
	stream := func(head string, repeated []byte) []byte {
		return cat(
			unhex(t, head), body[:128],
			unhex(t, "c4"), repeated, body[128:256],
			unhex(t, "c4"), repeated, body[256:],
		)
	}
	const full = "04 ffffff 00012c 09 01000000 81000004"
	tests := []struct {
		name string
		wire []byte
		want []Message
	}{
		{"repeated", stream(full, u32(time)), []Message{{4, time, 9, 1, body}}},
		{"left out (librtmp before 2015, OBS up to 30.0)", stream(full, nil), []Message{{4, time, 9, 1, body}}},
		{"zeroes (gortmplib)", stream(full, u32(0)), []Message{{4, time, 9, 1, body}}},
		{"low 31 bits (SRS)", stream(full, u32(time&0x7fffffff)), []Message{{4, time, 9, 1, body}}},
		{
			"absolute after a delta (SRS)",
			cat(unhex(t, "04 000001 000000 09 01000000"), stream("44 ffffff 00012c 09 01000000", u32(0x1000001))),
			[]Message{{4, 1, 9, 1, nil}, {4, 0x1000001, 9, 1, body}},
		},
		{
			"delta repeated after a delta",
			cat(unhex(t, "04 000001 000000 09 01000000"), stream("44 ffffff 00012c 09 01000000", u32(0x1000000))),
			[]Message{{4, 1, 9, 1, nil}, {4, 0x1000001, 9, 1, body}},
		},
		{
			"once left out, always left out, even if the data looks like it",
			cat(stream(full, nil), unhex(t, full), body[:128], unhex(t, "c4 81000004"), body[132:256], unhex(t, "c4"), body[256:]),
			[]Message{{4, time, 9, 1, body}, {4, time, 9, 1, cat(body[:128], u32(time), body[132:])}},
		},
		{
			"left out, but the first chunk of a message always has it",
			cat(stream(full, nil), unhex(t, "c4 02000000"), body[:128], unhex(t, "c4"), body[128:256], unhex(t, "c4"), body[256:]),
			[]Message{{4, time, 9, 1, body}, {4, 0x83000004, 9, 1, body}},
		},
		{
			"new fmt 3 message: the continuation repeats what that one carried",
			cat(stream(full, u32(time)), unhex(t, "c4 02000000"), body[:128],
				unhex(t, "c4 02000000"), body[128:256], unhex(t, "c4 02000000"), body[256:]),
			[]Message{{4, time, 9, 1, body}, {4, 0x83000004, 9, 1, body}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantMessages(t, tt.wire, tt.want...) })
	}
}

// A peer that leaves the extended timestamp out may end a message with fewer than four bytes and then
// wait: the message must be delivered on the byte that shows what the peer does.
func TestReaderOmittedExtendedDoesNotWait(t *testing.T) {
	body := pattern(130) // two bytes in the second chunk
	wire := cat(unhex(t, "04 ffffff 000082 09 01000000 02000004"), body[:128], unhex(t, "c4"), body[128:])
	wantMessages(t, wire, Message{4, 0x2000004, 9, 1, body})

	// The same with bytes that begin like the timestamp: kept bytes are data of this chunk, the header
	// of the next and its data.
	short := cat(body[:128], []byte{0x02})
	wire = cat(
		unhex(t, "04 ffffff 000081 09 01000000 0205c4ff"), short[:128],
		unhex(t, "c4 02"),
		unhex(t, "05 c402aa 000000 08 01000000"),
		unhex(t, "05 000001 000001 08 01000000 bb"),
	)
	wantMessages(t, wire,
		Message{4, 0x205c4ff, 9, 1, short},
		Message{5, 0xc402aa, 8, 1, nil},
		Message{5, 1, 8, 1, []byte{0xbb}})
}
