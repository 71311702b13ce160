package diagnose

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/rtmp"
)

const (
	maxFindings = 64 // of a session; more are dropped
	maxFlows    = 64 // message streams with media, both directions; the media of more are not looked at
	maxCalls    = 64 // commands whose answer is waited for
)

// Session listens to one connection: what both sides send, or what one of them does. It keeps sums, never messages, so its
// memory is bounded. It is safe for concurrent use.
type Session struct {
	cfg Config

	mu       sync.Mutex
	news     []Finding     // not told yet
	now      time.Duration // of the last event
	flows    []*flow
	sides    [2]side
	findings []Finding
	calls    []call
	connect  connection
	over     bool // Close was called
}

// Config says what a Session is for. The zero value finds and tells nobody.
type Config struct {
	// OnFinding is told each finding when it is made, not when it is counted again. It is called without a lock, and must
	// not block long: the connection waits.
	OnFinding func(f Finding)
	// Both says that the session hears both sides, so that a missing answer is one.
	Both bool
}

// side is what is known of one direction's chunk stream.
type side struct {
	odd       rtmp.TraceOddities
	chunkSize uint32
	media     int    // messages of audio and video
	bytes     uint64 // of bodies, roughly what was on the wire
	window    uint64 // that this side has announced: the other is to acknowledge that often; 0: none
	windowAt  uint64 // bytes when it did
	acked     bool   // the other side has acknowledged since
	lastCSID  uint32
}

// connection is what connect said.
type connection struct {
	commands  int
	app       string
	tcURL     string
	connected bool
	caps      rtmp.Capabilities // of the client
	codecs    rtmp.CodecSet     // that the client takes as a player
	announced bool
}

// call is a command that wants an answer.
type call struct {
	name     string
	from     Direction
	txn      float64
	streamID uint32
	at       time.Duration
}

// NewSession returns a Session at the beginning of a connection.
func NewSession(cfg Config) *Session {
	s := &Session{cfg: cfg}
	for i := range s.sides {
		s.sides[i].chunkSize = 128
	}
	return s
}

// Handshake takes note of how the handshake went.
func (s *Session) Handshake(at time.Duration, h rtmp.TraceHandshake) {
	s.begin(at)
	defer s.tell()
	switch h.Requested {
	case 3, 6, 8, 9:
	default:
		s.report(HandshakeVersion, FromClient, 0, 0, "the client asks for RTMP version %d, and there is only 3 (6, 8 and 9 with encryption); servers answer with 3, and most clients go on", h.Requested)
	}
}

// Message takes note of a message. at is the time since the connection began.
func (s *Session) Message(from Direction, at time.Duration, m rtmp.TraceMessage) {
	s.begin(at)
	defer s.tell()
	sd := &s.sides[from]
	sd.bytes += uint64(len(m.Body)) + 12
	s.chunks(from, sd, &m)
	switch t := message.Type(m.Type); t {
	case message.TypeAudio, message.TypeVideo:
		sd.media++
		if f := s.flow(from, &m); f != nil {
			f.media(&m)
		}
	case message.TypeAggregate:
		sd.media++
	case message.TypeDataAMF0, message.TypeDataAMF3:
		if f := s.flow(from, &m); f != nil {
			f.data(&m)
		}
	case message.TypeCommandAMF0, message.TypeCommandAMF3:
		s.command(from, &m)
	case message.TypeSetChunkSize, message.TypeWindowAckSize, message.TypeSetPeerBandwidth, message.TypeAcknowledgement:
		s.control(from, sd, &m)
	case message.TypeAbort, message.TypeUserControl, message.TypeSharedObjectAMF0, message.TypeSharedObjectAMF3:
	default:
		s.report(UnknownType, from, m.StreamID, m.Timestamp, "a message has type %d, which does not exist: receivers ignore it; if many come, chunks have been misread", m.Type)
	}
	s.acknowledgements(from, sd, m.Timestamp)
}

