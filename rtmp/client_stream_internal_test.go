package rtmp

import (
	"errors"
	"io"
	"testing"
)

// TestShortStream: what a server has said counts before the end of the connection, also when both have come before the client looks at
// the answer to play.
func TestShortStream(t *testing.T) {
	lost := &CloseReason{Side: SidePeer, Text: "gone"}
	tests := []struct {
		name string
		said func(st *clientStream)
		want error
	}{
		{"the publisher left", func(st *clientStream) { st.status(Status{Level: LevelStatus, Code: string(CodePlayUnpublishNotify)}) }, io.EOF},
		{"Stream EOF", (*clientStream).eof, io.EOF},
		{"nothing", func(*clientStream) {}, lost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			st := &clientStream{news: make(chan Status, 8), over: make(chan struct{})}
			st.queue.init()
			st.status(Status{Level: LevelStatus, Code: string(CodePlayStart)})
			test.said(st)
			st.end(lost)
			if err := st.await(t.Context(), playStarted); err != nil {
				t.Fatal(err)
			}
			if _, err := st.queue.get(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("the stream ends with %v, want %v", err, test.want)
			}
		})
	}
	st := &clientStream{news: make(chan Status, 8), over: make(chan struct{})}
	st.queue.init()
	st.end(lost)
	if err := st.await(t.Context(), playStarted); !errors.Is(err, lost) {
		t.Errorf("a stream that has not begun ends with %v, want %v", err, lost)
	}
}
