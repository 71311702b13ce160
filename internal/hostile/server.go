package hostile

import (
	"io"
	"net"
	"sync"
)

// Server treats the clients of a listener as it was told to.
type Server struct {
	listener net.Listener
	behave   func(c *Conn)
	over     chan struct{} // closed by Close
	running  sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[net.Conn]bool
	accepted int
}

// Serve begins to serve l, which it owns. behave is called for each connection, which is closed when it returns. The caller
// must Close the Server.
func Serve(l net.Listener, behave func(c *Conn)) *Server {
	s := &Server{listener: l, behave: behave, over: make(chan struct{}), conns: map[net.Conn]bool{}}
	s.running.Go(s.accept)
	return s
}

func (s *Server) accept() {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		closed := s.closed
		if !closed {
			s.conns[nc] = true
			s.accepted++
		}
		s.mu.Unlock()
		if closed {
			nc.Close()
			return
		}
		s.running.Go(func() {
			c := newConn(nc, s)
			s.behave(c)
			c.leave()
			s.mu.Lock()
			delete(s.conns, nc)
			s.mu.Unlock()
		})
	}
}

// Accepted returns how many connections there have been.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Close ends the listener and all connections, and waits for the end of their goroutines.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	conns := make([]io.Closer, 0, len(s.conns))
	for nc := range s.conns {
		conns = append(conns, nc)
	}
	s.mu.Unlock()
	close(s.over)
	s.listener.Close()
	for _, nc := range conns {
		nc.Close()
	}
	s.running.Wait()
}
