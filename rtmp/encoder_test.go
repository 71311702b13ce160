package rtmp

import (
	"bytes"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/media"
)

// encoded returns the one message that e makes of p.
func encoded(t *testing.T, e *Encoder, p *media.Packet) chunk.Message {
	t.Helper()
	b := e.Append(nil, p)
	if n := chunk.WireSize(b, e.ChunkSize); n != len(b) {
		t.Fatalf("the encoder wrote %d bytes, the first message has %d", len(b), n)
	}
	r := chunk.NewReader(chunk.Limits{})
	var got chunk.Message
	size := chunk.Message{Type: 1, ChunkStreamID: 2, Body: []byte{byte(e.ChunkSize >> 24), byte(e.ChunkSize >> 16), byte(e.ChunkSize >> 8), byte(e.ChunkSize)}}
	input := append(chunk.AppendFull(nil, &size, chunk.DefaultChunkSize), b...)
	if err := r.Feed(input, func(m *chunk.Message) error { got = *m; return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEncoderTimes(t *testing.T) {
	e := &Encoder{StreamID: 1, ChunkSize: 4096}
	name := amf.AppendString(nil, "onMetaData")
	tests := []struct {
		name string
		p    *media.Packet
		want uint32
	}{
		{"frame", &media.Packet{Kind: media.Video, Timestamp: 5 * time.Second, Body: []byte{0x27, 1, 0, 0, 0}}, 5000},
		{"stored data is state", &media.Packet{Kind: media.Data, Config: true, Timestamp: 5 * time.Second, Body: name}, 0},
		{"other data is an event", &media.Packet{Kind: media.Data, Timestamp: 5 * time.Second, Body: name}, 5000},
		{"wrap", &media.Packet{Kind: media.Audio, Timestamp: (1<<32 + 7) * time.Millisecond, Body: []byte{0xaf, 1}}, 7},
	}
	for _, test := range tests {
		if got := encoded(t, e, test.p); got.Timestamp != test.want || got.StreamID != 1 {
			t.Errorf("%s: timestamp %d on stream %d, want %d on stream 1", test.name, got.Timestamp, got.StreamID, test.want)
		}
	}
}

// TestEncoderAMF3: who has not agreed to AMF3 gets none, also not within AMF0. FFmpeg gives such metadata up.
func TestEncoderAMF3(t *testing.T) {
	name := amf.AppendString(nil, "onMetaData")
	body, err := amf.Append(name, amf.AVMPlus{Value: amf.NewObject("width", 640)})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := amf.Append(name, amf.NewObject("width", 640.0))
	if err != nil {
		t.Fatal(err)
	}
	p := &media.Packet{Kind: media.Data, AMF3: true, Config: true, Name: "onMetaData", Body: body}
	if got := encoded(t, &Encoder{StreamID: 1, ChunkSize: 4096}, p); got.Type != 18 || !bytes.Equal(got.Body, plain) {
		t.Errorf("without AMF3: type %d, %x, want %x", got.Type, got.Body, plain)
	}
	if got := encoded(t, &Encoder{StreamID: 1, ChunkSize: 4096, AMF3: true}, p); got.Type != 15 || !bytes.Equal(got.Body, append([]byte{0}, body...)) {
		t.Errorf("with AMF3: type %d, %x", got.Type, got.Body)
	}
}

func TestReceiverMetadataWithoutTime(t *testing.T) {
	var r receiver
	c := newConn(nopConn{}, nil, Limits{}.withDefaults(), discard)
	var got []time.Duration
	put := func(p *media.Packet) { got = append(got, p.Timestamp) }
	meta := amf.AppendString(amf.AppendString(nil, "@setDataFrame"), "onMetaData")
	for _, m := range []chunk.Message{
		{Type: 18, Body: meta},
		{Type: 9, Timestamp: 3000, Body: []byte{0x27, 1, 0, 0, 0}},
		{Type: 18, Body: meta},
		{Type: 9, Timestamp: 3040, Body: []byte{0x27, 1, 0, 0, 0}},
	} {
		r.receive(c, &m, time.Time{}, put)
	}
	want := []time.Duration{0, 3 * time.Second, 3 * time.Second, 3040 * time.Millisecond}
	for i, d := range want {
		if i >= len(got) || got[i] != d {
			t.Fatalf("timestamps %v, want %v", got, want)
		}
	}
}
