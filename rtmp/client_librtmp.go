package rtmp

import (
	"context"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
)

// LibRTMPPlay makes a play the one of librtmp, and so of rtmpdump, for servers that know nothing newer and for programs
// that must receive what those receive:
//
//   - the window and a buffer of 300 ms are sent before the connection's first createStream, and what Subscribe and UsherToken say
//     behind it;
//   - an answer to play begins the stream as NetStream.Play.Start does, and what comes before either is thrown away;
//   - onStatus and onFCUnsubscribe end it; Stream EOF and onPlayStatus do not;
//   - each packet is a message of audio, video or data as it came: Body is its body, Timestamp its own, from 0 to 2^32 ms,
//     and Name, Codec, Data and what follows from them are not set. Those of an Aggregate come one by one.
type LibRTMPPlay struct {
	// Subscribe is the name for FCSubscribe, which Akamai's and Limelight's servers wanted for live streams; "" sends none.
	Subscribe string
	// UsherToken is the token of NetStream.Authenticate.UsherToken (Justin.tv); "" sends none.
	UsherToken string
	// Playlist sends set_playlist before play.
	Playlist bool
	// Unstall pauses and resumes when the server says that the buffer is empty, as Flash Media Server does after it has sent
	// BufferLength of a recording: it goes on at once then.
	Unstall bool
}

// firstBuffer is the buffer length that librtmp tells before there is a stream.
const firstBuffer = 300

// createStream asks for a message stream, the first time on a connection with what librtmp sends around that.
func (o *LibRTMPPlay) createStream(ctx context.Context, c *Conn, first bool) (answer, error) {
	id, p, err := c.calls.begin("createStream")
	if err != nil {
		return answer{}, err
	}
	defer c.calls.forget(id)
	msgs := []outgoing{{0, &message.Command{Name: "createStream", TransactionID: id}}}
	if first {
		msgs = o.around(c, msgs[0])
	}
	if err := c.sendAll(msgs...); err != nil {
		return answer{}, err
	}
	return p.wait(ctx)
}

// around returns createStream with what stands before and behind it.
func (o *LibRTMPPlay) around(c *Conn, createStream outgoing) []outgoing {
	msgs := []outgoing{
		{0, &message.WindowAckSize{Size: defaultWindow}},
		{0, &message.UserControl{Event: message.EventSetBufferLength, BufferLength: firstBuffer}},
		createStream,
	}
	for _, behind := range []struct{ name, arg string }{
		{"NetStream.Authenticate.UsherToken", o.UsherToken}, {"FCSubscribe", o.Subscribe},
	} {
		if behind.arg != "" {
			msgs = append(msgs, outgoing{0, &message.Command{Name: behind.name, TransactionID: c.calls.next(), Args: []any{behind.arg}}})
		}
	}
	return msgs
}

// pausing says how far a pause is that makes a stalled server go on.
type pausing uint8

const (
	pausingNot     pausing = iota
	pausingAsked           // pause was sent
	pausingStopped         // Stream EOF has come behind it
	pausingResumed         // pause(false) was sent: what comes twice is thrown away
)

// librtmpPlay is the state of a stream that is played as librtmp does. What other goroutines use too is guarded by the stream's mu.
type librtmpPlay struct {
	opts   LibRTMPPlay
	playID float64 // transaction ID of play; set before it is sent
	began  bool    // reading goroutine

	pausing   pausing
	stalledAt uint32 // where pause was sent
	lost      bool   // the server has refused or failed: there is no stream to be deleted
	latest    uint32 // timestamp of the last message that was not thrown away, while not pausing
	channel   uint32 // chunk stream of the first message; 0 before it
	channelAt uint32 // timestamp of the last message on it
}

// play returns what begins the play.
func (l *librtmpPlay) play(st *clientStream, name string, o *PlayOptions) ([]outgoing, error) {
	id, p, err := st.c.calls.begin("")
	if err != nil {
		return nil, err
	}
	p.then = func(a answer) {
		if a.err == nil {
			l.begin(st, Status{Code: string(CodePlayStart)})
		}
	}
	l.playID = id
	var msgs []outgoing
	if l.opts.Playlist {
		list := &amf.Object{ECMA: true, Members: []amf.Member{{Name: "0", Value: name}}}
		msgs = append(msgs, outgoing{st.id, &message.Command{Name: "set_playlist", Args: []any{list}}})
	}
	return append(msgs, outgoing{st.id, &message.Command{Name: "play", TransactionID: id, Args: o.args(name)}}), nil
}

// isLost reports whether librtmp takes the stream for deleted already.
func (st *clientStream) isLost() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.lib != nil && st.lib.lost
}

// begin takes what begins the stream, on the reading goroutine.
func (l *librtmpPlay) begin(st *clientStream, s Status) {
	if l.began {
		return
	}
	l.began = true
	st.c.calls.forget(l.playID)
	st.tell(s)
}

