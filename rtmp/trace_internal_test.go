package rtmp

import (
	"testing"

	"leat/internal/wire/chunk"
)

// BenchmarkReceived shows what a Trace costs the media path, and that no Trace costs nothing.
func BenchmarkReceived(b *testing.B) {
	body := make([]byte, 4000)
	wire := chunk.AppendFull(nil, &chunk.Message{ChunkStreamID: 6, Type: 9, StreamID: 1, Body: body}, chunk.DefaultChunkSize)
	heard := 0
	traces := map[string]*Trace{
		"no trace": nil,
		"empty":    {},
		"trace":    {Received: func(m TraceMessage) { heard += len(m.Body) }},
	}
	for name, trace := range traces {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := chunk.NewReader(chunk.Limits{})
			deliver := func(m *chunk.Message) error {
				trace.received(m, r)
				return nil
			}
			for b.Loop() {
				if err := r.Feed(wire, deliver); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestTraceDoesNotAllocate(t *testing.T) {
	r := chunk.NewReader(chunk.Limits{})
	m := &chunk.Message{Type: 9, Body: make([]byte, 100)}
	heard := 0
	for name, trace := range map[string]*Trace{"none": nil, "some": {Received: func(m TraceMessage) { heard += len(m.Body) }}} {
		if n := testing.AllocsPerRun(100, func() { trace.received(m, r) }); n > 0 {
			t.Errorf("%s: %v allocations for a message", name, n)
		}
	}
	if heard == 0 {
		t.Error("nothing was heard")
	}
}
