package pcap

import (
	"fmt"
	"net/netip"

	"github.com/gopacket/gopacket/layers"

	"leat/internal/diagnose"
)

const (
	maxConns   = 1024
	maxSide    = 1 << 20  // bytes of a side that may wait for a segment
	maxWaiting = 64 << 20 // of all
	// pieceCost is what a piece that waits counts besides its bytes: it takes memory and time even if it has one byte only.
	pieceCost = 128
)

// conn is a TCP connection.
type conn struct {
	id     uint64 // 0 until it is known to be RTMP
	client netip.AddrPort
	sides  [2]side // by diagnose.Direction
	over   bool    // what still comes is passed over
}

// side is one direction of a connection.
type side struct {
	known   bool   // next is valid
	next    uint32 // sequence number of the byte that is due
	early   map[uint32][]byte
	waiting int    // bytes of early, with pieceCost for each piece
	held    []byte // of a server, until the client has shown that it speaks RTMP
	ended   bool
}

// segment takes a segment of TCP (RFC 9293).
func (p *Reader) segment(from, to netip.AddrPort, tcp *layers.TCP) {
	key := path{from, to}
	if to.Compare(from) < 0 {
		key = path{to, from}
	}
	c := p.conns[key]
	if tcp.SYN && !tcp.ACK {
		if c != nil {
			p.drop(key, c) // the ports are used again
		}
		if len(p.conns) == maxConns {
			return
		}
		c = &conn{client: from}
		p.conns[key] = c
	}
	if c == nil || c.over {
		return
	}
	dir := diagnose.FromServer
	if from == c.client {
		dir = diagnose.FromClient
	}
	s := &c.sides[dir]
	if tcp.SYN {
		s.known, s.next = true, tcp.Seq+1
		return
	}
	if !s.known {
		return
	}
	if len(tcp.Payload) > 0 {
		p.arrived(c, dir, tcp.Seq, tcp.Payload)
	}
	switch {
	case c.over:
		p.forget(key, c)
	case tcp.RST:
		p.end(c, "the "+dir.String()+" reset the connection")
		p.forget(key, c)
	case tcp.FIN:
		s.ended = true
		if c.sides[0].ended && c.sides[1].ended {
			p.end(c, "both sides closed the connection")
			p.forget(key, c)
		}
	}
}

// arrived puts bytes in their place, and takes what is due.
func (p *Reader) arrived(c *conn, dir diagnose.Direction, seq uint32, b []byte) {
	s := &c.sides[dir]
	ahead := int64(int32(seq - s.next)) // the most negative number has no positive one of 32 bits
	switch {
	case ahead > 0:
		p.wait(c, dir, seq, b)
		return
	case -ahead >= int64(len(b)):
		return // sent twice
	}
	p.take(c, dir, b[-ahead:])
	for found := true; found && !c.over; {
		found = false
		for piece, due := s.early[s.next]; due && !c.over; piece, due = s.early[s.next] {
			p.early(c, dir, s.next, piece)
		}
		for at, piece := range s.early {
			if int32(s.next-at) >= 0 {
				p.early(c, dir, at, piece)
				found = true
			}
		}
	}
}

// early takes what is due of a piece that has waited.
func (p *Reader) early(c *conn, dir diagnose.Direction, at uint32, piece []byte) {
	s := &c.sides[dir]
	delete(s.early, at)
	s.waiting -= len(piece) + pieceCost
	p.waiting -= len(piece) + pieceCost
	if behind := int(s.next - at); behind < len(piece) {
		p.take(c, dir, piece[behind:])
	}
}

// wait keeps bytes that have come too early, because one before them came late or was not captured.
func (p *Reader) wait(c *conn, dir diagnose.Direction, seq uint32, b []byte) {
	s := &c.sides[dir]
	known, ok := s.early[seq]
	grown := len(b) - len(known)
	if grown <= 0 {
		return
	}
	if !ok {
		grown += pieceCost
	}
	if s.waiting+grown > maxSide || p.waiting+grown > maxWaiting {
		first := seq
		for at := range s.early {
			if int32(at-first) < 0 {
				first = at
			}
		}
		p.end(c, fmt.Sprintf("the capture misses %d bytes of the %v here", first-s.next, dir))
		c.over = true
		return
	}
	if s.early == nil {
		s.early = map[uint32][]byte{}
	}
	s.early[seq] = append([]byte(nil), b...)
	s.waiting += grown
	p.waiting += grown
}

// take hands bytes on that are due.
func (p *Reader) take(c *conn, dir diagnose.Direction, b []byte) {
	s := &c.sides[dir]
	s.next += uint32(len(b))
	if c.id == 0 {
		if dir == diagnose.FromServer {
			if len(s.held)+len(b) > maxSide {
				c.over = true
				return
			}
			s.held = append(s.held, b...)
			return
		}
		switch b[0] {
		case 3, 6, 8, 9: // C0 (RTMP 5.2.2)
		default:
			c.over = true
			return
		}
		p.lastID++
		c.id = p.lastID
		p.emit(c, diagnose.RecordOpened, []byte(c.client.String()))
	}
	typ := diagnose.RecordClient
	if dir == diagnose.FromServer {
		typ = diagnose.RecordServer
	}
	p.emit(c, typ, b)
	if server := &c.sides[diagnose.FromServer]; len(server.held) > 0 {
		p.emit(c, diagnose.RecordServer, server.held)
		server.held = nil
	}
}

// end says how a connection has ended.
func (p *Reader) end(c *conn, how string) {
	if c.id != 0 && !c.over {
		p.emit(c, diagnose.RecordClosed, []byte(how))
	}
}

// drop ends a connection whose end was not captured.
func (p *Reader) drop(key path, c *conn) {
	p.end(c, "the capture does not show its end")
	p.forget(key, c)
}

func (p *Reader) forget(key path, c *conn) {
	for i := range c.sides {
		p.waiting -= c.sides[i].waiting
	}
	delete(p.conns, key)
}
