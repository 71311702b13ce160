//go:build interop

package interop

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// tap is a wire between one client and a server that keeps what the client sends.
type tap struct {
	url  string // what the client is to connect to instead of the server
	done chan struct{}

	mu   sync.Mutex
	sent []byte
}

// newTap listens for one client of the server of an address.
func newTap(t *testing.T, server string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tp := &tap{url: "rtmp://" + l.Addr().String(), done: make(chan struct{})}
	t.Cleanup(func() {
		l.Close()
		<-tp.done
	})
	go func() { // ends with the listener, or with both connections
		defer close(tp.done)
		tp.carry(l, strings.TrimPrefix(server, "rtmp://"))
	}()
	return tp
}

func (tp *tap) carry(l net.Listener, server string) {
	client, err := l.Accept()
	if err != nil {
		return
	}
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	var down sync.WaitGroup
	down.Go(func() {
		_, _ = io.Copy(client, upstream) // either end may close; the test looks at what has come
		client.Close()
	})
	_, _ = io.Copy(upstream, io.TeeReader(client, tp))
	upstream.Close()
	down.Wait()
}

// Write keeps what the client has sent.
func (tp *tap) Write(b []byte) (int, error) {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.sent = append(tp.sent, b...)
	return len(b), nil
}

// all returns what the client has sent. It waits until the client has gone.
func (tp *tap) all(t *testing.T) []byte {
	t.Helper()
	within(t, "the end of the client's connection", func() error {
		<-tp.done
		return nil
	})
	tp.mu.Lock()
	defer tp.mu.Unlock()
	return slices.Clone(tp.sent)
}

// chunkSizes returns the chunk sizes that the client has announced. The client must have gone.
func (tp *tap) chunkSizes(t *testing.T) []uint32 {
	t.Helper()
	<-tp.done
	const handshake = 1 + 1536 + 1536 // C0, C1, C2
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if len(tp.sent) < handshake {
		t.Fatalf("the client has sent %d bytes", len(tp.sent))
	}
	var sizes []uint32
	err := chunk.NewReader(chunk.Limits{}).Feed(tp.sent[handshake:], func(m *chunk.Message) error {
		if m.Type == uint8(message.TypeSetChunkSize) {
			sizes = append(sizes, binary.BigEndian.Uint32(m.Body))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("what the client has sent: %v", err)
	}
	return sizes
}
