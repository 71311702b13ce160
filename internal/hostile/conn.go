package hostile

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
	"leat/media"
	"leat/media/mediatest"
)

// streamID is that of the one message stream of a connection.
const streamID = 1

// Conn is the server's end of a connection. When the client has gone its methods do nothing and return at once, so that a
// case is a list of what the server does.
type Conn struct {
	Publishes bool // the client publishes; known when Start has returned

	server  *Server
	nc      net.Conn
	hs      *handshake.Server
	out     *chunk.Writer
	in      *chunk.Reader
	buf     []byte             // what was read last
	frame   []byte             // what was written last
	ready   []*message.Command // received and not awaited
	asked   float64            // transaction ID of the command awaited last
	sent    int64              // bytes
	breakAt int64              // sent bytes at which the connection is closed; 0: none
	reads   sync.WaitGroup     // of Discard
	err     error              // why there is nothing more to do
}

func newConn(nc net.Conn, s *Server) *Conn {
	return &Conn{
		server: s, nc: nc, hs: handshake.NewServer(handshake.ServerConfig{}),
		out: chunk.NewWriter(), in: chunk.NewReader(chunk.Limits{}), buf: make([]byte, 16<<10),
	}
}

// leave closes the connection.
func (c *Conn) leave() {
	c.nc.Close()
	c.reads.Wait()
}

// Gone reports whether the client has gone.
func (c *Conn) Gone() bool { return c.err != nil }

// Write sends bytes.
func (c *Conn) Write(b []byte) {
	if c.err != nil {
		return
	}
	breaks := c.breakAt > 0 && c.sent+int64(len(b)) >= c.breakAt
	if breaks {
		b = b[:c.breakAt-c.sent]
	}
	var n int
	n, c.err = c.nc.Write(b)
	c.sent += int64(n)
	if breaks {
		c.nc.Close()
		c.err = net.ErrClosed
	}
}

// Raw sends a message of any type and body on the message stream.
func (c *Conn) Raw(typ message.Type, timestamp uint32, body []byte) {
	csid, msid := uint32(6), uint32(streamID)
	switch {
	case typ <= message.TypeSetPeerBandwidth:
		csid, msid = 2, 0
	case typ == message.TypeAudio:
		csid = 4
	}
	c.message(&chunk.Message{ChunkStreamID: csid, Type: uint8(typ), StreamID: msid, Timestamp: timestamp, Body: body})
	if typ == message.TypeSetChunkSize && len(body) == 4 {
		if size := binary.BigEndian.Uint32(body); size > 0 && size <= chunk.MaxChunkSize {
			c.out.SetChunkSize(size)
		}
	}
}

// Command sends a command on message stream 0.
func (c *Conn) Command(name string, transaction float64, object any, args ...any) {
	c.command(0, name, transaction, object, args...)
}

func (c *Conn) command(msid uint32, name string, transaction float64, object any, args ...any) {
	body, err := message.Append(nil, &message.Command{Name: name, TransactionID: transaction, Object: object, Args: args})
	if err != nil {
		panic(err) // a case of this package is written wrongly
	}
	c.message(&chunk.Message{ChunkStreamID: 3, Type: uint8(message.TypeCommandAMF0), StreamID: msid, Body: body})
}

// message sends a message in chunks.
func (c *Conn) message(m *chunk.Message) {
	c.frame = c.out.AppendMessage(c.frame[:0], m)
	c.Write(c.frame)
}

// Status sends an onStatus on the message stream.
func (c *Conn) Status(level, code string, more ...any) {
	c.command(streamID, "onStatus", 0, nil, amf.NewObject(append([]any{"level", level, "code", code, "description", "so it is"}, more...)...))
}

// read returns what the client has sent, and nothing at its end.
func (c *Conn) read() []byte {
	if c.err != nil {
		return nil
	}
	n, err := c.nc.Read(c.buf)
	c.err = err
	return c.buf[:n]
}

// Handshake answers the client's handshake and waits until that is done.
func (c *Conn) Handshake() {
	c.Write(c.hello())
	c.shaken()
}

// hello waits for C0 and C1 and returns S0, S1 and S2; nothing when the client has gone.
func (c *Conn) hello() []byte {
	var reply []byte
	for c.err == nil && len(reply) == 0 {
		reply = c.shake(c.read())
	}
	return reply
}

