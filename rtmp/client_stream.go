package rtmp

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

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

	mu      sync.Mutex
	started bool
	skipEOF int  // Stream EOF events that belong to a pause or a seek
	seeking bool // what comes is thrown away, until the server has answered a seek
	heard   bool // there were news before the start
	early   bool // a Stream EOF came behind them
	err     error
}

// status takes an onStatus on the reading goroutine.
func (st *clientStream) status(s Status) {
	if st.lib != nil {
		st.lib.status(st, s)
		return
	}
	if st.tell(s) {
		return
	}
	switch Code(s.Code) {
	case CodeSeekNotify, CodeSeekFailed, CodeSeekInvalidTime:
		st.sought(Code(s.Code) == CodeSeekNotify)
	case CodePlayStop, CodePlayComplete, CodePlayUnpublishNotify:
		if !st.publishes {
			st.end(errCleanEnd)
		}
	case CodeUnpublishSuccess:
		if st.publishes {
			st.end(&StatusError{Status: s, Remote: true})
		}
	case CodeStreamFailed, CodePlayFailed, CodePlayStreamNotFound, CodePlayInsufficientBW, CodeConnectInvalidApp,
		CodePublishBadName, CodePlayFileStructureInvalid:
		st.end(&StatusError{Status: s, Remote: true})
	case CodePlayNoSupportedTrackFound: // a warning says that the rest goes on
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
		st.end(errCleanEnd)
	}
}

func (st *clientStream) receive(ctx context.Context, c *Conn, m *chunk.Message) {
	if st.lib != nil {
		st.lib.receive(ctx, st, m)
		return
	}
	st.receiver.receive(c, m, time.Now(), func(p *media.Packet) {
		switch {
		case !isSessionMessage(p):
			if !st.isSeeking() {
				st.queue.put(ctx, p)
			}
		case p.Name == "onPlayStatus" && playIsComplete(p.Body):
			st.end(errCleanEnd)
		}
	})
}

// seek makes a Player deaf until the server has answered: what is under way is from before the seek.
func (st *clientStream) seek() {
	st.mu.Lock()
	st.seeking = true
	st.mu.Unlock()
	st.queue.clear()
}

// sought takes the answer, on the reading goroutine: nothing is put into the queue meanwhile.
func (st *clientStream) sought(obeyed bool) {
	st.mu.Lock()
	was := st.seeking
	st.seeking = false
	st.mu.Unlock()
	if was && obeyed {
		st.queue.clear()
		st.receiver.timeline = media.Timeline{} // file times, however far from those before
	}
}

func (st *clientStream) isSeeking() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.seeking
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

// end ends the stream; the first reason counts.
func (st *clientStream) end(err error) {
	st.mu.Lock()
	first := st.err == nil
	if first {
		st.err = err
	}
	st.mu.Unlock()
	if first {
		close(st.over)
	}
	st.queue.end(err)
}

func (st *clientStream) failure() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.err
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

// begin makes later news end the stream, and looks at those that came with the first.
func (st *clientStream) begin() {
	st.mu.Lock()
	st.started = true
	over := st.early && !st.publishes
	st.mu.Unlock()
	for {
		select {
		case s := <-st.news:
			st.status(s)
			continue
		default:
		}
		break
	}
	if over {
		st.end(errCleanEnd)
	}
}

// command sends a command on the stream that asks for no answer.
func (st *clientStream) command(name string, args ...any) error {
	return st.c.send(st.id, &message.Command{Name: name, Args: args})
}

// close ends the stream at the server (RTMP 7.2.2.3). Calls after the first do nothing.
func (st *clientStream) close(before ...outgoing) error {
	st.end(ErrClosed)
	st.side.mu.Lock()
	open := st.side.streams[st.id] == st
	if open {
		delete(st.side.streams, st.id)
	}
	st.side.mu.Unlock()
	if !open {
		return nil
	}
	msgs := append(before, outgoing{0, &message.Command{Name: "deleteStream", TransactionID: st.c.calls.next(), Args: []any{float64(st.id)}}})
	err := st.c.sendAll(msgs...)
	if errors.Is(err, ErrClosed) || st.c.closeReason() != nil {
		return nil // the end of the connection has ended the stream
	}
	return err
}

