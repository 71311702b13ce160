package rtmp_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// wirePeer is one end of a connection that a transcript plays: it writes what the script says and records what it reads.
type wirePeer struct {
	record
	nc     net.Conn
	chunks *chunk.Writer
	see    func(*chunk.Message) // what to do with a message that arrives; nil records it
	shaken chan struct{}        // closed when the handshake is over
	ended  chan struct{}        // closed when nothing more is read
}

func newWirePeer() wirePeer {
	return wirePeer{chunks: chunk.NewWriter(), shaken: make(chan struct{}), ended: make(chan struct{})}
}

func (p *wirePeer) transcript() *record { return &p.record }

// shaker is what handshake.Client and handshake.Server have in common.
type shaker interface {
	Feed(b []byte) (n int, reply []byte, err error)
	Done() bool
}

// read runs the handshake and records the messages until the end; then it closes its own side, as clients do.
func (p *wirePeer) read(hs shaker) {
	defer close(p.ended)
	defer p.nc.Close()
	r := chunk.NewReader(chunk.Limits{})
	buf := make([]byte, 64<<10)
	for {
		n, err := p.nc.Read(buf)
		b := buf[:n]
		if !hs.Done() {
			used, answer, err := hs.Feed(b)
			if err != nil {
				p.sentMessage(0, "# handshake: "+err.Error())
				return
			}
			if _, err := p.nc.Write(answer); err != nil {
				return
			}
			b = b[used:]
			if hs.Done() {
				close(p.shaken)
			}
		}
		if err := r.Feed(b, func(m *chunk.Message) error {
			if p.see != nil {
				p.see(m)
			} else {
				p.sentMessage(streamOf(m), formatAny(m))
			}
			return nil
		}); err != nil {
			p.sentMessage(0, "# chunk stream: "+err.Error())
			return
		}
		if err != nil {
			return
		}
	}
}

// streamOf says which message stream a message is about.
func streamOf(m *chunk.Message) uint32 {
	if message.Type(m.Type) == message.TypeUserControl && len(m.Body) >= 6 {
		return uint32(m.Body[5])
	}
	return m.StreamID
}

// write sends lines of a script in one write.
func (p *wirePeer) write(t *testing.T, lines []string) {
	t.Helper()
	var b []byte
	for _, line := range lines {
		switch mark, rest, _ := strings.Cut(line, " "); mark {
		case "EOF":
			p.nc.Close()
			return
		case "bytes":
			raw, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			b = append(b, raw...)
		default:
			m, err := parseAny(line)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			b = p.appendMessage(b, m)
		}
	}
	if _, err := p.nc.Write(b); err != nil {
		p.saw("writing fails")
	}
}

func (p *wirePeer) appendMessage(b []byte, m *chunk.Message) []byte {
	b = p.chunks.AppendMessage(b, m)
	if message.Type(m.Type) == message.TypeSetChunkSize {
		if size := binary.BigEndian.Uint32(m.Body); size > 0 && size <= chunk.MaxChunkSize {
			p.chunks.SetChunkSize(size)
		}
	}
	return b
}

// serverSession is a client written by hand before a Server.
type serverSession struct {
	wirePeer
	srv    *rtmp.Server
	served chan struct{}
}

func newServerSession() *serverSession {
	return &serverSession{wirePeer: newWirePeer(), served: make(chan struct{})}
}

func (s *serverSession) open(t *testing.T) {
	t.Helper()
	client, server := rtmptest.Pipe()
	s.nc = client
	s.srv = &rtmp.Server{
		Handler: &scriptedHandler{r: &s.record},
		Logger:  slog.New(closeLog{&s.record}),
		Limits:  rtmp.Limits{Streams: 4},
	}
	go func() { // ends when close has closed the pipe
		s.srv.ServeConn(server)
		close(s.served)
	}()
	hs := handshake.NewClient(handshake.ClientConfig{})
	go s.read(hs) // likewise
	if _, err := client.Write(hs.Start()); err != nil {
		t.Fatal(err)
	}
}

