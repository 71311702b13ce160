package rtmp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// clientSide is the client's end of a connection.
type clientSide struct {
	url       *URL
	cfg       *DialConfig
	chunkSize uint32
	hs        *handshake.Client
	dialing   *dialing // that made the connection; set before Dial returns

	connectMessages []outgoing // sent behind the handshake
	connectID       float64    // transaction ID of connect; set before anything is read
	handshakeDone   atomic.Bool
	properties      *amf.Object // of connect's answer; set before connected
	information     *amf.Object
	capabilities    Capabilities

	bandwidthCalls float64     // answers given to _onbwcheck
	greeted        atomic.Bool // as librtmp does before its first stream

	mu      sync.Mutex
	streams map[uint32]*clientStream
	objects map[string]*SharedObject // in use, by name
	chunks  *chunk.Writer            // of media; guarded by the connection's outbound.mu

	stopWatch context.CancelFunc
}

func newClientSide(u *URL, cfg *DialConfig) *clientSide {
	return &clientSide{url: u, cfg: cfg, chunkSize: chunkSize(cfg.ChunkSize), streams: map[uint32]*clientStream{}, chunks: chunk.NewWriter()}
}

// begin prepares the handshake; start sends its first bytes and begins to read.
func (s *clientSide) begin(_ *Conn) {
	cfg := handshake.ClientConfig{Digest: s.cfg.SWF != nil}
	if s.url.Encrypted() {
		cfg.Version = handshake.VersionRTMPE
	}
	s.hs = handshake.NewClient(cfg)
}

func (s *clientSide) start(c *Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	s.stopWatch = cancel
	if err := c.sendBytes(s.hs.Start()); err != nil {
		c.close(&CloseReason{Side: SideNetwork, Text: "the connection broke: " + err.Error(), Err: err})
	}
	c.wg.Go(func() { s.watch(ctx, c) })
	go c.run(ctx) //nolint:errcheck // Close waits for it, and it for the watch; a client's connection has no other layers
}

// watch enforces the connection's deadlines as a server's watchman does.
func (s *clientSide) watch(ctx context.Context, c *Conn) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			c.check(now)
		case <-ctx.Done():
			return
		}
	}
}

func (s *clientSide) handshake(c *Conn, b []byte) (rest []byte, done bool, err error) {
	rest, done, err = c.shake(s.hs, b)
	if !done {
		return nil, false, err
	}
	s.hs = nil
	s.handshakeDone.Store(true)
	c.in.chunks.SetLimits(c.limits.chunk())
	if err := c.sendAll(s.connectMessages...); err != nil {
		return nil, false, err
	}
	s.connectMessages = nil
	return rest, true, nil
}

// accepted takes connect's answer.
func (s *clientSide) accepted(c *Conn, a answer) {
	s.properties, _ = a.object.(*amf.Object)
	s.information, _ = a.value.(*amf.Object)
	s.capabilities = parseCapabilities(s.information, s.properties)
	if e, _ := s.information.Number("objectEncoding"); e == 3 && s.cfg.ObjectEncoding == 3 {
		c.amf3.Store(true)
	}
	c.connected.Store(true)
	s.answerToken(c)
}

// answerToken answers SecureToken, if the server has asked and the key is known.
func (s *clientSide) answerToken(c *Conn) {
	challenge := findText(s.information, secureTokenName)
	if challenge == "" {
		challenge = findText(s.properties, secureTokenName)
	}
	if challenge == "" || s.cfg.Token == "" {
		return
	}
	text, err := DecryptSecureToken(s.cfg.Token, challenge)
	if err == nil {
		err = c.Notify("secureTokenResponse", text)
	}
	if err != nil {
		c.logger.Warn("SecureToken was not answered", "err", err)
	}
}

