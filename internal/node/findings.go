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

// witness hears one connection: what the client sends, and of the server only which streams it ends.
type witness struct {
	node    *Node
	conn    *rtmp.Conn
	begun   time.Time
	session *diagnose.Session
}

// trace is the hook of rtmp.Server.
func (n *Node) trace(c *rtmp.Conn) *rtmp.Trace {
	w := &witness{node: n, conn: c, begun: time.Now()}
	w.session = diagnose.NewSession(diagnose.Config{OnFinding: w.found})
	n.findings.add(c.ID(), w.session)
	return &rtmp.Trace{HandshakeDone: w.handshakeDone, Received: w.received, Sent: w.sent, Closed: w.closed}
}

func (w *witness) handshakeDone(h rtmp.TraceHandshake) {
	w.session.Handshake(time.Since(w.begun), h)
}

func (w *witness) received(m rtmp.TraceMessage) {
	w.session.Message(diagnose.FromClient, time.Since(w.begun), m)
}

func (w *witness) sent(m rtmp.TraceMessage) { w.session.Told(time.Since(w.begun), m) }

func (w *witness) closed(r *rtmp.CloseReason) {
	w.session.Close(time.Since(w.begun), r)
	w.node.findings.remove(w.conn.ID())
}

func (w *witness) found(f diagnose.Finding) {
	id, remote := w.conn.ID(), w.conn.RemoteAddr().String()
	logFinding(w.node.log.With("conn", id, "remote", remote), f)
	w.node.news.Tell(api.Event{Kind: api.EventFinding, Connection: id, Remote: remote, Text: f.Text})
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
