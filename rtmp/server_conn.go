package rtmp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// serverSide is the server's end of a connection. The reading goroutine owns all but what mu guards.
type serverSide struct {
	srv *Server
	req *ConnectRequest // set by connect

	mu      sync.Mutex
	latest  *serverStream            // of streams, that media was for last
	streams []*serverStream          // few, in the order in which they were made
	buffers map[uint32]time.Duration // of streams that do not exist yet; of those without one under 0
	lastID  uint32                   // given out last by createStream

	layers
	measuring atomic.Bool // the bandwidth is being measured
	addr      netip.Addr
	first     []byte            // that do not say yet what the connection is
	hs        *handshake.Server // nil before the first byte and after the last
	proving   proving
	objects   map[string]SharedObjectSession // shared objects in use, by name
}

func (s *serverSide) handshake(c *Conn, b []byte) (rest []byte, done bool, err error) {
	if s.hs == nil {
		if b, err = s.sniff(b); b == nil {
			return nil, false, err
		}
		s.first = nil
		if s.srv.Trace != nil {
			c.trace = s.srv.Trace(c)
		}
		s.hs = handshake.NewServer(handshake.ServerConfig{
			AllowEncrypted: s.srv.RTMPE,
			Time:           func() uint32 { return uint32(time.Since(c.started).Milliseconds()) },
		})
	}
	rest, done, err = c.shake(s.hs, b)
	if done {
		s.hs = nil
	}
	return rest, done, err
}

// connect answers a client's connect in the order of RTMP 7.2.1.1.
func (s *serverSide) connect(ctx context.Context, c *Conn, cmd *message.Command) error {
	req, err := newConnectRequest(c, cmd)
	if err != nil {
		return s.refuse(c, cmd, Refuse(CodeConnectInvalidApp, "%v", err))
	}
	if h, ok := s.srv.Handler.(ConnectHandler); ok {
		ctx, cancel := context.WithDeadline(ctx, c.started.Add(c.limits.HandshakeTimeout))
		err := h.ServeConnect(ctx, req)
		cancel()
		if err != nil {
			return s.refuse(c, cmd, asStatus(c, err, CodeConnectRejected))
		}
	}
	behind := s.ask(req)
	accepted := *req
	accepted.Reply = nil // it is sent, and not kept
	s.req = &accepted
	c.amf3.Store(req.ObjectEncoding == 3)
	c.in.chunks.SetLimits(c.limits.chunk())
	c.flow.sentWindow = defaultWindow
	err = c.sendAll(append([]outgoing{
		{0, &message.WindowAckSize{Size: defaultWindow}},
		{0, &message.SetPeerBandwidth{Size: defaultWindow, Limit: message.LimitDynamic}},
		{0, &message.UserControl{Event: message.EventStreamBegin}},
		{0, &message.SetChunkSize{Size: s.srv.chunkSize()}},
		{0, &message.Command{Name: "_result", TransactionID: cmd.TransactionID, Object: serverProperties(), Args: []any{req.Reply}}},
		{0, &message.Command{Name: "onBWDone"}},
	}, behind...)...)
	c.connected.Store(true)
	c.logger.Info("connected", "app", req.App, "tcurl", RedactURL(req.TCURL), "client", printable(req.FlashVer), "scheme", c.Scheme(), "handshake", handshakeName(c.handshake))
	return err
}

func handshakeName(i handshake.Info) string {
	switch {
	case i.Encrypted:
		return "rtmpe"
	case i.Digest:
		return "digest"
	}
	return "plain"
}

// serverProperties is what clients know a server by; none checks more than that it is there.
func serverProperties() *amf.Object {
	return amf.NewObject("fmsVer", "FMS/3,5,7,7009", "capabilities", 31.0, "mode", 1.0)
}