// command handles what a server calls (RTMP 7.2). Transaction ID 0 is never answered: some services hang up on it.
func (s *clientSide) command(ctx context.Context, c *Conn, m *chunk.Message, cmd *message.Command) error {
	switch cmd.Name {
	case "onStatus":
		return s.onStatus(c, m.StreamID, cmd)
	case "onBWDone":
		if s.bandwidthCalls == 0 {
			return c.send(0, &message.Command{Name: "_checkbw", TransactionID: c.calls.next()})
		}
		return nil
	case "_onbwcheck", "onBWCheck":
		s.bandwidthCalls++
		return c.send(0, &message.Command{Name: "_result", TransactionID: cmd.TransactionID, Args: []any{s.bandwidthCalls - 1}})
	case "_onbwdone", "onFCPublish", "onFCUnpublish", "onFCSubscribe", "playlist_ready", "FCUnpublish":
		return nil
	case "ping":
		return c.send(0, &message.Command{Name: "pong", TransactionID: cmd.TransactionID})
	case "onFCUnsubscribe", "deleteStream": // FFmpeg as a server ends a stream as a publisher does, and says nothing else
		s.endPlays()
		return nil
	case "close":
		c.closeGently(&CloseReason{Side: SidePeer, Text: "the server sent close"})
		return nil
	}
	c.serveCall(ctx, s.cfg.Handler, cmd)
	return nil
}

// onStatus takes news of a stream. The information is the first object behind the transaction ID: some servers leave
// the command object out.
func (s *clientSide) onStatus(c *Conn, msid uint32, cmd *message.Command) error {
	status, ok := ParseStatus(cmd.Object)
	for _, v := range cmd.Args {
		if !ok {
			status, ok = ParseStatus(v)
		}
	}
	if !ok {
		c.logger.Debug("onStatus without information", "msid", msid)
		return nil
	}
	c.logger.Debug("onStatus", "msid", msid, "code", status.Code, "description", status.Description)
	if Code(status.Code) == CodeConnectRejected { // some servers refuse, and redirect, in this way
		refusal := answer{object: cmd.Object}
		if len(cmd.Args) > 0 {
			refusal.value = cmd.Args[0]
		}
		e := remoteError(refusal)
		switch {
		case !c.connected.Load():
			c.calls.refuse(s.connectID, e)
			return nil
		case e.Redirect != "":
			s.moved(c, e)
			return nil
		}
	}
	if Code(status.Code) == CodeConnectReconnectRequest {
		s.reconnect(c, status)
		return nil
	}
	if st := s.stream(msid); st != nil {
		st.status(status)
	}
	return nil
}

// stream returns the stream of a message; servers that send everything on stream 0 mean the only one there is.
func (s *clientSide) stream(msid uint32) *clientStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.streams[msid]; st != nil {
		return st
	}
	if len(s.streams) == 1 {
		for _, st := range s.streams {
			return st
		}
	}
	return nil
}

func (s *clientSide) media(ctx context.Context, c *Conn, m *chunk.Message) error {
	if st := s.stream(m.StreamID); st != nil {
		st.receive(ctx, c, m)
	}
	return nil
}

func (s *clientSide) userControl(c *Conn, u *message.UserControl) error {
	switch u.Event {
	case message.EventStreamEOF:
		if st := s.stream(u.Value); st != nil {
			st.eof()
		}
	case message.EventBufferEmpty:
		if st := s.stream(u.Value); st != nil && st.lib != nil {
			return st.lib.bufferEmpty(st)
		}
	case message.EventSWFVerifyRequest:
		if len(u.Data) > 0 && u.Data[0] > maxSWFScheme {
			c.logger.Info("the server asks for a kind of SWF verification that is not known", "scheme", u.Data[0])
			return nil
		}
		if f := s.cfg.SWF; f != nil {
			response := handshake.SWFResponse(f.Hash, f.Size, c.handshake.SWFKey)
			return c.send(0, &message.UserControl{Event: message.EventSWFVerifyResponse, Data: response[:]})
		}
		c.logger.Info("the server asks for SWF verification, and no SWF is configured")
	case message.EventStreamBegin, message.EventStreamIsRecorded, message.EventStreamDry:
	default:
		c.logger.Debug("user control ignored", "event", u.Event)
	}
	return nil
}

func (s *clientSide) other(_ context.Context, c *Conn, m *chunk.Message) error {
	switch message.Type(m.Type) {
	case message.TypeSharedObjectAMF0, message.TypeSharedObjectAMF3:
		return s.sharedObject(c, m)
	}
	c.logger.Debug("message ignored", "type", message.Type(m.Type), "bytes", len(m.Body))
	return nil
}

func (s *clientSide) closed(_ *Conn, reason *CloseReason) {
	var err error = reason
	if errors.Is(reason.Err, ErrClosed) {
		err = ErrClosed
	}
	s.endStreams(err)
	s.endObjects(err)
	s.stopWatch()
}