// status takes an onStatus on the reading goroutine.
func (l *librtmpPlay) status(st *clientStream, s Status) {
	switch Code(s.Code) {
	case CodePlayStart, CodePlayPublishNotify:
		l.begin(st, s)
	case CodeStreamFailed, CodePlayFailed, CodePlayStreamNotFound, CodeConnectInvalidApp:
		st.mu.Lock()
		l.lost = true
		st.mu.Unlock()
		st.end(&StatusError{Status: s, Remote: true})
	case CodePlayComplete, CodePlayStop, CodePlayUnpublishNotify:
		if l.began {
			st.end(errCleanEnd)
		} else {
			st.end(&StatusError{Status: s, Remote: true})
		}
	case CodeSeekNotify, CodeSeekFailed, CodeSeekInvalidTime:
		st.sought(Code(s.Code) == CodeSeekNotify)
	case CodePauseNotify:
		st.mu.Lock()
		resume := l.pausing == pausingAsked || l.pausing == pausingStopped
		st.mu.Unlock()
		if !resume {
			return
		}
		if err := l.resume(st); err != nil {
			st.c.logger.Debug("the stream was not resumed", "err", err)
		}
	}
}

// receive takes a media message on the reading goroutine.
func (l *librtmpPlay) receive(ctx context.Context, st *clientStream, m *chunk.Message) {
	if !l.began {
		st.c.logger.Debug("media before the stream's start ignored", "type", message.Type(m.Type), "bytes", len(m.Body))
		return
	}
	now := time.Now()
	if message.Type(m.Type) != message.TypeAggregate {
		l.one(ctx, st, m.ChunkStreamID, message.Sub{Type: message.Type(m.Type), Timestamp: m.Timestamp, Body: m.Body}, now)
		return
	}
	subs, err := message.Aggregate{Body: m.Body}.Split(m.Timestamp)
	if err != nil {
		st.c.logger.Debug("aggregate message damaged", "err", err)
	}
	for _, sub := range subs {
		l.one(ctx, st, m.ChunkStreamID, sub, now)
	}
}

// one hands on a message as it is.
func (l *librtmpPlay) one(ctx context.Context, st *clientStream, csid uint32, m message.Sub, now time.Time) {
	p := &media.Packet{Timestamp: time.Duration(m.Timestamp) * time.Millisecond, Body: m.Body, Received: now}
	switch flv.TagType(m.Type) {
	case flv.TagAudio:
		p.Kind = media.Audio
	case flv.TagVideo:
		p.Kind = media.Video
	case flv.TagScript:
		p.Kind = media.Data
	default: // librtmp knows no AMF3
		return
	}
	if l.isNew(st, csid, m.Timestamp) {
		st.queue.put(ctx, p)
	}
}

// isNew takes note of a message's time and reports whether it did not come before the stream was paused already.
func (l *librtmpPlay) isNew(st *clientStream, csid, timestamp uint32) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if l.channel == 0 {
		l.channel = csid
	}
	if csid == l.channel {
		l.channelAt = timestamp
	}
	if l.pausing == pausingResumed {
		if timestamp <= l.latest {
			return false
		}
		l.pausing = pausingNot
	}
	if l.pausing == pausingNot {
		l.latest = timestamp
	}
	return true
}

// eof takes a Stream EOF: it says that a pause has begun.
func (l *librtmpPlay) eof(st *clientStream) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if l.pausing == pausingAsked {
		l.pausing = pausingStopped
	}
}

// bufferEmpty takes the server's news that all of the buffer was sent (Buffer Empty).
func (l *librtmpPlay) bufferEmpty(st *clientStream) error {
	if !l.opts.Unstall {
		return nil
	}
	st.mu.Lock()
	state := l.pausing
	st.mu.Unlock()
	switch state {
	case pausingNot:
		return l.pause(st)
	case pausingStopped:
		return l.resume(st)
	}
	return nil
}

func (l *librtmpPlay) pause(st *clientStream) error {
	st.mu.Lock()
	l.stalledAt = l.channelAt
	l.pausing = pausingAsked
	at := l.stalledAt
	st.mu.Unlock()
	return l.sendPause(st, true, at)
}

func (l *librtmpPlay) resume(st *clientStream) error {
	st.mu.Lock()
	l.pausing = pausingResumed
	at := l.stalledAt
	st.mu.Unlock()
	return l.sendPause(st, false, at)
}

// sendPause pauses or resumes. librtmp numbers these calls although it looks at no answer.
func (l *librtmpPlay) sendPause(st *clientStream, paused bool, at uint32) error {
	return st.c.send(st.id, &message.Command{Name: "pause", TransactionID: st.c.calls.next(), Args: []any{paused, float64(at)}})
}

// toggleWait is how long a stream stays paused that nothing came from.
const toggleWait = time.Second

// Toggle pauses a recording from which nothing comes any more and resumes it after a second, which makes some servers go
// on. It reports false, and does nothing, when that was done already and nothing new has come since: what is left is to
// play anew from StalledAt. It needs PlayOptions.LibRTMP, and reports false without.
func (p *Player) Toggle(ctx context.Context) (bool, error) {
	l := p.st.lib
	if l == nil {
		return false, nil
	}
	p.st.mu.Lock()
	state := l.pausing
	p.st.mu.Unlock()
	switch state {
	case pausingResumed:
		return false, nil
	case pausingNot:
		if err := l.pause(p.st); err != nil {
			return false, err
		}
		wait := time.NewTimer(toggleWait)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-p.st.over:
			return false, p.st.failure()
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	return true, l.resume(p.st)
}

// StalledAt returns the timestamp at which the stream was paused last, by Toggle or LibRTMPPlay.Unstall.
func (p *Player) StalledAt() time.Duration {
	l := p.st.lib
	if l == nil {
		return 0
	}
	p.st.mu.Lock()
	defer p.st.mu.Unlock()
	return time.Duration(l.stalledAt) * time.Millisecond
}
