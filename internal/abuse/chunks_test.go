package abuse

import (
	"encoding/binary"
	"slices"
	"testing"

	"leat/internal/config"
	"leat/internal/wire/message"
)

// What is wrong with chunks.

// header0 is the header of a fmt 0 chunk on a csid of up to 65599.
func header0(csid int, length int, typ message.Type, streamID uint32) []byte {
	b := basic(0, csid)
	b = append(b, 0, 0, 0, byte(length>>16), byte(length>>8), byte(length), byte(typ))
	return binary.LittleEndian.AppendUint32(b, streamID)
}

// basic is a basic header in its shortest form.
func basic(format byte, csid int) []byte {
	switch {
	case csid < 64:
		return []byte{format<<6 | byte(csid)}
	case csid < 320:
		return []byte{format << 6, byte(csid - 64)}
	}
	return []byte{format<<6 | 1, byte(csid - 64), byte((csid - 64) >> 8)}
}

const declared = 0xffffff // bytes: the most that a header can say

// TestChunkBomb: buffers grow with what has come, whatever was announced, and chunk streams and unfinished messages are counted.
func TestChunkBomb(t *testing.T) {
	for _, tt := range []struct {
		name  string
		tweak func(*config.Config)
		bytes int // of each of a thousand messages of 16 MiB that come, in chunks of 128
		want  string
		heap  int64
	}{
		{"ids", nil, 128, "more than 64 messages incomplete", 8 << 20},
		{"bytes", func(c *config.Config) { c.Limits.PartialSize = 1 << 20 }, 128 << 10, "incomplete messages hold more than 1048576 bytes", 16 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			beside(t, offence{
				tweak: tt.tweak,
				do: func(t *testing.T, h *house) {
					p := h.connect()
					for csid := 4; csid < 1004; csid++ {
						b := append(header0(csid, declared, message.TypeVideo, 1), make([]byte, 128)...)
						for n := 128; n < tt.bytes; n += 128 {
							b = append(append(b, basic(3, csid)...), make([]byte, 128)...)
						}
						if !p.write(b) {
							break
						}
					}
					p.closed()
				},
				want: [][]string{{"msg=closed", "side=local", tt.want}},
				heap: tt.heap,
			})
		})
	}
}

// TestPartialBudget: many connections together hold no more of unfinished messages than the server may. Those that hold most are closed.
func TestPartialBudget(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.PartialTotal = 4 << 20 },
		do: func(t *testing.T, h *house) {
			const connections = 20 // which would hold 4 MiB each, as buffers grow in steps
			part := append(header0(6, declared, message.TypeVideo, 1), make([]byte, 1<<20)...)
			for range connections {
				p := h.connect()
				p.raw(message.TypeSetChunkSize, 0, 0, []byte{0, 0xff, 0xff, 0xff})
				p.write(part)
			}
			h.lines.waitFor(t, connections-1, "msg=closed", "side=local",
				"all connections together hold more than 4194304 bytes of unfinished messages, this one the most")
		},
		heap: 64 << 20, // mostly garbage, when the collector does not get a core; without the budget it is 80 and that
	})
}

// TestLengthBomb: what is longer than its kind may be is refused at its header.
func TestLengthBomb(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.MediaMessage = 1 << 20 },
		do: func(_ *testing.T, h *house) {
			for _, b := range [][]byte{
				header0(6, 1<<20+1, message.TypeVideo, 1),
				header0(3, 2<<20, message.TypeCommandAMF0, 0),
				header0(2, 128<<10, message.TypeUserControl, 0),
				header0(5, declared, 99, 0),
			} {
				p := h.connect()
				p.write(b)
				p.closed()
			}
		},
		want: [][]string{
			{"msg=closed", "side=local", "message of type 9 with 1048577 bytes is above the limit of 1048576"},
			{"msg=closed", "side=local", "message of type 20 with 2097152 bytes is above the limit of 1048576"},
			{"msg=closed", "side=local", "message of type 4 with 131072 bytes is above the limit of 65536"},
			{"msg=closed", "side=local", "message of type 99 with 16777215 bytes is above the limit of 65536"},
		},
		heap: 14 << 20,
	})
}

