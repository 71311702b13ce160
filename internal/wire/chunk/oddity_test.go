package chunk

import (
	"bytes"
	"slices"
	"testing"
)

func TestOddities(t *testing.T) {
	long := bytes.Repeat([]byte{0x55}, 200)
	extended := append([]byte{4, 0xff, 0xff, 0xff, 0, 0, 200, 9, 1, 0, 0, 0, 1, 0, 0, 4}, long[:128]...)
	cases := []struct {
		name string
		wire []byte
		want Oddities
	}{
		{"none", AppendFull(nil, &Message{ChunkStreamID: 4, Type: 9, Timestamp: 0x1000004, Body: long}, 128), 0},
		{"omitted", slices.Concat(extended, []byte{0xc4}, long[128:]), OmitsExtended},
		{"blank", slices.Concat(extended, []byte{0xc4, 0, 0, 0, 0}, long[128:]), BlankExtended},
		{"opened by fmt 1", []byte{0x42, 0, 0, 0, 0, 0, 1, 4, 0}, 0},
		{"opened by fmt 2", []byte{0x82, 0, 0, 0}, OpensShort},
		{"opened by fmt 3", []byte{0xc2}, OpensShort},
		{"cut", slices.Concat(extended, []byte{4, 0, 0, 0, 0, 0, 0, 9, 1, 0, 0, 0}), CutsMessages},
	}
	for _, c := range cases {
		r := NewReader(Limits{})
		if err := r.Feed(c.wire, func(*Message) error { return nil }); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := r.Oddities(); got != c.want {
			t.Errorf("%s: oddities %b, want %b", c.name, got, c.want)
		}
	}
}

func TestWatch(t *testing.T) {
	wire := AppendFull(nil, &Message{ChunkStreamID: 300, Type: 9, Body: make([]byte, 200)}, 128)
	want := []Header{
		{ChunkStreamID: 300, Fmt: 0, Size: 13, Data: 128, Begins: true},
		{ChunkStreamID: 300, Fmt: 3, Size: 2, Data: 72},
	}
	var got []Header
	r := NewReader(Limits{})
	r.Watch(func(h Header) { got = append(got, h) })
	for _, b := range wire { // headers are watched once however the input is split
		if err := r.Feed([]byte{b}, func(*Message) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("watched %+v, want %+v", got, want)
	}
}