func newConnectRequest(c *Conn, cmd *message.Command) (*ConnectRequest, error) {
	obj, _ := cmd.Object.(*amf.Object)
	if obj == nil {
		obj = amf.NewObject()
	}
	r := &ConnectRequest{
		Conn:     c,
		TCURL:    obj.Text("tcUrl"),
		FlashVer: obj.Text("flashVer"),
		SWFURL:   obj.Text("swfUrl"),
		PageURL:  obj.Text("pageUrl"),
		Object:   obj,
		Args:     cmd.Args,
	}
	if r.TCURL == "" {
		r.TCURL = obj.Text("tcurl") // the spelling of some clients
	}
	if e, _ := obj.Number("objectEncoding"); e == 3 {
		r.ObjectEncoding = 3
	}
	r.Capabilities = parseCapabilities(obj)
	var err error
	if r.App, r.Instance, r.Query, err = SplitApp(obj.Text("app")); err != nil {
		return nil, fmt.Errorf("the application name is not usable: %w", err)
	}
	r.Reply = amf.NewObject(
		"level", LevelStatus,
		"code", string(CodeConnectSuccess),
		"description", "Connection succeeded.",
		"objectEncoding", float64(r.ObjectEncoding),
		"data", &amf.Object{ECMA: true, Members: []amf.Member{{Name: "version", Value: "3,5,7,7009"}}},
	)
	if r.Capabilities.Announced() { // to others it means nothing, and old devices have little room for an answer
		caps := serverCapabilities()
		caps.set(r.Reply)
	}
	return r, nil
}

// refuse answers a command with _error, says good-bye and lets the client read it (RTMP 7.2.1.1).
func (s *serverSide) refuse(c *Conn, cmd *message.Command, e *StatusError) error {
	info := e.Object()
	if e.Redirect != "" {
		info.Set("ex", amf.NewObject("code", 302.0, "redirect", e.Redirect))
	}
	err := c.sendAll(
		outgoing{0, &message.Command{Name: "_error", TransactionID: cmd.TransactionID, Args: []any{info}}},
		outgoing{0, &message.Command{Name: "close"}},
	)
	c.closeGently(&CloseReason{Side: SideLocal, Text: "connect was refused: " + refusalText(e), Err: e})
	return err
}

// asStatus makes of a handler's error what the client is told: a StatusError as it is, anything else is
// logged and becomes the generic code.
func asStatus(c *Conn, err error, generic Code) *StatusError {
	var e *StatusError
	if errors.As(err, &e) && !e.Remote {
		if e.Level == "" {
			filled := *e
			filled.Level = LevelOf(Code(e.Code))
			return &filled
		}
		return e
	}
	c.logger.Error("handler failed", "err", err)
	return Refuse(generic, "The server could not do this; its log says why.")
}

// other takes messages of types without a meaning here. They are never fatal (RTMP 7.1).
func (s *serverSide) other(ctx context.Context, c *Conn, m *chunk.Message) error {
	switch message.Type(m.Type) {
	case message.TypeSharedObjectAMF0, message.TypeSharedObjectAMF3:
		return s.sharedObject(ctx, c, m)
	}
	c.logger.Debug("message ignored", "type", message.Type(m.Type), "bytes", len(m.Body))
	return nil
}

func (s *serverSide) userControl(c *Conn, u *message.UserControl) error {
	switch u.Event {
	case message.EventSetBufferLength:
	case message.EventSWFVerifyResponse:
		return s.swfAnswered(c, u.Data)
	default:
		c.logger.Debug("user control ignored", "event", u.Event)
		return nil
	}
	d := time.Duration(u.BufferLength) * time.Millisecond
	s.mu.Lock()
	st := s.byID(u.Value)
	if st == nil && (len(s.buffers) < c.limits.Streams || s.buffers[u.Value] > 0) {
		if s.buffers == nil {
			s.buffers = map[uint32]time.Duration{}
		}
		s.buffers[u.Value] = d
	}
	s.mu.Unlock()
	if st != nil {
		st.setBufferLength(d)
	}
	return nil
}

// stream returns the message stream that a command of msid is for. A few encoders use an id that was never created, or 0: 0 is
// the newest stream, and what does not exist is made if create says so, within the limit.
func (s *serverSide) stream(c *Conn, msid uint32, create bool) *serverStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byID(msid)
	if st == nil && msid == 0 {
		st, msid = s.newest(func(*serverStream) bool { return true }), 1
	}
	if st != nil || !create || len(s.streams) >= c.limits.Streams {
		return st
	}
	return s.addStream(c, msid)
}

