package node

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"leat/internal/config"
	"leat/internal/record"
	"leat/internal/vod"
	"leat/media"
	"leat/rtmp"
)

// playback is what a node needs to play recordings: those that it has made, and the files in the folders of applications.
type playback struct {
	engine  *vod.Engine
	catalog vod.Catalog

	mu      sync.Mutex
	folders map[string]*vod.Folder // by play_dir; nil for one that cannot be opened, which was logged
	closed  bool
}

func (p *playback) init() {
	p.engine = vod.NewEngine(0)
	p.folders = make(map[string]*vod.Folder)
}

// close ends the players of recordings.
func (p *playback) close() error {
	p.engine.Close()
	p.catalog.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var err error
	for _, folder := range p.folders {
		if folder != nil {
			err = errors.Join(err, folder.Close())
		}
	}
	clear(p.folders)
	return err
}

// folder returns the library of a play_dir; nil if there is none.
func (p *playback) folder(log *slog.Logger, dir string) *vod.Folder {
	p.mu.Lock()
	defer p.mu.Unlock()
	folder, known := p.folders[dir]
	if folder != nil || p.closed {
		return folder
	}
	folder, err := vod.OpenFolder(dir)
	if err != nil {
		if !known { // it may come to be; until then one line is enough
			log.Warn("play_dir of an application cannot be opened: its files cannot be played; make the folder or correct the configuration", "err", err)
		}
		folder = nil
	}
	p.folders[dir] = folder
	return folder
}

// libraries are where the recordings of an application are looked for, in this order.
func (n *Node) libraries(app *config.App) []vod.Library {
	libraries := []vod.Library{takes{n}}
	if app.PlayDir == "" {
		return libraries
	}
	if folder := n.playback.folder(n.log, app.PlayDir); folder != nil {
		libraries = append(libraries, folder)
	}
	return libraries
}

// takes is the library of what was recorded here.
type takes struct{ n *Node }

// Open returns the newest recording of a stream. Clients name it as the stream, or with the prefix and ending of a file.
func (t takes) Open(_ context.Context, key media.Key) (vod.Parts, error) {
	all := t.n.archive.opened()
	if all == nil {
		return nil, fs.ErrNotExist
	}
	names := []string{key.Name}
	if name, err := vod.ParseName(key.Name); err == nil {
		names = append(names, name.Path, name.Stem())
	}
	for _, name := range slices.Compact(names) {
		key.Name = name
		take, ok, err := all.Lookup(key)
		if err != nil {
			return nil, err
		}
		if ok {
			return takeParts(all, &take)
		}
	}
	return nil, fs.ErrNotExist
}

// takeParts opens the files of a take.
func takeParts(all *record.Recordings, take *record.Take) (vod.Parts, error) {
	var parts vod.Parts
	for i := range take.Segments {
		s := &take.Segments[i]
		source, err := all.OpenSegment(s)
		if errors.Is(err, fs.ErrNotExist) && len(take.Segments) > 1 {
			continue // it has become too old meanwhile; the others can be played
		}
		if err != nil {
			return nil, errors.Join(err, parts.Close())
		}
		parts = append(parts, &vod.Source{
			Input: source, Closer: source, ID: "recording " + s.Path, ModTime: s.Ended,
			Offset: s.Offset - take.Segments[0].Offset, Remote: source.Remote,
		})
	}
	if len(parts) == 0 {
		return nil, fs.ErrNotExist
	}
	return parts, nil
}

// opened returns the recordings, nil if there are none.
func (a *archive) opened() *record.Recordings {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}

// film finds the recording that a player asks for, by play's start (RTMP 7.2.2.1). Without an error it may be nil: then
// the player gets live, or waits for it.
func (n *Node) film(ctx context.Context, app *config.App, s *rtmp.PlayStream, live media.Key) (*vod.Title, error) {
	start := s.Play().Start
	if start == rtmp.StartLive || start == rtmp.StartAny && n.onAir(live) || start >= 0 && n.hasWindow(live) {
		return nil, nil
	}
	title, err := n.playback.catalog.Open(ctx, s.Key(), n.libraries(app)...)
	// librtmp (rtmpdump, VLC) asks for position 0 of everything that its user did not call live.
	// Who resumes a live stream on a new connection names where it was.
	if errors.Is(err, fs.ErrNotExist) && (start < 0 || (start == 0 || s.Play().Resumed) && n.onAir(live)) {
		return nil, nil
	}
	return title, err
}

