package rtmp

import "fmt"

// countPartial takes note of what the connection holds of unfinished messages, after each read. When those of a server hold
// too much together, the one that holds most is closed: a budget alone would let idle connections keep honest publishers out.
func (c *Conn) countPartial() {
	s, ok := c.side.(*serverSide)
	if !ok {
		return
	}
	now := int64(c.in.chunks.Partial())
	if now == c.in.partial.Load() {
		return
	}
	was := c.in.partial.Swap(now)
	if total := s.srv.partial.Add(now - was); now > was && total > int64(c.limits.PartialTotal) {
		s.srv.relieve(c.limits.PartialTotal)
	}
}

// releasePartial is called at the end of a connection.
func (c *Conn) releasePartial() {
	if s, ok := c.side.(*serverSide); ok {
		s.srv.partial.Add(-c.in.partial.Swap(0))
	}
}

// relieve closes the connection that holds most of unfinished messages.
func (s *Server) relieve(limit int) {
	var most *Conn
	var held int64
	s.mu.Lock()
	for c := range s.conns {
		if n := c.in.partial.Load(); n > held && !c.over.Load() {
			most, held = c, n
		}
	}
	s.mu.Unlock()
	if most == nil {
		return
	}
	s.partial.Add(-most.in.partial.Swap(0)) // now: others may be reading at the same time
	most.close(&CloseReason{Side: SideLocal, Text: fmt.Sprintf("all connections together hold more than %d bytes of unfinished messages, this one the most: %d", limit, held)})
}
