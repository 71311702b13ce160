package node

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"time"

	"leat/internal/web/api"
	"leat/live"
	"leat/media"
)

// control is the node as the API sees it.
type control struct{ n *Node }

var _ api.Server = control{}

func (n *Node) control() control { return control{n} }

// crowd is who plays a stream now.
type crowd struct {
	players int           // over RTMP and HTTP
	lag     time.Duration // of the one that is furthest behind; of HLS it is not known
	dropped int64
}

// audience counts the players of all streams.
func (n *Node) audience() map[media.Key]crowd {
	all := map[media.Key]crowd{}
	for _, p := range n.livePlayers() {
		stats := p.stats()
		c := all[p.key]
		c.players++
		c.lag = max(c.lag, stats.Lag)
		c.dropped += stats.Dropped
		all[p.key] = c
	}
	o := &n.outputs
	for _, v := range o.webViewers() {
		if v.stats != nil {
			stats := v.stats()
			c := all[v.key]
			c.lag = max(c.lag, stats.Lag)
			c.dropped += stats.Dropped
			all[v.key] = c
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, viewers := range o.watching {
		c := all[key]
		c.players += viewers
		all[key] = c
	}
	return all
}

// tell lets the API's listeners know.
func (n *Node) tell(kind string, conn uint64, remote string, key media.Key, text string) {
	n.news.Tell(api.Event{Kind: kind, Stream: brief(key.String()), Connection: conn, Remote: remote, Text: text})
}

// livePlayers returns those that play a live stream over RTMP.
func (n *Node) livePlayers() []*player {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []*player
	for _, f := range n.feeds {
		all = slices.AppendSeq(all, maps.Keys(f.players))
	}
	return all
}

// About describes the node.
func (c control) About() api.About {
	n, cfg := c.n, c.n.Config()
	s := n.snapshot()
	about := api.About{
		Version: buildVersion(), Since: n.started, Addresses: []api.Address{},
		CPUs: runtime.GOMAXPROCS(0), Goroutines: runtime.NumGoroutine(), Memory: runtimeMemory(),
		Connections: s.Connections, Publishers: s.Publishers, Players: s.Players,
		BytesIn: s.BytesReceived, BytesOut: s.BytesSent,
		Limits: api.Limits{
			Connections: cfg.Limits.Connections, Publishers: cfg.Limits.Publishers, PlayersPerStream: cfg.Limits.PlayersPerStream,
		},
	}
	about.MemoryLimit = uint64(n.memory.limit.Load())
	for _, d := range n.doors {
		a := api.Address{Door: d.name, URL: d.url}
		if tcp, ok := d.listener.Addr().(*net.TCPAddr); ok {
			a.Port, a.Any = tcp.Port, tcp.IP.IsUnspecified()
		}
		about.Addresses = append(about.Addresses, a)
	}
	return about
}

// buildVersion is the module's, or "(devel)" for one that was built from a folder.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(info.Main.Version, "(devel)")
	}
	return "(devel)"
}

// runtimeMemory is what the Go runtime has from the system, less what it gave back.
func runtimeMemory() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64() - s[1].Value.Uint64()
}

// Streams returns all streams.
func (c control) Streams() []api.Stream { return c.describe(c.n.hub.Streams(), c.n.audience()) }

// Stream returns one of them with its history.
func (c control) Stream(name string) (api.Stream, bool) {
	streams := c.n.hub.Streams()
	i := slices.IndexFunc(streams, func(s live.StreamInfo) bool { return s.Key.String() == name })
	if i < 0 {
		return api.Stream{}, false
	}
	all := c.describe(streams[i:i+1], c.n.audience())
	if len(all) == 0 {
		return api.Stream{}, false
	}
	m := &c.n.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	if g := m.gauges[streams[i].Key]; g != nil {
		all[0].History = slices.Clone(g.history)
	}
	return all[0], true
}

