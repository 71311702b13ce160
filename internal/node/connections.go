package node

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"leat/internal/diagnose"
	"leat/media"
	"leat/rtmp"
)

// Connection is a snapshot of one RTMP connection. Its texts are the client's own, shortened where they go into logs too.
type Connection struct {
	ID        uint64 // the conn of the log lines
	Remote    string // address, as logged
	Transport string // rtmp, rtmps, rtmpt, rtmpe, rtmpte
	App       string // application with its instance, without query
	TCURL     string // without query and password
	FlashVer  string // what the client calls itself
	Since     time.Time

	Role    string      // "publisher", "player", or "" for neither; a client that does both is a publisher
	Streams []media.Key // what it publishes or plays now

	BytesIn, BytesOut uint64        // below TLS or HTTP
	RTT               time.Duration // of the last ping; 0: not measured

	Findings []diagnose.Finding // in the order in which they were found
}

// The roles of a Connection.
const (
	RolePublisher = "publisher"
	RolePlayer    = "player"
)

// Connections returns the connections that have finished connect, oldest first.
func (n *Node) Connections() []Connection {
	conns := n.rtmp.Conns()
	slices.SortFunc(conns, func(a, b *rtmp.Conn) int { return cmp.Compare(a.ID(), b.ID()) })
	all := make([]Connection, 0, len(conns))
	for _, c := range conns {
		all = append(all, n.connection(c))
	}
	return all
}

// Connection returns the connection of that number; false when there is none.
func (n *Node) Connection(id uint64) (Connection, bool) {
	c := n.conn(id)
	if c == nil {
		return Connection{}, false
	}
	return n.connection(c), true
}

// Kick ends a connection for a reason, which is logged. It does not wait for the end. The error says that there is no such
// connection.
func (n *Node) Kick(id uint64, reason string) error {
	c := n.conn(id)
	if c == nil {
		return fmt.Errorf("there is no connection %d: it has ended, or has not finished connect", id)
	}
	c.Kick(cmp.Or(reason, "kicked"))
	return nil
}

// conn returns nil when there is none.
func (n *Node) conn(id uint64) *rtmp.Conn {
	conns := n.rtmp.Conns()
	i := slices.IndexFunc(conns, func(c *rtmp.Conn) bool { return c.ID() == id })
	if i < 0 {
		return nil
	}
	return conns[i]
}

func (n *Node) connection(c *rtmp.Conn) Connection {
	r, stats := c.Request(), c.Stats()
	of := Connection{
		ID:        c.ID(),
		Remote:    c.RemoteAddr().String(),
		Transport: c.Scheme(),
		App:       r.App,
		TCURL:     rtmp.RedactURL(r.TCURL),
		FlashVer:  brief(r.FlashVer),
		Since:     stats.Since,
		Streams:   c.Keys(),
		BytesIn:   stats.BytesReceived,
		BytesOut:  stats.BytesSent,
		RTT:       stats.RoundTrip,
		Findings:  n.findings.of(c.ID()),
	}
	if r.Instance != "" {
		of.App += "/" + r.Instance
	}
	switch {
	case c.Publishing():
		of.Role = RolePublisher
	case c.Playing():
		of.Role = RolePlayer
	}
	return of
}
