package node

import (
	"fmt"
	"net/http"
	"time"

	"leat/internal/web/api"
	"leat/internal/web/stream"
	"leat/media"
)

// webViewer is a player over HTTP as the API shows it. Its fields do not change once it is shown.
type webViewer struct {
	id      uint64 // 0 before that; guarded by outputs.mu
	key     media.Key
	output  string
	remote  string
	agent   string
	started time.Time
	stats   func() stream.Stats // nil if nothing is known, as of HLS and WebRTC
	end     func(reason string) // nil if it cannot be ended: players of HLS would just ask again
}

// show lets the API and its listeners see a viewer, until unshow.
func (n *Node) show(v *webViewer) {
	o := &n.outputs
	o.mu.Lock()
	o.last++
	v.id = o.last
	o.shown[v.id] = v
	o.mu.Unlock()
	n.news.Tell(api.Event{Kind: api.EventPlaying, Stream: brief(v.key.String()), Remote: v.remote, Text: v.output})
}

// unshow does nothing for a viewer that was not shown.
func (n *Node) unshow(v *webViewer, why string) {
	o := &n.outputs
	o.mu.Lock()
	shown := v.id != 0
	delete(o.shown, v.id)
	o.mu.Unlock()
	if !shown {
		return
	}
	n.news.Tell(api.Event{Kind: api.EventLeft, Stream: brief(v.key.String()), Remote: v.remote, Text: why})
}

// webViewers returns all of them.
func (o *outputs) webViewers() []*webViewer {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]*webViewer, 0, len(o.shown))
	for _, v := range o.shown {
		all = append(all, v)
	}
	return all
}

func (v *webViewer) player() api.Player {
	p := api.Player{
		Stream: v.key.String(), Transport: v.output, Remote: v.remote, Agent: v.agent, Since: v.started,
	}
	if v.end != nil {
		p.Viewer = v.id
	}
	if v.stats != nil {
		s := v.stats()
		p.Bytes, p.Messages, p.Dropped, p.LagMS = s.Bytes, s.Messages, s.Dropped, s.Lag.Milliseconds()
	}
	return p
}

// KickViewer ends the answer to a player over HTTP.
func (c control) KickViewer(id uint64, reason string) error {
	o := &c.n.outputs
	o.mu.Lock()
	v := o.shown[id]
	o.mu.Unlock()
	if v == nil || v.end == nil {
		return &api.Problem{Status: http.StatusNotFound, Sentence: fmt.Sprintf("There is no viewer %d that could be ended.", id)}
	}
	v.end("ended by an operator: " + brief(reason))
	return nil
}
