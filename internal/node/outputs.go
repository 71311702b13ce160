package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"leat/internal/config"
	"leat/internal/fanout"
	"leat/internal/format"
	"leat/internal/vod"
	"leat/internal/web"
	"leat/internal/web/hls"
	"leat/internal/web/multitrack"
	"leat/internal/web/rtc"
	"leat/internal/web/stream"
	"leat/internal/web/ui"
	"leat/media"
	"leat/rtmp"
)

// outputs is what a node needs for players over HTTP.
type outputs struct {
	streams *stream.Server
	hls     *hls.Server
	rtc     *rtc.Server // nil when rtc.udp is off

	mu       sync.Mutex
	watching map[media.Key]int // viewers of live streams, those of HLS too
	viewers  map[hlsViewer]*hlsVisit
	shown    map[uint64]*webViewer
	last     uint64 // number of a webViewer
	closed   bool
}

// hlsIdle is how long the segmenter of a stream that nobody watches goes on.
const hlsIdle = 30 * time.Second

func (n *Node) newOutputs() {
	o := &n.outputs
	o.watching, o.viewers, o.shown = map[media.Key]int{}, map[hlsViewer]*hlsVisit{}, map[uint64]*webViewer{}
	o.streams = stream.NewServer(stream.Config{
		Hub: n.hub, Sweeper: n.sweeper, Logger: n.log,
		Merge:      func() fanout.Merge { return fanout.Merge(n.Config().Merge) },
		MaxLag:     func() time.Duration { return n.Config().Limits.MaxLag },
		WriteStall: func() time.Duration { return n.Config().Limits.WriteStall },
		NewFitter:  newFLVFitter,
		OnSweep:    n.counters.swept,
	})
	o.hls = hls.NewServer(hls.Config{Hub: n.hub, Logger: n.log, Options: n.hlsOptions})
}

func (n *Node) hlsOptions() hls.Options {
	cfg := &n.Config().HLS
	o := hls.Options{Segment: cfg.Segment, Window: cfg.Window, Idle: hlsIdle}
	if cfg.Mode == config.HLSLowLatency {
		o.Part = cfg.Part
	}
	if cfg.Always {
		o.Idle = 0
	}
	return o
}

// flvFitter makes of a stream what players of FLV know: one track of each kind, without the newer blocks of Enhanced RTMP.
type flvFitter struct{ *rtmp.Fitter }

func newFLVFitter(key media.Key) stream.Fitter {
	return flvFitter{rtmp.NewFitter(rtmp.Form{OneTrack: true, NoModEx: true}, key.Name)}
}

// Fit leaves the notices to players of RTMP.
func (f flvFitter) Fit(dst []*media.Packet, p *media.Packet) []*media.Packet {
	dst, _ = f.Fitter.Fit(dst, p)
	return dst
}

// close waits for the viewers. The hub was closed before.
func (o *outputs) close() error {
	o.hls.Close()
	o.mu.Lock()
	o.closed = true
	visits := o.viewers
	o.viewers = map[hlsViewer]*hlsVisit{}
	o.mu.Unlock()
	for _, v := range visits {
		v.timer.Stop()
		v.left("the server is shutting down")
	}
	o.streams.Close()
	if o.rtc == nil {
		return nil
	}
	return o.rtc.Close()
}

// total is how many viewers there are.
func (o *outputs) total() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	total := 0
	for _, n := range o.watching {
		total += n
	}
	return total
}

func (o *outputs) of(key media.Key) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.watching[key]
}

// arrive counts a viewer of a live stream in, unless there are as many as may be.
func (n *Node) arrive(key media.Key) error {
	limit := n.Config().Limits.PlayersPerStream
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopping {
		return errStopping
	}
	if limit > 0 && n.playersLocked(key) >= limit {
		return errManyEnough
	}
	if n.memory.shortage() >= short {
		return errNoMemory
	}
	n.outputs.mu.Lock()
	defer n.outputs.mu.Unlock()
	n.outputs.watching[key]++
	return nil
}

func (o *outputs) depart(key media.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.watching[key]--; o.watching[key] == 0 {
		delete(o.watching, key)
	}
}

// webRequest is a request for a stream that is allowed.
type webRequest struct {
	to    web.Target
	app   config.App
	key   media.Key
	token string
	addr  netip.Addr
	log   *slog.Logger
}

