package diagnose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// maxAnswers is how many answers of a server are compared.
const maxAnswers = 1000

// Replay says what to play again.
type Replay struct {
	// Open opens the capture from its beginning; it is called twice.
	Open func() (Records, error)
	// Conn is the number of the connection in the capture; 0 is the first one.
	Conn uint64
	// Fast sends without the pauses of the capture.
	Fast bool
	// Rest is how long the server has for its last answers.
	Rest time.Duration
	// Printer writes the new conversation down. It must be new.
	Printer *Printer
}

// Records are those of a capture, whichever program has made it.
type Records interface {
	// Read returns the next record, and io.EOF behind the last.
	Read() (Record, error)
	io.Closer
}

// Result compares the answers of two servers: commands with their codes, in whatever order.
type Result struct {
	Sent    int64    // bytes of the client's chunk stream that were sent
	Same    int      // answers that came then and now
	Missing []string // answers in the capture that did not come now
	New     []string // answers that came now and are not in the capture, which may end before the last
}

// Run sends the bytes of a captured client to the server at nc, behind a handshake of its own, and closes nc. The error is nil
// when all was sent, even if the answers differ.
func (r *Replay) Run(ctx context.Context, nc net.Conn) (Result, error) {
	then, signed, err := r.answers()
	if err != nil {
		return Result{}, errors.Join(err, nc.Close())
	}
	p := &replaying{Replay: r, nc: nc, begun: time.Now()}
	r.Printer.Begin("to " + nc.RemoteAddr().String())
	p.now, p.news = &answerList{}, make(chan struct{}, 1)
	p.listen = NewConversation(p.now.listener())
	stop := context.AfterFunc(ctx, func() { p.interrupt() })
	defer stop()
	var heard sync.WaitGroup
	err = p.shake(signed)
	if err == nil {
		heard.Go(p.hear) // ends when nc is closed, below
		err = p.send(ctx)
	}
	if err == nil {
		err = p.rest(ctx)
	}
	err = errors.Join(err, nc.Close())
	heard.Wait()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	r.Printer.End(time.Since(p.begun), "the replay has ended")
	missing, extra := without(then, p.now.list), without(p.now.list, then)
	return Result{Sent: p.sent, Same: len(then) - len(missing), Missing: missing, New: extra}, err
}

// without returns what of a is not in b, each as often.
func without(a, b []string) []string {
	have := map[string]int{}
	for _, s := range b {
		have[s]++
	}
	var rest []string
	for _, s := range a {
		if have[s]--; have[s] < 0 {
			rest = append(rest, s)
		}
	}
	return rest
}

// replaying is one run.
type replaying struct {
	*Replay
	nc    net.Conn
	begun time.Time
	sent  int64

	mu     sync.Mutex // guards Printer, listen and now: both directions are fed
	listen *Conversation
	now    *answerList
	news   chan struct{} // has a value when the server has said something
	behind int           // answers that did not come in time and are not waited for again
}

func (p *replaying) feed(from Direction, b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := time.Since(p.begun)
	p.Printer.Feed(from, at, b)
	p.listen.Feed(from, at, b)
	select {
	case p.news <- struct{}{}:
	default: // it waits already
	}
}

func (p *replaying) interrupt() { _ = p.nc.SetDeadline(time.Unix(1, 0)) } // a closed one needs none

// patience is how long a server may take for the handshake, and to take bytes.
const patience = 30 * time.Second

func (p *replaying) write(b []byte) error {
	if err := p.nc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	p.feed(FromClient, b)
	_, err := p.nc.Write(b)
	return err
}

// shake makes a handshake of our own: what the captured client sent would not fit this server's packets.
func (p *replaying) shake(signed bool) error {
	hs := handshake.NewClient(handshake.ClientConfig{Digest: signed})
	if err := p.write(hs.Start()); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if err := p.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	defer p.nc.SetReadDeadline(time.Time{}) //nolint:errcheck // a connection that fails here fails at the next read
	buf := make([]byte, 4096)
	for !hs.Done() {
		n, err := p.nc.Read(buf)
		if n > 0 {
			p.feed(FromServer, buf[:n])
			_, reply, err := hs.Feed(buf[:n])
			if err != nil {
				return fmt.Errorf("handshake: %w", err)
			}
			if len(reply) > 0 {
				if err := p.write(reply); err != nil {
					return fmt.Errorf("handshake: %w", err)
				}
			}
		}
		if err != nil {
			return fmt.Errorf("handshake: the server has ended it: %w", err)
		}
	}
	return nil
}

