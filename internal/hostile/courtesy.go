package hostile

import (
	"time"

	"leat/internal/wire/message"
)

// courtesy is what a server does that does all that is right, step by step.
var courtesy = []func(c *Conn){
	(*Conn).Handshake,
	func(c *Conn) {
		c.Raw(message.TypeWindowAckSize, 0, []byte{0, 0x26, 0x25, 0xa0})
		c.Raw(message.TypeSetPeerBandwidth, 0, []byte{0, 0x26, 0x25, 0xa0, 2})
		c.Raw(message.TypeSetChunkSize, 0, []byte{0, 0, 1, 0})
		c.Connect()
	},
	(*Conn).CreateStream,
	func(c *Conn) {
		c.Raw(message.TypeUserControl, 0, []byte{0, 0, 0, 0, 0, streamID}) // StreamBegin
		c.Start()
	},
	func(c *Conn) { c.Media(120 * time.Millisecond) },
	func(c *Conn) {
		if !c.Publishes {
			c.Status("status", "NetStream.Play.UnpublishNotify")
		}
	},
	func(c *Conn) {
		if !c.Publishes {
			c.Raw(message.TypeUserControl, 0, []byte{0, 1, 0, 0, 0, streamID}) // StreamEOF
		}
	},
}

// Never makes BreakOff a server of all courtesy.
const Never = 1 << 40

// BreakOff returns a server that does all that is right until it has sent so many bytes, and then closes the connection, in the middle
// of whatever that is. A whole conversation is: handshake, connect, createStream, the start of the stream, media, UnpublishNotify,
// Stream EOF. Behind each of these steps it calls sent with the bytes up to there; nil for nobody.
func BreakOff(at int64, sent func(n int64)) func(c *Conn) {
	return func(c *Conn) {
		c.breakAt = at
		if at == 0 {
			return
		}
		for _, do := range courtesy {
			do(c)
			if sent != nil && !c.Gone() {
				sent(c.sent)
			}
		}
		c.Hold()
	}
}