// Publisher is a stream that this client publishes: a media.Writer. One goroutine at a time may write.
type Publisher struct {
	st     *clientStream
	name   string
	fitter *Fitter
	fitted []*media.Packet // reused by WritePacket
}

var _ media.Writer = (*Publisher)(nil)

// PublishOptions says how to publish; nil and the zero value publish live.
type PublishOptions struct {
	Type PublishType // "" means PublishLive
	// Bare leaves out releaseStream and FCPublish, which old servers want and none requires.
	Bare bool
}

// Publish begins to publish under name; "" is the name in the URL that was dialled. It waits for the server's consent
// (NetStream.Publish.Start) until ctx is done. A refusal is a *StatusError.
func (c *Conn) Publish(ctx context.Context, name string, o *PublishOptions) (*Publisher, error) {
	side, ok := c.side.(*clientSide)
	if !ok {
		return nil, errors.New("rtmp: Publish on a server's connection")
	}
	if o == nil {
		o = &PublishOptions{}
	}
	if name == "" {
		name = side.url.Name
	}
	kind := o.Type
	if kind == "" {
		kind = PublishLive
	}
	if !o.Bare {
		err := c.sendAll(
			outgoing{0, &message.Command{Name: "releaseStream", TransactionID: c.calls.next(), Args: []any{name}}},
			outgoing{0, &message.Command{Name: "FCPublish", TransactionID: c.calls.next(), Args: []any{name}}},
		)
		if err != nil {
			return nil, err
		}
	}
	st, err := side.createStream(ctx, c, nil, true)
	if err != nil {
		return nil, err
	}
	c.publishes.Store(true)
	if err := c.send(st.id, &message.Command{Name: "publish", TransactionID: c.calls.next(), Args: []any{name, string(kind)}}); err != nil {
		return nil, err
	}
	if err := st.await(ctx, publishStarted); err != nil {
		return nil, errors.Join(err, st.close())
	}
	form := publisherForm(&side.capabilities, side.cfg.LegacyCodecs)
	return &Publisher{st: st, name: name, fitter: NewFitter(form, name)}, nil
}

func publishStarted(s Status) (bool, error) {
	switch {
	case Code(s.Code) == CodePublishStart:
		return true, nil
	case s.Level == LevelError:
		return false, &StatusError{Status: s, Remote: true}
	}
	return false, nil
}

