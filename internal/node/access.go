package node

import (
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"leat/internal/config"
	"leat/rtmp"
)

// app finds what the configuration says about a connection's application, as it is now.
func (n *Node) app(r *rtmp.ConnectRequest) (config.App, bool) {
	_, app, ok := n.Config().Lookup(tcHost(r.TCURL), r.App)
	return app, ok
}

// tcHost returns the host that a client named in its tcUrl: the virtual host. It is "" when there is none.
func tcHost(tcURL string) string {
	u, err := url.Parse(strings.Trim(tcURL, "'"))
	if err != nil {
		return ""
	}
	return u.Host
}

// remote returns a connection's address; the zero Addr if it has none.
func remote(c *rtmp.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// token finds a token in the query of the stream name or of the application; the name's wins.
func token(r *rtmp.ConnectRequest, query string) string {
	if v, ok := rtmp.QueryValue(query, "token"); ok {
		return v
	}
	v, _ := rtmp.QueryValue(r.Query, "token")
	return v
}

// A denial is why a client may not do what it asked for.
type denial struct {
	reason reason
	log    string            // for the operator: what the client did and what to change
	status *rtmp.StatusError // for the client
}

// mayPublish returns why not; nil when it may.
func mayPublish(app *config.App, s *rtmp.PublishStream) *denial {
	addr := remote(s.Conn())
	switch {
	case !app.PublishFrom.Contains(addr):
		return &denial{
			byAddress, "its address is not in publish_from of the application; add the address there",
			rtmp.Refuse(rtmp.CodePublishBadName, "Publishing is not allowed from %s.", addr),
		}
	case app.Users.IsSet() && s.Request().User == "":
		return &denial{
			byUser, "it did not connect as one of users_file; the encoder needs user and password, and must call itself FMLE/… or name authmod in its address",
			rtmp.Refuse(rtmp.CodePublishBadName, "Publishing needs a user and a password."),
		}
	case app.PublishToken.IsSet() && !app.PublishToken.Matches(token(s.Request(), s.Query())):
		return &denial{
			byToken, "the stream key has a wrong publish_token or none; the key in the encoder must be name?token=...",
			rtmp.Refuse(rtmp.CodePublishBadName, "The stream key was refused."),
		}
	}
	return nil
}

// mayPlay returns why not; nil when it may.
func mayPlay(app *config.App, s *rtmp.PlayStream) *denial {
	return mayPlayFrom(app, s.Request(), s.Play().Query)
}

// mayPlayFrom is mayPlay for a client that names query.
func mayPlayFrom(app *config.App, r *rtmp.ConnectRequest, query string) *denial {
	addr := remote(r.Conn)
	switch {
	case !app.PlayFrom.Contains(addr):
		return &denial{
			byAddress, "its address is not in play_from of the application; add the address there",
			rtmp.Refuse(rtmp.CodePlayFailed, "Playing is not allowed from %s.", addr),
		}
	case app.PlayToken.IsSet() && !app.PlayToken.Matches(token(r, query)):
		return &denial{
			byToken, "it named a wrong play_token or none; the address to play must end in ?token=...",
			rtmp.Refuse(rtmp.CodePlayFailed, "The token was refused."),
		}
	}
	return nil
}

// sayWhoMayPublish tells an operator who did not configure anything what the defaults mean.
func (n *Node) sayWhoMayPublish() {
	from := n.Config().Defaults.PublishFrom
	words := make([]string, len(from))
	for i, s := range from {
		words[i] = s.String()
	}
	n.log.Info("who may publish", "from", strings.Join(words, ", "), "change", "publish_from in the configuration, or publish_token for a stream key")
}

// suspicious is how many connections from one private address, and from nowhere else, look like a proxy or a
// container's gateway that hides who the peers are.
const suspicious = 8

// peers watches where connections come from.
type peers struct {
	mu    sync.Mutex
	first netip.Addr
	count int
	many  bool // more than one address was seen, or the warning was given
}

// onlyOne takes note of a connection and reports, once, that all of many come from one private address.
func (p *peers) onlyOne(addr netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.many || !addr.IsPrivate() {
		p.many = p.many || !addr.IsLoopback()
		return false
	}
	if p.count == 0 {
		p.first = addr
	}
	if addr != p.first {
		p.many = true
		return false
	}
	p.count++
	p.many = p.count >= suspicious
	return p.many
}