// hear reads what the server says until the connection is closed.
func (p *replaying) hear() {
	buf := make([]byte, 64<<10)
	for {
		n, err := p.nc.Read(buf)
		if n > 0 {
			p.feed(FromServer, buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// send writes the client's chunk stream at the times of the capture.
func (p *replaying) send(ctx context.Context) error {
	skip := handshakeSize
	begun, base := time.Now(), time.Duration(-1)
	then := &answerList{}
	talk := NewConversation(then.listener())
	return p.records(func(rec Record) error {
		switch rec.Type {
		case RecordClient:
			talk.Feed(FromClient, rec.At, rec.Data)
		case RecordServer:
			talk.Feed(FromServer, rec.At, rec.Data)
			return nil
		default:
			return nil
		}
		b := rec.Data
		n := min(len(b), skip)
		skip, b = skip-n, b[n:]
		if len(b) == 0 {
			return nil
		}
		if base < 0 {
			base = rec.At
		}
		if err := p.pause(ctx, begun.Add(rec.At-base)); err != nil {
			return err
		}
		if err := p.answered(ctx, len(then.list)); err != nil {
			return err
		}
		if err := p.write(b); err != nil {
			return fmt.Errorf("after %d bytes: the server has ended the connection: %w", p.sent, err)
		}
		p.sent += int64(len(b))
		return nil
	})
}

// slowAnswer is how long an answer is waited for that the captured client had when it went on.
const slowAnswer = 2 * time.Second

// answered waits until the server has given n answers, so that a client that is played faster than it was, or to a slower
// server, does not overtake them. Those that do not come are not waited for again.
func (p *replaying) answered(ctx context.Context, n int) error {
	late := time.NewTimer(slowAnswer)
	defer late.Stop()
	for {
		p.mu.Lock()
		missing := n - p.behind - len(p.now.list)
		p.mu.Unlock()
		if missing <= 0 {
			return nil
		}
		select {
		case <-p.news:
		case <-late.C:
			p.behind += missing
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *replaying) pause(ctx context.Context, until time.Time) error {
	wait := time.Until(until)
	if p.Fast || wait <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *replaying) rest(ctx context.Context) error {
	t := time.NewTimer(p.Rest)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// records calls fn for each record of the connection.
func (r *Replay) records(fn func(Record) error) (err error) {
	capture, err := r.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, capture.Close()) }()
	conn := r.Conn
	for {
		rec, err := capture.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if conn == 0 {
			conn = rec.Conn
		}
		if rec.Conn != conn {
			continue
		}
		if err := fn(rec); err != nil {
			return err
		}
	}
}

// answers reads what the server said in the capture, and whether the client signed its handshake.
func (r *Replay) answers() (answers []string, signed bool, err error) {
	then := &answerList{}
	talk := NewConversation(then.listener())
	var heard int64
	err = r.records(func(rec Record) error {
		switch rec.Type {
		case RecordClient:
			heard += int64(len(rec.Data))
			talk.Feed(FromClient, rec.At, rec.Data)
		case RecordServer:
			talk.Feed(FromServer, rec.At, rec.Data)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, false, err
	case then.lost != nil:
		return nil, false, fmt.Errorf("the client of this capture cannot be played again: %w", then.lost)
	case heard <= handshakeSize:
		return nil, false, errors.New("the capture has nothing of a client behind the handshake")
	}
	return then.list, then.signed, nil
}

// answerList gathers the commands of a server.
type answerList struct {
	list   []string
	signed bool
	lost   error // of the client in the handshake
}

func (a *answerList) listener() Listener {
	return Listener{
		Handshake: func(_ time.Duration, h rtmp.TraceHandshake) { a.signed = h.Name == "digest" },
		Chunk:     func(Direction, time.Duration, chunk.Header) {},
		Message:   func(from Direction, _ time.Duration, m rtmp.TraceMessage) { a.add(from, &m) },
		Lost: func(from Direction, _ time.Duration, offset int64, err error) {
			if from == FromClient && offset <= handshakeSize {
				a.lost = err
			}
		},
	}
}

func (a *answerList) add(from Direction, m *rtmp.TraceMessage) {
	typ := message.Type(m.Type)
	if from != FromServer || typ != message.TypeCommandAMF0 && typ != message.TypeCommandAMF3 || len(a.list) == maxAnswers {
		return
	}
	parsed, _ := message.Parse(typ, m.Body, amf.Limits{})
	cmd, ok := parsed.(*message.Command)
	if !ok {
		a.list = append(a.list, "a command that cannot be decoded")
		return
	}
	if strings.HasPrefix(cmd.Name, "_onbw") || cmd.Name == "onBWDone" { // the speed of the line is no answer
		return
	}
	text := cmd.Name
	if !isWord(text) {
		text = printable(text)
	}
	if cmd.TransactionID != 0 {
		text += fmt.Sprintf(" #%g", cmd.TransactionID)
	}
	if code := information(cmd).Text("code"); code != "" {
		text += " " + strings.Trim(printable(code), `"`)
	}
	a.list = append(a.list, text)
}
