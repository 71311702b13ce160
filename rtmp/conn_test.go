package rtmp

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"testing"

	"leat/internal/wire/chunk"
)

var discard = slog.New(slog.DiscardHandler)

// nopConn is a connection for tests that never touch it.
type nopConn struct{ net.Conn }

// TestEnd: the reason of a close says who ended the connection and, if it can, what the peer did wrong.
func TestEnd(t *testing.T) {
	garbage := &chunk.Error{ChunkStreamID: 5, Reason: "the message is too long"}
	for _, test := range []struct {
		err  error
		side Side
		text string
	}{
		{io.EOF, SidePeer, "the peer closed the connection without sending a byte"},
		{brokenWrite(syscall.EPIPE), SidePeer, "the peer closed the connection without sending a byte"},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), SideNetwork, "the connection broke: read: connection reset by peer"},
		{&ProtocolError{Reason: "too many commands"}, SideLocal, "too many commands"},
		{garbage, SideLocal, "chunk stream 5: the message is too long; the peer probably sends larger chunks than it announced: it never sent Set Chunk Size, so they must be 128 bytes"},
	} {
		ours, theirs := net.Pipe()
		c := newConn(ours, &serverSide{}, Limits{}.withDefaults(), discard)
		c.end(test.err)
		if r := c.closeReason(); r.Side != test.side || r.Text != test.text {
			t.Errorf("%v: %s %q, want %s %q", test.err, r.Side, r.Text, test.side, test.text)
		}
		ours.Close()
		theirs.Close()
	}
}

// TestResetAfterTheStreams: a client that leaves without reading our last answers has not lost its connection.
func TestResetAfterTheStreams(t *testing.T) {
	for _, publishing := range []bool{false, true} {
		ours, theirs := net.Pipe()
		s := &serverSide{streams: []*serverStream{{id: 1}}}
		if publishing {
			s.streams[0].pub = &PublishStream{}
		}
		c := newConn(ours, s, Limits{}.withDefaults(), discard)
		c.id = 1
		c.in.bytes.Store(5000)
		c.in.handshaken.Store(true)
		c.connected.Store(true)
		c.end(syscall.ECONNRESET)
		want := CloseReason{Side: SidePeer, Text: "the peer closed the connection"}
		if publishing {
			want = CloseReason{Side: SideNetwork, Text: "the connection broke: connection reset by peer"}
		}
		if r := c.closeReason(); r.Side != want.Side || r.Text != want.Text {
			t.Errorf("publishing %t: %v, want %v", publishing, r, &want)
		}
		ours.Close()
		theirs.Close()
	}
}