// WritePacket sends p in the form that the server has said it takes: tracks and codecs that it does not take are left out,
// with a line in the log. It blocks while the server reads too slowly, until ctx is done. When the server has ended the
// stream it returns its *StatusError, and after Close ErrClosed.
func (p *Publisher) WritePacket(ctx context.Context, pkt *media.Packet) error {
	if err := p.st.failure(); err != nil {
		return err
	}
	fitted, notice := p.fitter.Fit(p.fitted[:0], pkt)
	p.fitted = fitted
	if notice != nil {
		p.st.c.logger.Warn("the server does not take a track, it is left out", "stream", p.name,
			"kind", pkt.Kind.String(), "track", pkt.Track, "codec", pkt.Codec.String())
	}
	for _, pkt := range fitted {
		m := p.message(pkt)
		err := p.st.c.out.writeMedia(ctx, func(dst []byte, chunkSize uint32) []byte {
			w := p.st.side.chunks
			w.SetChunkSize(chunkSize)
			return w.AppendMessage(dst, m)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// message makes the RTMP message of a packet. Metadata is marked to be kept for those who join later (RTMP 7.1.2).
func (p *Publisher) message(pkt *media.Packet) *chunk.Message {
	m := &chunk.Message{StreamID: p.st.id, Timestamp: media.WireTime(pkt.Timestamp), Body: pkt.Body}
	switch pkt.Kind {
	case media.Audio:
		m.Type, m.ChunkStreamID = uint8(message.TypeAudio), csidAudio
	case media.Video:
		m.Type, m.ChunkStreamID = uint8(message.TypeVideo), csidVideo
	default:
		m.Type, m.ChunkStreamID = uint8(message.TypeDataAMF0), csidData
		switch {
		case pkt.Config && len(pkt.Body) == 0:
			m.Body = amf.AppendString(amf.AppendString(nil, "@clearDataFrame"), pkt.Name)
		case pkt.Config:
			m.Body = append(amf.AppendString(nil, "@setDataFrame"), pkt.Body...)
		}
	}
	return m
}

// Done is closed when the stream has ended: by Close, by the server or with the connection.
func (p *Publisher) Done() <-chan struct{} { return p.st.over }

// Err says why the stream has ended; nil while it lives.
func (p *Publisher) Err() error { return p.st.failure() }

// Close ends the publication as the server's players should see it: with FCUnpublish and deleteStream. It does not block
// and does not close the connection.
func (p *Publisher) Close() error {
	return p.st.close(outgoing{0, &message.Command{Name: "FCUnpublish", TransactionID: p.st.c.calls.next(), Args: []any{p.name}}})
}

// Player is a stream that this client plays: a media.Reader and a media.WriterTo. What the server tells the player itself in
// data messages (|RtmpSampleAccess, onStatus, onPlayStatus) is not among the packets, so that they can be published again as
// they are; with PlayOptions.LibRTMP it is.
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
		msgs = []outgoing{{st.id, &message.Command{Name: "play", TransactionID: c.calls.next(), Args: o.args(name)}}}
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
// left, or the recording is over.
func (p *Player) ReadPacket(ctx context.Context) (*media.Packet, error) {
	pkt, err := p.st.queue.get(ctx)
	if errors.Is(err, ErrClosed) {
		return nil, io.EOF
	}
	return pkt, err
}

// WriteTo hands every packet to w on the connection's own goroutine until the stream has ended.
func (p *Player) WriteTo(ctx context.Context, w media.Writer) (int64, error) {
	return p.st.queue.drainTo(ctx, w)
}

// Pause pauses or resumes; position is the timestamp reached (RTMP 7.2.2.8). It does not wait for the answer.
func (p *Player) Pause(paused bool, position time.Duration) error {
	if paused {
		p.expectEOF()
	}
	return p.st.command("pause", paused, float64(position.Milliseconds()))
}

// Seek goes to another position of a recording (RTMP 7.2.2.7). It does not wait for the answer; what comes before it is
// thrown away, so that the next packet read is from behind the seek, unless the server refuses it.
func (p *Player) Seek(position time.Duration) error {
	p.expectEOF()
	p.st.seek()
	return p.st.command("seek", float64(position.Milliseconds()))
}

// SetBufferLength changes PlayOptions.BufferLength. It does not wait for anything.
func (p *Player) SetBufferLength(d time.Duration) error {
	return p.st.c.sendAll(p.st.bufferLength(d))
}

// ReceiveAudio turns audio on or off (RTMP 7.2.2.4).
func (p *Player) ReceiveAudio(on bool) error { return p.st.command("receiveAudio", on) }

// ReceiveVideo turns video on or off (RTMP 7.2.2.5).
func (p *Player) ReceiveVideo(on bool) error { return p.st.command("receiveVideo", on) }

// Close ends the stream at the server. It does not block and does not close the connection.
func (p *Player) Close() error { return p.st.close() }

func (p *Player) expectEOF() {
	p.st.mu.Lock()
	p.st.skipEOF++
	p.st.mu.Unlock()
}
