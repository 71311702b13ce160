package rtmp

import (
	"errors"
	"net"

	"leat/internal/sockets"
	"leat/internal/wire/handshake"
)

// Connections that come to a TCP listener have no goroutine of their own where the system allows: the server's loop waits for all of
// their sockets, and one of its workers handles what has come. What lies inside TLS or HTTP goes on with a goroutine.

// evented is a server's connection as the loop sees it.
type evented Conn

var _ sockets.Owner = (*evented)(nil)

func (e *evented) Readable(over bool) {
	c := (*Conn)(e)
	if err := c.readReady(over); err != nil {
		c.side.(*serverSide).srv.goOnInLoop(c, over, c.settle(err))
	}
}

func (e *evented) Writable() { (*Conn)(e).out.writable() }

// adopt puts an accepted connection into the loop, and returns nil where that cannot be.
func (s *Server) adopt(loop *sockets.Loop, nc net.Conn) *sockets.Socket {
	tcp, ok := nc.(*net.TCPConn)
	if !ok || loop == nil {
		return nil
	}
	socket, err := loop.Adopt(tcp)
	if err != nil {
		s.logger().Debug("a connection gets a goroutine of its own", "err", err)
		return nil
	}
	return socket
}

// loopFor makes the caller a user of the loop, for the connections of l. It returns nil where there is none, or no use for it.
func (s *Server) loopFor(l net.Listener, around layers) *sockets.Loop {
	if _, ok := l.(*net.TCPListener); !ok || around.onlyTLS {
		return nil
	}
	loop, err := s.useLoop()
	if err != nil && !errors.Is(err, sockets.ErrUnsupported) {
		s.logger().Warn("each connection gets a goroutine of its own", "err", err)
	}
	return loop
}

// useLoop makes the caller a user of the server's loop.
func (s *Server) useLoop() (*sockets.Loop, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, sockets.ErrUnsupported
	}
	if s.loop != nil && s.loop.Use() {
		return s.loop, nil
	}
	loop, err := sockets.NewLoop()
	if err != nil {
		return nil, err
	}
	s.loop = loop
	s.wg.Go(loop.Wait)
	return loop, nil
}

// serveSocket begins to serve a connection.
func (s *Server) serveSocket(socket *sockets.Socket, around layers) {
	c := s.enter(socket, around)
	if c == nil {
		return
	}
	c.life.parent = s.baseContext()
	if err := socket.Start((*evented)(c)); err != nil {
		s.goOnInLoop(c, true, c.settle(err))
		return
	}
	if c.over.Load() {
		socket.Wake() // it was closed before it could be told
	}
}

// goOnInLoop goes on when the reading of a connection of the loop has ended: with what is inside it, if w says that there is something.
// Only what is behind the header of a proxy stays in the loop.
func (s *Server) goOnInLoop(c *Conn, over bool, w *wrapped) {
	socket := c.out.fd.(*sockets.Socket)
	switch {
	case w == nil:
		s.gone(c)
	case w.looks == handshake.LooksPROXY:
		next := s.inside(c, w)
		if next == nil {
			s.gone(c)
			return
		}
		next.life.parent = s.baseContext()
		socket.Hand((*evented)(next))
		(*evented)(next).Readable(over)
	default:
		nc, err := socket.Detach()
		if err != nil {
			s.goOnInLoop(c, over, c.settle(err))
			return
		}
		c.relink(nc)
		go s.goOn(c, w) // counted in wg by admit
	}
}