// TestChunkSize: impossible sizes end the connection; 1 and the largest one work, and nothing is reserved for them.
func TestChunkSize(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			for _, body := range [][]byte{{0, 0, 0, 0}, {0x80, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0, 0x10}, {}} {
				p := h.connect()
				p.raw(message.TypeSetChunkSize, 0, 0, body)
				p.closed()
			}
			for name, size := range map[string]uint32{"tiny": 1, "huge": 1<<31 - 1} {
				p := h.connect()
				p.raw(message.TypeSetChunkSize, 0, 0, binary.BigEndian.AppendUint32(nil, size))
				p.publish(name)
				player := h.play(name)
				frame := append(slices.Clip(keyFrame), make([]byte, 30_000)...)
				p.video(0, frame)
				if got := player.media(1)[0]; len(got.Body) != len(frame) {
					t.Errorf("chunk size %d: a frame of %d bytes came through with %d", size, len(frame), len(got.Body))
				}
			}
		},
		want: [][]string{
			{"msg=closed", "side=local", "chunk size 0 is not allowed"},
			{"msg=closed", "side=local", "chunk size 2147483648 is not allowed"},
			{"msg=closed", "side=local", "chunk size 4294967295 is not allowed"},
			{"msg=closed", "side=local", "Set Chunk Size with 2 of 4 bytes"},
			{"msg=closed", "side=local", "Set Chunk Size with 0 of 4 bytes"},
		},
		heap: 14 << 20,
	})
}

// TestFmtFresh: chunk streams with IDs of any form may open with any header, and be interleaved. A message that breaks off for another
// one is dropped.
func TestFmtFresh(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			p, player := h.publish("fresh"), h.play("fresh")
			p.video(0, keyFrame)
			// One-byte ID, fmt 1, as some cameras open; on message stream 0, where what publishes is meant.
			p.write(append(basic(1, 40), 0, 0, 10, 0, 0, 3, 8))
			p.write([]byte{0xaf, 1, 1})
			// Two bytes, three bytes, interleaved chunk by chunk, and a message between that is given up.
			const length = 300
			part := func(csid int, fill byte) []byte {
				return append(append(header0(csid, length, message.TypeAudio, 1), 0xaf, 1), fillBytes(fill, 126)...)
			}
			p.write(part(100, 2))
			p.write(part(1000, 3))
			p.write(part(65599, 4)) // given up
			for _, n := range []int{128, length - 256} {
				for i, csid := range []int{100, 1000} {
					p.write(append(basic(3, csid), fillBytes(byte(2+i), n)...))
				}
			}
			p.write(append(header0(65599, 3, message.TypeAudio, 1), 0xaf, 1, 5))
			// fmt 2 and 3 on fresh IDs: empty messages of type 0.
			p.write(append(basic(2, 50), 0, 0, 1))
			p.write(basic(3, 51))
			p.write(append(header0(6, 3, message.TypeAudio, 1), 0xaf, 1, 6))
			got := player.media(6)[1:]
			for i, want := range []byte{1, 2, 3, 5, 6} {
				if last := got[i].Body[len(got[i].Body)-1]; last != want {
					t.Errorf("message %d of %d bytes ends with %d, want %d", i, len(got[i].Body), last, want)
				}
			}
		},
	})
}

func fillBytes(b byte, n int) []byte {
	all := make([]byte, n)
	for i := range all {
		all[i] = b
	}
	return all
}

// TestAbort: Abort drops what has come on its one chunk stream. Unknown IDs and short bodies mean nothing.
func TestAbort(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			p, player := h.publish("aborted"), h.play("aborted")
			p.write(append(header0(6, 300, message.TypeVideo, 1), make([]byte, 128)...))
			p.raw(message.TypeAbort, 0, 0, []byte{0, 0, 0, 6})
			p.write(append(header0(6, len(keyFrame), message.TypeVideo, 1), keyFrame...))
			for _, body := range [][]byte{{0, 0, 0, 77}, {0xff, 0xff, 0xff, 0xff}, {0, 6}, {}} {
				p.raw(message.TypeAbort, 0, 0, body)
			}
			p.video(10, interFrame)
			for i, m := range player.media(2) {
				if len(m.Body) != len(keyFrame) {
					t.Errorf("frame %d has %d bytes", i, len(m.Body))
				}
			}
		},
	})
}
