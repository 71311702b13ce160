package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// Why a client's stream ends although the connection lives.
const (
	errStreamDeleted = cleanEnd("rtmp: the client deleted the stream")
	errStreamClosed  = cleanEnd("rtmp: the client closed the stream")
	errReplaced      = cleanEnd("rtmp: the client plays something else")
)

// serverStream is one message stream of a server's connection: idle, publishing or playing. Commands and media
// arrive on the reading goroutine; the handler of what is under way runs on its own.
type serverStream struct {
	c    *Conn
	side *serverSide
	id   uint32

	mu     sync.Mutex
	buffer time.Duration           // SetBufferLength; it may come before play
	silent bool                    // receiveAudio(false), which may come before play, too, and counts for all that is played
	blind  bool                    // receiveVideo(false), likewise
	pub    *PublishStream          // at most one of these two is set; neither once the client has ended it
	play   *PlayStream             // likewise
	cancel context.CancelCauseFunc // of the handler of pub or play; nil without one
	idle   chan struct{}           // closed when the handler last started has returned; nil while none runs
	queued []PlayRequest           // the playlist: plays without reset, each served after the one before
	listed []string                // what set_playlist named
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
	case "play2":
		return st.play2Command(ctx, cmd)
	case "set_playlist":
		return st.setPlaylist(cmd)
	case "closeStream":
		st.stop(errStreamClosed)
		st.mu.Lock()
		st.silent, st.blind = false, false // what comes next is a new stream to the client
		st.mu.Unlock()
		return nil
	}
	return st.control(cmd)
}

// publishCommand starts or ends a publication (RTMP 7.2.2.6).
func (st *serverStream) publishCommand(ctx context.Context, cmd *message.Command) error {
	text, ok := arg(cmd, 0).(string)
	st.mu.Lock()
	publishing, playing := st.pub != nil, st.play != nil
	st.mu.Unlock()
	if !ok { // publish(false), publish(null)
		if publishing {
			st.stop(errStreamClosed)
		}
		return nil
	}
	name, query, err := SplitName(text)
	if err != nil {
		return st.refusePublish(Refuse(CodePublishBadName, "This stream name cannot be used: %v", err))
	}
	kind, _ := arg(cmd, 1).(string)
	if publishing || playing {
		return st.refusePublish(Refuse(CodePublishBadName, "This message stream is in use already; close it or create another."))
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	p := newPublishStream(st, name, query, parsePublishType(kind))
	st.pub = p
	st.start(ctx, func(ctx context.Context) { st.servePublish(ctx, p) })
	return nil
}

// refusePublish tells a publisher why not and closes: some clients would wait for ever otherwise. Not those with several streams, which
// would lose the others.
func (st *serverStream) refusePublish(e *StatusError) error {
	err := st.status(e.Status)
	if st.side.othersInUse(st) {
		return err
	}
	st.c.closeGently(&CloseReason{Side: SideLocal, Text: "publish was refused: " + e.Error(), Err: e})
	return err
}

// start runs a handler once the one before it has returned. Called with mu held.
func (st *serverStream) start(ctx context.Context, serve func(context.Context)) {
	st.c.life.use()
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	before := st.idle
	st.idle = ended
	st.cancel = cancel
	st.c.wg.Go(func() {
		defer st.served(ended)
		defer st.c.life.release()
		defer cancel(nil)
		defer st.c.recovered("serving a stream")
		if before != nil {
			<-before
		}
		serve(ctx)
	})
}

// served takes note that a handler has returned.
func (st *serverStream) served(ended chan struct{}) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.idle == ended {
		st.idle = nil
	}
	close(ended)
}

func (st *serverStream) servePublish(ctx context.Context, p *PublishStream) {
	err := st.side.srv.Handler.ServePublish(ctx, p)
	st.mu.Lock()
	if st.pub == p {
		st.pub, st.cancel = nil, nil
	}
	st.mu.Unlock()
	p.finish(ErrClosed)
	st.publishEnded(p, err)
}

