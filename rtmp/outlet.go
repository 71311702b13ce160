package rtmp

import (
	"errors"
	"sync"
	"time"
)

// Outlet is a playing client that was detached from its handler, as http.Hijacker detaches a connection: whoever holds
// it sends ready-made messages without ever blocking, while the connection goes on to answer pings and commands
// between them. It lives until End, or until the client closes the stream or the connection ends, which it learns
// as a CloseCommand. Its methods are safe for concurrent use.
type Outlet struct {
	p   *PlayStream
	out *outbound // of p's connection: one step instead of three for every write

	mu      sync.Mutex
	fn      func(Command)
	waiting []Command // came before OnCommand
	over    bool
}

// Detach takes the stream out of the handler's hands: the handler should return, and the stream lives on as the
// Outlet. The client is told that it plays, and whether that is recorded, if it was not yet (Start). Whoever plays something
// that obeys commands does not call Start before: a command that comes between the two is answered as on a live stream.
func (p *PlayStream) Detach(recorded bool) (*Outlet, error) {
	o, err := p.detach()
	if err != nil {
		return nil, err
	}
	p.st.c.out.limitUnsent()
	if err := p.Start(recorded); err != nil {
		p.mu.Lock()
		p.outlet = nil
		p.mu.Unlock()
		return nil, err
	}
	return o, nil
}

func (p *PlayStream) detach() (*Outlet, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.end != nil:
		return nil, p.end
	case p.outlet != nil:
		return nil, errors.New("rtmp: the stream is detached already")
	}
	p.outlet = &Outlet{p: p, out: &p.st.c.out, waiting: p.filter.handOver()}
	return p.outlet, nil
}

// TryWrite sends whole messages without blocking and returns how many bytes it took care of, always up to the end of a
// message. Fewer than len(b) with a nil error means that the socket or the peer's window is full: NotifyWritable tells
// when to go on. An error means that the connection has ended.
//
// b must come from an Encoder with this outlet's StreamID and ChunkSize. It is not kept.
func (o *Outlet) TryWrite(b []byte) (int, error) { return o.out.tryWrite(b) }

// NotifyWritable calls fn once, on any goroutine and perhaps at once, when it is worth trying again or when the
// connection has failed.
func (o *Outlet) NotifyWritable(fn func()) { o.out.whenDrained(fn) }

// Encoder returns an encoder for what TryWrite takes. Outlets whose encoders are equal can share the bytes.
func (o *Outlet) Encoder() Encoder { return o.p.enc }

// Stream returns the stream that was detached, for Conn, Key, Play, Status and Answer.
func (o *Outlet) Stream() *PlayStream { return o.p }

// OnCommand sets who receives the client's commands, and hands over those that came before. It must be called once. fn
// must not block: it runs on the connection's reading goroutine. The last command is a CloseCommand, which may come on
// any goroutine; after End nothing comes.
func (o *Outlet) OnCommand(fn func(Command)) {
	for {
		o.mu.Lock()
		waiting := o.waiting
		o.waiting = nil
		if len(waiting) == 0 {
			o.fn = fn
			o.mu.Unlock()
			return
		}
		o.mu.Unlock()
		for _, cmd := range waiting {
			fn(cmd)
		}
	}
}

// maxWaitingCommands bounds what a client can pile up before OnCommand is called; more are dropped.
const maxWaitingCommands = 64

// command hands a command over; the last one of a stream ends it.
func (o *Outlet) command(cmd Command, last bool) {
	o.mu.Lock()
	if o.over {
		o.mu.Unlock()
		return
	}
	o.over = last
	fn := o.fn
	if fn == nil && (last || len(o.waiting) < maxWaitingCommands) {
		o.waiting = append(o.waiting, cmd)
	}
	o.mu.Unlock()
	if fn != nil {
		fn(cmd)
	}
}

// End ends the stream from the server's side: status is sent, and what the client asked to be played next begins. Nothing
// may be written any more. A status of level error also closes the connection once the client has had a moment to read it.
func (o *Outlet) End(status Status) {
	if !o.finish() {
		return
	}
	st := o.p.st
	st.log(o.p.Status(status))
	if status.Object().Text("level") == LevelError {
		st.c.closeGently(&CloseReason{Side: SideLocal, Text: "play was ended: " + status.Code})
	}
	o.p.next(false, 0)
}

// Complete ends the stream as a recording ends: everything that was asked for has been played (RTMP 7.2.2.1).
func (o *Outlet) Complete() {
	if !o.finish() {
		return
	}
	st := o.p.st
	st.log(st.c.sendAll(o.p.completeMessages()...))
	o.p.next(false, 0)
}

// Next ends the stream if the playlist holds something to follow it, which begins where this one ended: at is that place on
// the client's timeline (PlayStream.Continued). Without anything it does nothing and returns false. The client is told of
// the change, and nothing else.
func (o *Outlet) Next(at time.Duration) bool {
	if !o.p.st.hasNext(o.p) || !o.finish() {
		return false
	}
	o.p.next(true, at)
	return true
}

// HasNext reports whether the playlist holds something to follow.
func (o *Outlet) HasNext() bool { return o.p.st.hasNext(o.p) }

// Close ends the stream without a word to the client, which was told already. What it asked to be played next begins.
func (o *Outlet) Close() {
	if o.finish() {
		o.p.next(false, 0)
	}
}

// finish reports whether this call ends the stream.
func (o *Outlet) finish() bool {
	o.mu.Lock()
	over := o.over
	o.over = true
	o.mu.Unlock()
	if !over {
		o.p.stop(ErrClosed)
	}
	return !over
}
