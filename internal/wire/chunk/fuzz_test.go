package chunk

import (
	"testing"
)

// FuzzReader feeds arbitrary bytes whole and byte by byte: both must deliver the same messages and end in
// the same error, and memory stays within the limits.
func FuzzReader(f *testing.F) {
	for _, g := range golden(f) {
		f.Add(g.wire)
	}
	f.Add(unhex(f, "02 000000 000004 01 00000000 00000001 42 000000 000004 02 00 c2 00 c2 00 c2 06"))
	f.Add(unhex(f, "04 ffffff 000001 08 01000000 0205c4ff c4 02 05 c4 c4 02"))
	limits := Limits{Control: 512, Command: 2048, Media: 8192, PartialMessages: 4, PartialBytes: 16 << 10, ChunkStreams: 8}
	f.Fuzz(func(t *testing.T, input []byte) {
		run := func(size int) ([]Message, error) {
			r := NewReader(limits)
			var got []Message
			err := split(input, func() int { return size }, func(piece []byte) error {
				err := r.Feed(piece, func(m *Message) error {
					got = append(got, *m)
					return nil
				})
				checkBounds(t, r)
				return err
			})
			return got, err
		}
		whole, wholeErr := run(len(input))
		bytewise, bytewiseErr := run(1)
		if diff := diffMessages(bytewise, whole); diff != "" {
			t.Fatalf("byte by byte differs from whole: %s", diff)
		}
		if (wholeErr == nil) != (bytewiseErr == nil) || wholeErr != nil && wholeErr.Error() != bytewiseErr.Error() {
			t.Fatalf("byte by byte ends with %v, whole with %v", bytewiseErr, wholeErr)
		}
	})
}

// checkBounds compares the counters of r with what it really holds and with its limits.
func checkBounds(t *testing.T, r *Reader) {
	t.Helper()
	streams, messages, held := 0, 0, 0
	count := func(s *stream) {
		streams++
		held += cap(s.body)
		if s.counted {
			messages++
		}
	}
	for _, s := range r.low {
		if s != nil {
			count(s)
		}
	}
	for _, s := range r.high {
		count(s)
	}
	if streams != r.streams || messages != r.partialMessages || held != r.partialBytes {
		t.Fatalf("holds %d streams, %d messages, %d bytes but counts %d, %d, %d",
			streams, messages, held, r.streams, r.partialMessages, r.partialBytes)
	}
	if streams > r.limits.ChunkStreams || messages > r.limits.PartialMessages || held > r.limits.PartialBytes {
		t.Fatalf("holds %d streams, %d messages, %d bytes: above the limits", streams, messages, held)
	}
}

// FuzzRoundTrip checks that the Reader takes back whatever either writer writes.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint32(3), uint32(1000), uint8(8), uint32(1), pattern(40), uint16(127), uint32(20))
	f.Add(uint32(65599), uint32(0xfffffff0), uint8(9), uint32(7), pattern(300), uint16(0), uint32(0xffffff))
	f.Fuzz(func(t *testing.T, csid, time uint32, typ uint8, streamID uint32, body []byte, size uint16, step uint32) {
		if typ == typeSetChunkSize || typ == typeAbort {
			typ = typeAudio
		}
		csid = MinChunkStreamID + csid%(MaxChunkStreamID-MinChunkStreamID+1)
		body = body[:min(len(body), defaultControlLimit)]
		w := NewWriter()
		w.SetChunkSize(uint32(size) + 1)
		r := NewReader(Limits{})
		r.chunkSize = w.ChunkSize()
		var wire []byte
		var want []Message
		for i := range uint32(4) {
			m := Message{csid, time + i*step, typ, streamID, body}
			if i%2 == 1 {
				wire = w.AppendMessage(wire, &m)
			} else {
				m.ChunkStreamID = MinChunkStreamID + (csid+1)%1000
				if m.ChunkStreamID == csid {
					m.ChunkStreamID++
				}
				wire = AppendFull(wire, &m, w.ChunkSize())
			}
			want = append(want, m)
		}
		got, err := readAll(r, wire, func() int { return len(wire) })
		if err != nil {
			t.Fatal(err)
		}
		if diff := diffMessages(got, want); diff != "" {
			t.Fatal(diff)
		}
	})
}
