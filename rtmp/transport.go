package rtmp

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"leat/internal/sockets"
	"leat/internal/wire/handshake"
)

// One port speaks every transport: the first bytes of a connection say which one it is. Plain RTMP goes on as it began. What
// is wrapped in something else ends the reading of its Conn with a *wrapped, and whoever served it
// goes on with the next layer: another Conn above TLS or behind the header of a proxy, or a tunnel's HTTP requests. So a
// plain connection costs nothing more than before, and no Conn changes its socket while somebody reads or writes.

// layers are what lies around the byte stream of a server's connection.
type layers struct {
	proxied bool // a PROXY header has been read
	tls     bool
	tunnel  bool // a session of RTMPT
	onlyTLS bool // the listener is for RTMPS: nothing else is taken
	trusted bool // the socket is that of a trusted proxy
}

// wrapped is the error that ends the reading of a connection whose first bytes begin another layer.
type wrapped struct {
	looks  string   // one of handshake.LooksTLS, LooksHTTP and LooksPROXY
	first  []byte   // all that has been read, behind the header of a proxy
	client net.Addr // that this names; nil: nobody
}

func (w *wrapped) Error() string { return "the connection goes on as " + w.looks }

const (
	openingPOST = "POST "
	// openingSize is how much tells a request of RTMPT from the header of a proxy. Neither is shorter.
	openingSize = 8
)

// sniff returns the bytes that the handshake begins with, nil while there are too few to say, or a *wrapped.
func (s *serverSide) sniff(b []byte) ([]byte, error) {
	if len(s.first) > 0 {
		s.first = append(s.first, b...)
		b = s.first
	}
	looks, certain := handshake.Sniff(b)
	if b[0] == openingPOST[0] && len(b) < openingSize {
		certain = false // POST, PROXY and others
	}
	if !certain {
		if len(s.first) == 0 {
			s.first = slices.Clone(b)
		}
		return nil, nil
	}
	if s.unwraps(looks, b) {
		return s.unwrap(looks, b)
	}
	if s.onlyTLS && !s.tls && looks == handshake.LooksRTMP {
		return nil, &ProtocolError{Reason: "this is plain RTMP on a port for RTMPS: use rtmps:// here"}
	}
	return b, nil
}

// unwraps reports whether a layer of this kind is taken here.
func (s *serverSide) unwraps(looks string, b []byte) bool {
	switch looks {
	case handshake.LooksPROXY:
		return s.trusted && !s.proxied && !s.tls && !s.tunnel
	case handshake.LooksTLS:
		return s.srv.TLSConfig != nil && !s.tls && !s.tunnel
	case handshake.LooksHTTP:
		return s.srv.RTMPT && !s.tunnel && (s.tls || !s.onlyTLS) && bytes.HasPrefix(b, []byte(openingPOST))
	}
	return false
}

// unwrap takes the first bytes of another layer. They are nil while it is not known how it goes on.
func (s *serverSide) unwrap(looks string, b []byte) ([]byte, error) {
	w := &wrapped{looks: looks, first: slices.Clone(b)}
	if looks != handshake.LooksPROXY {
		return nil, w
	}
	size, err := proxyHeaderSize(b)
	if size == 0 && err == nil {
		s.first = w.first
		return nil, nil
	}
	if err == nil {
		w.client, err = readProxyHeader(w.first[:size])
	}
	if err != nil {
		return nil, &ProtocolError{Reason: fmt.Sprintf("the header of the PROXY protocol is broken: %v", err), Err: err}
	}
	w.first = w.first[size:]
	return nil, w
}

// serveConn serves a connection that admit has let in, through all of its layers.
func (s *Server) serveConn(c *Conn) { s.goOn(c, c.run(s.baseContext())) }

// goOn serves what is inside c.
func (s *Server) goOn(c *Conn, w *wrapped) {
	for ; w != nil; w = c.run(s.baseContext()) {
		if w.looks == handshake.LooksHTTP {
			if s.carry(c, w) {
				return
			}
			break
		}
		next := s.inside(c, w)
		if next == nil {
			break
		}
		c = next
	}
	s.gone(c)
}

