package chunk

import (
	"errors"
	"testing"
)

func TestReaderTimestamps(t *testing.T) {
	one := []byte{0xaa}
	at := func(csid, time uint32) Message { return Message{csid, time, 8, 1, one} }
	tests := []struct {
		name string
		wire string
		want []Message
	}{
		{
			name: "fmt 3 after fmt 0 adds the timestamp itself",
			wire: "04 000064 000001 08 01000000 aa  c4 aa  c4 aa",
			want: []Message{at(4, 100), at(4, 200), at(4, 300)},
		},
		{
			name: "fmt 3 after fmt 1 and fmt 2 adds the delta",
			wire: "04 000064 000002 08 01000000 aaaa  44 000005 000001 08 aa  c4 aa  84 000007 aa  c4 aa",
			want: []Message{{4, 100, 8, 1, []byte{0xaa, 0xaa}}, at(4, 105), at(4, 110), at(4, 117), at(4, 124)},
		},
		{
			name: "arithmetic is modulo 2^32",
			wire: "04 ffffff 000001 08 01000000 fffffff0 aa  84 000020 aa  84 ffffff fffffff0 aa",
			want: []Message{at(4, 0xfffffff0), at(4, 0x10), at(4, 0)},
		},
		{
			name: "extended delta in fmt 1 and fmt 2, then a small one",
			wire: "04 000001 000002 08 01000000 aaaa  44 ffffff 000001 08 01000000 aa  84 ffffff 00ffffff aa  84 000002 aa  c4 aa",
			want: []Message{{4, 1, 8, 1, []byte{0xaa, 0xaa}}, at(4, 0x1000001), at(4, 0x2000000), at(4, 0x2000002), at(4, 0x2000004)},
		},
		{
			name: "fmt 3 new message carries its own extended delta",
			wire: "04 000001 000001 08 01000000 aa  84 ffffff 01000000 aa  c4 01000000 aa  c4 02000000 aa",
			want: []Message{at(4, 1), at(4, 0x1000001), at(4, 0x2000001), at(4, 0x4000001)},
		},
		{
			name: "fmt 3 after an extended fmt 0 adds what it carries",
			wire: "04 ffffff 000001 08 01000000 01000000 aa  c4 01000000 aa",
			want: []Message{at(4, 0x1000000), at(4, 0x2000000)},
		},
		{
			name: "fmt 3 new message with a zero extended timestamp uses the delta known",
			wire: "04 000001 000001 08 01000000 aa  84 ffffff 01000000 aa  c4 00000000 aa",
			want: []Message{at(4, 1), at(4, 0x1000001), at(4, 0x2000001)},
		},
		{
			name: "chunk streams have their own timestamps",
			wire: "04 000064 000001 08 01000000 aa  05 0000c8 000001 08 01000000 aa  84 000001 aa  85 000002 aa",
			want: []Message{at(4, 100), at(5, 200), at(4, 101), at(5, 202)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { wantMessages(t, unhex(t, tt.wire), tt.want...) })
	}
}

func TestReaderEmptyMessages(t *testing.T) {
	wire := unhex(t, "04 000064 000000 08 01000000  84 000005  c4  44 000001 000001 08 aa")
	wantMessages(t, wire,
		Message{4, 100, 8, 1, nil},
		Message{4, 105, 8, 1, nil},
		Message{4, 110, 8, 1, nil},
		Message{4, 111, 8, 1, []byte{0xaa}})
}

func TestReaderInterleaving(t *testing.T) {
	video, audio := pattern(300), pattern(150)
	wire := cat(
		unhex(t, "06 000010 00012c 09 01000000"), video[:128],
		unhex(t, "00 00 000010 000096 08 01000000"), audio[:128],
		unhex(t, "c6"), video[128:256],
		unhex(t, "02 000000 000004 03 00000000 00000001"),
		unhex(t, "c0 00"), audio[128:],
		unhex(t, "c6"), video[256:],
	)
	wantMessages(t, wire,
		Message{2, 0, 3, 0, []byte{0, 0, 0, 1}},
		Message{64, 16, 8, 1, audio},
		Message{6, 16, 9, 1, video})
}

func TestReaderSetChunkSizeWithinMessage(t *testing.T) {
	video := pattern(500)
	wire := cat(
		unhex(t, "06 000010 0001f4 09 01000000"), video[:128],
		unhex(t, "03 000000 000004 01 05000000 00000064"), // on a foreign chunk and message stream, as ffmpeg does
		unhex(t, "c6"), video[128:228],
		unhex(t, "02 000000 000004 01 00000000 7fffffff"),
		unhex(t, "c6"), video[228:],
	)
	wantMessages(t, wire,
		Message{3, 0, 1, 5, []byte{0, 0, 0, 0x64}},
		Message{2, 0, 1, 0, []byte{0x7f, 0xff, 0xff, 0xff}},
		Message{6, 16, 9, 1, video})
}

func TestReaderChunkSizeOne(t *testing.T) {
	wire := cat(
		unhex(t, "02 000000 000004 01 00000000 00000001"),
		unhex(t, "04 000001 000003 08 01000000 aa c4 bb c4 cc"),
		unhex(t, "42 000000 000005 01 00 c2 00 c2 00 c2 80 c2 ff"), // a chunk size in five chunks, with a byte too many
		unhex(t, "84 000001 aabbcc"),
	)
	wantMessages(t, wire,
		Message{2, 0, 1, 0, []byte{0, 0, 0, 1}},
		Message{4, 1, 8, 1, []byte{0xaa, 0xbb, 0xcc}},
		Message{2, 0, 1, 0, []byte{0, 0, 0, 0x80, 0xff}},
		Message{4, 2, 8, 1, []byte{0xaa, 0xbb, 0xcc}})
}

func TestReaderAbort(t *testing.T) {
	video := pattern(200)
	abort := func(csid string) Message { return Message{2, 0, 2, 0, unhex(t, csid)} }
	t.Run("drops the partial message and keeps the header", func(t *testing.T) {
		wire := cat(
			unhex(t, "06 000010 0000c8 09 01000000"), video[:128],
			unhex(t, "02 000000 000004 02 00000000 00000006"),
			unhex(t, "c6"), video[:128], // a new message although fmt 3
			unhex(t, "c6"), video[128:],
			unhex(t, "86 000001"), video[:128],
			unhex(t, "c6"), video[128:],
		)
		wantMessages(t, wire, abort("00000006"), Message{6, 32, 9, 1, video}, Message{6, 33, 9, 1, video})
	})
	t.Run("means nothing for idle and unknown chunk streams, or if short", func(t *testing.T) {
		wire := cat(
			unhex(t, "06 000010 0000c8 09 01000000"), video[:128],
			unhex(t, "02 000000 000004 02 00000000 00000007"),
			unhex(t, "82 000000 00000002"),
			unhex(t, "82 000000 ffffffff"),
			unhex(t, "42 000000 000003 02 000006"),
			unhex(t, "c6"), video[128:],
		)
		wantMessages(t, wire, abort("00000007"), abort("00000002"), abort("ffffffff"), abort("000006"),
			Message{6, 16, 9, 1, video})
	})
}

func TestReaderBadChunkSize(t *testing.T) {
	for name, body := range map[string]string{
		"zero":        "000004 01 00000000 00000000",
		"top bit":     "000004 01 00000000 80000000",
		"three bytes": "000003 01 00000000 000010",
		"empty":       "000000 01 00000000",
	} {
		t.Run(name, func(t *testing.T) {
			wire := unhex(t, "02 000000"+body)
			for split, next := range splits(len(wire)) {
				r := NewReader(Limits{})
				_, err := readAll(r, wire, next)
				var protocol *Error
				if !errors.As(err, &protocol) || protocol.ChunkStreamID != 2 || protocol.Reason == "" {
					t.Fatalf("%s: error %v, want *Error on chunk stream 2", split, err)
				}
				if again := r.Feed([]byte{3}, nil); !errors.Is(again, err) {
					t.Errorf("%s: the next Feed returned %v, want the same error", split, again)
				}
			}
		})
	}
}

func TestReaderDeliverError(t *testing.T) {
	stop := errors.New("stop")
	r := NewReader(Limits{})
	calls := 0
	err := r.Feed(unhex(t, "04 000064 000001 08 01000000 aa c4 bb"), func(*Message) error {
		calls++
		return stop
	})
	if !errors.Is(err, stop) || calls != 1 {
		t.Errorf("Feed = %v after %d calls, want the error of the first call", err, calls)
	}
	if err := r.Feed([]byte{0xc4, 0xbb}, nil); !errors.Is(err, stop) {
		t.Errorf("second Feed = %v, want the same error", err)
	}
}

func TestReaderChunkSize(t *testing.T) {
	r := NewReader(Limits{})
	if got := r.ChunkSize(); got != DefaultChunkSize {
		t.Errorf("ChunkSize() = %d at the start", got)
	}
	err := r.Feed(unhex(t, "02 000000 000004 01 00000000 00001000"), func(m *Message) error {
		if got := r.ChunkSize(); got != 4096 {
			t.Errorf("ChunkSize() = %d when Set Chunk Size is delivered", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The Body belongs to the receiver: neither the input buffer nor later messages may reach into it.
func TestReaderBodyIsOwned(t *testing.T) {
	r := NewReader(Limits{})
	var bodies [][]byte
	input := unhex(t, "04 000064 000002 08 01000000 0102 c4 0304")
	if err := r.Feed(input, func(m *Message) error {
		bodies = append(bodies, m.Body)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	clear(input)
	_ = append(bodies[0], 9)
	if string(bodies[0]) != "\x01\x02" || string(bodies[1]) != "\x03\x04" {
		t.Errorf("bodies are % x", bodies)
	}
}
