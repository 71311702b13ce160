package rtmp

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/wire/message"
	"leat/media"
)

// PlayStream is a client that plays, as its Handler sees it: a media.Writer. The client is told that it plays
// (NetStream.Play.Start) when the handler first writes, or calls Start. One goroutine at a time may write; the other methods may
// be called from any.
//
// Commands of the client are obeyed by the PlayStream itself as live streams do: while paused, or with audio or video turned
// off, packets are dropped; afterwards it goes on with the headers and the next key frame. A handler that calls Commands
// takes them over; it then answers with Answer.
//
// Or the handler calls Detach and returns: then the Outlet takes ready-made bytes without blocking.
type PlayStream struct {
	st  *serverStream
	req PlayRequest
	key media.Key
	enc Encoder
	// next goes on with the playlist. follows says that what comes next goes on at a place of this play's timeline.
	next func(follows bool, at time.Duration)
	// follows and at say the same of this play and the one before it.
	follows bool
	at      time.Duration

	mu       sync.Mutex
	started  bool
	commands chan Command  // set by Commands
	gone     chan struct{} // closed by stop; nil without commands
	outlet   *Outlet       // set by Detach
	end      error         // why the stream was stopped; nil while it lives
	fitter   *Fitter       // made with the first packet
	filter   playFilter
	fitted   []*media.Packet // reused by prepare
	ready    []*media.Packet // and this
}

var _ media.Writer = (*PlayStream)(nil)

func newPlayStream(st *serverStream, req PlayRequest) *PlayStream {
	p := &PlayStream{st: st, req: req, key: st.key(req.Name)}
	p.enc = Encoder{
		StreamID: st.id, ChunkSize: st.side.srv.chunkSize(), AMF3: st.c.amf3.Load(),
		Form: playerForm(&st.side.req.Capabilities, st.side.srv.LegacyCodecs),
	}
	p.filter.duration = req.Duration
	return p
}

// Conn returns the connection that plays.
func (p *PlayStream) Conn() *Conn { return p.st.c }

// Request returns the connect command of the connection. It must not be changed.
func (p *PlayStream) Request() *ConnectRequest { return p.st.side.req }

// Key returns application, instance and stream name.
func (p *PlayStream) Key() media.Key { return p.key }

// Play returns what the client asked for.
func (p *PlayStream) Play() PlayRequest { return p.req }

// StreamID returns the message stream ID.
func (p *PlayStream) StreamID() uint32 { return p.st.id }

// BufferLength returns how much the client buffers; 0 when it has not said so.
func (p *PlayStream) BufferLength() time.Duration {
	p.st.mu.Lock()
	defer p.st.mu.Unlock()
	return p.st.buffer
}

// Receives returns which kinds of media the client wants now; it may have said so before it played (RTMP 7.2.2.4, 7.2.2.5).
func (p *PlayStream) Receives() (audio, video bool) {
	p.st.mu.Lock()
	defer p.st.mu.Unlock()
	return !p.st.silent, !p.st.blind
}

// Continued returns where on the client's timeline this play begins; ok is false unless the one before it in the
// playlist was ended by Outlet.Next.
func (p *PlayStream) Continued() (at time.Duration, ok bool) { return p.at, p.follows }

// Encoder returns an encoder for what the client takes: for an Outlet's TryWrite.
func (p *PlayStream) Encoder() Encoder { return p.enc }

// Start tells the client that it plays, and whether what it plays is recorded. Calls after the first do nothing.
// It does not block. A stream that has ended does not start: the error is that of WritePacket.
func (p *PlayStream) Start(recorded bool) error {
	p.mu.Lock()
	again, over := p.started, p.end
	p.started = true
	p.mu.Unlock()
	switch {
	case over != nil:
		return over
	case again:
		return nil
	}
	return p.st.c.sendAll(p.startMessages(recorded)...)
}

