package node

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
	"strings"

	"leat/internal/web/multitrack"
	"leat/rtmp"
)

// ingest says what OBS may send to the application that the address of its request names, "live" if it names none. The rules are
// those for publishers: what OBS is refused in words here it would be refused over RTMP.
func (n *Node) ingest(r *http.Request, name, query string) (multitrack.Ingest, error) {
	appName := cmp.Or(r.URL.Query().Get("app"), "live")
	_, app, ok := n.Config().Lookup(r.Host, appName)
	addr := n.webAddr(r)
	token, _ := rtmp.QueryValue(query, "token")
	refuse := func(why reason, sentence string) (multitrack.Ingest, error) {
		n.counters.refuse(toPublish, why)
		return multitrack.Ingest{}, multitrack.Refusal(sentence)
	}
	switch {
	case !ok:
		return refuse(byApp, "There is no application "+brief(appName)+" on this server: correct app=… in the address that OBS asks.")
	case !app.PublishFrom.Contains(addr):
		return refuse(byAddress, "Publishing is not allowed from "+addr.String()+".")
	case app.PublishToken.IsSet() && !app.PublishToken.Matches(token):
		return refuse(byToken, "The stream key was refused: it must be a name and a token, as in name?token=…")
	}
	in := multitrack.Ingest{App: appName, Ladder: make([]multitrack.Rung, len(app.Ladder))}
	for i, rung := range app.Ladder {
		in.Ladder[i] = multitrack.Rung{
			Height: rung.Height, FPS: float64(rung.FPS), Bitrate: rung.Bitrate, Codec: multitrack.Codec(rung.Codec),
		}
	}
	in.Endpoints = n.endpoints(r.Host, appName)
	return in, nil
}

// endpoints are where to publish, by the host name that a client has called the public door by. RTMPS goes first.
func (n *Node) endpoints(host, app string) []multitrack.Endpoint {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	list := []multitrack.Endpoint{}
	for _, scheme := range []string{"rtmps", "rtmp"} {
		at, ok := n.Addr(scheme).(*net.TCPAddr)
		if !ok {
			continue
		}
		where := net.JoinHostPort(host, strconv.Itoa(at.Port))
		if port := strconv.Itoa(at.Port); port == defaultPorts[scheme] {
			where = strings.TrimSuffix(where, ":"+port)
		}
		list = append(list, multitrack.Endpoint{Protocol: strings.ToUpper(scheme), URL: scheme + "://" + where + "/" + app + "/{stream_key}"})
	}
	return list
}
