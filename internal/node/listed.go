package node

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"leat/live"
	"leat/media"
)

// maxListed bounds the streams that the front page names.
const maxListed = 100

// listedStream is a stream as the front page shows it: no more than who watches it sees.
type listedStream struct {
	Name    string `json:"name"` // the path of its page, without the slash before it
	Players int    `json:"players"`
	Width   int    `json:"width,omitempty"`
	Height  int    `json:"height,omitempty"`
	Since   int64  `json:"since"` // Unix milliseconds
}

// serveListed answers with the live streams of the applications that are listed, as far as the one who asks may play them without a
// token; those with most players first.
func (n *Node) serveListed(w http.ResponseWriter, r *http.Request) {
	list := []listedStream{}
	addr := n.webAddr(r)
	audience := n.audience()
	for _, s := range n.hub.Streams() {
		_, app, ok := n.Config().Lookup(r.Host, s.Key.App)
		if !ok || !app.Listed || app.PlayToken.IsSet() || !app.PlayFrom.Contains(addr) || s.Publisher == nil {
			continue
		}
		l := listedStream{Name: s.Key.String(), Players: audience[s.Key].players, Since: s.Publisher.Since.UnixMilli()}
		n.meter.size(&l, &s)
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b listedStream) int {
		return cmp.Or(cmp.Compare(b.Players, a.Players), cmp.Compare(a.Name, b.Name))
	})
	b, err := json.Marshal(list[:min(len(list), maxListed)])
	if err != nil {
		http.Error(w, "The server failed to list its streams.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // a client that has gone misses nothing
}

// size fills in how large the picture is, if its header says so.
func (m *meter) size(l *listedStream, s *live.StreamInfo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g := m.gauges[s.Key]
	if g == nil {
		return // it has just begun
	}
	for i := range s.Publisher.Tracks {
		if t := &s.Publisher.Tracks[i]; t.Kind == media.Video {
			info := g.describe(t)
			l.Width, l.Height = info.Width, info.Height
			return
		}
	}
}
