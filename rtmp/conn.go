package rtmp

import (
	"context"
	"crypto/rc4"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// Conn is one RTMP connection, at either end: Dial returns one, and a Handler finds its own by PublishStream.Conn,
// PlayStream.Conn and ConnectRequest. Its methods may be called from any goroutine.
//
// One goroutine at a time reads; everything that arrives is handled on it, in order. So functions that are said to run on the reading
// goroutine hold up all streams of the connection for as long as they block, and no other connection.
type Conn struct {
	// The state lies in one struct per concern, each with a file of its own: inbound (conn_read.go), outbound
	// (conn_write.go), flow (conn_flow.go), calls (conn_calls.go), and the message streams in the side that it plays
	// (server_stream.go, client_stream.go).

	// What every message needs comes first, here and in the structs that it passes through: with thousands of connections nothing of
	// one is in the cache when its next message comes, and each line of it has to be fetched.

	side    side
	trace   *Trace      // set before the handshake; nil: nobody wants to know
	limits  *Limits     // with their defaults, and shared by connections
	closing atomic.Bool // what arrives is thrown away; the connection ends at lingerEnd
	over    atomic.Bool // nothing is read any more

	in    inbound
	flow  flow
	out   outbound
	calls calls

	remote    net.Addr     // of the client, if a proxy has named it; else nil
	proxy     net.Addr     // that has; else nil
	logger    *slog.Logger // names the connection
	id        uint64       // at its Server; 0 for a client's
	started   time.Time
	handshake handshake.Info // valid once handshaken is set
	connected atomic.Bool    // connect has been answered with success
	publishes atomic.Bool    // to a server, which may have nothing to say to that
	amf3      atomic.Bool    // object encoding 3 was agreed; set once, when connect is answered
	serving   atomic.Int64   // calls of the peer that are under way
	lingerEnd atomic.Int64

	reasonMu sync.Mutex
	link     link
	reason   *CloseReason
	ended    bool          // everything that belongs to it is over
	done     chan struct{} // closed then; nil until somebody waits for it

	life lifetime
	wg   sync.WaitGroup // handlers, the flusher; finish waits for it
}

// side is what differs between the two ends of a connection. Its methods are called on the reading
// goroutine, one at a time; an error ends the connection.
type side interface {
	// handshake takes the bytes before the chunk stream and returns those behind it.
	handshake(c *Conn, b []byte) (rest []byte, done bool, err error)
	command(ctx context.Context, c *Conn, m *chunk.Message, cmd *message.Command) error
	media(ctx context.Context, c *Conn, m *chunk.Message) error
	userControl(c *Conn, u *message.UserControl) error
	other(ctx context.Context, c *Conn, m *chunk.Message) error
	// closed ends all streams. It is called once, after the last of the calls above.
	closed(c *Conn, reason *CloseReason)
}

// newConn returns a connection that writes its log lines to logger, with its own name.
func newConn(l link, s side, limits *Limits, logger *slog.Logger) *Conn {
	c := &Conn{link: l, side: s, limits: limits, started: time.Now()}
	c.logger = slog.New(&connHandler{Handler: logger.Handler(), c: c})
	c.in.init(limits)
	c.out.init(c)
	c.calls.limit = limits.PendingCalls
	return c
}

// age is how long the connection has lasted, and never zero.
func (c *Conn) age() time.Duration { return max(1, time.Since(c.started)) }

// run reads until the connection ends, and settles it.
func (c *Conn) run(ctx context.Context) *wrapped {
	c.life.parent = ctx
	return c.settle(c.read())
}

// settle ends a connection for what its reading has returned, and returns nil when everything that belongs to it has ended. If what
// was read begins another layer it returns that instead, and leaves the socket open.
func (c *Conn) settle(err error) *wrapped {
	if w, ok := errors.AsType[*wrapped](err); ok {
		c.life.end(context.Canceled)
		return w
	}
	c.end(err)
	c.life.end(c.closeReason())
	c.finish()
	return nil
}

// finish ends what belongs to a connection that has been closed.
func (c *Conn) finish() {
	defer c.setEnded()
	c.releasePartial()
	reason := c.closeReason()
	c.out.fail(reason)
	c.out.releaseUnsent()
	if err := c.carrier().Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		c.logger.Debug("closing the socket", "err", err)
	}
	c.calls.fail(reason)
	c.endSide(reason)
	c.wg.Wait()
	c.trace.closed(reason)
}

// endSide ends the streams. Their owners learn of it on this goroutine, and may panic.
func (c *Conn) endSide(reason *CloseReason) {
	defer c.recovered("ending the streams")
	c.side.closed(c, reason)
}

