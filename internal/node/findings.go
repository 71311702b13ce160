package node

import (
	"log/slog"
	"sync"
	"time"

	"leat/internal/diagnose"
	"leat/internal/web/api"
	"leat/rtmp"
)

// findings has a listener for each connection, which says in the log and in Connections what is wrong with what the client
// sends.
type findings struct {
	mu       sync.Mutex
	sessions map[uint64]*diagnose.Session // by number of the connection
}

// of returns what was found about a connection.
func (f *findings) of(id uint64) []diagnose.Finding {
	f.mu.Lock()
	s := f.sessions[id]
	f.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Findings()
}

func (f *findings) add(id uint64, s *diagnose.Session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sessions == nil {
		f.sessions = map[uint64]*diagnose.Session{}
	}
	f.sessions[id] = s
}

func (f *findings) remove(id uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sessions, id)
}

// trace is the hook of rtmp.Server. It hears the client, and of the server only which streams it ends.
func (n *Node) trace(c *rtmp.Conn) *rtmp.Trace {
	begun := time.Now()
	log := n.log.With("conn", c.ID(), "remote", c.RemoteAddr().String())
	s := diagnose.NewSession(diagnose.Config{OnFinding: func(f diagnose.Finding) {
		logFinding(log, f)
		n.news.Tell(api.Event{Kind: api.EventFinding, Connection: c.ID(), Remote: c.RemoteAddr().String(), Text: f.Text})
	}})
	n.findings.add(c.ID(), s)
	return &rtmp.Trace{
		HandshakeDone: func(h rtmp.TraceHandshake) { s.Handshake(time.Since(begun), h) },
		Received:      func(m rtmp.TraceMessage) { s.Message(diagnose.FromClient, time.Since(begun), m) },
		Sent:          func(m rtmp.TraceMessage) { s.Told(time.Since(begun), m) },
		Closed: func(r *rtmp.CloseReason) {
			s.Close(time.Since(begun), r)
			n.findings.remove(c.ID())
		},
	}
}

// logFinding writes a finding, once. Those that the inspector writes for publishers of every kind are left to it.
func logFinding(log *slog.Logger, f diagnose.Finding) {
	switch f.Code {
	case diagnose.ConfigMissing, diagnose.LegacyNumber, diagnose.Backwards, diagnose.ChunkUnannounced, diagnose.ChunkGarbage:
		return
	}
	write := log.Warn
	if f.Severity == diagnose.Info {
		write = log.Info
	}
	write("found", "code", string(f.Code), "text", f.Text, "msid", f.StreamID, "timestamp", f.Timestamp)
}
