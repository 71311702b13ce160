package hostile

import (
	"encoding/binary"

	"leat/internal/wire/message"
)

// floods send without end what wants to be read, answered or shown. All but the last read what comes back.
func floods() []Case {
	ping := binary.BigEndian.AppendUint32([]byte{0, 6}, 7)
	verify := []byte{0, 26}
	kinds := []struct {
		name string
		send func(c *Conn)
	}{
		{"_onbwcheck", func(c *Conn) { c.Command("_onbwcheck", 3, nil, 1.0) }},
		{"onBWDone", func(c *Conn) { c.Command("onBWDone", 0, nil) }},
		{"ping", func(c *Conn) { c.Command("ping", 3, nil) }},
		{"ping requests", func(c *Conn) { c.Raw(message.TypeUserControl, 0, ping) }},
		{"requests of SWF verification", func(c *Conn) { c.Raw(message.TypeUserControl, 0, verify) }},
		{"onStatus", func(c *Conn) { c.Status("status", "NetStream.Data.Start") }},
		{"unknown calls", func(c *Conn) { c.Command("doThis", 3, nil) }},
		{"unknown messages", func(c *Conn) { c.Raw(99, 0, nil) }},
		{"window sizes", func(c *Conn) { c.Raw(message.TypeWindowAckSize, 0, []byte{0, 0, 0, 1}) }},
	}
	var cases []Case
	for _, kind := range kinds {
		cases = append(cases, Case{"sends " + kind.name + " without end", func(c *Conn) {
			c.Begin()
			c.Media(1e9)
			c.Discard()
			c.Flood(func() { kind.send(c) })
		}})
	}
	return append(cases,
		Case{"sends _onbwcheck without end instead of an answer", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.Await("createStream")
			c.Discard()
			c.Flood(func() { c.Command("_onbwcheck", 3, nil, 1.0) })
		}},
		Case{"sends _onbwcheck without end and reads nothing", func(c *Conn) {
			c.Begin()
			c.Media(1e9)
			c.Flood(func() { c.Command("_onbwcheck", 3, nil, 1.0) })
		}},
	)
}
