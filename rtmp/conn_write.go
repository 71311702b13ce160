package rtmp

import (
	"context"
	"crypto/rc4"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leat/internal/sockets"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// outbound is the sending half of a connection. Nothing that it does blocks: what the socket does not take at
// once waits here, and a flusher brings it out: the server's loop when its socket has room, and for other connections a goroutine
// that exists only while something waits.
type outbound struct {
	c  *Conn
	fd descriptor // what takes bytes without waiting; nil when the connection hides it

	windowed atomic.Bool // the peer has set a bandwidth: ask flow.window before media is sent

	mu        sync.Mutex
	buf       []byte        // what waits: the tail of a partly sent message, and whole messages behind it
	backlog   backlog       // whole messages that wait behind buf
	unsent    atomic.Int64  // pending, as counted in the server's sum
	inFlight  int           // bytes that the flusher has taken from buf and not yet written
	answers   int           // bytes of both that nobody waits for: answers, acknowledgements, status
	flushing  bool          // the flusher owns the socket's writing side
	waiters   []func()      // called once when nothing waits any more
	drained   chan struct{} // closed with them; nil until somebody waits for it
	chunkSize uint32
	cipher    *rc4.Cipher // RTMPE: what is added to buf is encrypted; nil otherwise
	err       error
	sent      uint64        // bytes that the socket took
	progress  time.Duration // the age of the connection when it last took one while something waited
	shut      time.Duration // its age since when the peer's window holds media up; zero while it does not
}

func (o *outbound) init(c *Conn) {
	o.c = c
	o.chunkSize = chunk.DefaultChunkSize
	switch l := c.link.(type) {
	case *sockets.Socket:
		o.fd = l
	case *sockets.Sealed:
		o.fd = l
	case net.Conn:
		if raw := sockets.RawConn(l); raw != nil {
			o.fd = raw
		}
	}
}

// A descriptor is that of a socket: a *sockets.Socket, a *sockets.Raw, or a *sockets.Sealed. Nothing of it waits.
type descriptor interface {
	Control(fn func(fd uintptr)) error
	TryWrite(b []byte) (int, error)
}

// unsentLimit is how many bytes of a player's stream the kernel may hold that it has not yet sent. Without a limit a slow player's lag hides in
// megabytes of kernel buffer, where no video can be skipped any more.
const unsentLimit = 128 << 10

func (o *outbound) limitUnsent() {
	if o.fd == nil {
		return
	}
	var failed error
	err := o.fd.Control(func(fd uintptr) { failed = sockets.LimitUnsent(fd, unsentLimit) })
	if err = errors.Join(err, failed); err != nil {
		o.c.logger.Debug("the kernel's share of what is unsent was not limited", "err", err)
	}
}

// outgoing is a message and where it goes.
type outgoing struct {
	streamID uint32
	msg      message.Message
}

// send queues one message; it never blocks. Protocol control messages go to message stream 0 whatever streamID says.
func (c *Conn) send(streamID uint32, m message.Message) error {
	return c.sendAll(outgoing{streamID, m})
}

// sendAll queues messages to be written in one piece where the socket allows. A Set Chunk Size applies to
// the messages behind it.
func (c *Conn) sendAll(msgs ...outgoing) error {
	before, err := c.out.queue(msgs)
	if err == nil {
		c.trace.sent(msgs, before)
	}
	return err
}

// queue returns the chunk size that was in force before the messages.
func (o *outbound) queue(msgs []outgoing) (before uint32, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before = o.chunkSize
	if o.err != nil {
		return before, o.err
	}
	if o.answers > o.c.limits.WriteBuffer { // before this: one message more, which somebody else may have made long, is not the peer's doing
		reason := &CloseReason{Side: SideLocal, Text: fmt.Sprintf("the peer does not read: %d bytes of answers wait for it", o.answers)}
		o.err = reason
		o.c.wg.Go(func() { o.c.close(reason) }) // it takes locks that a caller may hold
		return before, reason
	}
	buf, chunkSize, behind := o.buf, o.chunkSize, false
	if o.backlog.bytes > 0 && slices.ContainsFunc(msgs, func(m outgoing) bool { return !isUrgent(m.msg) }) {
		buf, behind = nil, true
	}
	for _, m := range msgs {
		var err error
		if buf, err = appendMessage(buf, m, chunkSize); err != nil {
			return before, err // none of them is sent
		}
		if s, ok := m.msg.(*message.SetChunkSize); ok {
			chunkSize = s.Size
		}
	}
	added := len(buf)
	if behind {
		o.backlog.push(buf)
	} else {
		added -= len(o.buf)
		o.add(buf)
	}
	o.chunkSize = chunkSize
	o.answers += added
	defer o.countUnsent()
	return before, o.kick()
}

// sendBytes queues bytes that are not messages: the handshake. It keeps b.
func (c *Conn) sendBytes(b []byte) error {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	if len(o.buf) > 0 {
		b = append(o.buf, b...)
	}
	o.add(b)
	defer o.countUnsent()
	return o.kick()
}

// add makes buf, which begins with o.buf, what waits. Called with mu held.
func (o *outbound) add(buf []byte) {
	if o.cipher != nil {
		added := buf[len(o.buf):]
		o.cipher.XORKeyStream(added, added)
	}
	o.buf = buf
}

// defaultChunkSize makes nearly every frame one chunk.
const defaultChunkSize = 65536

// chunkSize returns the chunk size that a field of a configuration asks for.
func chunkSize(bytes int) uint32 {
	if bytes <= 0 {
		return defaultChunkSize
	}
	return uint32(min(bytes, chunk.MaxChunkSize))
}

// The chunk streams of what a connection sends. Media that goes to many players has streams of its own
// (encoder.go), so that the two never depend on each other's headers.
const (
	csidControl = 2
	csidCommand = 3
	csidStream  = 8 // commands and status of a message stream
)

// bodies holds memory for messages that are about to be cut into chunks, at most maxScratch bytes each.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

const maxScratch = 4 << 10

func appendMessage(dst []byte, m outgoing, chunkSize uint32) ([]byte, error) {
	scratch := bodies.Get().(*[]byte)
	body, err := message.Append((*scratch)[:0], m.msg)
	defer func() {
		if cap(body) <= maxScratch {
			*scratch = body
			bodies.Put(scratch)
		}
	}()
	if err != nil {
		return dst, fmt.Errorf("rtmp: encoding %v: %w", m.msg.Type(), err)
	}
	csid, msid := lane(m)
	cm := chunk.Message{ChunkStreamID: csid, Type: uint8(m.msg.Type()), StreamID: msid, Body: body}
	return chunk.AppendFull(dst, &cm, chunkSize), nil
}

// lane returns the chunk stream and the message stream of a message.
func lane(m outgoing) (csid, msid uint32) {
	switch m.msg.Type() {
	case message.TypeSetChunkSize, message.TypeAbort, message.TypeAcknowledgement,
		message.TypeUserControl, message.TypeWindowAckSize, message.TypeSetPeerBandwidth:
		return csidControl, 0
	}
	if m.streamID != 0 {
		return csidStream, m.streamID
	}
	return csidCommand, 0
}

// kick starts to send what was appended to buf. Called with mu held.
func (o *outbound) kick() error {
	if o.flushing {
		return nil
	}
	if o.fd != nil {
		n, err := o.writeNow(o.buf)
		if err != nil {
			return o.broken(err)
		}
		if n == len(o.buf) {
			o.buf, o.answers = nil, 0
			return nil
		}
		o.buf = o.buf[n:]
	}
	return o.startFlusher()
}

// writeNow writes what the socket takes without waiting. Called with mu held, while no flusher runs.
func (o *outbound) writeNow(b []byte) (int, error) {
	n, err := o.fd.TryWrite(b)
	o.sent += uint64(n)
	return n, err
}

func (o *outbound) broken(err error) error {
	o.err = brokenWrite(err)
	return o.err
}

func brokenWrite(err error) error { return fmt.Errorf("rtmp: writing: %w", err) }

func (o *outbound) setCipher(cipher *rc4.Cipher) {
	o.mu.Lock()
	o.cipher = cipher
	o.mu.Unlock()
}

// window returns how many bytes may be added to what is sent or waits. Called with mu held.
func (o *outbound) window() int {
	if !o.windowed.Load() {
		return math.MaxInt
	}
	n := o.c.flow.window(o.sent + uint64(o.pending()))
	switch {
	case n > 0:
		o.shut = 0
	case o.shut == 0:
		o.shut = o.c.age()
	}
	return n
}

// plainBuffer is how many bytes of media may wait for a connection without a descriptor of its own: a few TLS records.
const plainBuffer = 256 << 10

// tryWrite takes whole chunked messages (written by chunk.AppendFull with this connection's chunk size) without
// blocking and returns how many bytes of them are taken care of, always at the end of a message: of a message that
// the socket took only a part of, the tail is kept here. Fewer than len(b) means that the socket or the peer's window is full: whenDrained tells when to try again.
func (o *outbound) tryWrite(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	if allowed := o.window(); allowed < len(b) {
		if allowed == 0 {
			return 0, nil
		}
		b = b[:boundary(b, allowed, o.chunkSize)]
	}
	if o.fd == nil || o.cipher != nil {
		return o.takeCopy(b)
	}
	if o.flushing || len(o.buf) > 0 {
		return 0, nil
	}
	n, err := o.writeNow(b)
	if err != nil {
		return n, o.broken(err)
	}
	if n == len(b) {
		return n, nil
	}
	// Keep one message at least: the flusher can wait for the socket only with something to write.
	end := boundary(b, n+1, o.chunkSize)
	o.buf = slices.Clone(b[n:end])
	o.countUnsent()
	return end, o.startFlusher()
}

// takeCopy keeps as many of the messages in b as fit.
func (o *outbound) takeCopy(b []byte) (int, error) {
	room := plainBuffer - len(o.buf) - o.backlog.bytes
	if room <= 0 {
		return 0, nil
	}
	if len(b) > room {
		b = b[:boundary(b, room, o.chunkSize)]
	}
	if o.congested() {
		o.backlog.push(slices.Clone(b))
	} else {
		o.add(append(o.buf, b...))
	}
	defer o.countUnsent()
	return len(b), o.kick()
}

// boundary returns the end of the message in b that contains byte n-1, counted from b's start.
func boundary(b []byte, n int, chunkSize uint32) int {
	end := 0
	for end < n {
		size := chunk.WireSize(b[end:], chunkSize)
		if size <= 0 || size > len(b)-end {
			return len(b)
		}
		end += size
	}
	return end
}

// writeMedia queues whole chunked messages, made by appendTo on the connection's buffer, and blocks while too much waits.
func (o *outbound) writeMedia(ctx context.Context, appendTo func(dst []byte, chunkSize uint32) []byte) error {
	if err := o.wait(ctx); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	if o.congested() {
		o.backlog.push(appendTo(nil, o.chunkSize))
	} else {
		o.add(appendTo(o.buf, o.chunkSize))
	}
	defer o.countUnsent()
	return o.kick()
}

// failure says why nothing can be sent any more; nil while it can.
func (o *outbound) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// stalled returns why the connection is to be ended: the socket has not taken a byte of what waits for so long, or the peer's
// window has been full. It is "" while things move.
func (o *outbound) stalled(now time.Time, limit time.Duration) string {
	age := now.Sub(o.c.started)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.flushing && age-o.progress >= limit:
		return unreadText(age - o.progress)
	case o.shut != 0 && age-o.shut >= limit:
		return fmt.Sprintf("the peer has set a bandwidth (Set Peer Bandwidth) and acknowledged nothing for %v", (age - o.shut).Round(time.Second))
	}
	return ""
}

func (o *outbound) written() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent
}