func (s *serverSession) action(t *testing.T, text string) {
	t.Helper()
	if text != "shutdown" {
		t.Fatalf("a server can do nothing but shutdown, not %q", text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.srv.Shutdown(ctx); err != nil {
		s.saw("shutdown: %v", err)
	}
}

func (s *serverSession) close(t *testing.T) {
	t.Helper()
	s.nc.Close()
	<-s.served
	<-s.ended
	if err := s.srv.Close(); err != nil {
		t.Error(err)
	}
}

// closeLog records the line that a server logs when a connection has ended.
type closeLog struct{ r *record }

func (closeLog) Enabled(context.Context, slog.Level) bool { return true }

func (l closeLog) Handle(_ context.Context, rec slog.Record) error {
	if rec.Message != "closed" {
		if rec.Level >= slog.LevelWarn {
			l.r.saw("logged: %s", rec.Message)
		}
		return nil
	}
	attrs := map[string]string{}
	rec.Attrs(func(a slog.Attr) bool {
		attrs[a.Key] = a.Value.String()
		return true
	})
	l.r.closed("%s: %s", attrs["side"], attrs["reason"])
	return nil
}

func (l closeLog) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l closeLog) WithGroup(string) slog.Handler      { return l }

// scriptedHandler is the application of the server transcripts. What it does depends on the names:
//
//	app closed: refused; moved: redirected; args: what connect brought is echoed in the answer
//	publish busy: refused; broken: fails; panic: panics; all others are read
//	play absent: refused; short: one frame, then the end; file: the same, of a recording; commands: takes the commands
//	itself; detached: detaches, and ends as a seek to 97, 98 or 99 s says; all others: a key frame and an audio frame every second; with "slow " before
//	the name, a second later
type scriptedHandler struct{ r *record }

func (h *scriptedHandler) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	switch r.App {
	case "closed":
		return rtmp.Refuse(rtmp.CodeConnectInvalidApp, "There is no application %q.", r.App)
	case "moved":
		return &rtmp.StatusError{
			Status:   rtmp.Status{Code: string(rtmp.CodeConnectRejected), Description: "Moved."},
			Redirect: "rtmp://other.example/live",
		}
	case "args":
		r.Reply.Set("instance", r.Instance)
		r.Reply.Set("query", r.Query)
		r.Reply.Set("tcUrl", r.TCURL)
		r.Reply.Set("args", append([]any{}, r.Args...))
	}
	return nil
}

func (h *scriptedHandler) ServePublish(ctx context.Context, s *rtmp.PublishStream) error {
	what := fmt.Sprintf("publish %s %s", s.Key(), s.Type())
	if s.Query() != "" {
		what += " query " + s.Query()
	}
	h.r.saw("%s", what)
	switch s.Key().Name {
	case "busy":
		return rtmp.Refuse(rtmp.CodePublishBadName, "%s is already publishing", s.Key().Name)
	case "broken":
		return errors.New("out of order")
	case "panic":
		panic("a mistake in the application")
	}
	for {
		p, err := s.ReadPacket(ctx)
		if err != nil {
			h.r.saw("publish %s ended: %v", s.Key().Name, err)
			return err
		}
		h.r.saw("%s %s", s.Key().Name, describePacket(p))
	}
}

func describePacket(p *media.Packet) string {
	text := fmt.Sprintf("%v %v %x", p.Kind, p.Timestamp, p.Body)
	if p.Kind == media.Data {
		text = fmt.Sprintf("%v %v %q%s", p.Kind, p.Timestamp, p.Name, formatAMF(p.Body))
	}
	if p.Config {
		text += " (kept)"
	}
	return text
}

