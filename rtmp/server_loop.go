package rtmp

import (
	"context"
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

func (e *evented) Readable(over bool) (more bool) {
	c := (*Conn)(e)
	err := c.readReady(over)
	if err == nil {
		return true
	}
	s := c.side.(*serverSide).srv
	if w, ok := errors.AsType[*wrapped](err); ok && w.looks == handshake.LooksPROXY {
		return s.behindProxy(c, w, over)
	}
	go s.leaveLoop(c, err) // counted in wg by admit; to end a connection may take long
	return false
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
		s.leaveLoop(c, err)
		return
	}
	if c.over.Load() {
		socket.Wake() // it was closed before it could be told
	}
}

// behindProxy goes on in the loop with the connection behind the header of a proxy.
func (s *Server) behindProxy(c *Conn, w *wrapped, over bool) (more bool) {
	c.life.end(context.Canceled)
	next := s.inside(c, w)
	if next == nil {
		s.gone(c)
		return false
	}
	next.life.parent = s.baseContext()
	c.out.fd.(*sockets.Socket).Hand((*evented)(next))
	return (*evented)(next).Readable(over)
}

// leaveLoop ends a connection for what its reading has returned, or goes on with what is inside it.
func (s *Server) leaveLoop(c *Conn, err error) {
	w := c.settle(err)
	if w == nil {
		s.gone(c)
		return
	}
	nc, err := c.out.fd.(*sockets.Socket).Detach()
	if err != nil {
		s.leaveLoop(c, err)
		return
	}
	c.relink(nc)
	s.goOn(c, w)
}
