package rtmp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"

	"leat/media"
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

// TestSeekAndEnd: what the server has said of the end before it answers a seek is from before the seek, and holds if it refuses.
func TestSeekAndEnd(t *testing.T) {
	lost := &CloseReason{Side: SidePeer, Text: "gone"}
	for _, test := range []struct {
		name   string
		events []any // codes that the server sends, errors, and "seek"
		want   error
	}{
		{"behind the end", []any{CodePlayStop, "seek", CodeSeekNotify}, nil},
		{"the end comes late", []any{"seek", CodePlayComplete, CodePlayStop, CodeSeekNotify}, nil},
		{"in between", []any{CodePlayComplete, "seek", CodePlayStop, CodeSeekNotify}, nil},
		{"and to the end again", []any{CodePlayStop, "seek", CodeSeekNotify, CodePlayStop}, errCleanEnd},
		{"refused", []any{CodePlayStop, "seek", CodeSeekFailed}, errCleanEnd},
		{"refused, the end came late", []any{"seek", CodePlayStop, CodeSeekInvalidTime}, errCleanEnd},
		{"refused in the middle", []any{"seek", CodeSeekFailed}, nil},
		{"a live stream ends", []any{"seek", CodePlayUnpublishNotify, CodeSeekNotify}, errCleanEnd},
		{"the connection ends", []any{CodePlayStop, "seek", lost}, lost},
		{"closed", []any{ErrClosed, "seek", CodeSeekNotify}, ErrClosed},
		{"twice", []any{CodePlayStop, "seek", CodeSeekNotify, CodePlayStop, "seek", CodeSeekNotify}, nil},
	} {
		st := &clientStream{started: true, news: make(chan Status, 8), over: make(chan struct{})}
		st.queue.init()
		for _, e := range test.events {
			switch e := e.(type) {
			case Code:
				st.status(Status{Level: LevelStatus, Code: string(e)})
			case error:
				st.end(e)
			default:
				st.seek()
			}
		}
		if err := st.queue.cause(); !errors.Is(err, test.want) {
			t.Errorf("%s: the stream ends with %v, want %v", test.name, err, test.want)
		}
	}
}

// tally counts what it is given.
type tally int

func (n *tally) WritePacket(context.Context, *media.Packet) error { *n++; return nil }

// TestDrainAgain: a queue that goes on behind its end gives nothing to the writer from before, and counts anew.
func TestDrainAgain(t *testing.T) {
	var q packetQueue
	q.init()
	var before, behind tally
	for i, to := range []*tally{&before, &behind} {
		for range i + 2 {
			q.put(t.Context(), &media.Packet{})
		}
		q.end(errCleanEnd)
		if n, err := q.drainTo(t.Context(), to); n != int64(i+2) || err != nil {
			t.Errorf("drained %d, %v", n, err)
		}
		q.revive()
	}
	if before != 2 || behind != 3 {
		t.Errorf("the first writer got %d packets, the second %d, want 2 and 3", before, behind)
	}
}

// TestCloseWithConnection: a stream that has not begun and ends with its connection is not deleted as well, whichever of the two comes to
// know of the end first.
func TestCloseWithConnection(t *testing.T) {
	for _, test := range []struct {
		name string
		end  error
		want bool
	}{
		{"the connection's end", &CloseReason{Side: SidePeer, Text: "the server sent us elsewhere"}, false},
		{"a refusal", Refuse(CodePlayStreamNotFound, "no"), true},
	} {
		side := &clientSide{streams: map[uint32]*clientStream{}}
		nc, peer := net.Pipe()
		c := newConn(nc, side, Limits{}.withDefaults(), slog.New(slog.DiscardHandler))
		st := &clientStream{c: c, side: side, id: 1, news: make(chan Status, 8), over: make(chan struct{})}
		st.queue.init()
		side.streams[1] = st
		st.end(test.end)
		if err := st.close(); err != nil {
			t.Fatal(err)
		}
		c.out.mu.Lock()
		sends := c.out.flushing // nobody reads it
		c.out.mu.Unlock()
		if sends != test.want {
			t.Errorf("%s: deleteStream is sent: %v, want %v", test.name, sends, test.want)
		}
		if err := errors.Join(nc.Close(), peer.Close()); err != nil {
			t.Error(err)
		}
		c.wg.Wait()
	}
}

// TestAnswerOutlivesContext: an answer that has come is not lost to the end of the context.
func TestAnswerOutlivesContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		p := &pendingCall{answer: make(chan answer, 1)}
		p.answer <- answer{value: 7.0}
		if a, err := p.wait(ctx); err != nil || a.value != 7.0 {
			t.Fatalf("%v, %v", a.value, err)
		}
	}
}
