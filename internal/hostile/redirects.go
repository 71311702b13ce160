package hostile

import "leat/amf"

// redirects send a client elsewhere (ex.code 302), or ask it to go (E-RTMP v2, Reconnect Request): to the same again, and to where
// nobody can go.
func redirects() []Case {
	moved := func(to any) *amf.Object {
		return amf.NewObject("level", "error", "code", "NetConnection.Connect.Rejected", "description", "moved",
			"ex", amf.NewObject("code", 302.0, "redirect", to))
	}
	atConnect := func(to any) func(c *Conn) {
		return func(c *Conn) {
			c.Handshake()
			c.Await("connect")
			c.Command("_error", c.asked, nil, moved(to))
			c.Hold()
		}
	}
	later := func(to any) func(c *Conn) { // as SRS does
		return func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.CreateStream()
			c.awaitStart()
			c.Command("onStatus", 0, nil, moved(to))
			c.Hold()
		}
	}
	asks := func(to string) func(c *Conn) {
		return func(c *Conn) {
			c.Begin()
			c.Media(1e9)
			c.command(0, "onStatus", 0, nil, amf.NewObject(
				"level", "status", "code", "NetConnection.Connect.ReconnectRequest", "description", "go", "tcUrl", to))
			c.Hold()
		}
	}
	return []Case{
		{"redirects in a circle", atConnect("/live")},
		{"redirects in a circle after connect", later("/live")},
		{"redirects to another protocol", atConnect("gopher://hole/live")},
		{"redirects to no port", atConnect("rtmp://127.0.0.1:99999999/live")},
		{"redirects to a long address", atConnect("rtmp://127.0.0.1/" + text(50_000))},
		{"redirects to a number", atConnect(7.0)},
		{"redirects to control characters", later("rtmp://127.0.0.1/live\r\n\x1b[2J")},
		{"redirects to where nobody is", atConnect("rtmp://127.0.0.1:1/live")},
		{"redirects to where nobody is, after connect", later("rtmp://127.0.0.1:1/live")},
		{"asks for a reconnect again and again", asks("")},
		{"asks for a reconnect to another protocol", asks("gopher://hole/live")},
		{"asks for a reconnect to where nobody is", asks("rtmp://127.0.0.1:1/live")},
	}
}
