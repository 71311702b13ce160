package rtmp

import (
	"context"
	"crypto/rc4"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"leat/internal/sockets"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// inbound is the receiving half of a connection. Only the reading goroutine changes it.
type inbound struct {
	chunks     *chunk.Reader
	cipher     *rc4.Cipher // RTMPE; nil otherwise
	first      []byte      // was read before the connection began
	bytes      atomic.Uint64
	now        time.Time    // when the bytes at hand were read
	readAt     atomic.Int64 // Unix nanoseconds when the last bytes had been handled; 0 while some are
	partial    atomic.Int64 // bytes held of unfinished messages, as counted in the server's sum
	handshaken atomic.Bool
	paced      bool    // it was said that the peer is read more slowly
	media      *intake // nil until some has come: then the peer publishes, or is the server of what we play
	last       lastMessage
	byteRate   rate
	commands   rate
}

func (in *inbound) init(l *Limits) {
	in.chunks = chunk.NewReader(l.chunkBeforeConnect())
	in.readAt.Store(time.Now().UnixNano())
}

// idle says for how long nothing has come. While a handler holds the reading up, the silence is not the peer's.
func (in *inbound) idle(now time.Time) time.Duration {
	at := in.readAt.Load()
	if at == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, at))
}

// lastMessage describes the message received last, for the reason of a close.
type lastMessage struct {
	mu     sync.Mutex
	csid   uint32
	length uint32
	typ    message.Type
	seen   bool
}

func (l *lastMessage) set(m *chunk.Message) {
	l.mu.Lock()
	l.typ, l.csid, l.length, l.seen = message.Type(m.Type), m.ChunkStreamID, uint32(len(m.Body)), true
	l.mu.Unlock()
}

// String returns a description like "audio, csid 4, 371 bytes", and "" before the first message.
func (l *lastMessage) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.seen {
		return ""
	}
	return fmt.Sprintf("%v, csid %d, %d bytes", l.typ, l.csid, l.length)
}

// readSize is how much one read may bring. The buffers are shared by all connections: one that waits for
// bytes holds none.
const readSize = 64 << 10

var readBuffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// read handles everything that arrives until the peer closes (io.EOF), breaks a rule or the connection fails.
func (c *Conn) read() (err error) {
	defer c.recovered("reading")
	c.life.use() // for as long as it lives; settle ends it
	nc := c.carrier().(net.Conn)
	if err := c.readFirst(); err != nil {
		return err
	}
	if raw, ok := c.out.fd.(*sockets.Raw); ok {
		return c.readRaw(raw)
	}
	return c.readPlain(nc)
}

// readFirst handles what was read before the connection began.
func (c *Conn) readFirst() error {
	first := c.in.first
	c.in.first = nil
	if c.over.Load() {
		return net.ErrClosed // the reason is known already
	}
	if len(first) == 0 {
		return nil
	}
	return c.received(first)
}

