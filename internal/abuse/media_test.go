package abuse

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// What is wrong with what a publisher sends.

// TestKillPublisher: when a publisher's connection is reset the name is free at once, and its players go on with the next publisher,
// on one timeline. What it had not finished is not relayed.
func TestKillPublisher(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.PublisherGrace = patience },
		do: func(t *testing.T, h *house) {
			const deaths = 5
			player := h.play("killed")
			last := uint32(0)
			for i := range deaths {
				var p *peer
				took := until(t, "the name was free", func() bool {
					p = h.connect()
					p.command(0, "createStream", 2, nil)
					p.command(1, "publish", 3, nil, "killed", "live")
					started := false
					p.until("the answer to publish", func(m *chunk.Message) bool {
						started = p.code(m) == "NetStream.Publish.Start"
						return p.code(m) != ""
					})
					return started
				})
				if i > 0 && took > h.healthy.allow(50*time.Millisecond) {
					t.Errorf("the name was free after %v", took)
				}
				header := []byte{0x17, 0, 0, 0, 0, 1, 100, 0, 31, 0xff, byte(i)}
				p.video(0, header)
				p.video(0, keyFrame)
				p.video(40, interFrame)
				got := player.media(3)
				if !bytes.Equal(got[0].Body, header) || !bytes.Equal(got[1].Body, keyFrame) || !bytes.Equal(got[2].Body, interFrame) {
					t.Errorf("publisher %d: the player got %x, %x and %x", i, got[0].Body, got[1].Body, got[2].Body)
				}
				if got[1].Timestamp < last || got[2].Timestamp < got[1].Timestamp {
					t.Errorf("publisher %d: frames at %d and %d behind one at %d", i, got[1].Timestamp, got[2].Timestamp, last)
				}
				last = got[2].Timestamp
				p.write(append(header0(6, 300, message.TypeVideo, 1), make([]byte, 128)...))
				p.reset()
			}
		},
	})
}

// TestTimestamps: 32 bits are relayed as they are, whatever they do.
func TestTimestamps(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			publisher, player := h.publish("timestamps"), h.play("timestamps")
			timestamps := []uint32{
				0, 0xfffffe, 0xffffff, 0x1000000, 0x1000028, 0x7fffffff, 0x80000000, 0xffffffff, 0, 40, 20, 0xfffffff0, 5, 1 << 31, 0,
			}
			publisher.video(0, keyFrame)
			player.media(1)
			body := append(slices.Clone(interFrame), make([]byte, 300)...) // more than a chunk
			for _, at := range timestamps {
				publisher.video(at, body)
				if m := player.media(1)[0]; m.Timestamp != at || !bytes.Equal(m.Body, body) {
					t.Errorf("a frame at %#x came through at %#x, with %d bytes of %d", at, m.Timestamp, len(m.Body), len(body))
				}
			}
		},
	})
}

// TestMediaEdge: frames of any length up to the limit are relayed or dropped, and unknown types and events do no harm.
func TestMediaEdge(t *testing.T) {
	const longest = 12 << 20
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.MediaMessage = longest },
		do: func(t *testing.T, h *house) {
			publisher, player := h.publish("edge"), h.play("edge")
			for _, typ := range []message.Type{message.TypeAudio, message.TypeVideo, message.TypeDataAMF0, message.TypeDataAMF3, message.TypeAggregate} {
				publisher.raw(typ, 1, 0, nil)
				for b := range 256 {
					publisher.raw(typ, 1, 0, []byte{byte(b)})
				}
			}
			for typ := range 256 {
				switch message.Type(typ) {
				case message.TypeSetChunkSize, message.TypeAbort, message.TypeWindowAckSize, message.TypeSetPeerBandwidth:
				default:
					publisher.raw(message.Type(typ), 1, 0, []byte{0xff, 0xff, 0xff, 0xff, 0xff})
				}
				publisher.raw(message.TypeUserControl, 0, 0, []byte{0, byte(typ), 0, 0, 0, 1}[:typ%7])
			}
			publisher.raw(message.TypeSetChunkSize, 0, 0, []byte{0, 1, 0, 0})
			huge := append(slices.Clone(keyFrame), make([]byte, longest-len(keyFrame))...)
			publisher.video(40, huge)
			player.until("the huge frame", func(m *chunk.Message) bool { return len(m.Body) == len(huge) })
			publisher.video(80, interFrame)
			player.until("the frame behind it", func(m *chunk.Message) bool { return m.Timestamp == 80 })
			publisher.video(120, append(huge, 0))
			publisher.closed()
		},
		want: [][]string{{"msg=closed", "side=local", "message of type 9 with 12582913 bytes is above the limit of 12582912"}},
		heap: 160 << 20,
	})
}