// startMessages are the answer to play, in the order of RTMP 7.2.2.1.
func (p *PlayStream) startMessages(recorded bool) []outgoing {
	id, name := p.st.id, p.key.Name
	var msgs []outgoing
	if p.follows {
		msgs = append(msgs, outgoing{id, playStatus(Status{Code: string(CodePlaySwitch), Description: "Switching to " + name + ".", Details: name})})
	}
	if recorded {
		msgs = append(msgs, outgoing{id, &message.UserControl{Event: message.EventStreamIsRecorded, Value: id}})
	}
	msgs = append(msgs, outgoing{id, &message.UserControl{Event: message.EventStreamBegin, Value: id}})
	if p.req.Reset && !p.req.Resumed {
		msgs = append(msgs, p.statusMessage(Status{Code: string(CodePlayReset), Description: "Playing and resetting " + name + ".", Details: name}))
	}
	msgs = append(
		msgs,
		p.statusMessage(Status{Code: string(CodePlayStart), Description: "Started playing " + name + ".", Details: name}),
		outgoing{id, &message.Data{Body: sampleAccess()}},
	)
	if p.req.Swapped {
		msgs = append(msgs, outgoing{id, playStatus(Status{Code: string(CodePlayTransitionComplete), Description: "Transitioned to " + name, Details: name})})
	}
	return msgs
}

func (p *PlayStream) statusMessage(s Status) outgoing {
	return outgoing{p.st.id, &message.Command{Name: "onStatus", Args: []any{s.Object()}}}
}

// nameSampleAccess is the handler of what sampleAccess makes.
const nameSampleAccess = "|RtmpSampleAccess"

// sampleAccess lets Flash take pictures of the stream.
func sampleAccess() []byte {
	return amf.AppendBool(amf.AppendBool(amf.AppendString(nil, nameSampleAccess), true), true)
}

// Status sends onStatus to the player. It does not block.
func (p *PlayStream) Status(s Status) error { return p.st.status(s) }

// WritePacket sends p to the client. It blocks while the client reads too slowly, until ctx is done or the connection
// ends. Packets that the client does not want now are dropped. When the duration that the client asked for is over,
// it returns io.EOF. errors.Is finds ErrClosed when the client has ended the stream, or plays something else on it; when the
// connection has ended the error is its *CloseReason or that of the write that has met the end, when the server shuts down
// ErrServerClosed, and when ctx is done the cause of that.
func (p *PlayStream) WritePacket(ctx context.Context, pkt *media.Packet) error {
	if err := p.Start(false); err != nil {
		return err
	}
	ready, over, err := p.prepare(pkt)
	if err != nil {
		return err
	}
	for _, pkt := range ready {
		err := p.st.c.out.writeMedia(ctx, func(dst []byte, _ uint32) []byte { return p.enc.Append(dst, pkt) })
		if err != nil {
			return err
		}
	}
	if over {
		return io.EOF
	}
	return nil
}

