package rtmp

import (
	"context"
	"slices"

	"leat/amf"
	"leat/internal/wire/message"
)

// request plays something now, or adds it to the playlist.
func (st *serverStream) request(ctx context.Context, req PlayRequest) error {
	st.mu.Lock()
	playing := st.play != nil
	st.mu.Unlock()
	switch {
	case st.publishes():
		return st.status(Refuse(CodePlayFailed, "This message stream publishes; create another to play.").Status)
	case !req.Reset:
		return st.enqueue(ctx, req, true)
	case playing:
		st.stop(errReplaced)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.queued = st.following(req)
	st.startPlay(ctx, req, false, 0)
	return nil
}

// following returns what set_playlist has named behind req. Called with mu held.
func (st *serverStream) following(req PlayRequest) []PlayRequest {
	if len(st.listed) == 0 || st.listed[0] != req.Name {
		return nil
	}
	var rest []PlayRequest
	for _, text := range st.listed[1:] {
		name, query, err := SplitName(text)
		if err != nil {
			st.c.logger.Debug("entry of a playlist left out", "err", err)
			continue
		}
		rest = append(rest, PlayRequest{Name: name, Query: query, Start: StartAny, Duration: -1})
	}
	return rest
}

// enqueue adds to the playlist. Without anything that plays its first entry begins, if begin is set.
func (st *serverStream) enqueue(ctx context.Context, req PlayRequest, begin bool) error {
	st.mu.Lock()
	full, playing := len(st.queued) >= maxPlaylist, st.play
	if !full {
		st.queued = append(st.queued, req)
	}
	if !full && playing == nil && begin {
		first := st.queued[0]
		st.queued = st.queued[1:]
		st.startPlay(ctx, first, false, 0)
	}
	st.mu.Unlock()
	switch {
	case full:
		return st.status(Refuse(CodePlayFailed, "The playlist is full.").Status)
	case playing != nil && begin && playing.isDetached():
		playing.command(QueuedCommand{})
	}
	return nil
}

// hasNext reports whether something is to follow p.
func (st *serverStream) hasNext(p *PlayStream) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.play == p && len(st.queued) > 0
}

// setPlaylist takes the names that librtmp sends before play: when play names the first of them, the others follow it.
func (st *serverStream) setPlaylist(cmd *message.Command) error {
	var values []any
	switch list := arg(cmd, 0).(type) {
	case *amf.Object:
		for _, m := range list.Members {
			values = append(values, m.Value)
		}
	case []any:
		values = list
	}
	var names []string
	for _, v := range values[:min(len(values), maxPlaylist)] {
		if name, ok := v.(string); ok {
			names = append(names, name)
		}
	}
	st.mu.Lock()
	st.listed = names
	st.mu.Unlock()
	return st.c.send(st.id, &message.Command{Name: "playlist_ready"})
}

// play2Command changes what plays, or the playlist (RTMP 7.2.2.2). "switch" is a matter of the play under way.
func (st *serverStream) play2Command(ctx context.Context, cmd *message.Command) error {
	c, ok := parsePlay2(cmd).(Play2Command)
	if !ok {
		return st.side.fail(st.c, cmd, CodeStreamInvalidArg, "The arguments of play2 are not usable.")
	}
	switch c.Transition {
	case "switch":
		return st.switchTo(c)
	case "stop":
		return st.stopPlaying()
	}
	name, query, err := SplitName(c.Name)
	if err != nil {
		return st.status(Refuse(CodePlayStreamNotFound, "This stream name cannot be used: %v", err).Status)
	}
	req := PlayRequest{Name: name, Query: query, Start: c.Start, Duration: c.Length}
	switch c.Transition {
	case "", "reset":
		req.Reset = true
		return st.request(ctx, req)
	case "append":
		return st.request(ctx, req)
	case "appendAndWait":
		return st.enqueue(ctx, req, false)
	case "resume":
		req.Reset, req.Resumed = true, true
		if c.Offset >= 0 {
			req.Start = c.Offset
		}
		return st.request(ctx, req)
	case "swap":
		return st.swap(c, req)
	}
	return st.status(Refuse(CodeStreamFailed, "There is no transition %s.", quoted(c.Transition)).Status)
}

func (st *serverStream) switchTo(c Play2Command) error {
	st.mu.Lock()
	p := st.play
	st.mu.Unlock()
	if p == nil {
		return st.status(Refuse(CodePlayFailed, "Nothing plays that could be switched.").Status)
	}
	p.command(c)
	return nil
}

// swap puts req into the place of an entry of the playlist. In the place of the one that plays, it comes when that one
// has ended.
func (st *serverStream) swap(c Play2Command, req PlayRequest) error {
	old := c.OldName
	st.mu.Lock()
	i := slices.IndexFunc(st.queued, func(r PlayRequest) bool { return r.Name == old })
	current := st.play != nil && (old == "" || old == st.play.req.Name)
	req.Swapped = true
	switch {
	case current && len(st.queued) < maxPlaylist:
		old = st.play.req.Name
		st.queued = slices.Insert(st.queued, 0, req)
	case i >= 0 && !current:
		st.queued[i] = req
	default:
		st.mu.Unlock()
		return st.status(Refuse(CodePlayFailed, "Playlist swap failed.").Status)
	}
	st.mu.Unlock()
	return st.status(TransitionStatus(old, req.Name, CodeTransitionSuccess))
}

// TransitionStatus says that a play2 command is being obeyed: the change from one stream to another is under way. The reason is
// CodeTransitionSuccess, or CodeTransitionForced when the change comes before its time because the old stream goes no further.
func TransitionStatus(from, to string, reason Code) Status {
	return Status{
		Code: string(CodePlayTransition), Description: "Transitioning from " + from + " to " + to + ".", Details: to,
		Extra: []amf.Member{{Name: "reason", Value: string(reason)}},
	}
}

// streamLength answers getStreamLength, in seconds.
func (s *serverSide) streamLength(ctx context.Context, c *Conn, cmd *message.Command) error {
	h, ok := s.srv.Handler.(LengthHandler)
	text, named := arg(cmd, 0).(string)
	name, query, err := SplitName(text)
	if !ok || !named || err != nil {
		return s.result(c, cmd, 0.0)
	}
	c.serveCall(ctx, lengthCall(func(ctx context.Context) float64 {
		return h.StreamLength(ctx, s.req, name, query).Seconds()
	}), cmd)
	return nil
}

// lengthCall is a CallHandler with one method.
type lengthCall func(context.Context) float64

func (f lengthCall) ServeCall(ctx context.Context, _ *Conn, _ *Call) (any, error) { return f(ctx), nil }
