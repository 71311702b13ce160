//go:build interop

package interop

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// The keys of the object store. They guard nothing.
const (
	storeKey    = "someone"
	storeSecret = "something"
	storeBucket = "recordings"
)

// gateway starts an object store, versitygw, with the files of its bucket in a folder of dir, and returns it and its address.
func gateway(t *testing.T, dir string) (p *process, address string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, storeBucket), 0o750); err != nil {
		t.Fatal(err)
	}
	const attempts = 5
	for range attempts {
		port := freePort(t)
		address = fmt.Sprintf("127.0.0.1:%d", port)
		p := start(t, "versitygw", "--port", address, "--access", storeKey, "--secret", storeSecret, "--quiet", "posix", dir)
		if p.listens(port) {
			return p, address
		}
		t.Logf("versitygw did not start on port %d:\n%s", port, p.tail())
	}
	t.Fatal("versitygw does not start; `make setup` installs it")
	return nil, ""
}

// strait carries connections to an object store, and can be closed when so many bytes have gone there.
type strait struct {
	net.Listener
	work sync.WaitGroup

	mu      sync.Mutex
	target  string
	conns   map[net.Conn]bool
	passed  int64         // bytes to the store, of all connections
	limit   int64         // of passed; what comes then waits until the connection ends
	reached chan struct{} // closed at the limit
}

// newStrait opens a strait. It lets everything pass until hold.
func newStrait(t *testing.T, target string) *strait {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &strait{Listener: l, target: target, conns: map[net.Conn]bool{}}
	s.hold(1 << 62)
	s.work.Go(s.accept)
	t.Cleanup(func() {
		closeAll(t, l)
		s.cut()
		s.work.Wait()
	})
	return s
}

func (s *strait) accept() {
	for {
		client, err := s.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		target := s.target
		s.mu.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			client.Close()
			continue
		}
		s.mu.Lock()
		s.conns[client], s.conns[server] = true, true
		s.mu.Unlock()
		s.work.Go(func() { s.carry(server, io.TeeReader(client, s)); server.Close(); client.Close() })
		s.work.Go(func() { s.carry(client, server); server.Close(); client.Close() })
	}
}

// carry copies until either side has ended; how does not matter.
func (s *strait) carry(to io.Writer, from io.Reader) { _, _ = io.Copy(to, from) }

// Write counts bytes on their way to the store. Beyond the limit the connections are cut.
func (s *strait) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passed += int64(len(b))
	if s.passed < s.limit {
		return len(b), nil
	}
	select {
	case <-s.reached:
	default:
		close(s.reached)
	}
	return 0, io.ErrClosedPipe
}

// hold cuts connections to the store when so many more bytes have passed. The channel is closed then.
func (s *strait) hold(more int64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit = s.passed + more
	s.reached = make(chan struct{})
	return s.reached
}

// lead leads to another store from now on.
func (s *strait) lead(target string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target = target
}

// cut ends all connections.
func (s *strait) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
	clear(s.conns)
}

func (s *strait) sent() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passed
}
