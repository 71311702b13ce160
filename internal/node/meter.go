package node

import (
	"context"
	"math"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/format/codec"
	"leat/internal/web/api"
	"leat/live"
	"leat/media"
)

// meter looks at the streams once a second and makes rates of what the hub has counted. It costs the packets nothing.
type meter struct {
	stop context.CancelFunc // nil before startMeter
	done chan struct{}

	mu     sync.Mutex
	gauges map[media.Key]*gauge
}

const (
	meterEvery  = time.Second
	meterWindow = 3   // seconds over which rates are taken: less, and they jump with each key frame
	meterMemory = 120 // samples of history
)

// gauge is what the meter knows of one stream. meter.mu guards it.
type gauge struct {
	readings  []reading // of the same publisher, oldest first; at most meterWindow+1
	history   []api.Sample
	recording bool

	described map[trackID]description
	metadata  *media.Packet
	encoder   string
}

// reading is what the hub had counted at some time.
type reading struct {
	at  time.Time
	pub *live.PublisherInfo
}

type trackID struct {
	kind  media.Kind
	track uint8
}

// description is what a sequence header says.
type description struct {
	of   *media.Packet
	info codec.Info
}

// startMeter starts the meter's goroutine, which ends with stopMeter.
func (n *Node) startMeter() {
	m := &n.meter
	m.gauges = map[media.Key]*gauge{}
	m.done = make(chan struct{})
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() {
		defer close(m.done)
		tick := time.NewTicker(meterEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				n.measure(now)
			}
		}
	}()
}

func (n *Node) stopMeter() {
	n.news.Close()
	if n.meter.stop != nil {
		n.meter.stop()
		<-n.meter.done
	}
}

// measure reads all streams, and shows them to whoever listens.
func (n *Node) measure(now time.Time) {
	streams := n.hub.Streams()
	audience := n.audience()
	n.meter.read(now, streams, audience, n.isRecorded, &n.news)
	if !n.news.Heard() {
		return
	}
	const most = 200
	list := n.control().describe(streams, audience)
	n.news.Show(&api.Snapshot{At: now, Server: n.control().About(), Total: len(list), Streams: list[:min(len(list), most)]})
}

// read takes a reading of each stream, and forgets those that are gone.
func (m *meter) read(now time.Time, streams []live.StreamInfo, audience map[media.Key]crowd, recorded func(media.Key) bool, news *api.News) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.gauges
	m.gauges = make(map[media.Key]*gauge, len(streams))
	for i := range streams {
		s := &streams[i]
		g := old[s.Key]
		if g == nil {
			g = &gauge{}
		}
		m.gauges[s.Key] = g
		g.read(now, s.Publisher)
		g.remember(now, audience[s.Key].players)
		was := g.recording
		if g.recording = recorded(s.Key); g.recording != was {
			news.Tell(api.Event{At: now, Kind: recordingEvent(g.recording), Stream: s.Key.String()})
		}
	}
	for key, g := range old {
		if g.recording && m.gauges[key] == nil {
			news.Tell(api.Event{At: now, Kind: recordingEvent(false), Stream: key.String()})
		}
	}
}

func recordingEvent(on bool) string {
	if on {
		return api.EventRecording
	}
	return api.EventRecorded
}

// read keeps a reading; one of another publisher begins anew.
func (g *gauge) read(now time.Time, pub *live.PublisherInfo) {
	if pub == nil || len(g.readings) > 0 && !g.readings[0].pub.Since.Equal(pub.Since) {
		g.readings, g.described, g.metadata, g.encoder = nil, nil, nil, ""
	}
	if pub == nil {
		return
	}
	if len(g.readings) > meterWindow {
		g.readings = append(g.readings[:0], g.readings[1:]...)
	}
	g.readings = append(g.readings, reading{now, pub})
}

// remember adds a sample to the history.
func (g *gauge) remember(now time.Time, players int) {
	s := api.Sample{At: now, Players: players}
	if n := len(g.readings); n > 0 {
		for _, t := range g.readings[n-1].pub.Tracks {
			bitrate, fps := g.rates(&t)
			s.Bitrate += bitrate
			if s.FPS == 0 && t.Kind == media.Video {
				s.FPS = fps
			}
		}
	}
	if len(g.history) >= meterMemory {
		g.history = append(g.history[:0], g.history[1:]...)
	}
	g.history = append(g.history, s)
}

// rates returns the bit rate of a track over the window, and its frames per second of media time.
func (g *gauge) rates(t *live.TrackInfo) (bitrate int64, fps float64) {
	n := len(g.readings)
	if n < 2 {
		return 0, 0
	}
	from, to := &g.readings[0], &g.readings[n-1]
	then, now := trackOf(from.pub, t), trackOf(to.pub, t)
	if now == nil {
		return 0, 0
	}
	if then == nil {
		then = &live.TrackInfo{}
	}
	bitrate = int64(float64(now.Bytes-then.Bytes) * 8 / to.at.Sub(from.at).Seconds())
	if span := now.Timestamp - then.Timestamp; span > 0 && then.Frames > 0 {
		fps = math.Round(float64(now.Frames-then.Frames)/span.Seconds()*100) / 100
	}
	return bitrate, fps
}

func trackOf(pub *live.PublisherInfo, like *live.TrackInfo) *live.TrackInfo {
	for i := range pub.Tracks {
		if t := &pub.Tracks[i]; t.Kind == like.Kind && t.Track == like.Track {
			return t
		}
	}
	return nil
}

// describe returns what a track's sequence header says, which is looked at once.
func (g *gauge) describe(t *live.TrackInfo) codec.Info {
	if t.Config == nil {
		return codec.Info{}
	}
	id := trackID{t.Kind, t.Track}
	if d := g.described[id]; d.of == t.Config {
		return d.info
	}
	info, err := codec.Describe(t.Config)
	if err != nil {
		info = codec.Info{} // players may know better; the packets are relayed in any case
	}
	if g.described == nil {
		g.described = map[trackID]description{}
	}
	g.described[id] = description{t.Config, info}
	return info
}

// encoderName returns what the metadata calls the encoder, and "" when it does not say.
func (g *gauge) encoderName(metadata *media.Packet) string {
	if metadata != g.metadata {
		g.metadata, g.encoder = metadata, ""
		if metadata != nil {
			g.encoder = encoderIn(metadata.Data)
		}
	}
	return g.encoder
}

func encoderIn(metadata []byte) string {
	values, _ := amf.Decode(metadata, amf.Limits{}) // what comes before a mistake is good
	for _, v := range values {
		if o, ok := v.(*amf.Object); ok {
			return brief(o.Text("encoder"))
		}
	}
	return ""
}

// skew returns how far audio is ahead of video: each track is as far as its newest frame, and by what has gone by since then. It
// is nil while one of them is silent.
func skew(pub *live.PublisherInfo) *int64 {
	const silent = 2 * time.Second
	var audio, video *live.TrackInfo
	for i := range pub.Tracks {
		switch t := &pub.Tracks[i]; {
		case t.LastFrame.IsZero() || pub.LastPacket.Sub(t.LastFrame) > silent:
		case t.Kind == media.Audio && audio == nil:
			audio = t
		case t.Kind == media.Video && video == nil:
			video = t
		}
	}
	if audio == nil || video == nil {
		return nil
	}
	ms := (audio.Timestamp - video.Timestamp + video.LastFrame.Sub(audio.LastFrame)).Milliseconds()
	return &ms
}