// readPlain reads what hides its descriptor (TLS, HTTP tunnels, pipes) into a buffer of its own, small until much comes at once.
func (c *Conn) readPlain(nc net.Conn) error {
	buf := make([]byte, 4<<10)
	for {
		n, err := nc.Read(buf)
		if n > 0 {
			if err := c.received(buf[:n]); err != nil {
				return err
			}
			if err := c.paceBytes(&c.life, n); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if n == len(buf) && n < readSize {
			buf = make([]byte, 4*n)
		}
	}
}

// readRaw waits for readiness without holding a buffer and takes one from the pool only when there is
// something to read. All of it happens inside one RawConn.Read: leaving it between two reads would reset the
// poller's edge and could lose one.
func (c *Conn) readRaw(raw syscall.RawConn) error {
	var result error
	err := raw.Read(func(fd uintptr) bool {
		for result == nil { // until nothing is left: an end that came together with the last bytes is no event of its own
			_, result = c.readOnce(fd)
		}
		again := errors.Is(result, sockets.ErrAgain)
		if again {
			result = nil
		}
		return !again
	})
	if result != nil {
		return result
	}
	return err
}

// readReady handles what has come to a socket of the loop, and with over its end.
func (c *Conn) readReady(over bool) (err error) {
	defer c.recovered("reading")
	if c.in.media == nil {
		c.life.use() // who plays or idles gives it up while nothing comes, and the memory with it
	}
	defer func() {
		if c.in.media == nil {
			c.life.release()
		}
	}()
	if err := c.readFirst(); err != nil {
		return err
	}
	socket := c.out.fd.(*sockets.Socket)
	total := 0
	for {
		n, err := c.readOnce(socket.FD())
		total += n
		switch {
		case err == nil && n < readSize && !over, errors.Is(err, sockets.ErrAgain):
			return c.ease(socket, total)
		case err != nil:
			return err
		}
	}
}

// readOnce handles what one read brings, and returns how much that was; sockets.ErrAgain means nothing now.
func (c *Conn) readOnce(fd uintptr) (int, error) {
	buf := readBuffers.Get().(*[readSize]byte)
	n, err := sockets.Read(fd, buf[:])
	if err == nil {
		err = c.received(buf[:n])
	}
	readBuffers.Put(buf)
	if err == nil {
		err = c.paceBytes(&c.life, n)
	}
	return n, err
}

// received takes bytes as they came from the transport.
func (c *Conn) received(b []byte) error {
	c.in.bytes.Add(uint64(len(b)))
	c.in.now = time.Now()
	c.in.readAt.Store(0)
	defer func() { c.in.readAt.Store(time.Now().UnixNano()) }()
	switch {
	case c.over.Load():
		return net.ErrClosed // the reason is known already
	case c.closing.Load():
		return nil
	}
	if !c.in.handshaken.Load() {
		rest, done, err := c.side.handshake(c, b)
		if err != nil || !done {
			return err
		}
		c.in.handshaken.Store(true)
		c.trace.handshakeDone(c.handshake)
		b = rest
	}
	if c.in.cipher != nil {
		c.in.cipher.XORKeyStream(b, b)
	}
	err := c.in.chunks.Feed(b, func(m *chunk.Message) error { return c.deliver(&c.life, m) })
	if err == nil {
		c.countPartial()
		err = c.acknowledge()
	}
	if c.closing.Load() && !c.over.Load() {
		return nil // an answer found the sending side closed; to end now would reset the connection under what the peer still reads
	}
	return err
}

// deliver handles one message on the reading goroutine.
func (c *Conn) deliver(ctx context.Context, m *chunk.Message) error {
	if c.closing.Load() || c.over.Load() {
		return nil
	}
	c.in.last.set(m)
	c.trace.received(m, c.in.chunks)
	switch t := message.Type(m.Type); t {
	case message.TypeAudio, message.TypeVideo, message.TypeDataAMF0, message.TypeDataAMF3, message.TypeAggregate:
		if err := c.publishing(); err != nil {
			return err
		}
		if err := c.paceMedia(ctx); err != nil {
			return err
		}
		return c.side.media(ctx, c, m)
	case message.TypeAcknowledgement:
		return c.control(m)
	case message.TypeCommandAMF0, message.TypeCommandAMF3:
		c.in.media.hurry()
		if err := c.countCommand(); err != nil {
			return err
		}
		return c.deliverCommand(ctx, m)
	case message.TypeSetChunkSize, message.TypeAbort, message.TypeUserControl, message.TypeWindowAckSize, message.TypeSetPeerBandwidth:
		if err := c.countCommand(); err != nil {
			return err
		}
		return c.control(m)
	}
	if err := c.countCommand(); err != nil {
		return err
	}
	return c.side.other(ctx, c, m)
}

// publishing is told of each message of media. What is done with them does not block, as a rule.
func (c *Conn) publishing() error {
	if c.in.media != nil {
		return nil
	}
	c.in.media = &intake{}
	if s, ok := c.out.fd.(*sockets.Socket); ok {
		return s.Quick()
	}
	return nil
}

func (c *Conn) deliverCommand(ctx context.Context, m *chunk.Message) error {
	parsed, err := message.Parse(message.Type(m.Type), m.Body, c.limits.AMF)
	cmd, ok := parsed.(*message.Command)
	if !ok {
		c.logger.Debug("command ignored, it could not be decoded", "err", err, "bytes", len(m.Body))
		return nil
	}
	if err != nil {
		c.logger.Debug("command decoded in part", "command", cmd.Name, "err", err)
	}
	if c.calls.answered(cmd) {
		return nil
	}
	return c.side.command(ctx, c, m, cmd)
}

// countCommand returns a ProtocolError when the peer has sent more than its share of commands and control messages.
func (c *Conn) countCommand() error {
	if !c.in.commands.take(c.limits.CommandsPerSecond, c.in.now) {
		return &ProtocolError{Reason: fmt.Sprintf("more than %d commands and control messages a second", c.limits.CommandsPerSecond)}
	}
	return nil
}
