package diagnose

import (
	"errors"
	"fmt"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/rtmp"
)

// handshakeSize is what each side sends before its chunk stream: a version and two packets (RTMP 5.2).
const handshakeSize = 1 + 2*1536

// Listener is told what a Conversation understands. Its functions must all be set.
type Listener struct {
	Handshake func(at time.Duration, h rtmp.TraceHandshake)
	Chunk     func(from Direction, at time.Duration, h chunk.Header)
	Message   func(from Direction, at time.Duration, m rtmp.TraceMessage)
	// Lost is told once for each side from which byte on it is not understood, counted from the side's first: where the
	// handshake piece or the chunk begins that makes no sense.
	Lost func(from Direction, at time.Duration, offset int64, err error)
}

// Conversation understands the bytes of both sides of an RTMP connection without taking part in it. What it does not understand
// it says once, and takes no more of that side. It is not safe for concurrent use.
type Conversation struct {
	to    Listener
	sides [2]decoder
	info  rtmp.TraceHandshake
}

// decoder is one direction.
type decoder struct {
	shaking *handshake.Server // of the client's side: knows what a signature is; nil once it is done
	shaken  int               // bytes of the handshake that have passed
	chunks  *chunk.Reader
	offset  int64 // where the chunk begins that comes next
	lost    bool
	at      time.Duration
}

// NewConversation returns a Conversation before its first byte.
func NewConversation(to Listener) *Conversation {
	c := &Conversation{to: to}
	for i := range c.sides {
		from, d := Direction(i), &c.sides[i]
		d.chunks = chunk.NewReader(chunk.Limits{})
		d.chunks.Watch(func(h chunk.Header) {
			d.offset += int64(h.Size + h.Data)
			to.Chunk(from, d.at, h)
		})
	}
	c.sides[FromClient].shaking = handshake.NewServer(handshake.ServerConfig{})
	return c
}

// Feed takes the next bytes of one side, split anywhere. It does not keep b.
func (c *Conversation) Feed(from Direction, at time.Duration, b []byte) {
	d := &c.sides[from]
	if d.lost {
		return
	}
	d.at = at
	rest, err := c.handshake(from, d, b)
	if err == nil && len(rest) > 0 {
		err = d.chunks.Feed(rest, func(m *chunk.Message) error {
			c.to.Message(from, at, d.message(m))
			return nil
		})
	}
	if err != nil {
		d.lost = true
		c.to.Lost(from, at, d.offset, err)
	}
}

func (d *decoder) message(m *chunk.Message) rtmp.TraceMessage {
	o := d.chunks.Oddities()
	return rtmp.TraceMessage{
		Type: m.Type, ChunkStreamID: m.ChunkStreamID, StreamID: m.StreamID, Timestamp: m.Timestamp, Body: m.Body,
		ChunkSize: d.chunks.ChunkSize(),
		Oddities: rtmp.TraceOddities{
			OmitsExtended: o&chunk.OmitsExtended != 0, BlankExtended: o&chunk.BlankExtended != 0,
			OpensShort: o&chunk.OpensShort != 0, CutsMessages: o&chunk.CutsMessages != 0,
		},
	}
}

// errEncrypted says that a chunk stream cannot be read.
var errEncrypted = errors.New("RTMPE encrypts what follows, and only the two ends have the key")

// handshake takes the bytes of the handshake off the front.
func (c *Conversation) handshake(from Direction, d *decoder, b []byte) (rest []byte, err error) {
	n := min(len(b), handshakeSize-d.shaken)
	if n == 0 {
		return b, nil
	}
	if d.shaking != nil {
		if _, _, err := d.shaking.Feed(b[:n]); err != nil {
			return nil, err
		}
	}
	if from == FromServer && d.shaken == 0 {
		if looks, _ := handshake.Sniff(b[:n]); looks != handshake.LooksRTMP {
			return nil, fmt.Errorf("the server does not speak RTMP but something like %s", looks)
		}
		c.info.Version = b[0]
	}
	d.shaken += n
	d.offset += int64(n)
	if d.shaken < handshakeSize {
		return nil, nil
	}
	if from == FromClient {
		c.shaken(d)
	}
	if c.info.Version != 0 && c.info.Version != handshake.VersionPlain && c.info.Requested != handshake.VersionPlain {
		return nil, errEncrypted
	}
	return b[n:], nil
}

// shaken tells of the handshake when the client has sent all of it: the server has answered before that.
func (c *Conversation) shaken(d *decoder) {
	of := d.shaking.Info()
	d.shaking = nil
	c.info.Name, c.info.Requested = "plain", of.Requested
	switch {
	case c.info.Version > handshake.VersionPlain && of.Requested > handshake.VersionPlain:
		c.info.Name = "rtmpe"
	case of.Digest:
		c.info.Name = "digest"
	}
	c.to.Handshake(d.at, c.info)
}
