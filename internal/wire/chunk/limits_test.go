package chunk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
)

// wantError feeds input in every kind of split and expects an *Error on the given chunk stream, after
// the given number of messages.
func wantError(t *testing.T, l Limits, input []byte, csid uint32, messages int) {
	t.Helper()
	for name, next := range splits(len(input)) {
		got, err := readAll(NewReader(l), input, next)
		var protocol *Error
		if !errors.As(err, &protocol) {
			t.Errorf("%s: error %v, want *Error", name, err)
			continue
		}
		if protocol.ChunkStreamID != csid || len(got) != messages {
			t.Errorf("%s: %v after %d messages, want chunk stream %d after %d", name, err, len(got), csid, messages)
		}
	}
}

// fullHeader is a fmt 0 header with timestamp 0 and message stream ID 1.
func fullHeader(csid, length uint32, typ uint8) []byte {
	b := appendBasicHeader(nil, fmt0, csid)
	b = append(b, 0, 0, 0)
	b = appendUint24(b, length)
	b = append(b, typ)
	return binary.LittleEndian.AppendUint32(b, 1)
}

func TestLimitMessageLength(t *testing.T) {
	l := Limits{Control: 100, Command: 200, Media: 300}
	for typ := range 256 {
		want := uint32(100)
		switch {
		case typ == 8, typ == 9, typ == 22:
			want = 300
		case typ >= 15 && typ <= 20:
			want = 200
		}
		if typ != typeSetChunkSize {
			body := pattern(int(want))
			m := Message{ChunkStreamID: 5, Type: uint8(typ), StreamID: 1, Body: body}
			got, err := readAll(NewReader(l), AppendFull(nil, &m, DefaultChunkSize), func() int { return 1 << 20 })
			if err != nil || len(got) != 1 {
				t.Errorf("type %d at the limit: %d messages, error %v", typ, len(got), err)
			}
		}
		wantError(t, l, fullHeader(5, want+1, uint8(typ)), 5, 0)
	}
}

func TestLimitDefaults(t *testing.T) {
	for _, tt := range []struct {
		typ   uint8
		limit uint32
	}{{3, 64 << 10}, {99, 64 << 10}, {18, 1 << 20}, {20, 1 << 20}} {
		wantError(t, Limits{}, fullHeader(3, tt.limit+1, tt.typ), 3, 0)
		if _, err := readAll(NewReader(Limits{}), fullHeader(3, tt.limit, tt.typ), func() int { return 12 }); err != nil {
			t.Errorf("type %d with %d bytes: %v", tt.typ, tt.limit, err)
		}
	}
	// The longest message of the format is within the limit for media.
	r := NewReader(Limits{})
	if err := r.Feed(append(fullHeader(3, MaxMessageLength, 9), 1), nil); err != nil {
		t.Error(err)
	}
	if r.Partial() > firstBuffer {
		t.Errorf("one byte of a long message holds %d bytes", r.Partial())
	}
}

func TestSetLimits(t *testing.T) {
	r := NewReader(Limits{Command: 10})
	var got []int
	err := r.Feed(cat(fullHeader(3, 10, 20), pattern(10), fullHeader(3, 11, 20), pattern(11)), func(m *Message) error {
		got = append(got, len(m.Body))
		r.SetLimits(Limits{})
		return nil
	})
	if err != nil || len(got) != 2 {
		t.Errorf("messages %v, error %v: want both after the limit was raised", got, err)
	}
}

func TestLimitPartialMessages(t *testing.T) {
	l := Limits{PartialMessages: 3}
	var wire []byte
	for csid := uint32(4); csid < 7; csid++ {
		wire = append(wire, fullHeader(csid, 200, 8)...)
		wire = append(wire, pattern(128)...)
	}
	// A message of one chunk is never partial.
	wire = append(wire, fullHeader(2, 4, 3)...)
	wire = append(wire, 0, 0, 0, 0)
	got, err := readAll(NewReader(l), wire, func() int { return 64 })
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages, error %v", len(got), err)
	}
	wantError(t, l, cat(wire, fullHeader(7, 200, 8), pattern(128)), 7, 1)

	// Completing, aborting and restarting give the place back.
	for name, free := range map[string][]byte{
		"complete": cat([]byte{0xc4}, pattern(72)),
		"abort":    cat(fullHeader(2, 4, 2), []byte{0, 0, 0, 4}),
		"restart":  cat(fullHeader(4, 1, 8), []byte{1}),
	} {
		input := cat(wire, free, fullHeader(7, 200, 8), pattern(128))
		if _, err := readAll(NewReader(l), input, func() int { return len(input) }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLimitPartialBytes(t *testing.T) {
	l := Limits{PartialBytes: 64 << 10}
	wire := cat(fullHeader(2, 4, 1), []byte{0, 0, 0x40, 0}) // chunk size 16384
	for csid := uint32(4); csid < 6; csid++ {
		wire = append(wire, fullHeader(csid, 32<<10, 9)...)
		wire = append(wire, pattern(16<<10)...)
	}
	r := NewReader(l)
	if _, err := readAll(r, wire, func() int { return 1000 }); err != nil {
		t.Fatal(err)
	}
	if got := r.Partial(); got < 32<<10 || got > l.PartialBytes {
		t.Errorf("Partial() = %d", got)
	}
	wantError(t, l, cat(wire, fullHeader(6, 32<<10, 9), pattern(16<<10)), 6, 1)
}

func TestLimitChunkStreams(t *testing.T) {
	var wire []byte
	for i := range uint32(256) {
		wire = append(wire, fullHeader(2+i*200, 1, 8)...)
		wire = append(wire, 1)
	}
	got, err := readAll(NewReader(Limits{}), wire, func() int { return 100 })
	if err != nil || len(got) != 256 {
		t.Fatalf("%d messages, error %v", len(got), err)
	}
	wantError(t, Limits{}, cat(wire, fullHeader(65599, 1, 8)), 65599, 256)
}

// A buffer never holds more than a small multiple of what arrived, nor more than was announced.
func TestCapacity(t *testing.T) {
	for _, length := range []int{1, 900, 5000, 70_000, MaxMessageLength} {
		held := 0
		for received := 1; received <= length; received += 1 + received/100 {
			c := capacity(received, length)
			if c < received || c > length || c < held {
				t.Fatalf("capacity(%d, %d) = %d after %d", received, length, c, held)
			}
			if c > firstBuffer && c >= 8*received {
				t.Fatalf("capacity(%d, %d) = %d: more than eight times what arrived", received, length, c)
			}
			held = c
		}
	}
}

// Memory for many announced messages follows the bytes received.
func TestChunkBomb(t *testing.T) {
	r := NewReader(Limits{})
	wire := cat(fullHeader(2, 4, 1), []byte{0, 0, 0, 1}) // chunk size 1
	for i := range uint32(64) {
		wire = append(wire, fullHeader(3+i, MaxMessageLength, 9)...)
		wire = append(wire, 1)
	}
	if _, err := readAll(r, wire, func() int { return len(wire) }); err != nil {
		t.Fatal(err)
	}
	if r.Partial() > 64*firstBuffer {
		t.Errorf("64 announced messages hold %d bytes", r.Partial())
	}
}

func TestErrorText(t *testing.T) {
	err := error(&Error{ChunkStreamID: 7, Reason: "chunk size 0 is not allowed"})
	if got, want := fmt.Sprint(err), "chunk stream 7: chunk size 0 is not allowed"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}
