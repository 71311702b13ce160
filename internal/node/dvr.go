package node

import (
	"path/filepath"
	"sync"
	"time"

	"leat/internal/config"
	"leat/internal/dvr"
	"leat/internal/format"
	"leat/internal/record"
	"leat/internal/vod"
	"leat/media"
	"leat/rtmp"
)

// dvrFolder lies under data.
const dvrFolder = "dvr"

// rewind is the windows of live streams. They are opened when the first stream has one.
type rewind struct {
	mu     sync.Mutex
	disk   *record.Folder // asked for its free room
	all    *dvr.Windows   // nil until there is one
	failed bool           // which was logged
	closed bool
}

// cleanWindows removes what a server has left that was killed.
func (n *Node) cleanWindows(cfg *config.Config) {
	if err := dvr.Clean(filepath.Join(cfg.Data, dvrFolder)); err != nil {
		n.log.Warn("what an earlier server kept of live streams cannot be removed", "err", err)
	}
}

// keepWindow lets players go back in a stream that is being published.
func (n *Node) keepWindow(key media.Key, app *config.App) {
	if app.DVRWindow <= 0 {
		return
	}
	if all := n.windows(true); all != nil {
		all.Start(n.hub, key, app.DVRWindow)
	}
}

// window enters the window of a stream; nil if it has none.
func (n *Node) window(key media.Key) *dvr.Window {
	all := n.windows(false)
	if all == nil {
		return nil
	}
	return all.Enter(key)
}

// hasWindow reports whether players can go back in a stream.
func (n *Node) hasWindow(key media.Key) bool {
	window := n.window(key)
	if window == nil {
		return false
	}
	defer window.Leave()
	_, _, ok := window.Span()
	return ok
}

// windows returns the windows, which it opens if make is set; nil if there are none.
func (n *Node) windows(open bool) *dvr.Windows {
	r := &n.rewind
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all != nil || r.closed || !open {
		return r.all
	}
	var err error
	cfg := n.Config()
	if r.disk == nil {
		r.disk, err = record.OpenFolder(cfg.Data)
	}
	if err == nil {
		r.all, err = dvr.Open(dvr.Options{
			Path: filepath.Join(cfg.Data, dvrFolder), MinFree: cfg.Recordings.MinFree, Free: r.disk.Free, Logger: n.log,
		})
	}
	if err != nil && !r.failed {
		r.failed = true
		n.log.Warn("dvr_window has no effect: what players could go back to cannot be stored", "err", err)
	}
	return r.all
}

// close removes all windows. Nobody is in one any more.
func (r *rewind) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var err error
	if r.all != nil {
		err = r.all.Close()
		r.all = nil
	}
	if r.disk != nil {
		if closeErr := r.disk.Close(); err == nil {
			err = closeErr
		}
		r.disk = nil
	}
	return err
}

// shifted is the outlet of a player behind the live stream. The commands of its client come by the player.
type shifted struct{ *rtmp.Outlet }

func (shifted) OnCommand(func(rtmp.Command)) {}

// back lets the player go on in the stream's window, where it obeys commands. Without a window, or while there is nothing in it yet, it
// returns false. turn is held.
func (p *player) back(cmd rtmp.Command) bool {
	window := p.node.window(p.current)
	if window == nil {
		return false
	}
	if _, _, ok := window.Span(); !ok {
		window.Leave()
		return false
	}
	place := p.placeIn(window)
	if pause, ok := cmd.(rtmp.PauseCommand); ok && p.full != nil && p.full.Answered(pause.Position) {
		place.Full = p.full
	}
	return p.behind(vod.NewTitle(window, window.Leave), place, []rtmp.Command{cmd}, 0)
}

// placeIn takes the player out of the log, and returns where it goes on in what is kept of the stream. One that has got nothing yet
// begins at the newest key frame. turn is held.
func (p *player) placeIn(b format.Broadcast) *vod.Place {
	place := p.part()
	if place.After == 0 {
		_, place.At, _ = b.Span()
	}
	return &vod.Place{After: place.After, At: place.At, WaitKey: place.WaitKey}
}

// behind lets the player play a broadcast from a place on, behind the live stream. It has left the log. at, when not 0, is where on
// the client's timeline an entry of a playlist begins. turn is held.
func (p *player) behind(title *vod.Title, from *vod.Place, commands []rtmp.Command, at time.Duration) bool {
	s := p.outlet.Stream()
	request := s.Play()
	if left := p.remaining(); left > 0 && request.Duration > 0 {
		request.Duration = left
	}
	p.mu.Lock()
	audio, video := p.audio, p.video
	p.away = true
	p.mu.Unlock()
	if !video {
		commands = append([]rtmp.Command{rtmp.ReceiveVideoCommand{}}, commands...)
	}
	if !audio {
		commands = append([]rtmp.Command{rtmp.ReceiveAudioCommand{}}, commands...)
	}
	session, err := p.node.playback.engine.Play(vod.SessionConfig{
		Outlet: shifted{p.outlet}, Title: title, Name: p.current.Name, Request: request, BufferLength: s.BufferLength(),
		Follows: at > 0, At: at,
		From: from, Commands: commands, Live: p.rejoin, Switch: p.rendition,
		ClientSeek:   s.Request().Capabilities.VideoFunction&rtmp.VideoClientSeek != 0,
		Aggregate:    s.Aggregates(),
		BufferEvents: knowsBufferEvents(s.Request().FlashVer),
		OnEnd:        p.caughtUp,
	})
	if err != nil {
		p.leave("it cannot play behind the live stream")
		p.outlet.End(vod.Refusal(p.current.Name, err).Status)
		return true
	}
	p.session = session
	p.log().Debug("playing behind the live stream", "at", from.At.Round(time.Millisecond))
	return true
}

// rejoin takes the player of a session back into the live stream.
func (p *player) rejoin(r vod.Rejoin) bool {
	p.turn.Lock()
	defer p.turn.Unlock()
	if !r.Idle() {
		return false
	}
	p.mu.Lock()
	p.audio, p.video, p.away = r.Audio, r.Video, false
	p.mu.Unlock()
	p.settle(r.Name)
	if !p.enter(nil, r.After) {
		return false
	}
	p.session, p.full = nil, r.Full
	p.log().Debug("playing live again")
	return true
}

// caughtUp is a session's last word.
func (p *player) caughtUp(stats vod.Stats) {
	p.mu.Lock()
	p.sum.Bytes += stats.Bytes
	p.sum.Messages += stats.Messages
	p.mu.Unlock()
	switch {
	case stats.Rejoined:
	case stats.Err != nil:
		p.log().Warn("what was kept of a live stream cannot be read", "err", stats.Err)
		p.leave("what was kept of the stream cannot be read")
	default:
		p.leave("the client left, or has had what it asked for")
	}
}

// rewound returns where a player begins in a live stream that asks for a position of it (RTMP 7.2.2.1), and the window that it
// has entered for that; nil without one. A position counts from the stream's first frame.
func (n *Node) rewound(s *rtmp.PlayStream, key media.Key) (*dvr.Window, *vod.Place) {
	req := s.Play()
	if req.Start < 0 {
		return nil, nil
	}
	window := n.window(key)
	if window == nil {
		return nil, nil
	}
	from, to, ok := window.Span()
	at := req.Start
	if !req.Resumed {
		at += window.Origin()
	}
	if !ok || at > to {
		window.Leave()
		return nil, nil
	}
	return window, &vod.Place{At: max(at, from)}
}
