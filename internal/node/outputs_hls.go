package node

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"leat/internal/config"
	"leat/internal/web/hls"
	"leat/media"
)

var errNoHLS = errors.New("node: hls.mode is off")

// maxRenditions bounds the variants of one master playlist that come from streams of their own.
const maxRenditions = 16

// serveMaster answers with the master playlist of a live stream and its renditions.
func (n *Node) serveMaster(w http.ResponseWriter, r *http.Request, q *webRequest) error {
	if n.Config().HLS.Mode == config.HLSOff {
		return errNoHLS
	}
	if err := n.visit(r, q); err != nil {
		return err
	}
	return n.outputs.hls.Master(w, r, n.renditions(q), q.token)
}

// renditions returns the stream and the others on air that show the same.
func (n *Node) renditions(q *webRequest) []hls.Rendition {
	list := []hls.Rendition{{Key: q.key, Prefix: q.to.HLSPrefix(q.to.Name)}}
	for _, s := range n.hub.Streams() {
		if s.Key == q.key || s.Key.App != q.key.App || s.Key.Instance != q.key.Instance || s.Publisher == nil ||
			!q.app.Renditions.Same(q.key.Name, s.Key.Name) || len(list) == maxRenditions {
			continue
		}
		name := s.Key.Name
		if q.key.Instance != "" {
			name = q.key.Instance + "/" + name
		}
		list = append(list, hls.Rendition{Key: s.Key, Prefix: q.to.HLSPrefix(name)})
	}
	slices.SortFunc(list[1:], func(a, b hls.Rendition) int { return strings.Compare(a.Key.Name, b.Key.Name) })
	return list
}

// serveHLSFile answers with what a playlist names.
func (n *Node) serveHLSFile(w http.ResponseWriter, r *http.Request, q *webRequest) error {
	if n.Config().HLS.Mode == config.HLSOff {
		return errNoHLS
	}
	if path.Ext(q.to.File) == ".m3u8" {
		if err := n.visit(r, q); err != nil {
			return err
		}
	}
	return n.outputs.hls.File(w, r, q.key, q.to.File, q.token)
}

// hlsViewer tells viewers of HLS apart, who come with a request for each file: by address and program.
type hlsViewer struct {
	key   media.Key
	addr  netip.Addr
	agent string
}

// hlsVisit is from a viewer's first playlist until none was asked for any more.
type hlsVisit struct {
	node    *Node
	viewer  hlsViewer
	log     *slog.Logger
	started time.Time
	timer   *time.Timer
	asked   int // playlists; guarded by outputs.mu
	shown   *webViewer
}

const (
	hlsGone     = 15 * time.Second // without a playlist, a viewer has gone
	maxVisits   = 100_000
	maxHLSAgent = 100 // bytes
)

// visit counts who asks for a playlist as a player of the stream. The error is that of arrive.
func (n *Node) visit(r *http.Request, q *webRequest) error {
	agent := r.UserAgent()
	v := hlsViewer{q.key, q.addr, agent[:min(len(agent), maxHLSAgent)]}
	o := &n.outputs
	o.mu.Lock()
	visit, room := o.viewers[v], len(o.viewers) < maxVisits && !o.closed
	if visit != nil {
		visit.asked++
		visit.timer.Reset(hlsGone + n.Config().HLS.Segment)
	}
	o.mu.Unlock()
	if visit != nil || !room {
		return nil
	}
	if err := n.arrive(q.key); err != nil {
		return err
	}
	visit = &hlsVisit{node: n, viewer: v, log: q.log, started: time.Now(), asked: 1}
	visit.shown = &webViewer{key: q.key, output: "hls", remote: q.addr.String(), agent: v.agent, started: visit.started}
	o.mu.Lock()
	if o.viewers[v] != nil || o.closed { // another request of the same viewer was quicker
		o.mu.Unlock()
		o.depart(q.key)
		return nil
	}
	o.viewers[v] = visit
	visit.timer = time.AfterFunc(hlsGone+n.Config().HLS.Segment, visit.expire)
	o.mu.Unlock()
	n.counters.plays.Add(1)
	q.log.Info("playing")
	n.show(visit.shown)
	return nil
}

// expire is called when a viewer has not come again.
func (v *hlsVisit) expire() {
	o := &v.node.outputs
	o.mu.Lock()
	there := o.viewers[v.viewer] == v
	if there {
		delete(o.viewers, v.viewer)
	}
	o.mu.Unlock()
	if there {
		v.left("the client left")
	}
}

// left counts the viewer out, who is in no map any more.
func (v *hlsVisit) left(why string) {
	o := &v.node.outputs
	o.depart(v.viewer.key)
	o.mu.Lock()
	asked := v.asked
	o.mu.Unlock()
	v.node.unshow(v.shown, why)
	v.log.Info("play ended", "reason", why, "playlists", asked, "dur", time.Since(v.started).Round(time.Millisecond))
}