// prepare returns what is to be sent for pkt, in the client's form and if the client wants it now, and whether the duration that
// it asked for is over then. The slice is valid until the next call.
func (p *PlayStream) prepare(pkt *media.Packet) (ready []*media.Packet, over bool, err error) {
	if p.fitter == nil {
		p.fitter = NewFitter(p.enc.Form, p.key.Name)
	}
	fitted, notice := p.fitter.Fit(p.fitted[:0], pkt)
	p.fitted = fitted
	if notice != nil {
		if err := p.Status(*notice); err != nil {
			return nil, false, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ready = p.ready[:0]
	for _, pkt := range fitted {
		p.ready = append(p.ready, p.filter.pass(pkt)...)
	}
	return p.ready, p.filter.over, p.end
}

// Commands returns what the client asks for from now on, and first what is in force already: a pause, or media turned off. The channel has room for some; while it is full the
// connection's reading waits. It is never closed: after a CloseCommand, or when the handler's context ends, nothing more comes.
func (p *PlayStream) Commands() <-chan Command {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.commands == nil {
		p.commands = make(chan Command, maxWaitingCommands)
		p.gone = make(chan struct{})
		if p.end != nil {
			close(p.gone)
		}
		for _, cmd := range p.filter.handOver() {
			p.commands <- cmd
		}
	}
	return p.commands
}

// command takes a command on the connection's reading goroutine.
func (p *PlayStream) command(cmd Command) {
	p.mu.Lock()
	outlet, commands, gone := p.outlet, p.commands, p.gone
	if outlet == nil && commands == nil {
		p.filter.command(cmd)
	}
	p.mu.Unlock()
	switch {
	case outlet != nil:
		outlet.command(cmd, false)
	case commands != nil:
		select {
		case commands <- cmd:
		case <-gone:
		}
	default:
		p.st.log(p.Answer(cmd, nil))
	}
}

// Answer sends what RTMP prescribes as the answer to cmd; refusal is not nil when it could not be obeyed. It does not block.
func (p *PlayStream) Answer(cmd Command, refusal *StatusError) error {
	if refusal != nil {
		return p.Status(refusal.Status)
	}
	id, name := p.st.id, p.key.Name
	status := func(code Code, text string) outgoing {
		return p.statusMessage(Status{Code: string(code), Description: text, Details: name})
	}
	begin := outgoing{id, &message.UserControl{Event: message.EventStreamBegin, Value: id}}
	eof := outgoing{id, &message.UserControl{Event: message.EventStreamEOF, Value: id}}
	switch cmd := cmd.(type) {
	case PauseCommand:
		if cmd.Paused {
			return p.st.c.sendAll(status(CodePauseNotify, "Pausing "+name+"."), eof)
		}
		return p.st.c.sendAll(begin, status(CodeUnpauseNotify, "Unpausing "+name+"."))
	case ReceiveAudioCommand:
		return p.answerReceive(cmd.On)
	case ReceiveVideoCommand:
		return p.answerReceive(cmd.On)
	case SeekCommand:
		refusal := Refuse(CodeSeekFailed, "The stream doesn't support seeking.")
		err := p.Status(refusal.Status)
		if cmd.TransactionID == 0 || err != nil {
			return err
		}
		return p.st.c.send(0, &message.Command{Name: "_error", TransactionID: cmd.TransactionID, Args: []any{refusal.Object()}})
	case Play2Command:
		return p.Status(Refuse(CodePlayFailed, "This stream has no other renditions.").Status)
	case StepCommand:
		return p.Status(Refuse(CodeStreamFailed, "A live stream cannot be stepped.").Status)
	}
	return nil
}

// answerReceive tells that a kind of media is on its way again; turning one off has no answer (RTMP 7.2.2.4, 7.2.2.5).
func (p *PlayStream) answerReceive(on bool) error {
	if !on {
		return nil
	}
	name := p.key.Name
	return p.st.c.sendAll(
		p.statusMessage(Status{Code: string(CodeSeekNotify), Description: "Seeking " + name + ".", Details: name}),
		p.statusMessage(Status{Code: string(CodePlayStart), Description: "Started playing " + name + ".", Details: name}),
	)
}

// stop ends the stream from the client's side.
func (p *PlayStream) stop(cause error) {
	p.mu.Lock()
	if p.end != nil {
		p.mu.Unlock()
		return
	}
	p.end = cause
	outlet := p.outlet
	if p.gone != nil {
		close(p.gone)
	}
	p.mu.Unlock()
	if outlet != nil {
		outlet.command(CloseCommand{Reason: cause}, true)
	}
}

// ended tells the client how the handler has ended the stream.
func (p *PlayStream) ended(err error) {
	p.mu.Lock()
	stopped, started := p.end != nil, p.started
	p.mu.Unlock()
	p.stop(ErrClosed)
	switch {
	case stopped || p.st.c.closeReason() != nil:
		return
	case err == nil || errors.Is(err, io.EOF):
		if started {
			p.st.log(p.st.c.sendAll(p.completeMessages()...))
			return
		}
		err = Refuse(CodePlayStreamNotFound, "Failed to play %s; stream not found.", p.key.Name)
	}
	p.st.log(p.Status(asStatus(p.st.c, err, CodePlayFailed).Status))
}

// completeMessages end a play in the way that all known clients understand; librtmp and FFmpeg close at
// Play.Stop, so it comes last.
func (p *PlayStream) completeMessages() []outgoing {
	id, name := p.st.id, p.key.Name
	complete := Status{Code: string(CodePlayComplete), Description: "Played " + name + ".", Details: name}
	return []outgoing{
		{id, &message.UserControl{Event: message.EventStreamEOF, Value: id}},
		{id, playStatus(complete)},
		p.statusMessage(Status{Code: string(CodePlayStop), Description: "Stopped playing " + name + ".", Details: name}),
	}
}

func (p *PlayStream) isDetached() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outlet != nil
}
