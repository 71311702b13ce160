package hostile

import (
	"math"

	"leat/amf"
)

// answers are those that do not fit their questions.
func answers() []Case {
	creates := func(value any) func(c *Conn) {
		return func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.Await("createStream")
			c.Command("_result", c.asked, nil, value)
			c.Hold()
		}
	}
	return []Case{
		{"answers connect under another transaction", func(c *Conn) {
			c.Handshake()
			c.Await("connect")
			c.acceptConnect(c.asked + 77)
			c.Hold()
		}},
		{"answers createStream under another transaction", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.Await("createStream")
			c.Command("_result", c.asked+77, nil, float64(streamID))
			c.Hold()
		}},
		{"answers everything before it is asked", func(c *Conn) {
			c.Handshake()
			for id := 19; id >= 0; id-- { // the answer to connect last, so that nothing else has been asked yet
				c.acceptConnect(float64(id))
			}
			c.Await("connect")
			c.Hold()
		}},
		{"answers everything twice, and what nobody asked", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.acceptConnect(c.asked)
			for _, id := range []float64{0, -1, 1e9, 1 << 53, math.NaN(), math.Inf(1)} {
				c.Command("_result", id, nil, 7.0)
				c.Command("_error", id, nil, 7.0)
			}
			c.CreateStream()
			c.Command("_error", c.asked, nil, "or not")
			c.Start()
			c.Command("_result", c.asked, nil, float64(streamID))
			c.GoOn()
		}},
		{"answers connect with an error of no kind", func(c *Conn) {
			c.Handshake()
			c.Await("connect")
			c.Command("_error", c.asked, nil)
			c.Hold()
		}},
		{"answers connect with an error as long as a page", func(c *Conn) {
			c.Handshake()
			c.Await("connect")
			c.Command("_error", c.asked, nil, amf.NewObject("level", "error", "code", "NetConnection.Connect.Rejected", "description", text(60_000)))
			c.Hold()
		}},
		{"answers connect with numbers", func(c *Conn) {
			c.Handshake()
			c.Await("connect")
			c.Command("_result", c.asked, 1.0, 2.0)
			c.CreateStream()
			c.Start()
			c.GoOn()
		}},
		{"gives out a stream that is a text", creates("one")},
		{"gives out stream NaN", creates(math.NaN())},
		{"gives out stream -1", creates(-1.0)},
		{"gives out stream 1e300", creates(1e300)},
		{"gives out no stream", creates(nil)},
		{"answers publish and play with errors of no kind", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.CreateStream()
			c.awaitStart()
			c.Command("_error", c.asked, nil)
			c.command(streamID, "onStatus", 0, nil)
			c.command(streamID, "onStatus", 0, nil, "no")
			c.Status("error", "")
			c.Hold()
		}},
		{"refuses in terminal escapes", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.CreateStream()
			c.awaitStart()
			c.command(streamID, "onStatus", 0, nil, amf.NewObject(
				"level", "error", "code", "NetStream.\x1b[2J\nFailed", "description", "\x1b]0;owned\x07no\r\nleat: all is well \u202e",
			))
			c.Hold()
		}},
		{"says the end before the beginning", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.CreateStream()
			c.awaitStart()
			c.Status("status", "NetStream.Play.Stop")
			c.Status("status", "NetStream.Unpublish.Success")
			c.started()
			c.GoOn()
		}},
		{"calls what there is not", func(c *Conn) {
			c.Begin()
			for _, name := range []string{"", "connect", "createStream", "publish", "play", "FCPublish", "\x00\xff", text(40_000)} {
				c.Command(name, 5, nil, 1.0, "two")
				c.command(streamID, name, 6, amf.NewObject("app", "live"))
			}
			c.GoOn()
		}},
	}
}

// text is so many bytes of it.
func text(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a'
	}
	return string(b)
}
