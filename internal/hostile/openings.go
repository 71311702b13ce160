package hostile

import "bytes"

// openings are what stands on a port that is not an RTMP server's, and handshakes that are not by the book.
func openings() []Case {
	says := func(text string) func(c *Conn) {
		return func(c *Conn) {
			c.read()
			c.Write([]byte(text))
			c.Hold()
		}
	}
	version := func(v byte) func(c *Conn) {
		return func(c *Conn) {
			c.alter(func(hello []byte) { hello[0] = v })
			c.Connect()
			c.CreateStream()
			c.Start()
			c.GoOn()
		}
	}
	return []Case{
		{"speaks HTTP", says("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")},
		{"speaks TLS", says("\x15\x03\x03\x00\x02\x02\x28")},
		{"speaks SSH", says("SSH-2.0-OpenSSH_9.6\r\n")},
		{"speaks random bytes", func(c *Conn) {
			c.Write(bytes.Repeat([]byte{0xff, 0x80, 0x7f, 0}, 2000))
			c.Hold()
		}},
		{"has version 9", version(9)},
		{"has version 255", version(255)},
		{"echoes nothing", func(c *Conn) {
			c.alter(func(hello []byte) { clear(hello[1537:]) })
			c.Connect()
			c.CreateStream()
			c.Start()
			c.GoOn()
		}},
		{"sends zeros behind the handshake", func(c *Conn) {
			c.Handshake()
			c.Discard()
			zeros := make([]byte, 4096)
			c.Flood(func() { c.Write(zeros) })
		}},
		{"sends 255s behind the handshake", func(c *Conn) {
			c.Handshake()
			c.Discard()
			ones := bytes.Repeat([]byte{0xff}, 4096)
			c.Flood(func() { c.Write(ones) })
		}},
	}
}

// alter makes the handshake with something else than S0, S1 and S2.
func (c *Conn) alter(change func(hello []byte)) {
	if hello := c.hello(); len(hello) > 0 {
		change(hello)
		c.Write(hello)
	}
	c.shaken()
}
