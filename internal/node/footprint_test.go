package node

import (
	"runtime"
	"testing"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// TestFootprint: a connection that idles, and one that plays, hold no more than what they need then: neither what handshake, connect and
// play have taken, nor a goroutine. The clients, in the same process, count too: a good kilobyte each.
func TestFootprint(t *testing.T) {
	const clients = 200
	s := start(t, nil)
	s.view(t, "cam", false) // what is made once is there
	viewers, buf := make([]*viewer, clients), []byte(nil)
	empty := s.footprint()
	for i := range viewers {
		v := s.connectRaw(t, false)
		v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
		v.until("the answer to createStream", func(m *chunk.Message) bool { return v.command(m, "_result") != nil })
		buf, v.buf, v.ready, viewers[i] = v.buf, nil, nil, v
	}
	idle := s.footprint()
	idle.check(t, "an idle connection", empty, clients, 21<<8)
	for _, v := range viewers {
		v.buf = buf
		v.send(1, &message.Command{Name: "play", TransactionID: 3, Args: []any{"cam"}})
		v.status("NetStream.Play.Start")
		v.ready = nil
	}
	until(t, "all were in the log", func() bool { return s.inLog() == 1+clients })
	s.footprint().check(t, "a player", empty, clients, 13<<9)
	runtime.KeepAlive(viewers)
}

// footprint is the memory of a process, bytes.
type footprint struct{ heap, stack int }

// footprint returns what is reachable, the log apart, and all stacks.
func (s *server) footprint() footprint {
	runtime.GC() // stacks become smaller
	runtime.GC() // what pools held is gone only now
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.lines.mu.Lock()
	defer s.lines.mu.Unlock()
	return footprint{heap: int(m.HeapAlloc) - s.lines.text.Cap(), stack: int(m.StackInuse)}
}

// leastStack is the stack of a goroutine, bytes.
const leastStack = 2 << 10

// check compares what each of n has added since with what it may: so much heap, and less stack than a goroutine each.
func (f footprint) check(t *testing.T, who string, since footprint, n, heap int) {
	t.Helper()
	gotHeap, gotStack := (f.heap-since.heap)/n, (f.stack-since.stack)/n
	t.Logf("%s holds %d bytes of heap and %d of stack", who, gotHeap, gotStack)
	if gotHeap > heap || gotStack > leastStack/2 {
		t.Errorf("%s holds %d bytes of heap, at most %d wanted, and %d of stack, as if it had a goroutine", who, gotHeap, heap, gotStack)
	}
}