func (s *clientSide) endStreams(err error) {
	s.mu.Lock()
	all := make([]*clientStream, 0, len(s.streams))
	for _, st := range s.streams {
		all = append(all, st)
	}
	s.mu.Unlock()
	for _, st := range all {
		st.end(err)
	}
}

// endPlays ends all that is played, as the server wishes.
func (s *clientSide) endPlays() {
	s.mu.Lock()
	var plays []*clientStream
	for _, st := range s.streams {
		if !st.publishes {
			plays = append(plays, st)
		}
	}
	s.mu.Unlock()
	for _, st := range plays {
		st.end(errCleanEnd)
	}
}

// createStream asks for a message stream (RTMP 7.2.1.3), to publish on or to play, as librtmp does if lib is not nil.
func (s *clientSide) createStream(ctx context.Context, c *Conn, lib *LibRTMPPlay, publishes bool) (*clientStream, error) {
	var a answer
	var err error
	if lib != nil {
		a, err = lib.createStream(ctx, c, !s.greeted.Swap(true))
	} else {
		a, err = c.call(ctx, 0, "createStream", nil)
	}
	if err != nil {
		return nil, err
	}
	id, ok := number(a.value)
	if !ok || id < 0 || id > 1<<32-1 {
		what := fmt.Sprintf("of type %T", a.value)
		if ok {
			what = fmt.Sprint(id)
		}
		return nil, &ProtocolError{Reason: "the answer to createStream is no stream ID, it is " + what}
	}
	st := &clientStream{c: c, side: s, id: uint32(id), publishes: publishes, news: make(chan Status, 16), over: make(chan struct{})}
	if lib != nil {
		st.lib = &librtmpPlay{opts: *lib}
	}
	st.queue.init()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.streams) >= c.limits.Streams:
		return nil, fmt.Errorf("rtmp: more than %d streams on one connection", c.limits.Streams)
	case s.streams[st.id] != nil:
		return nil, &ProtocolError{Reason: fmt.Sprintf("the server gave out stream ID %d twice", st.id)}
	}
	s.streams[st.id] = st
	return st, nil
}

// URL returns the address that was dialled, the last one when redirects were followed. It must not be changed. On a server's
// connection it is nil.
func (c *Conn) URL() *URL {
	if s, ok := c.side.(*clientSide); ok {
		return s.url
	}
	return nil
}

// ServerProperties returns the two objects of the server's answer to connect: its properties ("fmsVer", "capabilities")
// and the information object. Either may be nil. On a server's connection, and before connect has finished, both are. They must
// not be changed.
func (c *Conn) ServerProperties() (properties, information *amf.Object) {
	if s, ok := c.side.(*clientSide); ok && c.connected.Load() {
		return s.properties, s.information
	}
	return nil, nil
}

// Capabilities returns what the peer has said about Enhanced RTMP: a client in connect, a server in its answer. It must not
// be changed. Before connect has finished it is empty.
func (c *Conn) Capabilities() Capabilities {
	if !c.connected.Load() {
		return Capabilities{}
	}
	switch s := c.side.(type) {
	case *clientSide:
		return s.capabilities
	case *serverSide:
		return s.req.Capabilities
	}
	return Capabilities{}
}

// Handshake describes the handshake: "plain", "digest" or "rtmpe".
func (c *Conn) Handshake() string { return handshakeName(c.handshake) }

// Close ends the connection: what waits is sent, within a moment, and its goroutines have ended when it returns. So it must not be
// called by what they call: a handler, on either side, or a function of the configuration; use Kick there. It returns nil.
// Later calls wait, too, and change nothing.
func (c *Conn) Close() error {
	if s, ok := c.side.(*clientSide); ok && s.stopWatch == nil { // never started
		return c.carrier().Close()
	}
	c.Kick("closed")
	<-c.Done()
	return nil
}

// Flush waits until what was sent before has been handed to the network. It returns the reason when the connection has
// ended before that, and the cause of ctx when that is done first. Close gives what waits a moment only, which is too
// little for a publisher's last frames on a slow line.
func (c *Conn) Flush(ctx context.Context) error {
	select {
	case <-c.out.flushed():
		return c.out.failure()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Kick ends the connection for the reason given, which is logged. It does not block: what waits is sent first, and
// the socket is closed when the peer has closed its side or a moment has passed.
func (c *Conn) Kick(reason string) {
	c.closeGently(&CloseReason{Side: SideLocal, Text: reason, Err: ErrClosed})
}