// describe leaves out streams that only the server's own subscriptions hold.
func (c control) describe(streams []live.StreamInfo, audience map[media.Key]crowd) []api.Stream {
	m := &c.n.meter
	m.mu.Lock()
	defer m.mu.Unlock()
	publishers := c.n.publisherConns()
	list := make([]api.Stream, 0, len(streams))
	for i := range streams {
		info := &streams[i]
		crowd := audience[info.Key]
		if info.Publisher == nil && !info.Grace && crowd.players == 0 {
			continue
		}
		s := api.Stream{
			Name: info.Key.String(), State: stateOf(info), Tracks: []api.Track{},
			Players: crowd.players, LagMS: crowd.lag.Milliseconds(), Dropped: crowd.dropped,
			Recording: c.n.isRecorded(info.Key),
		}
		g := m.gauges[info.Key]
		if g == nil {
			g = &gauge{}
		}
		if info.Publisher != nil {
			g.show(&s, info.Publisher)
			s.Publisher.Connection = publishers[info.Key]
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b api.Stream) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func stateOf(info *live.StreamInfo) string {
	switch {
	case info.Publisher != nil:
		return api.StateLive
	case info.Grace:
		return api.StateGrace
	}
	return api.StateWaiting
}

// show fills in what is known of a publisher and its tracks.
func (g *gauge) show(s *api.Stream, pub *live.PublisherInfo) {
	s.Publisher = &api.Publisher{Since: pub.Since, Encoder: g.encoderName(pub.Metadata)}
	if pub.RemoteAddr.IsValid() {
		s.Publisher.Remote = pub.RemoteAddr.String()
	}
	s.Bytes, s.KeyIntervalMS, s.SkewMS = pub.Bytes, pub.KeyInterval.Milliseconds(), skew(pub)
	s.SilentMS = max(time.Since(pub.LastPacket).Milliseconds(), 0)
	for i := range pub.Tracks {
		t := &pub.Tracks[i]
		info := g.describe(t)
		bitrate, fps := g.rates(t)
		track := api.Track{
			Kind: t.Kind.String(), Track: t.Track, Codec: info.Codec, Width: info.Width, Height: info.Height,
			SampleRate: info.SampleRate, Channels: info.Channels, Bitrate: bitrate, Bytes: t.Bytes, Frames: t.Frames,
		}
		if info.Codec != "" {
			track.Description = info.String()
		} else {
			track.Codec = t.Codec.String()
		}
		if t.Kind == media.Video {
			track.FPS = fps
			if s.FPS == 0 {
				s.FPS = fps
			}
		}
		s.Bitrate += bitrate
		s.Tracks = append(s.Tracks, track)
	}
}

// publisherConns are the numbers of the connections that publish.
func (n *Node) publisherConns() map[media.Key]uint64 {
	of := map[media.Key]uint64{}
	for _, c := range n.rtmp.Conns() {
		if c.Publishing() {
			for _, key := range c.Keys() {
				of[withoutFLV(key)] = c.ID()
			}
		}
	}
	return of
}

// Players returns players of live streams.
func (c control) Players(stream string, limit int) ([]api.Player, int) {
	type one struct {
		started time.Time
		show    func() api.Player
	}
	var all []one
	for _, p := range c.n.livePlayers() {
		if stream == "" || p.key.String() == stream {
			all = append(all, one{p.started, p.show})
		}
	}
	for _, v := range c.n.outputs.webViewers() {
		if stream == "" || v.key.String() == stream {
			all = append(all, one{v.started, v.player})
		}
	}
	slices.SortFunc(all, func(a, b one) int { return a.started.Compare(b.started) })
	list := make([]api.Player, 0, min(len(all), limit))
	for _, p := range all[:min(len(all), limit)] {
		list = append(list, p.show())
	}
	return list, len(all)
}

// show describes a player.
func (p *player) show() api.Player {
	stats := p.stats()
	return api.Player{
		Stream: p.key.String(), Connection: p.conn.ID(), Transport: p.conn.Scheme(), Remote: p.conn.RemoteAddr().String(),
		Since: p.started, Bytes: stats.Bytes, Messages: stats.Messages, Dropped: stats.Dropped, LagMS: stats.Lag.Milliseconds(),
		Paused: p.paused(),
	}
}

// Reload reads the configuration again.
func (c control) Reload() error {
	if c.n.Reread == nil {
		return &api.Problem{Status: http.StatusConflict, Sentence: "This server was not started with a configuration that could be read again."}
	}
	if err := c.n.Reread(); err != nil {
		return &api.Problem{Status: http.StatusUnprocessableEntity, Sentence: "The configuration was not taken, the old one stays in force: " + strings.ReplaceAll(err.Error(), "\n", "; ") + "."}
	}
	return nil
}

// Connections returns RTMP connections.
func (c control) Connections(limit int) ([]api.Connection, int) {
	all := c.n.Connections()
	list := make([]api.Connection, 0, min(len(all), limit))
	for i := range all[:min(len(all), limit)] {
		list = append(list, connectionOf(&all[i]))
	}
	return list, len(all)
}

// Connection returns one of them.
func (c control) Connection(id uint64) (api.Connection, bool) {
	conn, ok := c.n.Connection(id)
	if !ok {
		return api.Connection{}, false
	}
	return connectionOf(&conn), true
}

func connectionOf(c *Connection) api.Connection {
	of := api.Connection{
		ID: c.ID, Remote: c.Remote, Transport: c.Transport, App: c.App, TCURL: c.TCURL, Client: c.FlashVer, Since: c.Since,
		Role: c.Role, Streams: []string{}, BytesIn: c.BytesIn, BytesOut: c.BytesOut,
		RTTMS: float64(c.RTT.Microseconds()) / 1000, Findings: []api.Finding{},
	}
	for _, key := range c.Streams {
		of.Streams = append(of.Streams, key.String())
	}
	for _, f := range c.Findings {
		of.Findings = append(of.Findings, api.Finding{
			Code: string(f.Code), Severity: string(f.Severity), Text: f.Text, Count: f.Count, AtMS: f.At.Milliseconds(),
		})
	}
	return of
}

// Kick ends a connection.
func (c control) Kick(id uint64, reason string) error {
	if err := c.n.Kick(id, reason); err != nil {
		return &api.Problem{Status: http.StatusNotFound, Sentence: sentence(err)}
	}
	return nil
}

// sentence makes one of an error's text.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// Reconnect asks clients to connect again.
func (c control) Reconnect(stream, url, reason string) (int, error) {
	var key media.Key
	if stream != "" {
		var err error
		if key, err = c.key(stream); err != nil {
			return 0, err
		}
	}
	return c.n.Reconnect(key, url, reason), nil
}

// key finds the stream of a name. The error is a *api.Problem.
func (c control) key(name string) (media.Key, error) {
	for _, s := range c.n.hub.Streams() {
		if s.Key.String() == name {
			return s.Key, nil
		}
	}
	return media.Key{}, &api.Problem{
		Status: http.StatusNotFound, Sentence: fmt.Sprintf("There is no stream %s: nobody publishes or plays it.", brief(name)),
	}
}

// News is where events come from.
func (c control) News() *api.News { return &c.n.news }
