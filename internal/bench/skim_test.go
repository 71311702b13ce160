package bench

import (
	"bytes"
	"slices"
	"testing"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// skimmed is what a skimmer has told of a message.
type skimmed struct {
	typ    message.Type
	length int
	head   string
}

// skim feeds pieces of b of the sizes that sizes give in turn; without them b is fed whole.
func skim(b, sizes []byte) (all []skimmed, err error) {
	s := newSkimmer()
	keep := func(typ message.Type, length int, head []byte) { all = append(all, skimmed{typ, length, string(head)}) }
	for i := 0; len(b) > 0; i++ {
		n := len(b)
		if len(sizes) > 0 {
			n = min(n, int(sizes[i%len(sizes)])+1)
		}
		if err := s.feed(b[:n], keep); err != nil {
			return all, err
		}
		b = b[n:]
	}
	return all, nil
}

// conversation is what a server sends that plays: a handshake, a change of chunk size, frames on several chunk streams, some of
// them compressed against each other.
func conversation() (wire []byte, want []skimmed) {
	wire = bytes.Repeat([]byte{3}, handshakeSize)
	w := chunk.NewWriter()
	send := func(csid uint32, typ message.Type, at uint32, body []byte) {
		wire = w.AppendMessage(wire, &chunk.Message{ChunkStreamID: csid, Type: uint8(typ), Timestamp: at, StreamID: 1, Body: body})
		if typ != message.TypeSetChunkSize {
			want = append(want, skimmed{typ, len(body), string(body[:min(len(body), headSize)])})
		}
	}
	for i, csid := range []uint32{4, 6, 6, 63, 64, 319, 320, 65599, 4, 6} {
		send(csid, message.TypeVideo, uint32(i)*40, bytes.Repeat([]byte{byte(i)}, 100*i))
		if i == 5 {
			send(2, message.TypeSetChunkSize, 0, []byte{0, 0, 1, 0})
			w.SetChunkSize(256)
		}
	}
	send(4, message.TypeAudio, 0xffffff, bytes.Repeat([]byte("late"), 200)) // with an extended timestamp in each chunk
	send(4, message.TypeAudio, 0x1000100, nil)
	return wire, want
}

func TestSkimmer(t *testing.T) {
	wire, want := conversation()
	for _, sizes := range [][]byte{nil, {0}, {0, 1, 2}, {16, 255}, {200, 3}} {
		got, err := skim(wire, sizes)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("in pieces of %v: %v, %d messages, want %d: %v", sizes, err, len(got), len(want), got)
		}
	}
}

func TestSkimmerDropsAborted(t *testing.T) {
	wire := make([]byte, handshakeSize)
	cut := chunk.AppendFull(nil, &chunk.Message{ChunkStreamID: 6, Type: uint8(message.TypeVideo), Body: make([]byte, 200)}, 128)
	wire = append(wire, cut[:12+128]...) // its first chunk
	wire = chunk.AppendFull(wire, &chunk.Message{ChunkStreamID: 2, Type: uint8(message.TypeAbort), Body: []byte{0, 0, 0, 6}}, 128)
	wire = chunk.AppendFull(wire, &chunk.Message{ChunkStreamID: 6, Type: uint8(message.TypeVideo), Body: []byte("next")}, 128)
	got, err := skim(wire, nil)
	if want := []skimmed{{message.TypeVideo, 4, "next"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestSkimmerRefusesNonsense(t *testing.T) {
	wire := make([]byte, handshakeSize)
	for csid := range uint32(farStreams + 1) {
		wire = chunk.AppendFull(wire, &chunk.Message{ChunkStreamID: 64 + csid, Type: uint8(message.TypeVideo), Body: []byte{1}}, 128)
	}
	for name, b := range map[string][]byte{
		"a chunk without a message": append(make([]byte, handshakeSize), 0xc4),
		"too many chunk streams":    wire,
	} {
		if _, err := skim(b, nil); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// FuzzSkimmer feeds any bytes, whole and in pieces: both must tell the same.
func FuzzSkimmer(f *testing.F) {
	wire, _ := conversation()
	f.Add(wire[handshakeSize:], []byte{0})
	f.Add([]byte{0x06, 0xff, 0xff, 0xff, 0, 0, 2, 9, 1, 0, 0, 0, 0, 0, 0, 1, 7, 8, 0xc6}, []byte{1, 4})
	f.Fuzz(func(t *testing.T, b, sizes []byte) {
		b = append(make([]byte, handshakeSize), b...)
		whole, err := skim(b, nil)
		pieces, pieceErr := skim(b, sizes)
		if (err == nil) != (pieceErr == nil) || !slices.Equal(whole, pieces) {
			t.Errorf("whole: %v, %v; in pieces: %v, %v", whole, err, pieces, pieceErr)
		}
		for _, m := range whole {
			if len(m.head) > headSize || len(m.head) > m.length {
				t.Errorf("%d bytes are told of a message of %d", len(m.head), m.length)
			}
		}
	})
}

func BenchmarkSkimmer(b *testing.B) {
	frame := chunk.AppendFull(nil, &chunk.Message{ChunkStreamID: 6, Type: uint8(message.TypeVideo), Body: make([]byte, 4000)}, chunk.DefaultChunkSize)
	s := newSkimmer()
	s.skip = 0
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.feed(frame, func(message.Type, int, []byte) {}); err != nil {
			b.Fatal(err)
		}
	}
}
