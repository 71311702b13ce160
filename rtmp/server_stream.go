package rtmp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

var (
	errStreamDeleted = errors.New("rtmp: the client deleted the stream")
	errStreamClosed  = errors.New("rtmp: the client closed the stream")
	errReplaced      = errors.New("rtmp: the client plays something else")
)

// serverStream is one message stream of a server's connection: idle, publishing or playing. Commands and media
// arrive on the reading goroutine; the handler of what is under way runs on its own.
type serverStream struct {
	c    *Conn
	side *serverSide
	id   uint32

	mu     sync.Mutex
	buffer time.Duration // SetBufferLength; it may come before play
	pub    *PublishStream
	play   *PlayStream
	cancel context.CancelCauseFunc // of the handler under way; nil when idle
	idle   chan struct{}           // closed when the handler last started has returned
	queued []PlayRequest           // the playlist: plays without reset, each served after the one before
}

// maxPlaylist bounds what a client can queue with play and reset=false.
const maxPlaylist = 256

func (s *serverSide) streamCommand(ctx context.Context, c *Conn, m *chunk.Message, cmd *message.Command) error {
	st := s.stream(c, m.StreamID, cmd.Name == "publish" || cmd.Name == "play")
	if st == nil {
		return s.fail(c, cmd, CodeCallFailed, fmt.Sprintf("There is no message stream %d; call createStream first.", m.StreamID))
	}
	switch cmd.Name {
	case "publish":
		return st.publishCommand(ctx, cmd)
	case "play":
		return st.playCommand(ctx, cmd)
	case "closeStream":
		st.stop(errStreamClosed)
		return nil
	}
	return st.control(cmd)
}

// publishCommand starts or ends a publication (RTMP 7.2.2.6).
func (st *serverStream) publishCommand(ctx context.Context, cmd *message.Command) error {
	text, ok := arg(cmd, 0).(string)
	if !ok { // publish(false), publish(null)
		st.stop(errStreamClosed)
		return nil
	}
	name, query, err := SplitName(text)
	if err != nil {
		return st.refusePublish(Refuse(CodePublishBadName, "This stream name cannot be used: %v", err))
	}
	kind, _ := arg(cmd, 1).(string)
	st.mu.Lock()
	busy := st.pub != nil || st.play != nil
	st.mu.Unlock()
	if busy {
		return st.refusePublish(Refuse(CodePublishBadName, "This message stream is in use already; close it or create another."))
	}
	p := newPublishStream(st, name, query, parsePublishType(kind))
	st.start(ctx, func(ctx context.Context) { st.servePublish(ctx, p) }, func() { st.pub = p })
	return nil
}

// refusePublish tells a publisher why not and closes: some clients would wait for ever otherwise.
func (st *serverStream) refusePublish(e *StatusError) error {
	err := st.status(e.Status)
	st.c.closeGently(&CloseReason{Side: SideLocal, Text: "publish was refused: " + e.Error(), Err: e})
	return err
}

// start runs a handler once the one before it has returned. enter is called with mu held.
func (st *serverStream) start(ctx context.Context, serve func(context.Context), enter func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	st.mu.Lock()
	before := st.idle
	st.idle = ended
	st.cancel = cancel
	enter()
	st.mu.Unlock()
	st.c.wg.Go(func() {
		defer close(ended)
		defer cancel(nil)
		defer st.c.recovered("serving a stream")
		<-before
		serve(ctx)
	})
}

func (st *serverStream) servePublish(ctx context.Context, p *PublishStream) {
	err := st.side.srv.Handler.ServePublish(ctx, p)
	st.mu.Lock()
	st.pub, st.cancel = nil, nil
	st.mu.Unlock()
	p.finish(ErrClosed)
	switch {
	case st.c.closeReason() != nil:
		// The connection is gone: there is nobody to tell.
	case err == nil && p.accepted.Load():
		st.log(st.status(Status{Code: string(CodeUnpublishSuccess), Description: p.key.Name + " is now unpublished.", Details: p.key.Name}))
	case err == nil:
		st.log(st.refusePublish(Refuse(CodePublishBadName, "%s was not accepted.", p.key.Name)))
	default:
		st.log(st.refusePublish(asStatus(st.c, err, CodePublishBadName)))
	}
}

// log reports an answer that could not be sent: the connection is ending, and its reason is logged elsewhere.
func (st *serverStream) log(err error) {
	if err != nil {
		st.c.logger.Debug("status not sent", "msid", st.id, "err", err)
	}
}

