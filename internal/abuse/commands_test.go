package abuse

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// What is wrong with commands: their order, their number, their names.

// TestCommandOrder: nothing but connect comes first; what comes out of order behind it is refused or means nothing.
func TestCommandOrder(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			for _, first := range []outgoing{
				{1, &message.Command{Name: "publish", TransactionID: 1, Args: []any{"healthy", "live"}}},
				{1, &message.Command{Name: "play", TransactionID: 1, Args: []any{"healthy"}}},
				{0, &message.Command{Name: "createStream", TransactionID: 1}},
				{1, &message.Video{Body: keyFrame}},
			} {
				p := h.shaken()
				p.send(first.streamID, first.msg)
				p.closed()
			}
			p := h.connect()
			p.command(0, "connect", 2, amf.NewObject("app", "live"))
			p.answer("_error", 2)
			p.command(9, "pause", 4, nil, true, 0.0)
			p.answer("_error", 4)
			p.command(0, "nonsense", 5, nil)
			p.answer("_error", 5)
			p.command(0, "nonsense", 0, nil)
			p.send(0, &message.Command{Name: "_result", TransactionID: 77})
			p.send(0, &message.Command{Name: "onStatus"})
			p.command(0, "", 6, nil)
			p.command(0, "deleteStream", 0, nil, 12345.0)
			p.command(0, "closeStream", 0, nil)
			p.command(1, "publish", 0, nil, false)
			p.command(1, "publish", 0, nil)
			p.command(1, "play", 0, nil, nil)
			p.raw(message.TypeAudio, 5, 0, audioFrame)
			p.publish("ordered")
			p.command(1, "publish", 8, nil, "again", "live")
			p.status("NetStream.Publish.BadName")
			p.closed()
		},
		want: [][]string{
			{"msg=closed", "side=local", "the first command was", "publish", "not connect"},
			{"msg=closed", "side=local", "the first command was", "play", "not connect"},
			{"msg=closed", "side=local", "the first command was", "createStream", "not connect"},
			{"msg=closed", "side=local", "Video was sent before connect"},
			{"msg=closed", "side=local", "publish was refused", "This message stream is in use already"},
		},
	})
}

// TestCommandFlood: 100,000 commands at once end the connection, not the server.
func TestCommandFlood(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			for i, name := range []string{"createStream", "nonsense", "getStreamLength"} {
				p := h.connect()
				var batch []byte
				for range 1000 {
					batch = append(batch, p.encode(message.TypeCommandAMF0, 0, 0, commandBody(p, name))...)
				}
				for range 100 {
					if !p.write(batch) {
						break
					}
				}
				h.lines.waitFor(t, i+1, "msg=closed", "side=local", "more than 1000 commands and control messages a second")
			}
		},
	})
}

func commandBody(p *peer, name string) []byte {
	p.t.Helper()
	body, err := message.Append(nil, &message.Command{Name: name, TransactionID: 2})
	if err != nil {
		p.t.Fatal(err)
	}
	return body
}

// TestUnreadAnswers: a client that does not read its answers is closed.
func TestUnreadAnswers(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) {
			c.Limits.CommandsPerSecond = 1_000_000
			c.Limits.WriteBuffer = 64 << 10
		},
		do: func(_ *testing.T, h *house) {
			p := h.connect()
			var batch []byte
			for range 1000 {
				batch = append(batch, p.encode(message.TypeCommandAMF0, 0, 0, commandBody(p, "nonsense"))...)
			}
			for range 200 {
				if !p.write(batch) {
					break
				}
			}
		},
		want: [][]string{{"msg=closed", "side=local", "the peer does not read", "bytes of answers wait for it"}},
	})
}

