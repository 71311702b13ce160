package hostile

import (
	"bytes"

	"leat/internal/wire/message"
)

// oddMedia is media that no encoder makes. A client takes it as it comes.
func oddMedia() []Case {
	return []Case{
		{"sends media of few bytes", func(c *Conn) {
			c.Begin()
			for _, typ := range []message.Type{message.TypeAudio, message.TypeVideo, message.TypeAggregate, message.TypeDataAMF0} {
				for n := range 6 {
					for _, first := range []byte{0, 0x17, 0x80, 0x97, 0xaf, 0xff} {
						body := bytes.Repeat([]byte{0xff}, n)
						if n > 0 {
							body[0] = first
						}
						c.Raw(typ, 0, body)
					}
				}
			}
			c.GoOn()
		}},
		{"sends times from another world", func(c *Conn) {
			c.Begin()
			if !c.Publishes {
				for _, at := range []uint32{0, 1<<32 - 1, 1 << 31, 5, 1<<24 - 1, 1 << 24, 0xffffff00, 3} {
					c.Raw(message.TypeAudio, at, []byte{0xaf, 1, 0x21})
				}
			}
			c.GoOn()
		}},
		{"sends damaged aggregates", func(c *Conn) {
			c.Begin()
			for _, body := range [][]byte{
				nil, {9}, {9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0}, bytes.Repeat([]byte{22, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11}, 5000),
			} {
				c.Raw(message.TypeAggregate, 0, body)
			}
			c.GoOn()
		}},
		{"sends damaged user control events", func(c *Conn) {
			c.Begin()
			for event := range 40 {
				for n := range 4 {
					c.Raw(message.TypeUserControl, 0, append([]byte{0, byte(event)}, make([]byte, n)...))
				}
			}
			c.GoOn()
		}},
	}
}