// playCommand starts a play, or adds to the playlist (RTMP 7.2.2.1).
func (st *serverStream) playCommand(ctx context.Context, cmd *message.Command) error {
	text, ok := arg(cmd, 0).(string)
	if !ok { // play(false)
		st.stop(errStreamClosed)
		return st.status(Status{Code: string(CodePlayStop), Description: "Stopped playing."})
	}
	req, err := parsePlay(text, cmd)
	if err != nil {
		return st.status(Refuse(CodePlayStreamNotFound, "This stream name cannot be used: %v", err).Status)
	}
	st.mu.Lock()
	publishing, playing, cancel := st.pub != nil, st.play, st.cancel
	full := len(st.queued) >= maxPlaylist
	if playing != nil && !req.Reset && !full {
		st.queued = append(st.queued, req)
	} else {
		st.queued = nil
	}
	st.mu.Unlock()
	switch {
	case publishing:
		return st.status(Refuse(CodePlayFailed, "This message stream publishes; create another to play.").Status)
	case playing != nil && !req.Reset && full:
		return st.status(Refuse(CodePlayFailed, "The playlist is full.").Status)
	case playing != nil && !req.Reset:
		return nil
	case playing != nil:
		playing.stop(errReplaced)
		if cancel != nil {
			cancel(errReplaced)
		}
	}
	st.startPlay(ctx, req)
	return nil
}

func (st *serverStream) startPlay(ctx context.Context, req PlayRequest) {
	p := newPlayStream(st, req)
	p.next = func() { st.playEnded(ctx, p) }
	st.start(ctx, func(ctx context.Context) { st.servePlay(ctx, p) }, func() { st.play = p })
}

func (st *serverStream) servePlay(ctx context.Context, p *PlayStream) {
	err := st.side.srv.Handler.ServePlay(ctx, p)
	if p.isDetached() {
		return // it lives on until its Outlet ends
	}
	p.ended(err)
	p.next()
}

// playEnded makes room for the next of the playlist.
func (st *serverStream) playEnded(ctx context.Context, p *PlayStream) {
	st.mu.Lock()
	var next *PlayRequest
	if st.play == p {
		st.play, st.cancel = nil, nil
		if len(st.queued) > 0 && ctx.Err() == nil {
			next = &st.queued[0]
			st.queued = st.queued[1:]
		}
	}
	st.mu.Unlock()
	if next != nil {
		st.startPlay(ctx, *next)
	}
}

// control hands a command to the play under way. Without one it means nothing and is not answered.
func (st *serverStream) control(cmd *message.Command) error {
	st.mu.Lock()
	p := st.play
	st.mu.Unlock()
	if p == nil {
		return st.side.result(st.c, cmd, nil)
	}
	command := parseCommand(cmd)
	if command == nil {
		return st.side.fail(st.c, cmd, CodeStreamInvalidArg, "The arguments of "+printable(cmd.Name)+" are not usable.")
	}
	p.command(command)
	return nil
}

func (st *serverStream) setBufferLength(d time.Duration) {
	st.mu.Lock()
	st.buffer = d
	p := st.play
	st.mu.Unlock()
	if p != nil {
		p.command(BufferLengthCommand{Length: d})
	}
}

// stop ends what is under way: the handler's context is cancelled, a detached player is told.
func (st *serverStream) stop(cause error) {
	st.mu.Lock()
	pub, play, cancel := st.pub, st.play, st.cancel
	st.queued = nil
	st.mu.Unlock()
	if pub != nil {
		pub.finish(endOf(cause))
	}
	if play != nil {
		play.stop(cause)
	}
	if cancel != nil {
		cancel(cause)
	}
}

// endOf is how a publisher's end looks to who reads it: a clean one when the client said good-bye.
func endOf(cause error) error {
	if errors.Is(cause, errStreamDeleted) || errors.Is(cause, errStreamClosed) {
		return errCleanEnd
	}
	return cause
}

// unpublish ends the publication of name, if that is what this stream does.
func (st *serverStream) unpublish(name string) {
	st.mu.Lock()
	p := st.pub
	st.mu.Unlock()
	if p != nil && p.key.Name == name {
		p.finish(errCleanEnd)
	}
}

func (st *serverStream) key(name string) media.Key {
	return media.Key{App: st.side.req.App, Instance: st.side.req.Instance, Name: name}
}

// status sends onStatus on the stream.
func (st *serverStream) status(s Status) error {
	return st.c.send(st.id, &message.Command{Name: "onStatus", Args: []any{s.Object()}})
}

// media hands on what a publisher sends. Media for a stream that does not publish is thrown away: it may be
// on its way when the stream ends.
func (s *serverSide) media(ctx context.Context, c *Conn, m *chunk.Message) error {
	if s.req == nil {
		return &ProtocolError{Reason: fmt.Sprintf("%v was sent before connect", message.Type(m.Type))}
	}
	st := s.stream(c, m.StreamID, false)
	if st == nil {
		return nil
	}
	st.mu.Lock()
	p := st.pub
	st.mu.Unlock()
	if p == nil {
		return nil
	}
	return p.receive(ctx, m)
}
