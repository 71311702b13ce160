package rtmp

// ServerStats are counters of a Server since it was made.
type ServerStats struct {
	Open     int    // connections now, those in the handshake too; RTMPT's sockets and sessions each
	Accepted uint64 // connections that were let in

	RefusedByLimit    uint64 // not let in: Limits.Connections was reached
	RefusedByAddress  uint64 // Limits.ConnectionsPerAddress was reached
	RefusedByRate     uint64 // Limits.ConnectsPerSecond or ConnectsPerAddress was reached
	RefusedByShutdown uint64 // Shutdown or Close had been called

	ClosedByPeer    uint64 // ended, by the side of their CloseReason
	ClosedByLocal   uint64
	ClosedByNetwork uint64

	BytesReceived uint64 // of all connections, as in Stats
	BytesSent     uint64
}

// Stats returns the counters as they are now. Its cost grows with the number of open connections.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.counts
	sum.Open = len(s.conns) + len(s.carriers)
	for c := range s.conns {
		of := c.Stats()
		sum.BytesReceived += of.BytesReceived
		sum.BytesSent += of.BytesSent
	}
	return sum
}

// refuse counts a connection that was not let in.
func (s *ServerStats) refuse(why refusal) {
	switch why {
	case refusedByShutdown:
		s.RefusedByShutdown++
	case refusedByLimit:
		s.RefusedByLimit++
	case refusedByAddress:
		s.RefusedByAddress++
	case refusedByRate, refusedByAddressRate:
		s.RefusedByRate++
	}
}

// countEnd adds a connection that has ended. s.mu is held.
func (s *Server) countEnd(c *Conn) {
	of := c.Stats()
	s.counts.BytesReceived += of.BytesReceived
	s.counts.BytesSent += of.BytesSent
	switch c.closeReason().Side {
	case SidePeer:
		s.counts.ClosedByPeer++
	case SideNetwork:
		s.counts.ClosedByNetwork++
	default:
		s.counts.ClosedByLocal++
	}
}
