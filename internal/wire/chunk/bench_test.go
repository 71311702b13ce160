package chunk

import (
	"fmt"
	"testing"
)

// benchmarkWire is a second of media in 5 kB messages, as AppendFull writes it.
func benchmarkWire(chunkSize uint32) (wire []byte, messages int) {
	m := Message{ChunkStreamID: 6, Type: typeVideo, StreamID: 1, Body: pattern(5000)}
	for range 64 {
		m.Timestamp += 20
		wire = AppendFull(wire, &m, chunkSize)
		messages++
	}
	return wire, messages
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []uint32{128, 4096, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			wire, messages := benchmarkWire(size)
			r := NewReader(Limits{})
			r.chunkSize = size
			n := 0
			deliver := func(m *Message) error {
				n += len(m.Body)
				return nil
			}
			b.ReportAllocs()
			b.SetBytes(int64(messages * 5000))
			for b.Loop() {
				for rest := wire; len(rest) > 0; {
					piece := rest[:min(len(rest), 32<<10)]
					rest = rest[len(piece):]
					if err := r.Feed(piece, deliver); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, size := range []uint32{128, 4096, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m := Message{ChunkStreamID: 6, Type: typeVideo, StreamID: 1, Body: pattern(5000)}
			w := NewWriter()
			w.SetChunkSize(size)
			dst := make([]byte, 0, 16<<10)
			b.ReportAllocs()
			b.SetBytes(int64(len(m.Body)))
			for b.Loop() {
				m.Timestamp += 20
				dst = w.AppendMessage(dst[:0], &m)
			}
		})
	}
}

func BenchmarkAppendFull(b *testing.B) {
	for _, size := range []uint32{4096, 65536} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			m := Message{ChunkStreamID: 6, Type: typeVideo, StreamID: 1, Body: pattern(5000)}
			dst := make([]byte, 0, 16<<10)
			b.ReportAllocs()
			b.SetBytes(int64(len(m.Body)))
			for b.Loop() {
				m.Timestamp += 20
				dst = AppendFull(dst[:0], &m, size)
			}
		})
	}
}

func BenchmarkWireSize(b *testing.B) {
	m := Message{ChunkStreamID: 6, Timestamp: 20, Type: typeVideo, StreamID: 1, Body: pattern(5000)}
	wire := AppendFull(nil, &m, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if WireSize(wire, 4096) != len(wire) {
			b.Fatal("wrong size")
		}
	}
}

// A peer that chooses chunk size 1 pays a header per byte; the work stays proportional to its bytes.
func BenchmarkReadChunkSizeOne(b *testing.B) {
	m := Message{ChunkStreamID: 6, Type: typeVideo, StreamID: 1, Body: pattern(50_000)}
	wire := AppendFull(nil, &m, 1)
	r := NewReader(Limits{})
	r.chunkSize = 1
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		if err := r.Feed(wire, func(*Message) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// Allocations of the hot paths: reading allocates the Body, writing nothing.
func TestAllocations(t *testing.T) {
	m := Message{ChunkStreamID: 6, Type: typeVideo, StreamID: 1, Body: pattern(5000)}
	wire := AppendFull(nil, &m, 4096)
	r := NewReader(Limits{})
	r.chunkSize = 4096
	deliver := func(*Message) error { return nil }
	if n := testing.AllocsPerRun(100, func() {
		if err := r.Feed(wire, deliver); err != nil {
			t.Error(err)
		}
	}); n > 1 {
		t.Errorf("reading a message allocates %v times, want 1", n)
	}
	dst := make([]byte, 0, 8192)
	w := NewWriter()
	if n := testing.AllocsPerRun(100, func() {
		dst = AppendFull(dst[:0], &m, 4096)
		dst = w.AppendMessage(dst[:0], &m)
	}); n > 0 {
		t.Errorf("writing a message allocates %v times, want 0", n)
	}
}