// Told takes note of what the server has said, in a Session that hears the client only. It makes no finding: what matters is which
// streams the server itself has ended.
func (s *Session) Told(at time.Duration, m rtmp.TraceMessage) {
	if message.Type(m.Type) != message.TypeCommandAMF0 || m.StreamID == 0 {
		return
	}
	parsed, err := message.Parse(message.TypeCommandAMF0, m.Body, amf.Limits{})
	cmd, ok := parsed.(*message.Command)
	if err != nil || !ok || cmd.Name != "onStatus" {
		return
	}
	s.begin(at)
	defer s.tell()
	s.ended(m.StreamID, information(cmd))
}

// Close takes note of the end of the connection. reason may be nil.
func (s *Session) Close(at time.Duration, reason *rtmp.CloseReason) {
	s.begin(at)
	defer s.tell()
	if s.over {
		return
	}
	s.over = true
	s.unanswered()
	meant := reason != nil && (errors.Is(reason.Err, rtmp.ErrClosed) || errors.Is(reason.Err, rtmp.ErrServerClosed))
	for _, f := range s.flows {
		f.closed = f.closed || meant
		f.end()
	}
	if reason != nil {
		s.closed(reason)
	}
}

// Findings returns what has been found so far, in that order; never nil.
func (s *Session) Findings() []Finding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Finding{}, s.findings...)
}

// begin locks; tell must follow.
func (s *Session) begin(at time.Duration) {
	s.mu.Lock()
	s.now = at
}

// tell unlocks, and tells the news.
func (s *Session) tell() {
	news := s.news
	s.news = nil
	s.mu.Unlock()
	if s.cfg.OnFinding == nil {
		return
	}
	for _, f := range news {
		s.cfg.OnFinding(f)
	}
}

// report makes a finding, or counts it again. Called with mu held.
func (s *Session) report(code Code, from Direction, msid, timestamp uint32, format string, args ...any) {
	for i := range s.findings {
		f := &s.findings[i]
		if f.Code == code && f.From == from && f.StreamID == msid {
			f.Count++
			return
		}
	}
	if len(s.findings) == maxFindings {
		return
	}
	f := Finding{
		Code: code, Severity: severity(code), From: from, StreamID: msid, Count: 1, At: s.now, Timestamp: timestamp,
		Text: fmt.Sprintf(format, args...),
	}
	s.findings = append(s.findings, f)
	s.news = append(s.news, f)
}

// Report makes a finding of somebody else's, such as a proxy that sees bytes.
func (s *Session) Report(at time.Duration, code Code, from Direction, text string) {
	s.begin(at)
	defer s.tell()
	s.report(code, from, 0, 0, "%s", text)
}

// flow returns the media of a message stream, of what was begun last on it; nil when there are too many.
func (s *Session) flow(from Direction, m *rtmp.TraceMessage) *flow {
	for _, f := range slices.Backward(s.flows) {
		if f.streamID == m.StreamID && f.from == from {
			return f
		}
	}
	return s.addFlow(from, m.StreamID)
}

// fresh is flow for something new that begins on the message stream: what was on it before counts by itself.
func (s *Session) fresh(from Direction, m *rtmp.TraceMessage) *flow {
	f := s.flow(from, m)
	if f == nil || !f.video.seen && !f.audio.seen {
		return f
	}
	f.closed = true
	return s.addFlow(from, m.StreamID)
}

func (s *Session) addFlow(from Direction, msid uint32) *flow {
	if len(s.flows) == maxFlows {
		return nil
	}
	f := newFlow(s, from, msid)
	s.flows = append(s.flows, f)
	return f
}

// Lost takes note that a side's bytes are not understood any more.
func (s *Session) Lost(at time.Duration, from Direction, err error) {
	s.begin(at)
	defer s.tell()
	if broken, ok := errors.AsType[*chunk.Error](err); ok {
		s.garbage(from, broken)
		return
	}
	if other, ok := errors.AsType[*handshake.NotRTMPError](err); ok {
		s.report(NotRTMP, from, 0, 0, "this is not RTMP but looks like %s: use rtmps:// for a port with TLS and rtmp:// for one without, and open web pages on the port of HTTP", other.Looks)
	}
}
