package rtmp

import (
	"errors"
	"net"
	"time"

	"leat/internal/sockets"
)

// link is what carries a connection's bytes: a *sockets.Socket, or a net.Conn.
type link interface {
	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	Close() error
}

// interrupt wakes whoever waits for the socket. It does not close it: net.Conn.Close waits for a RawConn.Read
// that is under way, and this may be called from inside one. Whoever reads closes it.
func (c *Conn) interrupt() {
	switch l := c.carrier().(type) {
	case *sockets.Socket:
		l.Wake()
	case net.Conn:
		if err := l.SetDeadline(time.Unix(1, 0)); err != nil && !errors.Is(err, net.ErrClosed) {
			c.logger.Debug("interrupting the socket", "err", err)
		}
	}
}

func (c *Conn) carrier() link {
	c.reasonMu.Lock()
	defer c.reasonMu.Unlock()
	return c.link
}

// relink goes on with another link to the same peer.
func (c *Conn) relink(l link) {
	c.reasonMu.Lock()
	c.link = l
	over := c.reason != nil
	c.reasonMu.Unlock()
	if over {
		c.interrupt() // who has closed it has met the one before
	}
}
