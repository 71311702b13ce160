package node

import (
	"net/http"
	"net/netip"
	"strings"

	"leat/internal/web"
)

// webDenial is why a request over HTTP is turned down.
type webDenial struct {
	status int
	text   string
}

// say answers with it.
func (d *webDenial) say(w http.ResponseWriter) {
	if d.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	web.Say(w, d.status, d.text)
}

// mayWatch asks who may play: the same as over RTMP. It returns why not; nil when the client may.
func (n *Node) mayWatch(host string, q *webRequest) *webDenial {
	_, app, ok := n.Config().Lookup(host, q.key.App)
	switch {
	case !ok:
		n.counters.refuse(toPlay, byApp)
		return &webDenial{http.StatusNotFound, "There is no such application on this server."}
	case !app.PlayFrom.Contains(q.addr):
		n.counters.refuse(toPlay, byAddress)
		q.log.Warn("player refused", "reason", "its address is not in play_from of the application; add the address there")
		return &webDenial{http.StatusForbidden, "Playing is not allowed from " + q.addr.String() + "."}
	case app.PlayToken.IsSet() && !app.PlayToken.Matches(q.token):
		n.counters.refuse(toPlay, byToken)
		q.log.Warn("player refused", "reason", "it named a wrong play_token or none; the address to play must end in ?token=...")
		return &webDenial{http.StatusUnauthorized, "Playing needs a token: add ?token=… to the address, or send it as a bearer token."}
	}
	q.app = app
	return nil
}

// webToken finds the token of a request: in the address, as over RTMP, or in the header that is made for it.
func webToken(r *http.Request) string {
	if token := r.URL.Query().Get("token"); token != "" {
		return token
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	return ""
}

// webAddr returns where a request comes from. A proxy that the configuration knows says so itself.
func (n *Node) webAddr(r *http.Request) netip.Addr {
	addr := parseAddr(r.RemoteAddr)
	proxies := n.Config().Proxies
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && addr.IsValid() && proxies.Contains(addr); i-- {
		hop := parseAddr(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			break
		}
		addr = hop
	}
	return addr
}

func parseAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