// noFilm refuses a player whose recording cannot be played.
func (n *Node) noFilm(log *slog.Logger, s *rtmp.PlayStream, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		n.counters.refuse(toPlay, byNotFound)
		log.Info("player refused: it wants a recording, and there is none")
	} else {
		n.counters.refuse(toPlay, byUnplayable)
		log.Warn("player refused: the recording cannot be played", "err", err)
	}
	return vod.Refusal(s.Key().Name, err)
}

// screen plays a recording, which it takes over.
func (n *Node) screen(log *slog.Logger, app *config.App, s *rtmp.PlayStream, title *vod.Title) error {
	outlet, err := s.Detach(true)
	if err != nil {
		title.Release()
		return nil //nolint:nilerr // the client has gone already; its connection's end is logged with the reason
	}
	started := time.Now()
	at, follows := s.Continued()
	name, parseErr := vod.ParseName(s.Key().Name)
	log.Info("playing a recording", "start", s.Play().Start.String())
	n.counters.plays.Add(1)
	_, err = n.playback.engine.Play(vod.SessionConfig{
		Outlet: outlet, Title: title, Name: s.Key().Name, Request: s.Play(), BufferLength: s.BufferLength(),
		Follows: follows, At: at,
		TagsOnly:     parseErr == nil && name.TagsOnly(),
		ClientSeek:   s.Request().Capabilities.VideoFunction&rtmp.VideoClientSeek != 0,
		Aggregate:    s.Aggregates(),
		BufferEvents: knowsBufferEvents(s.Request().FlashVer),
		Switch:       n.switcher(app, s),
		OnEnd: func(stats vod.Stats) {
			level, extra := slog.LevelInfo, []any{}
			if stats.Err != nil {
				level, extra = slog.LevelWarn, []any{"err", stats.Err}
			}
			log.Log(context.Background(), level, "play ended", append(extra, "messages", stats.Messages, "bytes", stats.Bytes,
				"seeks", stats.Seeks, "dur", time.Since(started).Round(time.Millisecond))...)
		},
	})
	if err != nil {
		outlet.End(vod.Refusal(s.Key().Name, err).Status)
	}
	return nil
}

// switcher opens the other renditions of what a player plays.
func (n *Node) switcher(app *config.App, s *rtmp.PlayStream) func(ctx context.Context, from, to string) (*vod.Title, error) {
	renditions := app.Renditions
	libraries := n.libraries(app)
	key := s.Key()
	return func(ctx context.Context, from, to string) (*vod.Title, error) {
		to, _, err := rtmp.SplitName(to)
		if err != nil {
			return nil, fs.ErrNotExist
		}
		a, errA := vod.ParseName(from)
		b, errB := vod.ParseName(to)
		if errA != nil || errB != nil || !renditions.Same(a.Stem(), b.Stem()) {
			return nil, rtmp.Refuse(rtmp.CodePlayFailed, "%s and %s are not renditions of one content.", brief(from), brief(to))
		}
		key.Name = to
		return n.playback.catalog.Open(ctx, key, libraries...)
	}
}

// flashVersion finds platform and major version in what Flash Players, and those that claim to be one, call themselves.
var flashVersion = regexp.MustCompile(`^(?:WIN|MAC|LNX|AND|IOS) (\d{1,3}),`)

// knowsBufferEvents reports whether a client knows the events 31 and 32: Flash Player from version 10 on, as which librtmp
// presents itself, too.
func knowsBufferEvents(flashVer string) bool {
	found := flashVersion.FindStringSubmatch(flashVer)
	if found == nil {
		return false
	}
	major, err := strconv.Atoi(found[1])
	return err == nil && major >= 10
}

// StreamLength answers getStreamLength to clients that may play.
func (h *handler) StreamLength(ctx context.Context, r *rtmp.ConnectRequest, name, query string) time.Duration {
	n := h.n
	app, ok := n.app(r)
	if !ok || mayPlayFrom(&app, r, query) != nil {
		return 0
	}
	key := media.Key{App: r.App, Instance: r.Instance, Name: name}
	if n.onAir(key) {
		return 0
	}
	title, err := n.playback.catalog.Open(ctx, key, n.libraries(&app)...)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			n.log.Debug("length of a recording not known", "stream", brief(key.String()), "err", err)
		}
		return 0
	}
	defer title.Release()
	return title.Info().Duration
}