// publicConfig is what the public door shows.
func (n *Node) publicConfig() web.PublicConfig {
	cfg := web.PublicConfig{
		Media: n.serveMedia, Pages: ui.Public(),
		Streams:    http.HandlerFunc(n.serveListed),
		Multitrack: multitrack.Handler(multitrack.Config{Ingest: n.ingest, Logger: n.log}),
	}
	if n.Config().RTC.UDP != "" {
		cfg.RTC = http.HandlerFunc(n.serveRTC)
	}
	return cfg
}

// serveMedia answers players over HTTP.
func (n *Node) serveMedia(w http.ResponseWriter, r *http.Request, to web.Target) {
	q := &webRequest{to: to, key: media.Key{App: to.App, Name: to.Name}, token: webToken(r), addr: n.webAddr(r)}
	q.log = n.log.With("remote", r.RemoteAddr, "stream", brief(q.key.String()), "output", outputName(to, r))
	if d := n.mayWatch(r.Host, q); d != nil {
		d.say(w)
		return
	}
	n.placeKey(q)
	unhurried(w)
	start, wantsRecording := recordingStart(r)
	var err error
	switch live := !wantsRecording && !to.Recorded && n.onAir(q.key); {
	case to.Ending == web.EndingPlaylist && live:
		err = n.serveMaster(w, r, q)
	case to.Ending == web.EndingFile && !to.Recorded:
		err = hls.ErrNotFound
		if live || n.outputs.hls.Has(q.key) {
			err = n.serveHLSFile(w, r, q)
		}
	case live:
		err = n.serveLive(w, r, q)
	default:
		err = n.serveRecording(w, r, q, start)
	}
	if err != nil {
		n.turnDown(w, r, q, err)
	}
}

// answerTime is how long an answer may take that is no stream: playlists wait for what is to come, and segments are large.
const answerTime = 5 * time.Minute

// unhurried gives an answer more time than those of pages have. The deadline for reading the request would end it, too, as the
// server goes on listening for the client's leave.
func unhurried(w http.ResponseWriter) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // both are there: it is our own server's
	_ = control.SetWriteDeadline(time.Now().Add(answerTime))
}

// placeKey finds the stream that an address means: in the application's default instance, or in the one that the name begins
// with.
func (n *Node) placeKey(q *webRequest) {
	if other, ok := inInstance(q.key); ok && !n.onAir(q.key) && (n.onAir(other) || n.outputs.hls.Has(other)) {
		q.key = other
	}
}

// inInstance takes the first part of a stream's name for an instance of its application.
func inInstance(key media.Key) (media.Key, bool) {
	instance, name, ok := strings.Cut(key.Name, "/")
	return media.Key{App: key.App, Instance: instance, Name: name}, ok && key.Instance == ""
}

func outputName(to web.Target, r *http.Request) string {
	name := "hls"
	switch to.Ending {
	case web.EndingFLV:
		name = "flv"
	case web.EndingMP4:
		name = "mp4"
	}
	if stream.IsWebSocket(r) {
		return "ws-" + name
	}
	return name
}

// serveLive shows a live stream in one long answer.
func (n *Node) serveLive(w http.ResponseWriter, r *http.Request, q *webRequest) error {
	form := stream.FLV
	if q.to.Ending == web.EndingMP4 {
		form = stream.MP4
	}
	if err := n.arrive(q.key); err != nil {
		return err
	}
	defer n.outputs.depart(q.key)
	started := time.Now()
	n.counters.plays.Add(1)
	q.log.Info("playing")
	v := &webViewer{key: q.key, output: outputName(q.to, r), remote: r.RemoteAddr, agent: brief(r.UserAgent()), started: started}
	stats, err := n.outputs.streams.Serve(w, r, q.key, form, stream.Hooks{
		First: func() { n.counters.firstFrame.observe(time.Since(started), 1) },
		Joined: func(stats func() stream.Stats, end func(string)) {
			v.stats, v.end = stats, end
			n.show(v)
		},
	})
	n.unshow(v, stats.Reason)
	n.mu.Lock()
	n.counters.dropped.Add(stats.Dropped)
	n.mu.Unlock()
	if err != nil {
		stats.Reason = err.Error()
	}
	q.log.Info("play ended", "reason", stats.Reason, "messages", stats.Messages, "bytes", stats.Bytes, "dropped", stats.Dropped,
		"dur", time.Since(started).Round(time.Millisecond))
	return err
}