// shaken waits for C2.
func (c *Conn) shaken() {
	for c.err == nil && !c.hs.Done() {
		c.shake(c.read())
	}
}

func (c *Conn) shake(b []byte) (reply []byte) {
	n, reply, err := c.hs.Feed(b)
	if err != nil {
		c.err = err
	}
	c.feed(b[n:])
	return reply
}

func (c *Conn) feed(b []byte) {
	if len(b) == 0 {
		return
	}
	err := c.in.Feed(b, func(m *chunk.Message) error {
		if message.Type(m.Type) != message.TypeCommandAMF0 {
			return nil
		}
		parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
		if cmd, ok := parsed.(*message.Command); ok && err == nil {
			c.ready = append(c.ready, cmd)
		}
		return nil
	})
	if err != nil {
		c.err = err
	}
}

// Await reads until the client has sent a command of one of the names, and returns it; nil when it has gone before.
func (c *Conn) Await(names ...string) *message.Command {
	for {
		for len(c.ready) > 0 {
			cmd := c.ready[0]
			c.ready = c.ready[1:]
			if slices.Contains(names, cmd.Name) {
				c.asked = cmd.TransactionID
				return cmd
			}
		}
		if c.err != nil {
			return nil
		}
		c.feed(c.read())
	}
}

// Connect accepts connect.
func (c *Conn) Connect() {
	c.Await("connect")
	c.acceptConnect(c.asked)
}

func (c *Conn) acceptConnect(transaction float64) {
	c.Command("_result", transaction, amf.NewObject("fmsVer", "FMS/3,0,1,123", "capabilities", 31.0),
		amf.NewObject("level", "status", "code", "NetConnection.Connect.Success", "description", "welcome", "objectEncoding", 0.0))
}

// CreateStream answers createStream.
func (c *Conn) CreateStream() {
	c.Await("createStream")
	c.Command("_result", c.asked, nil, float64(streamID))
}

// Start accepts publish or play.
func (c *Conn) Start() {
	c.awaitStart()
	c.started()
}

func (c *Conn) awaitStart() {
	if cmd := c.Await("publish", "play"); cmd != nil {
		c.Publishes = cmd.Name == "publish"
	}
}

func (c *Conn) started() {
	if c.Publishes {
		c.Status("status", "NetStream.Publish.Start")
	} else {
		c.Status("status", "NetStream.Play.Start")
	}
}

// Begin goes to where media flows.
func (c *Conn) Begin() {
	c.Handshake()
	c.Connect()
	c.CreateStream()
	c.Start()
}

// Media plays a stream of that length to a client that plays.
func (c *Conn) Media(length time.Duration) {
	if c.Publishes {
		return
	}
	for _, p := range mediatest.AVC(length) {
		typ := message.TypeVideo
		switch p.Kind {
		case media.Audio:
			typ = message.TypeAudio
		case media.Data:
			typ = message.TypeDataAMF0
		}
		c.Raw(typ, uint32(p.Timestamp.Milliseconds()), p.Body)
	}
}

// GoOn behaves from here to the end of the stream: a player gets two seconds of it and is told that it is over, a publisher
// is read until it leaves.
func (c *Conn) GoOn() {
	if !c.Publishes {
		c.Media(2 * time.Second)
		c.Status("status", "NetStream.Play.UnpublishNotify")
	}
	c.Hold()
}

// Hold says nothing and reads until the client has gone.
func (c *Conn) Hold() {
	for c.err == nil {
		c.read()
	}
}

// Discard reads until the client has gone, beside what else is done. Await and Hold cannot be used any more.
func (c *Conn) Discard() {
	c.reads.Go(func() {
		_, _ = io.Copy(io.Discard, c.nc) // how the connection ends is of no interest
	})
}

// Stall neither says nor reads anything until the Server is closed.
func (c *Conn) Stall() { <-c.server.over }

// Pause waits, but not longer than for the Server's end.
func (c *Conn) Pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.server.over:
		c.err = net.ErrClosed
	}
}

// Flood calls send, again and again, until the client has gone.
func (c *Conn) Flood(send func()) {
	for c.err == nil {
		send()
	}
}

// Reset ends the connection with RST, where it is one of TCP.
func (c *Conn) Reset() {
	if tcp, ok := c.nc.(*net.TCPConn); ok && c.err == nil {
		c.err = tcp.SetLinger(0)
	}
	c.nc.Close()
	if c.err == nil {
		c.err = net.ErrClosed
	}
}
