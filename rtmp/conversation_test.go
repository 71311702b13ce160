package rtmp_test

import (
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/conversation"
	"leat/internal/wire/chunk"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// TestServerConversations: when a server says what a server was recorded to say, a client gets as far as it did then.
func TestServerConversations(t *testing.T) {
	moves := conversation.ServerMoves()
	for _, c := range serverConversations(t) {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := converse(t, c, nil, nil, moves[c.Name])
				if err != nil || got < moves[c.Name].Least {
					t.Errorf("the client came to %d, want %d: %v", got, moves[c.Name].Least, err)
				}
			})
		})
	}
}

// FuzzServerConversation has recorded servers say what they said to a client, changed by edits (package conversation). Whatever comes of
// it, the client's calls end, what it says can be understood, nothing panics and no goroutine is left.
func FuzzServerConversation(f *testing.F) {
	all := serverConversations(f)
	moves := conversation.ServerMoves()
	for i := range all {
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0, 3, 6, 0, 9, byte(i), 6, 5, 0, 0, 9}) // a message of another server, and one of another type
		f.Add(uint8(i), []byte{1, 0, 4, 0, 9, 0xff})                   // a byte of the fifth message
	}
	f.Fuzz(func(t *testing.T, which uint8, edits []byte) {
		if len(edits) > conversation.MaxEdits {
			return
		}
		c := all[int(which)%len(all)]
		synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
			_, _ = converse(t, c, edits, all, moves[c.Name]) // whatever it comes to
		})
	})
}

func serverConversations(tb testing.TB) []*conversation.Conversation {
	tb.Helper()
	all, err := conversation.Servers()
	if err != nil || len(all) == 0 {
		tb.Fatal("no conversations: ", err)
	}
	return all
}

// pause is how long a server thinks.
const pause = 10 * time.Millisecond

// converse makes the moves of a client while its server says what it was recorded to say, changed by edits, with a pause before each
// piece. It returns what the moves came to.
func converse(t *testing.T, c *conversation.Conversation, edits []byte, all []*conversation.Conversation, moves conversation.Moves) (int, error) {
	t.Helper()
	client, server := rtmptest.Pipe()
	logger, log := logLines()
	cfg := &rtmp.DialConfig{
		Dial:   func(context.Context, string, string) (net.Conn, error) { return client, nil },
		Logger: logger,
	}
	said := make(chan struct{})
	go func() { // ends with the connection
		defer close(said)
		understand(t, server)
	}()
	var got int
	var err error
	done := make(chan struct{})
	go func() { // ends at its deadline at the latest
		defer close(done)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var conn *rtmp.Conn
		if conn, err = rtmp.Dial(ctx, "rtmp://h/"+conversation.App, cfg); err != nil {
			return
		}
		if c.Says("onBWDone") { // behind the answer to connect: the client answers that before it makes the first move
			time.Sleep(pause + pause/2)
		}
		got, err = moves.Do(ctx, conn)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, piece := range append([][]byte{c.Handshake}, c.Edit(edits, all)...) {
		time.Sleep(pause)
		if server.SetWriteDeadline(time.Now().Add(time.Second)) != nil || !send(server, piece) {
			break // the client has closed
		}
	}
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Error("the client's calls do not end")
	}
	server.Close()
	<-done
	<-said
	wantNoPanic(t, log)
	return got, err
}

// understand reads what the client says to its end, which must be messages.
func understand(t *testing.T, nc net.Conn) {
	t.Helper()
	if _, err := io.CopyN(io.Discard, nc, conversation.HandshakeSize); err != nil {
		return
	}
	r := chunk.NewReader(chunk.Limits{})
	buf := make([]byte, 16<<10)
	for {
		n, err := nc.Read(buf)
		if bad := r.Feed(buf[:n], func(*chunk.Message) error { return nil }); bad != nil {
			t.Errorf("what the client says cannot be understood: %v", bad)
			return
		}
		if err != nil {
			return
		}
	}
}
