package hostile

import (
	"bytes"
	"math"
	"slices"

	"leat/amf"
	"leat/internal/wire/message"
	"leat/media"
)

// bombs are AMF values that ask for more than they bring.
func bombs() [][]byte {
	const deep = 10_000
	huge := []byte{0xff, 0xff, 0xff, 0xff}
	amf3 := func(b ...byte) []byte { return append([]byte{0x11}, b...) }
	return [][]byte{
		bytes.Repeat([]byte{3, 0, 1, 'a'}, deep),             // objects in objects
		bytes.Repeat([]byte{10, 0, 0, 0, 1}, deep),           // arrays in arrays
		bytes.Repeat([]byte{8, 0, 0, 0, 1, 0, 1, 'a'}, 7000), // ECMA arrays in ECMA arrays
		append([]byte{10}, huge...),                          // counts of 2^32-1
		append([]byte{8}, huge...),
		append(append([]byte{12}, huge...), "short"...), // a string, and XML, of 2^32-1 bytes
		append(append([]byte{15}, huge...), "<a/>"...),
		append([]byte{10, 0, 1, 0x86, 0xa0}, bytes.Repeat([]byte{5}, 50_000)...), // many elements
		{3, 0, 1, 'a', 7, 0, 0, 0, 0, 9},                                         // an object that holds itself
		amf.AppendNumber(nil, math.NaN()),
		{0x7f}, // an unknown marker
		amf3(6, 0xbf, 0xff, 0xff, 0xff, 'a'),
		amf3(9, 0xbf, 0xff, 0xff, 0xff, 1),
		amf3(10, 0xff, 0xff, 0xff, 0xfb, 1),
		amf3(bytes.Repeat([]byte{9, 3, 1}, deep)...),
		amf3(10, 0x0b, 1, 3, 'a', 10, 0, 1),
	}
}

// values are bombs wherever a server sends values.
func values() []Case {
	explode := func(c *Conn) {
		for _, bomb := range bombs() {
			for _, head := range [][]byte{
				slices.Concat(amf.AppendString(nil, "onStatus"), amf.AppendNumber(nil, 0), []byte{5}),
				slices.Concat(amf.AppendString(nil, "_result"), amf.AppendNumber(nil, 3)),
				slices.Concat(amf.AppendString(nil, "doThis"), amf.AppendNumber(nil, 3), []byte{5}),
				nil,
			} {
				body := append(head, bomb...)
				c.Raw(message.TypeCommandAMF0, 0, body)
				c.Raw(message.TypeCommandAMF3, 0, append([]byte{0}, body...))
			}
		}
	}
	return []Case{
		{"answers connect with a bomb", func(c *Conn) {
			c.Handshake()
			c.Await("connect")
			body := slices.Concat(amf.AppendString(nil, "_result"), amf.AppendNumber(nil, c.asked), bombs()[0])
			c.Raw(message.TypeCommandAMF0, 0, body)
			c.Hold()
		}},
		{"sends bombs in commands", func(c *Conn) {
			c.Handshake()
			c.Connect()
			c.CreateStream()
			c.awaitStart()
			explode(c)
			c.started()
			explode(c)
			c.GoOn()
		}},
		{"sends bombs in metadata", func(c *Conn) {
			c.Begin()
			for _, bomb := range bombs() {
				c.Raw(message.TypeDataAMF0, 0, append(amf.AppendString(nil, media.NameMetadata), bomb...))
				c.Raw(message.TypeDataAMF3, 0, append(append([]byte{0}, amf.AppendString(nil, media.NameMetadata)...), bomb...))
				c.Raw(message.TypeDataAMF0, 0, bomb)
			}
			c.GoOn()
		}},
		{"sends shared objects that nobody uses", func(c *Conn) {
			c.Begin()
			for _, bomb := range bombs() {
				c.Raw(message.TypeSharedObjectAMF0, 0, append([]byte{0, 1, 'a', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff}, bomb...))
				c.Raw(message.TypeSharedObjectAMF3, 0, bomb)
			}
			c.GoOn()
		}},
	}
}
