package relay

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"leat/rtmp"
)

const (
	// pathProperty is the property of connect's command object, and of the answer's information object, that carries a Path.
	pathProperty = "leatPath"
	// maxHops is how many servers a stream may come through before this one.
	maxHops = 8
	// maxPathBytes bounds what is looked at of a peer's property.
	maxPathBytes = 1 << 10
)

var (
	// ErrLoop says that a stream would come back to a server that it has come through.
	ErrLoop = errors.New("relay: the stream would go round in a loop: this server is on its way already; take out one of the push or pull rules")
	// ErrTooFar says that a stream has come through as many servers as it may.
	ErrTooFar = fmt.Errorf("relay: the stream would come through more than %d servers; take out some of the push or pull rules", maxHops)
)

// Path is the IDs of the servers that a stream has come through, or is asked for by, the first of them first.
type Path []string

// newID draws the ID of a server.
func newID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// PathOf returns the way that a client has named in connect; nil if it is no relay. A text that is no Path counts as none.
func PathOf(r *rtmp.ConnectRequest) Path { return parsePath(r.Object.Text(pathProperty)) }

func parsePath(text string) Path {
	if len(text) > maxPathBytes {
		return nil
	}
	return strings.Fields(text)
}

// String is what goes on the wire.
func (p Path) String() string { return strings.Join(p, " ") }

// next returns the way with one more server on it.
func (p Path) next(id string) Path { return append(slices.Clip(p), id) }

// meets reports whether a server is on both ways.
func (p Path) meets(q Path) bool {
	return slices.ContainsFunc(p, func(id string) bool { return slices.Contains(q, id) })
}

// check returns ErrLoop or ErrTooFar for a way that must not lead to the server id.
func (p Path) check(id string) error {
	switch {
	case slices.Contains(p, id):
		return ErrLoop
	case len(p) > maxHops:
		return ErrTooFar
	}
	return nil
}

// Admit looks at a client's connect. The error, ErrLoop or ErrTooFar, says to refuse it. A relay is told who this server is.
func (r *Relay) Admit(req *rtmp.ConnectRequest) error {
	path := PathOf(req)
	if len(path) == 0 {
		return nil
	}
	if err := path.check(r.id); err != nil {
		return err
	}
	req.Reply.Set(pathProperty, r.id)
	return nil
}

// serverPath is the way that a server has named in its answer to connect: itself.
func serverPath(c *rtmp.Conn) Path {
	_, information := c.ServerProperties()
	return parsePath(information.Text(pathProperty))
}