// TestSameKey: who wants a stream that has a publisher is refused, and what others say about it changes nothing.
func TestSameKey(t *testing.T) {
	beside(t, offence{
		do: func(_ *testing.T, h *house) {
			for range 10 {
				p := h.connect()
				p.command(0, "createStream", 2, nil)
				for _, name := range []string{"releaseStream", "FCPublish", "FCUnpublish"} {
					p.command(0, name, 0, nil, "healthy")
				}
				p.command(0, "deleteStream", 0, nil, 2.0)
				p.command(1, "publish", 3, nil, "healthy", "live")
				p.video(0, keyFrame) // of a stream that it does not own
				p.status("NetStream.Publish.BadName")
				p.closed()
			}
		},
		want: [][]string{{"level=WARN", "publisher refused", "the stream has a publisher", "stream=live/healthy"}},
	})
}

// TestOtherStreams: only the message stream that publishes can feed and end its stream, not another one of its connection, nor another
// connection.
func TestOtherStreams(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			owner, player, other := h.publish("owned"), h.play("owned"), h.connect()
			for _, p := range []*peer{owner, other} {
				p.command(0, "createStream", 7, nil)
				p.answer("_result", 7)
			}
			alien := append(slices.Clip(keyFrame), "alien"...)
			owner.raw(message.TypeVideo, 2, 10, alien)
			owner.command(2, "closeStream", 0, nil)
			owner.command(0, "deleteStream", 0, nil, 2.0)
			other.raw(message.TypeVideo, 1, 20, alien)
			for _, name := range []string{"releaseStream", "FCUnpublish", "closeStream"} {
				other.command(0, name, 0, nil, "owned")
			}
			other.command(1, "closeStream", 0, nil)
			other.command(0, "deleteStream", 0, nil, 1.0)
			for _, p := range []*peer{owner, other} { // they have been heard
				p.send(0, &message.UserControl{Event: message.EventPingRequest, Value: 7})
				p.until("the answer to a ping", func(m *chunk.Message) bool {
					return message.Type(m.Type) == message.TypeUserControl && m.Body[1] == byte(message.EventPingResponse)
				})
			}
			owner.video(40, keyFrame)
			if m := player.media(1)[0]; m.Timestamp != 40 || !bytes.Equal(m.Body, keyFrame) {
				t.Errorf("a frame at %d was played: %x", m.Timestamp, m.Body)
			}
		},
	})
}

// TestOneOwner: of many who want a stream at once exactly one gets it.
func TestOneOwner(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			const rivals = 10
			peers := make([]*peer, rivals)
			for i := range peers {
				peers[i] = h.connect()
				peers[i].command(0, "createStream", 2, nil)
			}
			for _, p := range peers {
				p.command(1, "publish", 3, nil, "wanted", "live")
			}
			owners := 0
			for _, p := range peers {
				var code string
				p.until("the answer to publish", func(m *chunk.Message) bool {
					code = p.code(m)
					return strings.HasPrefix(code, "NetStream.Publish.")
				})
				if code == "NetStream.Publish.Start" {
					owners++
				}
			}
			if owners != 1 {
				t.Errorf("%d of %d publishers own the stream", owners, rivals)
			}
		},
	})
}

