package node

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"leat/internal/dvr"
	"leat/internal/vod"
	"leat/rtmp"
)

// change begins to play another rendition of a live stream (play2, "switch"). For that the player leaves the log, and comes
// back into that of the new rendition if the two have the same timeline. It reports false, with the client told, when it stays
// where it is. turn is held.
func (p *player) change(cmd rtmp.Play2Command) bool {
	if refusal := p.mayChange(p.current.Name, cmd.Name); refusal != nil {
		if err := p.outlet.Stream().Answer(cmd, refusal); err != nil {
			p.log().Debug("command not answered", "err", err)
		}
		return false
	}
	if p.back(cmd) {
		return true
	}
	ring := dvr.NewRing(p.node.hub, p.current)
	return p.behind(vod.NewTitle(ring, func() {}), p.placeIn(ring), []rtmp.Command{cmd}, 0)
}

// mayChange says why a player cannot go over from one live stream to another; nil when it can.
func (p *player) mayChange(from, to string) *rtmp.StatusError {
	to, _, err := rtmp.SplitName(to)
	if err != nil {
		return vod.Refusal(brief(to), fs.ErrNotExist)
	}
	app, ok := p.node.app(p.outlet.Stream().Request())
	a, errA := vod.ParseName(from)
	b, errB := vod.ParseName(to)
	if !ok || errA != nil || errB != nil || from == to || !app.Renditions.Same(a.Stem(), b.Stem()) {
		return rtmp.Refuse(rtmp.CodePlayFailed, "%s and %s are not renditions of one content.", brief(from), brief(to))
	}
	key := p.key
	key.Name = to
	if info, ok := p.node.hub.Stream(key); !ok || info.Publisher == nil {
		return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "Failed to play %s; stream not found.", brief(to))
	}
	return nil
}

// rendition opens the live stream that a player changes to. Its feed runs from now on, so that the player can join it.
func (p *player) rendition(_ context.Context, from, to string) (*vod.Title, error) {
	if refusal := p.mayChange(from, to); refusal != nil {
		return nil, refusal
	}
	to, _, err := rtmp.SplitName(to)
	if err != nil {
		return nil, err
	}
	old, key := p.key, p.key
	old.Name, key.Name = from, to
	f, err := p.node.enter(feedKey{stream: key, encoder: p.outlet.Encoder()}, p)
	if err != nil {
		return nil, p.node.turnAway(p.log(), p.outlet.Stream(), err)
	}
	p.mu.Lock()
	over := p.over
	if f != p.feed && !slices.Contains(p.others, f) {
		p.others = append(p.others, f)
	}
	p.mu.Unlock()
	if over {
		f.release(p)
		return nil, errors.New("node: the player has gone")
	}
	ring := dvr.NewRing(p.node.hub, key)
	title := vod.NewTitle(ring, func() {})
	if window := p.node.window(key); window != nil {
		title = vod.NewTitle(window, window.Leave)
	}
	title.Shift = shiftBetween(ring.Recent(), dvr.NewRing(p.node.hub, old).Recent())
	return title, nil
}

// settle makes the feed of a rendition the player's, and lets go of the others. turn is held.
func (p *player) settle(name string) {
	p.mu.Lock()
	var leave []*feed
	for _, f := range append(p.others, p.feed) {
		switch {
		case f.key.stream.Name != name:
			leave = append(leave, f)
		case f != p.feed:
			p.feed = f
		}
	}
	p.others = nil
	p.current.Name = name
	p.mu.Unlock()
	for _, f := range leave {
		f.release(p)
	}
}