func (h *scriptedHandler) ServePlay(ctx context.Context, s *rtmp.PlayStream) error {
	r := s.Play()
	what := fmt.Sprintf("play %s start %v duration %v reset %v", s.Key(), r.Start, r.Duration, r.Reset)
	if r.Resumed {
		what += " resumed"
	}
	if at, ok := s.Continued(); ok {
		what += fmt.Sprintf(" continued at %v", at)
	}
	if r.AtOnce {
		what += " at once"
	}
	if r.Query != "" {
		what += " query " + r.Query
	}
	if b := s.BufferLength(); b != 0 {
		what += fmt.Sprintf(" buffer %v", b)
	}
	h.r.saw("%s", what)
	var err error
	name, slow := strings.CutPrefix(s.Key().Name, "slow ")
	if slow {
		time.Sleep(time.Second)
	}
	switch name {
	case "absent":
		return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "Failed to play %s; stream not found.", s.Key().Name)
	case "short":
		return s.WritePacket(ctx, frame(media.Video, 0))
	case "file":
		if err = s.Start(true); err == nil {
			err = s.WritePacket(ctx, frame(media.Video, 0))
		}
		return err
	case "commands":
		err = h.serveCommands(ctx, s)
	case "detached":
		return h.detach(s)
	case "panic":
		panic("a mistake in the application")
	default:
		err = h.serveClock(ctx, s)
	}
	h.r.saw("play %s ended: %v", s.Key().Name, err)
	return err
}

// serveClock sends two frames every second.
func (h *scriptedHandler) serveClock(ctx context.Context, s *rtmp.PlayStream) error {
	if err := s.Start(false); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for at := time.Duration(0); ; at += time.Second {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		for _, kind := range []media.Kind{media.Video, media.Audio} {
			if err := s.WritePacket(ctx, frame(kind, at)); err != nil {
				return err
			}
		}
	}
}

// frame is a packet of two bytes, a key frame if it is video.
func frame(kind media.Kind, at time.Duration) *media.Packet {
	p := &media.Packet{Kind: kind, Timestamp: at, Key: kind == media.Video, Body: []byte{0xaf, 0x01}}
	if kind == media.Video {
		p.Body = []byte{0x17, 0x01}
	}
	return p
}

func (h *scriptedHandler) serveCommands(ctx context.Context, s *rtmp.PlayStream) error {
	if err := s.Start(false); err != nil {
		return err
	}
	commands := s.Commands()
	for {
		select {
		case cmd := <-commands:
			h.r.saw("command %s", describeCommand(cmd))
			if err := s.Answer(cmd, nil); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (h *scriptedHandler) detach(s *rtmp.PlayStream) error {
	o, err := s.Detach(false)
	if err != nil {
		return err
	}
	enc := o.Encoder()
	if _, err := o.TryWrite(enc.Append(nil, frame(media.Video, 0))); err != nil {
		return err
	}
	o.OnCommand(func(cmd rtmp.Command) {
		h.r.saw("command %s", describeCommand(cmd))
		if _, over := cmd.(rtmp.CloseCommand); over {
			return
		}
		switch cmd {
		case rtmp.SeekCommand{Position: 99 * time.Second}:
			o.Complete()
			return
		case rtmp.SeekCommand{Position: 98 * time.Second}:
			h.r.saw("next: %v", o.Next(98*time.Second))
			return
		case rtmp.SeekCommand{Position: 97 * time.Second}:
			o.Close()
			return
		}
		if err := s.Answer(cmd, nil); err != nil {
			h.r.saw("answer: %v", err)
		}
	})
	return nil
}

func describeCommand(cmd rtmp.Command) string {
	return strings.TrimPrefix(fmt.Sprintf("%T %+v", cmd, cmd), "rtmp.")
}

func (h *scriptedHandler) StreamLength(_ context.Context, r *rtmp.ConnectRequest, name, query string) time.Duration {
	h.r.saw("length of %s/%s query %q", r.App, name, query)
	if name == "file" {
		return 12500 * time.Millisecond
	}
	return 0
}

func (h *scriptedHandler) ServeCall(_ context.Context, _ *rtmp.Conn, call *rtmp.Call) (any, error) {
	h.r.saw("call %s %v", call.Name, call.Args)
	switch call.Name {
	case "add":
		sum := 0.0
		for _, a := range call.Args {
			n, _ := a.(float64)
			sum += n
		}
		return sum, nil
	case "fail":
		return nil, io.ErrNoProgress
	}
	return nil, rtmp.Refuse(rtmp.CodeCallFailed, "Method not found (%s).", call.Name)
}
