package chunk

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestWriterFormats checks which header each message gets after the ones before it.
func TestWriterFormats(t *testing.T) {
	one, two := []byte{1}, []byte{1, 2}
	tests := []struct {
		name string
		m    Message
		want string
	}{
		{"first", Message{4, 1000, 8, 1, one}, "04 0003e8 000001 08 01000000 01"},
		{"same delta as the timestamp, behind fmt 0", Message{4, 2000, 8, 1, one}, "84 0003e8 01"},
		{"same again", Message{4, 3000, 8, 1, one}, "c4 01"},
		{"other delta", Message{4, 3001, 8, 1, one}, "84 000001 01"},
		{"other length", Message{4, 3002, 8, 1, two}, "44 000001 000002 08 0102"},
		{"same delta behind fmt 1", Message{4, 3003, 8, 1, two}, "c4 0102"},
		{"other type", Message{4, 3004, 9, 1, two}, "44 000001 000002 09 0102"},
		{"same time", Message{4, 3004, 9, 1, two}, "84 000000 0102"},
		{"other message stream", Message{4, 3004, 9, 2, two}, "04 000bbc 000002 09 02000000 0102"},
		{"backwards", Message{4, 3003, 9, 2, two}, "04 000bbb 000002 09 02000000 0102"},
		{"equal behind fmt 0", Message{4, 3003, 9, 2, two}, "84 000000 0102"},
		{"largest delta", Message{4, 3003 + 0xfffffe, 9, 2, two}, "84 fffffe 0102"},
		{"delta too large", Message{4, 3003 + 0xfffffe + 0xffffff, 9, 2, two}, "04 ffffff 000002 09 02000000 02000bb8 0102"},
		{"small delta behind an extended timestamp", Message{4, 0x2000bc0, 9, 2, two}, "84 000008 0102"},
		{"near the wrap", Message{4, 0xfffffff8, 9, 2, two}, "04 ffffff 000002 09 02000000 fffffff8 0102"},
		{"over the wrap", Message{4, 8, 9, 2, two}, "84 000010 0102"},
		{"empty", Message{4, 8, 8, 2, nil}, "44 000000 000000 08"},
		{"empty again", Message{4, 8, 8, 2, nil}, "c4"},
		{"other chunk stream", Message{64, 8, 8, 2, one}, "00 00 000008 000001 08 02000000 01"},
	}
	w := NewWriter()
	var wire []byte
	var messages []Message
	for _, tt := range tests {
		got := w.AppendMessage(nil, &tt.m)
		if want := unhex(t, tt.want); !bytes.Equal(got, want) {
			t.Errorf("%s: got % x, want % x", tt.name, got, want)
		}
		wire = append(wire, got...)
		messages = append(messages, tt.m)
	}
	wantMessages(t, wire, messages...)
}

// Continuing chunks have the same form of basic header as the first, and the extended timestamp.
func TestWriterContinuation(t *testing.T) {
	w := NewWriter()
	w.SetChunkSize(2)
	for _, tt := range []struct {
		m    Message
		want string
	}{
		{Message{3, 1, 8, 1, []byte{1, 2, 3}}, "03 000001 000003 08 01000000 0102 c3 03"},
		{Message{64, 1, 8, 1, []byte{1, 2, 3, 4}}, "00 00 000001 000004 08 01000000 0102 c0 00 0304"},
		{Message{320, 0xffffffff, 8, 1, []byte{1, 2, 3}}, "01 0001 ffffff 000003 08 01000000 ffffffff 0102 c1 0001 ffffffff 03"},
	} {
		if got, want := w.AppendMessage(nil, &tt.m), unhex(t, tt.want); !bytes.Equal(got, want) {
			t.Errorf("got % x, want % x", got, want)
		}
	}
}

// randomMessage makes messages whose timestamps, lengths and streams repeat often enough to use every
// header format.
func randomMessage(rnd *rand.Rand, last uint32) Message {
	csids := []uint32{3, 4, 63, 64, 319, 320, 65599}
	steps := []uint32{0, 20, 20, 20, 33, 0xfffffe, 0xffffff, 0x1000000, 0x7fffffff, ^uint32(0)}
	sizes := []int{0, 1, 10, 10, 128, 129, 300, 5000}
	return Message{
		ChunkStreamID: csids[rnd.IntN(len(csids))],
		Timestamp:     last + steps[rnd.IntN(len(steps))],
		Type:          uint8(8 + rnd.IntN(2)),
		StreamID:      uint32(1 + rnd.IntN(40)/39),
		Body:          pattern(sizes[rnd.IntN(len(sizes))]),
	}
}

func TestRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, size := range []uint32{1, 2, 127, 128, 4096, 65536, MaxChunkSize} {
		w := NewWriter()
		set := Message{ChunkStreamID: 2, Type: typeSetChunkSize, Body: []byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}}
		wire := w.AppendMessage(nil, &set)
		w.SetChunkSize(size)
		if w.ChunkSize() != size {
			t.Fatalf("ChunkSize() = %d after SetChunkSize(%d)", w.ChunkSize(), size)
		}
		messages := []Message{set}
		var time uint32
		for range 60 {
			m := randomMessage(rnd, time)
			time = m.Timestamp
			wire = w.AppendMessage(wire, &m)
			messages = append(messages, m)
		}
		wantMessages(t, wire, messages...)
	}
}

func TestAppendFull(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, size := range []uint32{1, 127, 128, 4096, 65536, MaxChunkSize} {
		var wire []byte
		r := NewReader(Limits{})
		r.chunkSize = size
		var want []Message
		for range 60 {
			m := randomMessage(rnd, rnd.Uint32())
			before := len(wire)
			wire = AppendFull(wire, &m, size)
			want = append(want, m)
			full := len(wire) - before
			head := min(full, maxHeaderSize)
			if got := WireSize(wire[before:before+head], size); got != full {
				t.Fatalf("WireSize = %d for %s with chunk size %d, want %d", got, describe(m), size, full)
			}
		}
		got, err := readAll(r, wire, func() int { return 1 + rnd.IntN(2000) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := diffMessages(got, want); diff != "" {
			t.Errorf("chunk size %d: %s", size, diff)
		}
	}
}

// Messages written by AppendFull mean the same in any order and after a Writer's own messages.
func TestAppendFullAfterAnything(t *testing.T) {
	video := Message{6, 0xffffffff, 9, 1, pattern(200)}
	audio := Message{6, 20, 8, 1, pattern(10)}
	command := Message{3, 0, 20, 0, pattern(150)}
	w := NewWriter()
	wire := w.AppendMessage(nil, &command)
	wire = AppendFull(wire, &video, DefaultChunkSize)
	wire = w.AppendMessage(wire, &command)
	wire = AppendFull(wire, &audio, DefaultChunkSize)
	wire = AppendFull(wire, &video, DefaultChunkSize)
	wantMessages(t, wire, command, video, command, audio, video)
}

func TestWireSizeTruncated(t *testing.T) {
	for _, m := range []Message{
		{3, 5, 8, 1, pattern(4)},
		{64, 0xffffff, 8, 1, pattern(4)},
		{400, 5, 8, 1, pattern(4)},
	} {
		wire := AppendFull(nil, &m, 128)
		head := len(wire) - len(m.Body)
		for n := range head {
			if got := WireSize(wire[:n], 128); got != 0 {
				t.Errorf("WireSize of %d header bytes of %d = %d, want 0", n, head, got)
			}
		}
		if got := WireSize(wire[:head], 128); got != len(wire) {
			t.Errorf("WireSize of the header = %d, want %d", got, len(wire))
		}
		if WireSize(wire, 0) != 0 || WireSize(wire, MaxChunkSize+1) != 0 {
			t.Error("WireSize accepts a chunk size out of range")
		}
	}
	if got := WireSize(unhex(t, "c3 0102030405060708090a0b0c"), 128); got != 0 {
		t.Errorf("WireSize of a fmt 3 chunk = %d, want 0", got)
	}
}

func TestWriterPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"chunk size 0":       func() { NewWriter().SetChunkSize(0) },
		"chunk size 2^31":    func() { AppendFull(nil, &Message{ChunkStreamID: 3}, 1<<31) },
		"chunk stream 1":     func() { NewWriter().AppendMessage(nil, &Message{ChunkStreamID: 1}) },
		"chunk stream 65600": func() { AppendFull(nil, &Message{ChunkStreamID: 65600}, 128) },
		"body too long": func() {
			NewWriter().AppendMessage(nil, &Message{ChunkStreamID: 3, Body: make([]byte, MaxMessageLength+1)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
