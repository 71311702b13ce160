package vod

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"leat/internal/format"
	"leat/media"
	"leat/rtmp"
)

// Outlet is the client of a session: an *rtmp.Outlet.
type Outlet interface {
	TryWrite(b []byte) (int, error)
	NotifyWritable(fn func())
	Encoder() rtmp.Encoder
	OnCommand(fn func(rtmp.Command))
	Next(at time.Duration) bool
	Close()
}

var _ Outlet = (*rtmp.Outlet)(nil)

// SessionConfig says what a session plays to whom.
type SessionConfig struct {
	// Outlet is the client, which has been told that it plays (rtmp.PlayStream.Start). Required.
	Outlet Outlet
	// Title is the recording, which the session releases. Required.
	Title *Title
	// Name is what the client calls it.
	Name string
	// Request says from where on, for how long and how fast.
	Request rtmp.PlayRequest
	// BufferLength is how much the client buffers; 0 means 100 ms, the protocol's default.
	BufferLength time.Duration
	// Follows says that the session begins at At of the client's timeline, as an entry of a playlist; else at 0, or where a
	// broadcast is.
	Follows bool
	At      time.Duration
	// TagsOnly sends the tags of an MP3 file and nothing else.
	TagsOnly bool
	// ClientSeek says that the client decodes frames without showing them (videoFunction 1 in connect), so that it can be
	// told the target of a seek between two key frames.
	ClientSeek bool
	// Aggregate sends frames that are due at the same time as Aggregate messages: the client knows them
	// (rtmp.PlayStream.Aggregates).
	Aggregate bool
	// BufferEvents says that the client knows the events 31 and 32.
	BufferEvents bool
	// Switch opens another rendition of what plays, for play2. Its error, if it is an *rtmp.StatusError, is for the
	// client. It may block until ctx is done. Without it play2 is refused.
	Switch func(ctx context.Context, from, to string) (*Title, error)
	// From says that the title is a format.Broadcast which the client has been playing elsewhere, up to there. Request is not
	// looked at but for Duration.
	From *Place
	// Commands are obeyed before anything is sent.
	Commands []rtmp.Command
	// Live hands the client of a broadcast over to the live stream; false says that this is not possible yet. From when it
	// returns true, the session does not touch the outlet any more. nil keeps the client.
	Live func(Rejoin) bool
	// OnEnd, when set, is called once, when the session has ended. It must not block.
	OnEnd func(Stats)
}

// Stats says what a session has done.
type Stats struct {
	Bytes    int64 // taken by the outlet
	Messages int64
	Seeks    int64
	Rejoined bool  // the client was handed over to the live stream
	Err      error // what went wrong with the file; nil if nothing did
}

// Session is a client that plays a recording. It ends with its client, or goes over to the next entry of the playlist.
type Session struct {
	engine *Engine
	cfg    SessionConfig
	enc    rtmp.Encoder
	alarm  alarm
	after  *Session // in the engine's queue; guarded by Engine.mu

	mu       sync.Mutex // guards what wake and command share with the step
	queued   bool       // in the engine's queue
	running  bool
	again    bool // something came while it ran
	over     bool
	shutting bool // the engine is closed
	commands []any

	// Only the step uses what follows.
	title     *Title
	name      string
	info      format.Info
	broadcast format.Broadcast // the title as one; nil for a recording
	number    uint64           // of its packet that the client has got last
	had       uint64           // the highest of these: the fan-out does not serve who has gone back behind it
	aired     bool             // the stream is over and all of it was read
	cursor    format.Cursor
	fitter    *rtmp.Fitter

	aggregate rtmp.Aggregate // frames that wait for others; empty but within fill
	fitted    []*media.Packet

	state     state
	next      *media.Packet    // read and not yet due
	shift     time.Duration    // of the client's timeline from the file's
	from      time.Duration    // where the client asked to begin, in the file
	until     time.Duration    // where to end; negative: at the end
	one       bool             // a single frame was asked for
	last      time.Duration    // of the newest packet that was sent, in the file
	frame     time.Duration    // between the last two frames of a kind
	newest    [4]time.Duration // the last frame of each kind
	fullAt    Marks            // the same when the client was told that its buffer was sent, on its timeline
	passed    filter           // what the client has already
	exact     exact            // the seek that it is being shown the target of
	still     still            // the frames that it is to see while paused
	pausedAt  time.Duration    // where the client was
	repaused  bool             // the cursor stands where the client is, not ahead of it
	keeps     bool             // the paused client goes on behind all that it was sent
	noAudio   bool
	noVideo   bool
	waitKey   bool // video goes on at the next key frame
	resend    bool // headers are due with it
	headers   media.Headers
	pace      pace
	concluded bool      // the client was told that all has been played
	incoming  *incoming // the rendition that is about to take over
	switching bool      // it is being opened

	answers  []byte // whole messages that go before media
	media    []byte // whole messages
	watching bool   // the broadcast will say when it has more; guarded by mu
	awaiting bool   // the outlet will say when it can take more; guarded by mu
	gone     bool   // the outlet takes nothing any more
	stats    Stats
}

// state is what a session is doing.
type state uint8

const (
	playing state = iota
	paused
	ending   // all is read; what follows is seen when all is sent
	ended    // the client was told; it may still seek
	joining  // the live stream, when all is sent
	departed // it has joined
)

// maxCommands bounds what waits of a client's commands.
const maxCommands = 64

