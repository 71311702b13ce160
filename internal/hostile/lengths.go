package hostile

import (
	"bytes"
	"encoding/binary"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// header0 begins a message (RTMP 5.3.1.2.1).
func header0(csid uint32, length int, typ message.Type) []byte {
	var b []byte
	switch {
	case csid < 64:
		b = []byte{byte(csid)}
	default:
		b = []byte{1, byte(csid - 64), byte((csid - 64) >> 8)}
	}
	return append(b, 0, 0, 0, byte(length>>16), byte(length>>8), byte(length), byte(typ), streamID, 0, 0, 0)
}

// lengths are sizes and counts of the chunk stream that are not what they say.
func lengths() []Case {
	chunkSize := func(size uint32) func(c *Conn) {
		return func(c *Conn) {
			c.Begin()
			c.Raw(message.TypeSetChunkSize, 0, binary.BigEndian.AppendUint32(nil, size))
			c.GoOn()
		}
	}
	return []Case{
		{"sets chunk size 0", chunkSize(0)},
		{"sets chunk size 1", chunkSize(1)},
		{"sets chunk size 0x7fffffff", chunkSize(chunk.MaxChunkSize)},
		{"sets chunk size 0x80000000", chunkSize(1 << 31)},
		{"sends metadata of 16 MiB", func(c *Conn) {
			c.Begin()
			c.Discard()
			c.Write(header0(6, 16<<20-1, message.TypeDataAMF0))
			c.Flood(func() { c.Write(zeros) })
		}},
		{"declares 16 MiB on 1,000 chunk streams", func(c *Conn) {
			c.Begin()
			c.Media(1e9)
			c.Discard()
			for csid := range uint32(1000) {
				c.Write(append(header0(csid+100, 16<<20-1, message.TypeVideo), zeros[:128]...))
			}
			c.Stall()
		}},
		{"sends 16 MiB on ten chunk streams", func(c *Conn) {
			c.Begin()
			c.Media(1e9)
			c.Discard()
			c.Raw(message.TypeSetChunkSize, 0, []byte{0, 1, 0, 0})
			for csid := range uint32(10) {
				c.Write(append(header0(csid+100, 16<<20-1, message.TypeVideo), zeros...))
			}
			for range 16<<20/len(zeros) - 2 {
				for csid := range uint32(10) {
					c.Write(append([]byte{0xc1, byte(csid + 36), 0}, zeros...))
				}
			}
			c.Stall()
		}},
		{"sends 16 MiB before connect is answered", func(c *Conn) {
			c.Handshake()
			c.Discard()
			c.Write(header0(6, 16<<20-1, message.TypeCommandAMF0))
			c.Flood(func() { c.Write(zeros) })
		}},
		{"sends frames of 15 MiB", func(c *Conn) {
			c.Begin()
			if c.Publishes {
				c.Hold()
			}
			c.Media(1e9)
			c.Discard()
			frame := make([]byte, 15<<20)
			copy(frame, []byte{0x27, 1})
			for i := range uint32(3) {
				c.Raw(message.TypeVideo, 1000+40*i, frame)
			}
			c.Status("status", "NetStream.Play.UnpublishNotify")
			c.Stall()
		}},
		{"sends messages of unknown types", func(c *Conn) {
			c.Begin()
			for typ := range message.Type(255) {
				switch typ {
				case message.TypeSetChunkSize, message.TypeAudio, message.TypeVideo:
					continue
				}
				c.Raw(typ, 0, nil)
				c.Raw(typ, 0, []byte{0xff})
				c.Raw(typ, 0, bytes.Repeat([]byte{0xff}, 300))
			}
			c.GoOn()
		}},
		{"lets nothing be sent to it", func(c *Conn) {
			c.Begin()
			c.Raw(message.TypeSetPeerBandwidth, 0, []byte{0, 0, 0, 1, 0})
			c.GoOn()
		}},
		{"wants every byte acknowledged", func(c *Conn) {
			c.Begin()
			c.Raw(message.TypeWindowAckSize, 0, []byte{0, 0, 0, 1})
			c.GoOn()
		}},
		{"continues messages that have not begun", func(c *Conn) {
			c.Begin()
			c.Write([]byte{0xc0 | 33, 1, 2, 3})
			c.GoOn()
		}},
	}
}

// zeros is as much as a chunk of 65,536 bytes holds.
var zeros = make([]byte, 64<<10)
