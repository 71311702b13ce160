package rtmp

import (
	"context"
	"errors"
	"net"

	"leat/internal/tunnel"
)

// carry serves the HTTP requests of RTMPT on the socket of c until it ends. It returns false when c was closed before. c counts
// as a connection for as long, and each session as another one, as it may outlive the socket.
func (s *Server) carry(c *Conn, w *wrapped) bool {
	s.mu.Lock()
	if c.closeReason() != nil {
		s.mu.Unlock()
		c.finish()
		return false
	}
	delete(s.conns, c)
	if s.carriers == nil {
		s.carriers = map[*Conn]struct{}{}
	}
	s.carriers[c] = struct{}{}
	t := s.tunnelLocked()
	s.mu.Unlock()
	s.carrying.Add(1) // before wg is done, so that nobody waits for too little
	s.wg.Done()
	defer s.carrying.Done()
	t.ServeConn(&openedConn{Conn: c.carrier().(net.Conn), first: w.first, remote: c.RemoteAddr()})
	c.close(&CloseReason{Side: SidePeer, Text: "the HTTP connection ended"})
	c.in.bytes.Store(0) // the bytes of its sessions are counted by them
	c.finish()
	s.leave(c)
	return true
}

// tunnelLocked returns the server of the tunnels, which the first of them brings into being. s.mu is held, and wg is not at
// zero.
func (s *Server) tunnelLocked() *tunnel.Server {
	if s.tunnels == nil {
		s.tunnels = tunnel.NewServer(tunnel.Config{MaxSessions: s.Limits.Connections, Logger: s.logger()})
		t := s.tunnels
		s.carrying.Go(func() { s.acceptSessions(t) })
	}
	return s.tunnels
}

// acceptSessions serves the sessions that clients open, until the tunnels are closed.
func (s *Server) acceptSessions(t *tunnel.Server) {
	for {
		nc, err := t.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				s.logger().Error("no more RTMPT sessions are taken", "err", err)
			}
			return
		}
		s.serveNew(nc, layers{tunnel: true}, nil)
	}
}

// endTunnels closes the tunnels. With drain it first lets clients fetch what was left for them, until ctx is done.
func (s *Server) endTunnels(ctx context.Context, drain bool) {
	s.mu.Lock()
	t := s.tunnels
	s.mu.Unlock()
	if t == nil {
		return
	}
	if drain {
		if err := t.Shutdown(ctx); err != nil {
			s.logger().Debug("not all RTMPT clients have fetched what was left for them", "err", err)
		}
	}
	s.closeTunnels(t)
}

func (s *Server) closeTunnels(t *tunnel.Server) {
	if err := t.Close(); err != nil {
		s.logger().Debug("closing the RTMPT server", "err", err)
	}
}
