package chunk

import (
	"bytes"
	"testing"
)

// golden are streams whose bytes the specification, or a capture, gives in full. Each is read and written.
func golden(t testing.TB) []struct {
	name     string
	wire     []byte
	messages []Message
} {
	audio, video, late := pattern(32), pattern(307), pattern(200)
	return []struct {
		name     string
		wire     []byte
		messages []Message
	}{
		{
			name: "RTMP 5.3.2.1: four audio messages 20 ms apart",
			wire: cat(
				unhex(t, "03 0003e8 000020 08 39300000"), audio,
				unhex(t, "83 000014"), audio,
				unhex(t, "c3"), audio,
				unhex(t, "c3"), audio,
			),
			messages: []Message{
				{3, 1000, 8, 12345, audio},
				{3, 1020, 8, 12345, audio},
				{3, 1040, 8, 12345, audio},
				{3, 1060, 8, 12345, audio},
			},
		},
		{
			name: "RTMP 5.3.2.2: one video message in three chunks",
			wire: cat(
				unhex(t, "04 0003e8 000133 09 3a300000"), video[:128],
				unhex(t, "c4"), video[128:256],
				unhex(t, "c4"), video[256:],
			),
			messages: []Message{{4, 1000, 9, 12346, video}},
		},
		{
			name: "extended timestamp, repeated in fmt 3",
			wire: cat(
				unhex(t, "04 ffffff 0000c8 09 01000000 01000004"), late[:128],
				unhex(t, "c4 01000004"), late[128:],
			),
			messages: []Message{{4, 16777220, 9, 1, late}},
		},
		{
			name:     "timestamp of exactly 0xFFFFFF is extended",
			wire:     unhex(t, "04 ffffff 000001 08 01000000 00ffffff aa"),
			messages: []Message{{4, 0xffffff, 8, 1, []byte{0xaa}}},
		},
		{
			name:     "Window Acknowledgement Size 2500000",
			wire:     unhex(t, "02 000000 000004 05 00000000 002625a0"),
			messages: []Message{{2, 0, 5, 0, unhex(t, "002625a0")}},
		},
		{
			name:     "Set Peer Bandwidth 2500000, dynamic",
			wire:     unhex(t, "02 000000 000005 06 00000000 002625a0 02"),
			messages: []Message{{2, 0, 6, 0, unhex(t, "002625a002")}},
		},
		{
			name:     "StreamBegin 0",
			wire:     unhex(t, "02 000000 000006 04 00000000 0000 00000000"),
			messages: []Message{{2, 0, 4, 0, unhex(t, "000000000000")}},
		},
		{
			name: "aggregate on chunk stream 6",
			wire: unhex(t, `06 001b58 00002c 16 01000000
				08 000004 001388 00 000000 af01aabb 0000000f
				09 00000a 001392 00 000000 27010000000000000165 00000015`),
			messages: []Message{{6, 7000, 22, 1, unhex(t, `08 000004 001388 00 000000 af01aabb 0000000f
				09 00000a 001392 00 000000 27010000000000000165 00000015`)}},
		},
	}
}

func TestGoldenRead(t *testing.T) {
	for _, tt := range golden(t) {
		t.Run(tt.name, func(t *testing.T) { wantMessages(t, tt.wire, tt.messages...) })
	}
}

func TestGoldenWrite(t *testing.T) {
	for _, tt := range golden(t) {
		t.Run(tt.name, func(t *testing.T) {
			w := NewWriter()
			var got []byte
			for i := range tt.messages {
				got = w.AppendMessage(got, &tt.messages[i])
			}
			if !bytes.Equal(got, tt.wire) {
				t.Errorf("got\n% x\nwant\n% x", got, tt.wire)
			}
		})
	}
}

// The control messages of servers that set the chunk size, then use it.
func TestGoldenSetChunkSize(t *testing.T) {
	body := pattern(206)
	wire := cat(
		unhex(t, "02 000000 000004 01 00000000 00001000"),
		unhex(t, "03 000000 0000ce 14 00000000"), body,
	)
	set := Message{2, 0, 1, 0, unhex(t, "00001000")}
	result := Message{3, 0, 20, 0, body}
	wantMessages(t, wire, set, result)

	w := NewWriter()
	got := w.AppendMessage(nil, &set)
	w.SetChunkSize(4096)
	if got = w.AppendMessage(got, &result); !bytes.Equal(got, wire) {
		t.Errorf("got\n% x\nwant\n% x", got, wire)
	}
}
