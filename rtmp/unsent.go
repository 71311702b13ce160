package rtmp

import "fmt"

// countUnsent takes note of how much waits to be sent. When too much waits on the connections of a server together, those that
// hold most are closed: each alone may be within its bounds, and together they would take all memory. Called with mu held.
func (o *outbound) countUnsent() {
	side, ok := o.c.side.(*serverSide)
	if !ok || o.err != nil {
		return
	}
	now := int64(o.pending())
	was := o.unsent.Load()
	if now == was {
		return
	}
	o.unsent.Store(now)
	srv := side.srv
	total := srv.unsent.Add(now - was)
	if now > was && total > o.c.limits.WriteTotal && !srv.relieving.Swap(true) {
		o.c.wg.Go(func() { srv.relieveUnsent(o.c.limits.WriteTotal) }) // it takes locks that a caller may hold
	}
}

// releaseUnsent is called at the end of a connection, when nothing more can be sent.
func (o *outbound) releaseUnsent() {
	side, ok := o.c.side.(*serverSide)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	side.srv.unsent.Add(-o.unsent.Swap(0))
}

// relieveUnsent closes the connections that hold most of what waits to be sent, until no more than limit is left.
func (s *Server) relieveUnsent(limit int64) {
	defer s.relieving.Store(false)
	for {
		var most *Conn
		var held, total int64
		s.mu.Lock()
		for c := range s.conns {
			if n := c.out.unsent.Load(); !c.over.Load() {
				total += n
				if n > held {
					most, held = c, n
				}
			}
		}
		s.mu.Unlock()
		if most == nil || total <= limit {
			return
		}
		most.close(&CloseReason{Side: SideLocal, Text: fmt.Sprintf("more than %d bytes wait to be sent on all connections together, on this one the most: %d", limit, held)})
	}
}