// retryAfter is when a client that was turned down for the moment should ask again, in seconds.
const retryAfter = "2"

// noRoom says why a viewer who may watch cannot for the moment; "" if err means something else.
func (n *Node) noRoom(q *webRequest, err error) string {
	switch {
	case errors.Is(err, errStopping), errors.Is(err, stream.ErrClosed), errors.Is(err, hls.ErrClosed), errors.Is(err, vod.ErrClosed):
		n.counters.refuse(toPlay, byShutdown)
		return "The server is shutting down."
	case errors.Is(err, errManyEnough):
		n.counters.refuse(toPlay, byLimit)
		q.log.Warn("player refused: limits.players_per_stream is reached", "limit", n.Config().Limits.PlayersPerStream)
		return "The stream has as many players as it takes."
	case errors.Is(err, errNoMemory):
		n.counters.refuse(toPlay, byMemory)
		q.log.Warn("refused: the server is out of memory; raise limits.memory, or give the machine less to do", "request", requestNames[toPlay])
		return "The server is out of memory; try again later."
	}
	return ""
}

// turnDown says why there is no stream.
func (n *Node) turnDown(w http.ResponseWriter, r *http.Request, q *webRequest, err error) {
	var text string
	status := http.StatusServiceUnavailable
	noCodec, isStream := errors.AsType[*stream.UnsupportedError](err)
	noHLS, isHLS := errors.AsType[*hls.UnsupportedError](err)
	if r.Context().Err() != nil {
		return // nobody hears it
	}
	full := n.noRoom(q, err)
	switch {
	case full != "":
		text = full
	case errors.Is(err, stream.ErrNoData), errors.Is(err, hls.ErrNotYet):
		text = "The stream has just begun, or sends nothing; ask again in a moment."
	case isStream:
		status, text = http.StatusNotAcceptable, fmt.Sprintf("MP4 cannot carry this stream: %s. Play it as .flv or over RTMP.", strings.Join(noCodec.Codecs, ", "))
	case isHLS:
		status, text = http.StatusNotAcceptable, fmt.Sprintf("HLS cannot carry this stream: %s. Play it as .flv or over RTMP.", strings.Join(noHLS.Codecs, ", "))
	case errors.Is(err, errNoHLS):
		status, text = http.StatusNotFound, "HLS is turned off on this server (hls.mode in the configuration); play the stream as .flv or .mp4."
	case errors.Is(err, hls.ErrTooFar):
		status, text = http.StatusBadRequest, "The playlist does not reach as far as the request asks to wait for."
	case errors.Is(err, hls.ErrTooLarge):
		n.counters.refuse(toPlay, byUnplayable)
		status, text = http.StatusUnprocessableEntity, "The recording has too few key frames for HLS. Play it as .flv or .mp4."
	case errors.Is(err, hls.ErrNotFound):
		status, text = http.StatusNotFound, "There is no such file, or not any more: read the playlist again."
	case errors.Is(err, fs.ErrNotExist):
		n.counters.refuse(toPlay, byNotFound)
		status, text = http.StatusNotFound, "This stream is not live, and there is no recording of it. Publish it, or correct the name."
	case errors.Is(err, format.ErrStructure), errors.Is(err, format.ErrNoTrack):
		n.counters.refuse(toPlay, byUnplayable)
		q.log.Warn("player refused: the recording cannot be played", "err", err)
		status, text = http.StatusUnprocessableEntity, "The recording is damaged, or holds nothing that can be played."
	default:
		q.log.Error("a stream could not be sent over HTTP", "err", err)
		status, text = http.StatusInternalServerError, "The server failed to read it."
	}
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Del("Content-Length")
	web.Say(w, status, text)
}

// begun is told of every stream that begins.
func (n *Node) begun(key media.Key) {
	if cfg := n.Config(); cfg.HLS.Always && cfg.HLS.Mode != config.HLSOff && cfg.HTTP != "" {
		n.outputs.hls.Start(key)
	}
}

// openRecording finds what was recorded of a stream, or lies in play_dir.
func (n *Node) openRecording(ctx context.Context, q *webRequest) (*vod.Title, error) {
	title, err := n.playback.catalog.Open(ctx, q.key, n.libraries(&q.app)...)
	if other, ok := inInstance(q.key); ok && errors.Is(err, fs.ErrNotExist) {
		return n.playback.catalog.Open(ctx, other, n.libraries(&q.app)...)
	}
	return title, err
}