// TestNames: what cannot be a name is refused in words, and none breaks a line of the log.
func TestNames(t *testing.T) {
	bad := map[string]string{
		"empty":              "",
		"too long":           strings.Repeat("n", 1025),
		"control characters": "a\x00b\x1b[31mc",
		"line end":           "a\nlevel=ERROR msg=forged",
		"invalid UTF-8":      "a\xff\xfe",
	}
	good := map[string]string{
		"longest":      strings.Repeat("n", 1024),
		"UTF-8":        "läuft/日本語",
		"path":         "../../etc/passwd",
		"shell":        "`id`; $(id) | %s",
		"with a query": "name?token=a%zz&b",
	}
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			for _, name := range bad {
				p := h.connect()
				p.command(0, "createStream", 2, nil)
				p.command(1, "play", 3, nil, name)
				p.status("NetStream.Play.StreamNotFound")
				p.command(1, "publish", 3, nil, name, "live")
				p.status("NetStream.Publish.BadName")
				p.closed()
				q := h.shaken()
				q.command(0, "connect", 1, amf.NewObject("app", name, "tcUrl", name, "flashVer", name))
				if name == "" {
					q.answer("_result", 1) // an application may have none
					continue
				}
				q.answer("_error", 1)
				q.closed()
			}
			for what, name := range good {
				publisher, player := h.connect(), h.connect()
				publisher.publish(name)
				player.command(0, "createStream", 2, nil)
				player.command(1, "play", 3, nil, name)
				player.status("NetStream.Play.Start")
				publisher.video(0, keyFrame)
				if got := player.media(1)[0]; len(got.Body) != len(keyFrame) {
					t.Errorf("%s: the frame has %d bytes", what, len(got.Body))
				}
			}
			for line := range strings.Lines(h.lines.String()) {
				if !strings.HasPrefix(line, "time=") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x00\x1b\n") {
					t.Errorf("a name breaks the log: %q", line)
				}
			}
		},
		want: [][]string{
			{"msg=closed", "side=local", "publish was refused", "longer than 1024 bytes"},
			{"msg=closed", "side=local", "publish was refused", "control characters or invalid UTF-8"},
			{"msg=closed", "side=local", "the application name is not usable"},
		},
	})
}

// TestManyStreams: streams of one connection are limited, have ids of their own, and free their names with it.
func TestManyStreams(t *testing.T) {
	const limit = 16
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			p := h.connect()
			for i := range limit {
				p.command(0, "createStream", float64(10+i), nil)
				p.answer("_result", float64(10+i))
				p.command(uint32(i+1), "publish", 0, nil, fmt.Sprintf("stream-%d", i), "live")
				p.status("NetStream.Publish.Start")
			}
			p.command(0, "createStream", 99, nil)
			p.until("the refusal", func(m *chunk.Message) bool {
				cmd := p.parse(m)
				return cmd != nil && cmd.Name == "_error" && cmd.TransactionID == 99 && bytes.Contains(m.Body, []byte("The limit on streams of one connection is reached"))
			})
			p.reset()
			took := until(t, "all names were free", func() bool {
				for _, s := range h.node.Streams() {
					if s.Publisher != nil && strings.HasPrefix(s.Key.Name, "stream-") {
						return false
					}
				}
				return true
			})
			if took > h.healthy.allow(time.Second) {
				t.Errorf("the names were free after %v", took)
			}
		},
	})
}

// TestToggleFlood: a player that turns everything on and off is still a live player afterwards. One that does so without end is closed.
func TestToggleFlood(t *testing.T) {
	beside(t, offence{
		do: func(_ *testing.T, h *house) {
			publisher, player := h.publish("toggled"), h.play("toggled")
			publisher.video(0, keyFrame)
			player.media(1)
			for i := range 300 {
				on := i%2 == 1
				player.command(1, "receiveVideo", 0, nil, on)
				player.command(1, "receiveAudio", 0, nil, on)
				player.command(1, "pause", 0, nil, !on, float64(i))
				player.command(1, "seek", 0, nil, float64(i))
				player.send(0, &message.UserControl{Event: message.EventSetBufferLength, Value: 1, BufferLength: uint32(i)})
			}
			player.send(0, &message.UserControl{Event: message.EventPingRequest, Value: 7})
			player.until("the answer to a ping", func(m *chunk.Message) bool {
				return message.Type(m.Type) == message.TypeUserControl && m.Body[1] == byte(message.EventPingResponse)
			})
			publisher.video(40, keyFrame)
			player.until("a new frame", func(m *chunk.Message) bool { return isMedia(m) && m.Timestamp == 40 })
			for range 10_000 {
				if !player.command(1, "receiveVideo", 0, nil, true) {
					break
				}
			}
		},
		want: [][]string{{"msg=closed", "side=local", "more than 1000 commands and control messages a second"}},
	})
}
