package rtmp

import (
	"context"
	"errors"
	"sync"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// clientStream is one message stream of a client's connection: what Publisher and Player have in common.
type clientStream struct {
	c    *Conn
	side *clientSide
	id   uint32

	publishes bool         // else it plays
	lib       *librtmpPlay // plays as librtmp does; nil otherwise
	receiver  receiver     // reading goroutine
	queue     packetQueue
	news      chan Status // what comes before the stream has started; later ones are looked at and forgotten
	over      chan struct{}

	mu       sync.Mutex
	started  bool
	skipEOF  int   // Stream EOF events that belong to a pause or a seek
	heard    bool  // there were news before the start
	early    bool  // a Stream EOF came behind them
	lost     error // how the connection ended before the start was looked at
	err      error
	told     bool // over is closed
	closed   bool // at this end
	seeking  bool // the server has not answered a seek yet
	finished bool // and it has sent all before it
}

// status takes an onStatus on the reading goroutine.
func (st *clientStream) status(s Status) {
	if st.lib != nil {
		st.lib.status(st, s)
		return
	}
	if !st.tell(s) {
		st.obey(s)
	}
}

// obey does what an onStatus of a stream under way says.
func (st *clientStream) obey(s Status) {
	switch Code(s.Code) {
	case CodeSeekNotify, CodeSeekFailed, CodeSeekInvalidTime:
		st.sought(Code(s.Code) == CodeSeekNotify)
	case CodePlayStop, CodePlayComplete:
		st.finish()
	case CodePlayUnpublishNotify:
		if !st.publishes {
			st.end(errCleanEnd)
		}
	case CodeUnpublishSuccess:
		if st.publishes {
			st.end(&StatusError{Status: s, Remote: true})
		}
	case CodeStreamFailed, CodePlayFailed, CodePlayStreamNotFound, CodeConnectInvalidApp,
		CodePublishBadName, CodePlayFileStructureInvalid:
		st.end(&StatusError{Status: s, Remote: true})
	case CodePlayNoSupportedTrackFound, CodePlayInsufficientBW: // a warning says that the rest goes on
		if s.Level == LevelError {
			st.end(&StatusError{Status: s, Remote: true})
		}
	default:
		if s.Level == LevelError && st.publishes {
			st.end(&StatusError{Status: s, Remote: true})
		}
	}
}

// tell hands news to whoever waits for the start, and returns false when that was before.
func (st *clientStream) tell(s Status) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.started { // under the lock, so that begin misses none
		return false
	}
	st.heard = true
	select {
	case st.news <- s:
	default: // nobody needs more than the first few
	}
	return true
}

// eof takes a Stream EOF: the only thing that some servers send when a publisher leaves.
func (st *clientStream) eof() {
	if st.lib != nil {
		st.lib.eof(st)
		return
	}
	st.mu.Lock()
	expected := st.skipEOF > 0 || !st.started || st.publishes
	if st.skipEOF > 0 {
		st.skipEOF--
	}
	st.early = !st.started && st.heard
	st.mu.Unlock()
	if !expected {
		st.finish()
	}
}

// finish ends what is played, as all of it has come, unless it is to go on elsewhere.
func (st *clientStream) finish() {
	st.mu.Lock()
	st.finished = st.seeking
	later := st.finished
	st.mu.Unlock()
	if !st.publishes && !later {
		st.end(errCleanEnd)
	}
}

func (st *clientStream) receive(ctx context.Context, c *Conn, m *chunk.Message) {
	if st.lib != nil {
		st.lib.receive(ctx, st, m)
		return
	}
	st.receiver.receive(c, m, c.in.now, func(p *media.Packet) {
		switch {
		case !isSessionMessage(p):
			st.queue.put(ctx, p)
		case p.Name == "onPlayStatus" && playIsComplete(p.Body):
			st.finish()
		}
	})
}

// seek makes a Player deaf until the server has answered: what is under way is from before the seek. So is the end, if the server
// has sent all already.
func (st *clientStream) seek() {
	st.queue.deafen()
	st.mu.Lock()
	defer st.mu.Unlock()
	st.seeking = true
	if errors.Is(st.err, errCleanEnd) && !st.closed && st.lib == nil {
		st.err, st.finished = nil, true
		st.queue.revive()
	}
}

// sought takes the answer, on the reading goroutine: nothing is put into the queue meanwhile.
func (st *clientStream) sought(obeyed bool) {
	if st.queue.hear() && obeyed {
		st.receiver.timeline = media.Timeline{} // file times, however far from those before
	}
	st.mu.Lock()
	finished := st.finished
	st.seeking, st.finished = false, false
	st.mu.Unlock()
	if finished && !obeyed {
		st.end(errCleanEnd)
	}
}

