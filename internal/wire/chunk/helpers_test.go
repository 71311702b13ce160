package chunk

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// unhex decodes hexadecimal text with blanks.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatalf("bad hex in the test: %v", err)
	}
	return b
}

// cat joins byte slices.
func cat(parts ...[]byte) []byte { return slices.Concat(parts...) }

// pattern returns n bytes that differ from place to place and are never zero.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%251) + 1
	}
	return b
}

// split calls f with b cut into pieces whose sizes next chooses.
func split(b []byte, next func() int, f func([]byte) error) error {
	for len(b) > 0 {
		n := min(max(next(), 1), len(b))
		// A copy of exactly the piece, overwritten after use: the Reader must not look beyond it or keep it.
		piece := slices.Clone(b[:n:n])
		if err := f(piece); err != nil {
			return err
		}
		clear(piece)
		b = b[n:]
	}
	return nil
}

// readAll feeds b in pieces and collects what comes out.
func readAll(r *Reader, b []byte, next func() int) ([]Message, error) {
	var got []Message
	err := split(b, next, func(piece []byte) error {
		return r.Feed(piece, func(m *Message) error {
			got = append(got, *m)
			return nil
		})
	})
	return got, err
}

// splits are the ways in which every test input is cut.
func splits(size int) map[string]func() int {
	rnd := rand.New(rand.NewPCG(1, uint64(size)))
	return map[string]func() int{
		"whole":         func() int { return size },
		"byte by byte":  func() int { return 1 },
		"small pieces":  func() int { return 1 + rnd.IntN(7) },
		"random pieces": func() int { return 1 + rnd.IntN(300) },
	}
}

// wantMessages feeds input in every kind of split to a fresh Reader and compares the messages.
func wantMessages(t *testing.T, input []byte, want ...Message) {
	t.Helper()
	for name, next := range splits(len(input)) {
		r := NewReader(Limits{})
		got, err := readAll(r, input, next)
		if err != nil {
			t.Errorf("%s: Feed: %v", name, err)
			continue
		}
		if diff := diffMessages(got, want); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if r.Partial() != 0 {
			t.Errorf("%s: Partial() = %d after complete messages", name, r.Partial())
		}
	}
}

// diffMessages describes the first difference, or returns "".
func diffMessages(got, want []Message) string {
	for i := range min(len(got), len(want)) {
		g, w := got[i], want[i]
		if !sameMessage(g, w) {
			return fmt.Sprintf("message %d:\n got %s\nwant %s", i, describe(g), describe(w))
		}
	}
	if len(got) != len(want) {
		return fmt.Sprintf("%d messages, want %d", len(got), len(want))
	}
	return ""
}

func sameMessage(a, b Message) bool {
	return a.ChunkStreamID == b.ChunkStreamID && a.Timestamp == b.Timestamp && a.Type == b.Type &&
		a.StreamID == b.StreamID && bytes.Equal(a.Body, b.Body)
}

func describe(m Message) string {
	return fmt.Sprintf("csid %d, time %d, type %d, msid %d, %d bytes % .24x",
		m.ChunkStreamID, m.Timestamp, m.Type, m.StreamID, len(m.Body), m.Body)
}