// publishingStream returns the message stream that media of msid is for; 0 is the newest one that publishes.
func (s *serverSide) publishingStream(msid uint32) *serverStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest != nil && s.latest.id == msid {
		return s.latest
	}
	if st := s.byID(msid); st != nil || msid != 0 {
		s.latest = st
		return st
	}
	return s.newest((*serverStream).publishes)
}

// newest returns the stream made last of those that fit; nil without one. Called with mu held.
func (s *serverSide) newest(fits func(*serverStream) bool) *serverStream {
	for _, st := range slices.Backward(s.streams) {
		if fits(st) {
			return st
		}
	}
	return nil
}

// byID returns the stream of that message stream ID; nil when there is none. Called with mu held.
func (s *serverSide) byID(msid uint32) *serverStream {
	for _, st := range s.streams {
		if st.id == msid {
			return st
		}
	}
	return nil
}

// addStream is called with mu held.
func (s *serverSide) addStream(c *Conn, msid uint32) *serverStream {
	st := &serverStream{c: c, side: s, id: msid}
	st.buffer = s.buffers[0]
	if d, ok := s.buffers[msid]; ok {
		st.buffer = d
		delete(s.buffers, msid)
	}
	s.streams = append(s.streams, st)
	return st
}

// createStream gives out the next id that is free. The first is 1: some clients accept nothing else. An id comes back only
// after all others, so that what is still on its way to a deleted stream meets none.
func (s *serverSide) createStream(c *Conn) *serverStream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.streams) >= c.limits.Streams {
		return nil
	}
	for s.lastID++; s.lastID == 0 || s.byID(s.lastID) != nil; {
		s.lastID++
	}
	return s.addStream(c, s.lastID)
}

func (s *serverSide) deleteStream(msid uint32) {
	s.mu.Lock()
	st := s.byID(msid)
	s.streams = slices.DeleteFunc(s.streams, func(other *serverStream) bool { return other == st })
	s.latest = nil
	s.mu.Unlock()
	if st != nil {
		st.stop(errStreamDeleted)
	}
}

func (s *serverSide) eachStream(fn func(*serverStream)) {
	s.mu.Lock()
	all := slices.Clone(s.streams)
	s.mu.Unlock()
	for _, st := range all {
		fn(st)
	}
}

func (s *serverSide) closed(_ *Conn, reason *CloseReason) {
	s.eachStream(func(st *serverStream) { st.stop(reason) })
	s.releaseObjects()
}

// ended logs the end of a connection, once everything that belonged to it is gone.
func (s *serverSide) ended(c *Conn) {
	r := c.closeReason()
	stats := c.Stats()
	log := c.logger.Info
	if !c.in.handshaken.Load() && r.Side != SideLocal && (stats.BytesReceived > 0 || !s.tls) {
		log = c.logger.Debug // port scanners, health checks and broken networks
	}
	log("closed", "side", string(r.Side), "reason", r.Text, "last", r.LastMessage,
		"received", stats.BytesReceived, "sent", stats.BytesSent, "dur", time.Since(stats.Since).Round(time.Millisecond))
	if h, ok := s.srv.Handler.(DisconnectHandler); ok && s.req != nil {
		defer c.recovered("serving the disconnect")
		h.ServeDisconnect(c, s.req, r)
	}
}

// shutdown ends the streams with their status, says good-bye and lets the client read it.
func (s *serverSide) shutdown(c *Conn) {
	s.eachStream(func(st *serverStream) { st.stop(ErrServerClosed) })
	if c.connected.Load() {
		if err := c.send(0, &message.Command{Name: "close"}); err != nil {
			c.logger.Debug("close not sent", "err", err)
		}
	}
	c.closeGently(&CloseReason{Side: SideLocal, Text: "the server is shutting down", Err: ErrServerClosed})
}
