package rtmp

import (
	"maps"
	"net"
	"net/netip"
	"time"
)

// refusal is why a connection is not let in; "" lets it in.
type refusal string

const (
	refusedByShutdown    refusal = "the server is shutting down"
	refusedByLimit       refusal = "the limit on connections is reached"
	refusedByAddress     refusal = "the limit on connections of one address is reached"
	refusedByRate        refusal = "the limit on new connections in a second is reached"
	refusedByAddressRate refusal = "the limit on new connections of one address in a second is reached"
)

// admit enters a connection in the books, or says why not.
func (s *Server) admit(l link, around layers) (*Conn, refusal) {
	addr := remoteIP(l.RemoteAddr())
	around.trusted = !around.tunnel && s.TrustedProxy != nil && s.TrustedProxy(addr)
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := s.refusal(addr, around); why != "" {
		s.counts.refuse(why)
		return nil, why
	}
	s.counts.Accepted++
	s.nextID++
	if s.inForce == nil {
		s.inForce = s.Limits.withDefaults()
	}
	c := newConn(l, &serverSide{srv: s, addr: addr, layers: around}, s.inForce, s.logger())
	c.id = s.nextID
	if s.conns == nil {
		s.conns = map[*Conn]struct{}{}
		s.addresses = map[netip.Addr]int{}
	}
	s.conns[c] = struct{}{}
	s.addresses[addr]++
	s.wg.Add(1)
	if !s.watching {
		s.watching = true
		s.wg.Go(s.watch)
	}
	return c, ""
}

// refusal says why a connection is not let in. s.mu is held.
func (s *Server) refusal(addr netip.Addr, around layers) refusal {
	switch {
	case s.closed:
		return refusedByShutdown
	case s.Limits.Connections > 0 && len(s.conns)+len(s.carriers) >= s.Limits.Connections:
		return refusedByLimit
	case around.tunnel: // the socket that brings it has been counted for the rates
		if s.crowded(addr) {
			return refusedByAddress
		}
		return ""
	case !around.trusted: // what a proxy brings is held to these when it has said for whom
		if why := s.refusalOf(addr); why != "" {
			return why
		}
	}
	if n := s.Limits.ConnectsPerSecond; n > 0 && !s.arrivals.all.take(n, time.Now()) {
		return refusedByRate
	}
	return ""
}

// refusalOf is refusal for what holds for each address. s.mu is held.
func (s *Server) refusalOf(addr netip.Addr) refusal {
	if s.crowded(addr) {
		return refusedByAddress
	}
	if n := s.Limits.ConnectsPerAddress; n > 0 && !s.arrivals.from(addr, time.Now()).take(n, time.Now()) {
		return refusedByAddressRate
	}
	return ""
}

// arrivals are the new connections of the last seconds. Server.mu guards them.
type arrivals struct {
	all       rate
	addresses map[netip.Addr]*rate
	sweepAt   int // how many addresses there are when those are forgotten that have been quiet
}

// leastSweep keeps a server with few clients from sweeping all the time.
const leastSweep = 1024

// from returns the rate of an address. There are never more than twice as many as came in the last two seconds.
func (a *arrivals) from(addr netip.Addr, now time.Time) *rate {
	if r := a.addresses[addr]; r != nil {
		return r
	}
	if a.addresses == nil {
		a.addresses = map[netip.Addr]*rate{}
	}
	if len(a.addresses) >= max(a.sweepAt, leastSweep) {
		maps.DeleteFunc(a.addresses, func(_ netip.Addr, r *rate) bool { return r.isFull(now) })
		a.sweepAt = 2 * len(a.addresses)
	}
	r := new(rate)
	a.addresses[addr] = r
	return r
}

// A refusedLine is what the log has had of refusals of one kind.
type refusedLine struct {
	at     time.Time
	unsaid int // since then
}

// sayRefused logs a refusal, one of each kind a second: what comes in floods must not flood the log.
func (s *Server) sayRefused(remote net.Addr, why refusal) {
	now := time.Now()
	s.mu.Lock()
	line := s.refused[why]
	if !line.at.IsZero() && now.Sub(line.at) < time.Second {
		line.unsaid++
		s.refused[why] = line
		s.mu.Unlock()
		return
	}
	if s.refused == nil {
		s.refused = map[refusal]refusedLine{}
	}
	s.refused[why] = refusedLine{at: now}
	s.mu.Unlock()
	s.logger().Warn("connection refused", "remote", remote.String(), "reason", string(why), "more_before", line.unsaid)
}

// remoteIP returns the address of a peer without its port; the zero Addr for peers that have none.
func remoteIP(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