// recovered turns a panic on the connection's own goroutines into its end: the last line of defence
// behind the bound checks, so that no input ends the process.
func (c *Conn) recovered(doing string) {
	if p := recover(); p != nil {
		c.logger.Error("panic, the connection is closed", "doing", doing, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		c.close(&CloseReason{Side: SideLocal, Text: "internal error while " + doing})
	}
}

// end closes the connection for what its reader returned.
func (c *Conn) end(err error) {
	var pe *ProtocolError
	var notRTMP *handshake.NotRTMPError
	var ce *chunk.Error
	var known *CloseReason
	switch {
	case errors.As(err, &known): // what could not be sent any more says why
		c.close(known)
	case err == nil || errors.Is(err, io.EOF):
		c.close(&CloseReason{Side: SidePeer, Text: c.eofText()})
	case errors.As(err, &pe):
		c.close(&CloseReason{Side: SideLocal, Text: pe.Reason, Err: err})
	case errors.As(err, &notRTMP):
		c.close(&CloseReason{Side: SideLocal, Text: c.notRTMPText(notRTMP), Err: err})
	case c.tlsText(err) != "":
		c.close(&CloseReason{Side: SidePeer, Text: c.tlsText(err), Err: err})
	case errors.As(err, &ce):
		c.close(&CloseReason{Side: SideLocal, Text: ce.Error() + c.chunkSizeHint(ce), Err: err})
	case errors.Is(err, syscall.ECONNRESET) && c.id != 0 && len(c.Keys()) == 0 && c.connected.Load(): // it did not read our last answers
		c.close(&CloseReason{Side: SidePeer, Text: c.eofText(), Err: err})
	case errors.Is(err, syscall.EPIPE): // it went while something was written to it, as clients do that do not wait for answers
		c.close(&CloseReason{Side: SidePeer, Text: c.eofText(), Err: err})
	default:
		c.close(&CloseReason{Side: SideNetwork, Text: "the connection broke: " + err.Error(), Err: err})
	}
}

// chunkSizeHint names what is probably wrong when the chunks of a peer that never announced their size make no sense. What
// is wrong with a control message is its own fault.
func (c *Conn) chunkSizeHint(e *chunk.Error) string {
	if c.in.chunks.ChunkSize() != chunk.DefaultChunkSize || e.ChunkStreamID == csidControl {
		return ""
	}
	return "; the peer probably sends larger chunks than it announced: it never sent Set Chunk Size, so they must be 128 bytes"
}

func (c *Conn) eofText() string {
	switch {
	case c.in.bytes.Load() == 0:
		return "the peer closed the connection without sending a byte"
	case !c.in.handshaken.Load():
		return "the peer closed the connection during the handshake"
	case !c.connected.Load():
		return "the peer closed the connection before connect was finished"
	}
	return "the peer closed the connection"
}

func (c *Conn) notRTMPText(e *handshake.NotRTMPError) string {
	if _, ok := c.side.(*clientSide); ok {
		return noServerText(e)
	}
	switch e.Looks {
	case handshake.LooksTLS:
		return "this is TLS (rtmps://) on a port that speaks plain RTMP: use rtmp:// here, or configure a certificate for RTMPS"
	case handshake.LooksPROXY:
		return "this begins with a header of the PROXY protocol, and the address is not one of a trusted proxy"
	case handshake.LooksHTTP:
		return "this is HTTP on the RTMP port: open web pages on the HTTP port, and publish with an rtmp:// address"
	}
	return fmt.Sprintf("this is not RTMP but looks like %s (first byte 0x%02x)", e.Looks, e.First)
}

// noServerText is what a client says of a port that is not an RTMP server's.
func noServerText(e *handshake.NotRTMPError) string {
	switch e.Looks {
	case handshake.LooksTLS:
		return "the server speaks TLS on this port: use rtmps://"
	case handshake.LooksHTTP:
		return "the server speaks HTTP on this port: use the port of its RTMP door, mostly 1935, or rtmpt://"
	}
	return fmt.Sprintf("what answers there is not RTMP but looks like %s (first byte 0x%02x): check the port", e.Looks, e.First)
}

// close ends the connection at once. The first reason counts; later calls change nothing.
func (c *Conn) close(reason *CloseReason) {
	c.reasonMu.Lock()
	if c.reason == nil {
		reason.LastMessage = c.in.last.String()
		c.reason = reason
	}
	reason = c.reason
	c.reasonMu.Unlock()
	c.over.Store(true)
	c.life.end(reason)
	c.interrupt()
}

func (c *Conn) closeReason() *CloseReason {
	c.reasonMu.Lock()
	defer c.reasonMu.Unlock()
	return c.reason
}

// linger is how long a refused peer has to read what was sent to it before the socket is closed. Closing with
// unread bytes in the receive queue would reset the connection and take the refusal with it.
const linger = 2 * time.Second

// closeGently sends what waits, then half-closes the socket and throws away what still arrives until the peer
// closes or linger is over.
func (c *Conn) closeGently(reason *CloseReason) {
	c.reasonMu.Lock()
	if c.reason == nil {
		reason.LastMessage = c.in.last.String()
		c.reason = reason
	}
	c.reasonMu.Unlock()
	c.lingerEnd.CompareAndSwap(0, time.Now().Add(linger).UnixNano()) // before check can see closing
	if c.closing.Swap(true) {
		return
	}
	c.out.whenFlushed(func() {
		if w, ok := c.carrier().(interface{ CloseWrite() error }); ok {
			if err := w.CloseWrite(); err == nil {
				return
			}
		}
		c.close(reason)
	})
}

// check is called about once a second by the connection's owner and enforces what no single event can:
// deadlines, pings and stalls.
func (c *Conn) check(now time.Time) {
	switch {
	case c.closing.Load():
		if now.UnixNano() >= c.lingerEnd.Load() {
			c.close(&CloseReason{Side: SideLocal, Text: "closed"})
		}
		return
	case !c.connected.Load():
		if now.Sub(c.started) >= c.limits.HandshakeTimeout {
			c.close(&CloseReason{Side: SideLocal, Text: c.timeoutText()})
		}
		return
	}
	if stalled := c.out.stalled(now, c.limits.WriteStall); stalled != "" {
		c.close(&CloseReason{Side: SideLocal, Text: stalled})
		return
	}
	idle := c.in.idle(now)
	switch {
	case idle >= c.limits.IdleTimeout && !c.publishes.Load(): // some servers leave pings of a publisher unanswered
		c.idled(&CloseReason{Side: SideLocal, Text: fmt.Sprintf("nothing was received for %v, not even an answer to a ping", idle.Round(time.Second))})
	case idle >= c.limits.IdleTimeout/2, c.measures(now):
		c.ping(now)
	}
}

func (c *Conn) timeoutText() string {
	if c.in.handshaken.Load() {
		return fmt.Sprintf("no connect within %v of the TCP connection", c.limits.HandshakeTimeout)
	}
	return fmt.Sprintf("the handshake was not finished within %v", c.limits.HandshakeTimeout)
}

// shaker is either side of a handshake.
type shaker interface {
	Feed(b []byte) (n int, reply []byte, err error)
	Done() bool
	Info() handshake.Info
	Ciphers() (in, out *rc4.Cipher)
}

// shake goes on with the handshake. When that is done, rest is what belongs to the chunk stream.
func (c *Conn) shake(hs shaker, b []byte) (rest []byte, done bool, err error) {
	n, reply, err := hs.Feed(b)
	if err != nil {
		return nil, false, err
	}
	if len(reply) > 0 {
		if err := c.sendBytes(reply); err != nil {
			return nil, false, err
		}
	}
	if !hs.Done() {
		return nil, false, nil
	}
	c.handshake = hs.Info()
	in, out := hs.Ciphers()
	c.in.cipher = in
	c.out.setCipher(out)
	return b[n:], true, nil
}

// ID is the connection's number at its Server, the conn of the log lines: 1 for the first. It is 0 for a connection that was
// dialled.
func (c *Conn) ID() uint64 { return c.id }

// RemoteAddr returns the address of the peer: the client's own, if a trusted proxy has named it.
func (c *Conn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.carrier().RemoteAddr()
}

// LocalAddr returns this end's address.
func (c *Conn) LocalAddr() net.Addr { return c.carrier().LocalAddr() }

// Done is closed when the connection has ended and all of its goroutines with it.
func (c *Conn) Done() <-chan struct{} {
	c.reasonMu.Lock()
	defer c.reasonMu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.ended {
			close(c.done)
		}
	}
	return c.done
}

func (c *Conn) setEnded() {
	c.reasonMu.Lock()
	defer c.reasonMu.Unlock()
	c.ended = true
	if c.done != nil {
		close(c.done)
	}
}

// CloseReason says why the connection ended; nil while it lives.
func (c *Conn) CloseReason() *CloseReason { return c.closeReason() }

// Stats returns counters of the connection as they are now.
func (c *Conn) Stats() Stats {
	return Stats{
		Since:         c.started,
		BytesReceived: c.in.bytes.Load(),
		BytesSent:     c.out.written(),
		RoundTrip:     c.flow.roundTrip(),
	}
}

// Stats are counters of a connection.
type Stats struct {
	Since         time.Time     // when it was accepted or dialled
	BytesReceived uint64        // of the chunk stream and the handshake, below TLS or HTTP
	BytesSent     uint64        // the same the other way
	RoundTrip     time.Duration // of the last ping; zero before the first answer
}
