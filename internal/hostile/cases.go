package hostile

import (
	"slices"
	"time"
)

// Case is one thing that a server does wrong.
type Case struct {
	Name   string // unique; "it" is the server
	Behave func(c *Conn)
}

// Cases returns all cases.
func Cases() []Case {
	return slices.Concat(openings(), silences(), ends(), answers(), floods(), values(), lengths(), redirects(), oddMedia())
}

// Steps of a session, in order, by what a server does next. A server that plays a step has played those before it.
var steps = []struct {
	name string
	play func(c *Conn)
}{
	{"at accept", func(*Conn) {}},
	{"after S0 and S1", func(c *Conn) {
		if hello := c.hello(); len(hello) > 0 {
			c.Write(hello[:1537])
		}
	}},
	{"before connect is answered", func(c *Conn) {
		c.Handshake()
		c.Await("connect")
	}},
	{"before createStream is answered", func(c *Conn) {
		c.Handshake()
		c.Connect()
		c.Await("createStream")
	}},
	{"before the stream is answered", func(c *Conn) {
		c.Handshake()
		c.Connect()
		c.CreateStream()
		c.awaitStart()
	}},
	{"before the first packet", func(c *Conn) { c.Begin() }},
	{"in mid media", func(c *Conn) {
		c.Begin()
		c.Media(500 * time.Millisecond)
		c.Write([]byte{4, 0, 0, 99, 0, 0, 200, 9, streamID, 0, 0, 0, 0x27}) // the beginning of a frame
		for range 5 {
			if c.Publishes {
				c.read()
			}
		}
	}},
}

// silences stop talking, and reading as well in the last one: a target that accepts and never reads.
func silences() []Case {
	var cases []Case
	for _, step := range steps {
		cases = append(cases, Case{"is silent " + step.name, func(c *Conn) {
			step.play(c)
			if step.name == "in mid media" {
				c.Stall()
			}
			c.Hold()
		}})
	}
	return append(cases,
		Case{"sends a byte of the handshake at a time", func(c *Conn) {
			c.drip(c.hello())
			c.Hold()
		}},
		Case{"talks and never answers", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.Discard()
			c.Flood(func() {
				c.Status("status", "NetStream.Soon")
				c.Pause(50 * time.Millisecond)
			})
		}},
		Case{"sends a byte of a frame at a time", func(c *Conn) {
			c.Begin()
			c.Discard()
			c.Write([]byte{4, 0, 0, 0, 0xff, 0xff, 0xff, 9, streamID, 0, 0, 0})
			c.drip(make([]byte, 128))
			c.Stall()
		}},
	)
}

// drip sends a byte at a time.
func (c *Conn) drip(b []byte) {
	for i := range b {
		if c.err != nil {
			return
		}
		c.Write(b[i : i+1])
		c.Pause(50 * time.Millisecond)
	}
}

// ends close or reset the connection, or ask for its end.
func ends() []Case {
	var cases []Case
	for _, step := range steps {
		cases = append(cases,
			Case{"closes " + step.name, step.play},
			Case{"resets " + step.name, func(c *Conn) {
				step.play(c)
				c.Reset()
			}},
		)
	}
	return append(cases,
		Case{"sends close before the stream is answered", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.CreateStream()
			c.awaitStart()
			c.Command("close", 0, nil)
			c.Hold()
		}},
		Case{"sends close in mid media", func(c *Conn) {
			c.Begin()
			c.Media(500 * time.Millisecond)
			c.Command("close", 0, nil)
			c.Hold()
		}},
	)
}