// publishEnded tells the client how a publication has ended. What the handler returns counts only if the client has not
// ended it before.
func (st *serverStream) publishEnded(p *PublishStream, err error) {
	cause := p.queue.cause()
	byClient := errors.Is(cause, errCleanEnd)
	switch {
	case st.c.closeReason() != nil, errors.Is(cause, errStreamDeleted), errors.Is(cause, ErrServerClosed), errors.Is(cause, errSinkPanicked):
		// There is nobody to tell, or no stream to tell it on; or the reading goroutine is about to close the connection.
	case p.accepted.Load() && (byClient || err == nil || errors.Is(err, io.EOF)):
		st.log(st.status(Status{Code: string(CodeUnpublishSuccess), Description: p.key.Name + " is now unpublished.", Details: p.key.Name}))
	case byClient:
		// It was ended before it had begun.
	case err == nil || errors.Is(err, io.EOF):
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
		return st.stopPlaying()
	}
	req, err := parsePlay(text, cmd)
	if err != nil {
		return st.status(Refuse(CodePlayStreamNotFound, "This stream name cannot be used: %v", err).Status)
	}
	return st.request(ctx, req)
}

func (st *serverStream) stopPlaying() error {
	if !st.publishes() {
		st.stop(errStreamClosed)
	}
	return st.status(Status{Code: string(CodePlayStop), Description: "Stopped playing."})
}

// startPlay is called with mu held. follows and at are the play's, see PlayStream.
func (st *serverStream) startPlay(ctx context.Context, req PlayRequest, follows bool, at time.Duration) {
	p := newPlayStream(st, req)
	p.filter.noAudio, p.filter.noVideo = st.silent, st.blind
	p.follows, p.at = follows, at
	p.next = func(follows bool, at time.Duration) { st.playEnded(ctx, p, follows, at) }
	st.play = p
	st.start(ctx, func(ctx context.Context) { st.servePlay(ctx, p) })
}

func (st *serverStream) servePlay(ctx context.Context, p *PlayStream) {
	err := st.side.srv.Handler.ServePlay(ctx, p)
	if p.isDetached() { // it lives on until its Outlet ends
		st.mu.Lock()
		if st.play == p {
			st.cancel = nil
		}
		st.mu.Unlock()
		return
	}
	p.ended(err)
	p.next(false, 0)
}

// playEnded goes on with the playlist, unless the client has ended p already. The ends of connections stop all plays, so
// that nothing begins behind them.
func (st *serverStream) playEnded(ctx context.Context, p *PlayStream, follows bool, at time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.play != p {
		return
	}
	st.play, st.cancel = nil, nil
	if len(st.queued) > 0 {
		next := st.queued[0]
		st.queued = st.queued[1:]
		st.startPlay(ctx, next, follows, at)
	}
}

// control hands a command to the play under way. Without one it is not answered, and means nothing but to a play that comes.
func (st *serverStream) control(cmd *message.Command) error {
	command := parseCommand(cmd)
	st.mu.Lock()
	switch c := command.(type) {
	case ReceiveAudioCommand:
		st.silent = !c.On
	case ReceiveVideoCommand:
		st.blind = !c.On
	}
	p := st.play
	st.mu.Unlock()
	if p == nil {
		return st.side.result(st.c, cmd, nil)
	}
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

// stop ends what is under way: the handler's context is cancelled, a detached player is told. The stream is free at once; the
// handler of what comes next waits for the one that is ending.
func (st *serverStream) stop(cause error) {
	st.mu.Lock()
	pub, play, cancel := st.pub, st.play, st.cancel
	st.pub, st.play, st.cancel, st.queued = nil, nil, nil, nil
	st.mu.Unlock()
	if pub != nil {
		pub.finish(cause)
	}
	if play != nil {
		play.stop(cause)
	}
	if cancel != nil {
		cancel(cause)
	}
}

// othersInUse reports whether the connection publishes or plays on another stream than st.
func (s *serverSide) othersInUse(st *serverStream) bool {
	inUse := false
	s.eachStream(func(other *serverStream) {
		if other == st {
			return
		}
		other.mu.Lock()
		inUse = inUse || other.pub != nil || other.play != nil
		other.mu.Unlock()
	})
	return inUse
}

func (st *serverStream) publishes() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.pub != nil
}

// unpublish ends the publication of name, if that is what this stream does.
func (st *serverStream) unpublish(name string) {
	st.mu.Lock()
	p := st.pub
	st.mu.Unlock()
	if p != nil && p.key.Name == name {
		st.stop(errStreamClosed)
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
	st := s.publishingStream(m.StreamID)
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