// TestAggregate: what can be split is relayed; the rest, and aggregates in aggregates, are dropped.
func TestAggregate(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			publisher, player := h.publish("aggregate"), h.play("aggregate")
			publisher.video(0, keyFrame)
			sub := message.Sub{Type: message.TypeVideo, Timestamp: 40, Body: interFrame}
			whole, err := message.AppendAggregate(nil, sub, message.Sub{Type: message.TypeAudio, Timestamp: 50, Body: audioFrame})
			if err != nil {
				t.Fatal(err)
			}
			for n := range whole {
				publisher.raw(message.TypeAggregate, 1, 40, whole[:n])
				for _, b := range []byte{0, 0x7f, 0xff} {
					broken := slices.Clone(whole)
					broken[n] = b
					publisher.raw(message.TypeAggregate, 1, 40, broken)
				}
			}
			nested := whole
			for range 50 {
				if nested, err = message.AppendAggregate(nil, message.Sub{Type: message.TypeAggregate, Timestamp: 40, Body: nested}); err != nil {
					t.Fatal(err)
				}
				publisher.raw(message.TypeAggregate, 1, 40, nested)
			}
			publisher.raw(message.TypeAggregate, 1, 7000, whole)
			player.until("the first of a whole one", func(m *chunk.Message) bool { return m.Timestamp == 7000 && bytes.Equal(m.Body, interFrame) })
			player.until("the second", func(m *chunk.Message) bool { return m.Timestamp == 7010 && bytes.Equal(m.Body, audioFrame) })
		},
	})
}

// enhancedHeaders are the beginnings of messages of Enhanced RTMP, and configuration records whose counts promise more than there is.
func enhancedHeaders() [][]byte {
	sps := append([]byte{0x67, 100, 0, 31}, bytes.Repeat([]byte{0}, 40)...) // Exp-Golomb codes of more than 32 bits
	avcC := append([]byte{1, 100, 0, 31, 0xff, 0xff, 0xff, 0xff}, sps...)
	hvcC := append(bytes.Repeat([]byte{0xff}, 22), 0xff, 0xa1, 0xff, 0xff, 0xff, 0xff)
	return [][]byte{
		append([]byte("\x90avc1"), avcC...),
		append([]byte{0x17, 0, 0, 0, 0}, avcC...),
		append([]byte("\x90hvc1"), hvcC...),
		append([]byte{0x1c, 0, 0, 0, 0}, hvcC...),
		[]byte("\x90av01\x81\xff\xff\xff\xff\xff\xff\xff\xff"),
		[]byte("\x90vp09\xff\xff\xff\xff"),
		[]byte("\x91hvc1\xff\xff\xff"),
		[]byte("\x92zzzz\x00"),
		[]byte("\x94zzzz\xff"),
		[]byte("\x96\x00hvc1\x00\x00\x00\x00\x01"),             // multitrack, one track
		[]byte("\x96\x11hvc1\x00\xff\xff\xff\x01"),             // many tracks, of a length that is not there
		[]byte("\x96\x21\xff\xff\xff\xff\x00\xff\xff\xff"),     // many codecs
		[]byte("\x97\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00"), // ModEx of 65,536 bytes
		bytes.Repeat([]byte("\x97\x00\x00\x07"), 1000),         // ModEx in ModEx
		[]byte("\x9fzzzz"),
		[]byte("\x90\x00\x00\x00\x00"),
		[]byte("\x90Opus\xff\xff"),
		[]byte("\x95\x11mp4a\x00\xff\xff\xff"),
		[]byte("\x94mp4a\x01\xff"),
		[]byte("\x9fOpus"),
	}
}

// TestEnhancedVideo: headers that make no sense are relayed as they are or dropped, at every length.
func TestEnhancedVideo(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			publisher, player := h.publish("enhanced"), h.play("enhanced")
			publisher.video(0, keyFrame)
			random := rand.New(rand.NewPCG(1, 1))
			for i, header := range enhancedHeaders() {
				at := uint32(40 * (i + 1))
				for n := range min(len(header), 60) + 1 {
					part := header[:n]
					if n == 60 {
						part = header
					}
					publisher.raw(message.TypeVideo, 1, at, part)
					publisher.raw(message.TypeAudio, 1, at, part)
					noisy := slices.Clone(part)
					for range min(3, n) {
						noisy[random.IntN(n)] = byte(random.Uint32())
					}
					publisher.raw(message.TypeVideo, 1, at, noisy)
				}
				start := time.Now()
				marker := append(slices.Clone(keyFrame), "marker"...)
				publisher.video(at+1, marker)
				player.until("the frame behind it", func(m *chunk.Message) bool { return bytes.Equal(m.Body, marker) && m.Timestamp == at+1 })
				if took := time.Since(start); took > h.healthy.allow(100*time.Millisecond) {
					t.Errorf("the frame behind header %d took %v", i, took)
				}
			}
		},
	})
}