// inside returns the connection inside c, entered in the books in its place; nil when c has ended.
func (s *Server) inside(c *Conn, w *wrapped) *Conn {
	side := c.side.(*serverSide)
	inner := &serverSide{srv: s, addr: side.addr, layers: side.layers}
	var next *Conn
	if w.looks == handshake.LooksTLS {
		inner.tls = true
		next = newConn(s.secure(c, w), inner, c.limits, s.logger())
		next.remote, next.proxy = c.remote, c.proxy
	} else {
		inner.proxied = true
		next = newConn(c.carrier(), inner, c.limits, s.logger())
		next.in.first = w.first
		if w.client != nil {
			next.remote, next.proxy, inner.addr = w.client, c.RemoteAddr(), remoteIP(w.client)
		}
	}
	if err := s.replace(c, next); err != nil {
		c.end(err)
		c.finish()
		return nil
	}
	return next
}

// secure returns the server's end of TLS inside c.
func (s *Server) secure(c *Conn, w *wrapped) link {
	opened := func(nc net.Conn) net.Conn { return &openedConn{Conn: nc, first: w.first, remote: c.RemoteAddr()} }
	nc := c.carrier().(net.Conn)
	if sealed := sockets.Seal(nc, s.TLSConfig, opened); sealed != nil {
		return sealed
	}
	return tls.Server(opened(nc), s.TLSConfig)
}

// replace enters next in the books instead of c, unless that has been closed meanwhile.
func (s *Server) replace(c, next *Conn) error {
	next.id, next.started = c.id, c.started
	from, to := c.side.(*serverSide).addr, next.side.(*serverSide).addr
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.closeReason() != nil {
		return net.ErrClosed
	}
	if from != to {
		if why := s.refusalOf(to); why != "" {
			s.counts.refuse(why)
			return &ProtocolError{Reason: string(why)}
		}
		s.uncount(from)
		s.addresses[to]++
	}
	delete(s.conns, c)
	s.conns[next] = struct{}{}
	return nil
}

// crowded reports whether an address has all the connections that it may have. s.mu is held.
func (s *Server) crowded(addr netip.Addr) bool {
	return s.Limits.ConnectionsPerAddress > 0 && s.addresses[addr] >= s.Limits.ConnectionsPerAddress
}

// uncount takes a connection off its address. s.mu is held.
func (s *Server) uncount(addr netip.Addr) {
	if s.addresses[addr]--; s.addresses[addr] <= 0 {
		delete(s.addresses, addr)
	}
}

// Scheme returns the scheme by which the connection has come, such as SchemeRTMPS. The server's end of a tunnel cannot tell
// whether it lies inside TLS. Before the handshake is over, RTMPE is not yet known.
func (c *Conn) Scheme() string {
	var l layers
	switch s := c.side.(type) {
	case *clientSide:
		return s.url.Scheme
	case *serverSide:
		l = s.layers
	}
	encrypted := c.in.handshaken.Load() && c.handshake.Encrypted
	switch {
	case l.tunnel && encrypted:
		return SchemeRTMPTE
	case l.tunnel:
		return SchemeRTMPT
	case l.tls:
		return SchemeRTMPS
	case encrypted:
		return SchemeRTMPE
	}
	return SchemeRTMP
}

// An openedConn is a connection of which something has been read already.
type openedConn struct {
	net.Conn
	first  []byte   // what has been read
	remote net.Addr // nil: the connection's own
}

func (c *openedConn) Read(b []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(b, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *openedConn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.Conn.RemoteAddr()
}

// tlsText says what broke a connection before TLS was agreed on; "" for anything else.
func (c *Conn) tlsText(err error) string {
	t, ok := c.carrier().(interface{ ConnectionState() tls.ConnectionState })
	if !ok || t.ConnectionState().HandshakeComplete || errors.Is(err, net.ErrClosed) {
		return ""
	}
	return fmt.Sprintf("TLS was not agreed on: %v", err)
}