// isSessionMessage reports data messages from a server to its player: they are not part of the stream, their times are not on
// its timeline, and who published them again would tell other players what was not meant for them.
func isSessionMessage(p *media.Packet) bool {
	if p.Kind != media.Data {
		return false
	}
	switch p.Name {
	case nameSampleAccess, "onStatus", "onPlayStatus":
		return true
	}
	return false
}

// playIsComplete recognises the data message that ends a recording (NetStream.Play.Complete).
func playIsComplete(body []byte) bool {
	values, err := amf.Decode(body, amf.Limits{})
	if err != nil || len(values) < 2 {
		return false
	}
	s, ok := ParseStatus(values[1])
	return ok && Code(s.Code) == CodePlayComplete
}

// end ends the stream; the first reason counts. The end of the connection is behind all that the server has said: it waits until
// begin has looked at that.
func (st *clientStream) end(err error) {
	_, isLost := errors.AsType[*CloseReason](err)
	st.mu.Lock()
	isLost = isLost && !st.started
	first := !st.told
	st.told = true
	switch {
	case isLost && st.lost == nil:
		st.lost = err
	case !isLost && st.err == nil:
		st.err = err
	}
	st.mu.Unlock()
	if first {
		close(st.over)
	}
	if !isLost {
		st.queue.end(err)
	}
}

// endsWithConnection reports whether the stream ended because its connection does, before it had begun.
func (st *clientStream) endsWithConnection() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.lost != nil
}

func (st *clientStream) failure() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.err == nil {
		return st.lost
	}
	return st.err
}

// ask returns the transaction ID of a command that is answered by onStatus, or refused by _error. The caller forgets it.
func (st *clientStream) ask() (float64, error) {
	id, p, err := st.c.calls.begin("")
	if err != nil {
		return 0, err
	}
	p.then = func(a answer) {
		if a.err != nil {
			st.end(a.err)
		}
	}
	return id, nil
}

// await waits until the server has said how a publish or play began.
func (st *clientStream) await(ctx context.Context, started func(Status) (bool, error)) error {
	for {
		s, err := st.nextStatus(ctx)
		if err != nil {
			return err
		}
		ok, err := started(s)
		if err != nil {
			return err
		}
		if ok {
			st.begin()
			return nil
		}
	}
}

// nextStatus waits for news of a stream that has not started. A short stream may be over before its start was looked
// at: what came first counts first.
func (st *clientStream) nextStatus(ctx context.Context) (Status, error) {
	select {
	case s := <-st.news:
		return s, nil
	case <-st.over:
	case <-ctx.Done():
		return Status{}, context.Cause(ctx)
	}
	select {
	case s := <-st.news:
		return s, nil
	default:
		return Status{}, st.failure()
	}
}

// begin makes later news end the stream, and looks at those that came with the first. The stream has started when there are none
// any more, so that what comes behind them counts behind them.
func (st *clientStream) begin() {
	for {
		st.mu.Lock()
		select {
		case s := <-st.news:
			st.mu.Unlock()
			st.obey(s)
			continue
		default:
		}
		break
	}
	st.started = true
	over, lost := st.early && !st.publishes, st.lost
	st.mu.Unlock()
	if over {
		st.end(errCleanEnd)
	}
	if lost != nil {
		st.end(lost)
	}
}

// command sends a command on the stream that asks for no answer.
func (st *clientStream) command(name string, args ...any) error {
	return st.c.send(st.id, &message.Command{Name: name, Args: args})
}

// close ends the stream at the server (RTMP 7.2.2.3). Calls after the first do nothing.
func (st *clientStream) close(before ...outgoing) error {
	st.end(ErrClosed)
	st.mu.Lock()
	st.closed = true
	st.mu.Unlock()
	st.side.mu.Lock()
	open := st.side.streams[st.id] == st
	if open {
		delete(st.side.streams, st.id)
	}
	st.side.mu.Unlock()
	if !open || st.isLost() || st.endsWithConnection() {
		return nil
	}
	msgs := append(before, outgoing{0, &message.Command{Name: "deleteStream", TransactionID: st.c.calls.next(), Args: []any{float64(st.id)}}})
	err := st.c.sendAll(msgs...)
	if errors.Is(err, ErrClosed) || st.c.closeReason() != nil {
		return nil // the end of the connection has ended the stream
	}
	return err
}
