package rtmp

import (
	"fmt"
	"net/url"
	"slices"

	"leat/amf"
	"leat/internal/wire/message"
	"leat/media"
)

// ReconnectRequest is a server's wish that a client goes on over a new connection (E-RTMP v2, Reconnect Request).
// The old connection is served until the client closes it, which it does after the next key frame has begun on the new one.
type ReconnectRequest struct {
	// TCURL is where to connect, as the server wrote it: absolute, relative to the tcUrl in use, or "" for the same again.
	TCURL       string
	Description string // one sentence for people; may be empty
	// URL is TCURL resolved, with the stream name and the credentials of the connection in use. It is for DialURL.
	URL *URL
}

// RequestReconnect asks the client of a server's connection to connect to tcURL instead: an absolute URL, or one relative to
// the tcUrl that the client used ("//other.example/live", "/live"); "" means the same one. It does not block. It returns
// false, and sends nothing, when the client has not said that it understands the request, or the connection is not there.
func (c *Conn) RequestReconnect(tcURL, description string) bool {
	s, ok := c.side.(*serverSide)
	if !ok || !c.connected.Load() || c.closing.Load() || s.req.Capabilities.CapsEx&CapsReconnect == 0 {
		return false
	}
	status := Status{Code: string(CodeConnectReconnectRequest), Description: description}
	if tcURL != "" {
		status.Extra = []amf.Member{{Name: "tcUrl", Value: tcURL}}
	}
	if err := c.send(0, &message.Command{Name: "onStatus", Args: []any{status.Object()}}); err != nil {
		c.logger.Debug("reconnect request not sent", "err", err)
		return false
	}
	return true
}

// Keys returns the streams that the client of a server's connection publishes or plays now, each once.
func (c *Conn) Keys() []media.Key {
	s, ok := c.side.(*serverSide)
	if !ok {
		return nil
	}
	var keys []media.Key
	s.eachStream(func(st *serverStream) {
		st.mu.Lock()
		pub, play := st.pub, st.play
		st.mu.Unlock()
		if pub != nil && !slices.Contains(keys, pub.key) {
			keys = append(keys, pub.key)
		}
		if play != nil && !slices.Contains(keys, play.key) {
			keys = append(keys, play.key)
		}
	})
	return keys
}

// reconnect tells the application what the server asks for.
func (s *clientSide) reconnect(c *Conn, status Status) {
	if s.cfg.OnReconnect == nil {
		c.logger.Debug("reconnect request ignored", "description", status.Description)
		return
	}
	r := &ReconnectRequest{Description: status.Description}
	for _, m := range status.Extra {
		if text, ok := m.Value.(string); ok && m.Name == "tcUrl" {
			r.TCURL = text
		}
	}
	var err error
	if r.URL, err = resolveTCURL(s.url, s.cfg.TCURL, r.TCURL); err != nil {
		c.logger.Warn("reconnect request ignored: its address is not usable", "err", err)
		return
	}
	s.cfg.OnReconnect(c, r)
}

// moved is what becomes of a client that is sent elsewhere after connect has succeeded, as SRS does when it learns the stream's
// name: the end of the connection, which the server waits for; or a reconnect request to who obeys them and does not wait for an
// answer to publish or play.
func (s *clientSide) moved(c *Conn, e *StatusError) {
	reason := &CloseReason{Side: SidePeer, Text: "the server sent us to " + printable(e.Redirect), Err: e}
	if s.refuse(reason) || s.cfg.OnReconnect == nil {
		c.closeGently(reason)
		return
	}
	s.reconnect(c, Status{Description: e.Description, Extra: []amf.Member{{Name: "tcUrl", Value: e.Redirect}}})
}

// refuse ends the streams that wait for their beginning, and reports whether there were any.
func (s *clientSide) refuse(reason *CloseReason) bool {
	s.mu.Lock()
	var waiting []*clientStream
	for _, st := range s.streams {
		st.mu.Lock()
		if !st.started {
			waiting = append(waiting, st)
		}
		st.mu.Unlock()
	}
	s.mu.Unlock()
	for _, st := range waiting {
		st.end(reason)
	}
	return len(waiting) > 0
}

// resolveTCURL returns the address that ref means to a client that has dialled u, and whose tcUrl was replaced if tcURL is
// not empty.
func resolveTCURL(u *URL, tcURL, ref string) (*URL, error) {
	if ref == "" {
		same := *u
		return &same, nil
	}
	if tcURL == "" {
		tcURL = u.TCURL
	}
	base, err := url.Parse(tcURL)
	if err != nil {
		return nil, fmt.Errorf("rtmp: the tcUrl in use cannot be resolved against: %w", err)
	}
	if err := checkURLText(ref); err != nil {
		return nil, err
	}
	target, err := base.Parse(ref)
	if err != nil {
		return nil, &URLError{"it cannot be resolved"}
	}
	target.Fragment = "name" // then the whole path is the app
	next, err := ParseURL(target.String())
	if err != nil {
		return nil, err
	}
	next.Name = u.Name
	if next.User == "" {
		next.User, next.Password = u.User, u.Password
	}
	return next, nil
}
