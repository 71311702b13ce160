package rtmp

import (
	"context"
	"errors"
	"io"
	"time"

	"leat/internal/wire/message"
	"leat/media"
)

// Player is a stream that this client plays: a media.Reader and a media.WriterTo. What the server tells the player itself in
// data messages (|RtmpSampleAccess, onStatus, onPlayStatus) is not among the packets, so that they can be published again as
// they are; with PlayOptions.LibRTMP it is. One goroutine at a time may read; the other methods may be called from any.
type Player struct {
	st *clientStream
}

var (
	_ media.Reader   = (*Player)(nil)
	_ media.WriterTo = (*Player)(nil)
)

// PlayOptions says what to play; nil and the zero value of each field have the meaning of play's defaults.
type PlayOptions struct {
	Start    time.Duration // StartLive, a position in a recording, or 0, which means StartAny unless Recorded is set
	Recorded bool          // play the recording from Start, also when Start is 0
	Duration time.Duration // how much to play; 0 is all
	Append   bool          // add to the playlist instead of replacing what plays
	// BufferLength is told to the server, which may send that much ahead; 0 means 3 s.
	BufferLength time.Duration
	// LibRTMP plays as librtmp does; nil plays as newer clients do.
	LibRTMP *LibRTMPPlay
}

// Play begins to play name; "" is the name in the URL that was dialled. It waits until the server has answered (NetStream.Play.Start)
// or ctx is done; a live stream that nobody publishes yet has begun too. A refusal is a *StatusError.
func (c *Conn) Play(ctx context.Context, name string, o *PlayOptions) (*Player, error) {
	side, ok := c.side.(*clientSide)
	if !ok {
		return nil, errors.New("rtmp: Play on a server's connection")
	}
	if o == nil {
		o = &PlayOptions{}
	}
	if name == "" {
		name = side.url.Name
	}
	st, err := side.createStream(ctx, c, o.LibRTMP, false)
	if err != nil {
		return nil, err
	}
	var msgs []outgoing
	if st.lib != nil {
		if msgs, err = st.lib.play(st, name, o); err != nil {
			return nil, errors.Join(err, st.close())
		}
	} else {
		id, err := st.ask()
		if err != nil {
			return nil, errors.Join(err, st.close())
		}
		defer c.calls.forget(id)
		msgs = []outgoing{{st.id, &message.Command{Name: "play", TransactionID: id, Args: o.args(name)}}}
	}
	buffer := o.BufferLength
	if buffer == 0 {
		buffer = 3 * time.Second
	}
	if err := c.sendAll(append(msgs, st.bufferLength(buffer))...); err != nil {
		return nil, err
	}
	if err := st.await(ctx, playStarted); err != nil {
		return nil, errors.Join(err, st.close())
	}
	return &Player{st: st}, nil
}

func (o *PlayOptions) args(name string) []any {
	start := -2000.0
	if o.Start != 0 || o.Recorded {
		start = float64(o.Start.Milliseconds())
	}
	args := []any{name, start}
	if o.Duration > 0 || o.Append {
		duration := -1000.0
		if o.Duration > 0 {
			duration = float64(o.Duration.Milliseconds())
		}
		args = append(args, duration)
		if o.LibRTMP == nil || o.Append {
			args = append(args, !o.Append)
		}
	}
	return args
}

func (st *clientStream) bufferLength(d time.Duration) outgoing {
	return outgoing{0, &message.UserControl{Event: message.EventSetBufferLength, Value: st.id, BufferLength: media.WireTime(d)}}
}

func playStarted(s Status) (bool, error) {
	switch {
	case Code(s.Code) == CodePlayStart || Code(s.Code) == CodePlayPublishNotify:
		return true, nil
	case s.Level == LevelError:
		return false, &StatusError{Status: s, Remote: true}
	}
	return false, nil
}

// ReadPacket returns the next packet. It blocks until there is one. io.EOF says that the stream has ended: the publisher
// left, the recording is over, or the Player or its Conn was closed at this end. When the connection has ended otherwise
// the error is its *CloseReason, when the server has refused the rest of the stream a *StatusError, and when ctx is done
// the cause of that. Packets that came before the end are returned first.
func (p *Player) ReadPacket(ctx context.Context) (*media.Packet, error) {
	pkt, err := p.st.queue.get(ctx)
	if errors.Is(err, ErrClosed) {
		return nil, io.EOF
	}
	return pkt, err
}

// WriteTo hands every packet to w on the connection's own goroutine until the stream has ended, and blocks for so long; a w
// that blocks holds up the connection. The error is nil when the stream has ended, else what ReadPacket would have
// returned, or w's.
func (p *Player) WriteTo(ctx context.Context, w media.Writer) (int64, error) {
	n, err := p.st.queue.drainTo(ctx, w)
	if errors.Is(err, ErrClosed) {
		err = nil
	}
	return n, err
}

// Pause pauses or resumes; position is the timestamp reached (RTMP 7.2.2.8). It does not wait for the answer: an error of
// this and the following methods says that the connection has ended.
func (p *Player) Pause(paused bool, position time.Duration) error {
	if paused {
		p.expectEOF()
	}
	return p.st.command("pause", paused, float64(position.Milliseconds()))
}

// Seek goes to another position of a recording (RTMP 7.2.2.7). It does not wait for the answer; what comes before it is
// thrown away, so that the next packet read is from behind the seek, unless the server refuses it. A recording that has come to its end
// goes on, too.
func (p *Player) Seek(position time.Duration) error {
	p.expectEOF()
	p.st.seek()
	err := p.st.command("seek", float64(position.Milliseconds()))
	if err != nil {
		p.st.sought(false)
	}
	return err
}

// SetBufferLength changes PlayOptions.BufferLength. It does not wait for anything.
func (p *Player) SetBufferLength(d time.Duration) error {
	return p.st.c.sendAll(p.st.bufferLength(d))
}

// ReceiveAudio turns audio on or off (RTMP 7.2.2.4). It does not wait for anything.
func (p *Player) ReceiveAudio(on bool) error { return p.st.command("receiveAudio", on) }

// ReceiveVideo turns video on or off (RTMP 7.2.2.5). It does not wait for anything.
func (p *Player) ReceiveVideo(on bool) error { return p.st.command("receiveVideo", on) }

// Close ends the stream at the server. It does not block and does not close the connection. Later calls, and those after the end
// of the connection, do nothing and return nil.
func (p *Player) Close() error { return p.st.close() }

func (p *Player) expectEOF() {
	p.st.mu.Lock()
	p.st.skipEOF++
	p.st.mu.Unlock()
}