// Play starts a session. The engine has taken the title over when it returns, also with an error: ErrClosed, or what kept
// the file from being read.
func (e *Engine) Play(cfg SessionConfig) (*Session, error) {
	s := &Session{engine: e, cfg: cfg, enc: cfg.Outlet.Encoder(), title: cfg.Title, name: cfg.Name, until: -1}
	s.alarm.session = s
	for _, cmd := range cfg.Commands {
		s.commands = append(s.commands, cmd)
	}
	s.pace.buffer = cfg.BufferLength
	s.pace.atOnce = cfg.Request.AtOnce
	if err := s.open(); err != nil {
		s.title.Release()
		return nil, err
	}
	if err := e.add(s); err != nil {
		s.title.Release()
		return nil, err
	}
	cfg.Outlet.OnCommand(s.command)
	s.wake()
	return s, nil
}

// open goes to where the client wants to begin.
func (s *Session) open() error {
	req := &s.cfg.Request
	s.load(s.title, s.name)
	if s.broadcast != nil {
		return s.openBroadcast()
	}
	s.from = max(req.Start, 0)
	if s.cfg.TagsOnly {
		s.info, s.cursor = format.Info{}, &tagCursor{tags: s.title.Tags()}
	}
	at := time.Duration(0)
	if s.from > 0 {
		var err error
		if at, err = s.cursor.Seek(s.from); err != nil {
			return err
		}
	}
	switch {
	case req.Duration > 0:
		s.until = s.from + req.Duration
	case req.Duration == 0:
		s.one = true
	}
	if !req.Resumed {
		s.shift = s.cfg.At - at
	}
	s.last = at - 1
	s.pace.begin(at)
	return nil
}

// load makes a title the one that plays.
func (s *Session) load(t *Title, name string) {
	s.title, s.name, s.info = t, name, t.Info()
	s.cursor = t.file.NewCursor()
	s.broadcast, _ = t.file.(format.Broadcast)
	s.fitter = rtmp.NewFitter(s.enc.Form, name)
}

// wake lets the session's step run. It does not block.
func (s *Session) wake() {
	s.mu.Lock()
	push := !s.queued && !s.running && !s.over
	s.again = s.running
	s.queued = s.queued || push
	s.mu.Unlock()
	if push {
		s.engine.push(s)
	}
}

// command takes a command of the client. It runs on the connection's reading goroutine and does not block. Of seeks only the
// newest that waits counts.
func (s *Session) command(cmd rtmp.Command) {
	s.post(cmd)
}

// post leaves something for the step to do, an rtmp.Command or an opened. It reports false when the session is over.
func (s *Session) post(cmd any) bool {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return false
	}
	if isSeek(cmd) {
		s.commands = slices.DeleteFunc(s.commands, isSeek)
	}
	if len(s.commands) >= maxCommands {
		i := slices.IndexFunc(s.commands, func(c any) bool { _, ok := c.(opened); return !ok })
		s.commands = slices.Delete(s.commands, i, i+1)
	}
	s.commands = append(s.commands, cmd)
	s.mu.Unlock()
	s.wake()
	return true
}

func isSeek(cmd any) bool {
	_, ok := cmd.(rtmp.SeekCommand)
	return ok
}

// shut is the engine's word that it is closed.
func (s *Session) shut() {
	s.mu.Lock()
	s.shutting = true
	s.mu.Unlock()
	s.wake()
}

// run is the step of a worker, which lends scratch.
func (s *Session) run(scratch []byte) {
	s.mu.Lock()
	s.queued, s.running, s.again = false, true, false
	commands, shutting := s.commands, s.shutting
	s.commands = nil
	s.mu.Unlock()

	if len(s.media) == 0 {
		s.media = scratch[:0]
	}
	goesOn := !shutting
	for _, cmd := range commands {
		goesOn = goesOn && s.obey(cmd)
	}
	yield := false
	if goesOn {
		goesOn, yield = s.proceed()
	}
	if goesOn {
		s.keep()
	} else {
		s.leave(shutting)
	}

	s.mu.Lock()
	s.running = false
	s.over = s.over || !goesOn
	push := (s.again || yield) && !s.over
	s.queued = push
	s.mu.Unlock()
	switch {
	case !goesOn:
		s.engine.remove(s)
		if s.cfg.OnEnd != nil {
			s.cfg.OnEnd(s.stats)
		}
	case push:
		s.engine.push(s)
	}
}

// keep takes what was not sent out of the worker's buffer.
func (s *Session) keep() {
	if len(s.media) == 0 {
		s.media = nil
	} else {
		s.media = slices.Clone(s.media)
	}
}

// leave ends the session: the client has gone, something else follows, or the engine is closed.
func (s *Session) leave(shutting bool) {
	if shutting && !s.gone {
		s.media = nil
		s.answers = s.enc.AppendStatus(s.enc.AppendStreamEOF(s.answers), s.stopStatus())
		s.flush()
	}
	if s.state != departed {
		s.cfg.Outlet.Close()
	}
	s.answers, s.media, s.next = nil, nil, nil
	s.title.Release()
	s.dropIncoming()
	for _, cmd := range s.takeCommands() {
		if o, ok := cmd.(opened); ok && o.title != nil {
			o.title.Release()
		}
	}
}

// takeCommands ends the taking of commands and returns what has come.
func (s *Session) takeCommands() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	commands := s.commands
	s.commands = nil
	return commands
}

// tagCursor is a recording that consists of one message.
type tagCursor struct{ tags *media.Packet }

func (c *tagCursor) ReadPacket(context.Context) (*media.Packet, error) {
	p := c.tags
	c.tags = nil
	if p == nil {
		return nil, io.EOF
	}
	return p, nil
}

func (c *tagCursor) Seek(time.Duration) (time.Duration, error) { return 0, nil }
