package node

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// viewer is a client that stays whatever the server tells it, and reads only when it is asked to: rtmp.Player leaves when the
// publisher does.
type viewer struct {
	t      *testing.T
	nc     net.Conn
	chunks *chunk.Reader
	writer *chunk.Writer
	buf    []byte
	ready  []chunk.Message // received and not looked at
	err    error           // why nothing more is received
}

// view plays a stream of app live and returns when it is told what happens in it. The receive buffer is small, and stays so, if small is set.
func (s *server) view(t *testing.T, name string, small bool) *viewer {
	t.Helper()
	v := s.connectRaw(t, small)
	before := s.inLog()
	v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
	v.send(1, &message.Command{Name: "play", TransactionID: 3, Args: []any{name}})
	v.status("NetStream.Play.Start")
	until(t, "the viewer was in the log", func() bool { return s.inLog() > before })
	return v
}

// connectRaw connects to app live without a Set Chunk Size.
func (s *server) connectRaw(t *testing.T, small bool) *viewer {
	t.Helper()
	return s.connectAs(t, small, "")
}

// connectAs is connectRaw for a client that calls itself flashVer.
func (s *server) connectAs(t *testing.T, small bool, flashVer string) *viewer {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr("rtmp").String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if small {
		if err := nc.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
			t.Fatal(err)
		}
	}
	v := &viewer{t: t, nc: nc, chunks: chunk.NewReader(chunk.Limits{}), writer: chunk.NewWriter(), buf: make([]byte, 64<<10)}
	v.shake()
	v.send(0, &message.Command{Name: "connect", TransactionID: 1, Object: amf.NewObject("app", "live", "flashVer", flashVer, "tcUrl", "rtmp://localhost/live")})
	v.until("the answer to connect", func(m *chunk.Message) bool { return v.command(m, "_result") != nil })
	return v
}

func (v *viewer) shake() {
	v.t.Helper()
	hs := handshake.NewClient(handshake.ClientConfig{})
	reply := hs.Start()
	for {
		if _, err := v.nc.Write(reply); err != nil {
			v.t.Fatal(err)
		}
		if hs.Done() {
			return
		}
		n, err := v.nc.Read(v.buf)
		if err != nil {
			v.t.Fatal(err)
		}
		if _, reply, err = hs.Feed(v.buf[:n]); err != nil {
			v.t.Fatal(err)
		}
	}
}

// send writes a message on a chunk stream of its own.
func (v *viewer) send(streamID uint32, m message.Message) {
	v.t.Helper()
	body, err := message.Append(nil, m)
	if err != nil {
		v.t.Fatal(err)
	}
	b := v.writer.AppendMessage(nil, &chunk.Message{ChunkStreamID: 3, Type: uint8(m.Type()), StreamID: streamID, Body: body})
	if _, err := v.nc.Write(b); err != nil {
		v.t.Fatal(err)
	}
}

// next returns the next message, nil at the end of the connection.
func (v *viewer) next() *chunk.Message {
	v.t.Helper()
	for len(v.ready) == 0 && v.err == nil {
		if err := v.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
			v.t.Fatal(err)
		}
		var n int
		n, v.err = v.nc.Read(v.buf)
		err := v.chunks.Feed(v.buf[:n], func(m *chunk.Message) error {
			v.ready = append(v.ready, *m)
			return nil
		})
		if err != nil {
			v.t.Fatal(err)
		}
	}
	if len(v.ready) == 0 {
		return nil
	}
	m := v.ready[0]
	v.ready = v.ready[1:]
	return &m
}

// until reads until a message is the one, and returns it and those before it.
func (v *viewer) until(what string, is func(*chunk.Message) bool) []*chunk.Message {
	v.t.Helper()
	var got []*chunk.Message
	for {
		m := v.next()
		if m == nil {
			v.t.Fatalf("the connection ended before %s: %v", what, v.err)
		}
		got = append(got, m)
		if is(m) {
			return got
		}
	}
}

// status reads until an onStatus of that code, and returns the messages of media before it.
func (v *viewer) status(code string) []*chunk.Message {
	v.t.Helper()
	return onlyMedia(v.until(code, func(m *chunk.Message) bool {
		cmd := v.command(m, "onStatus")
		return cmd != nil && len(cmd.Args) > 0 && cmd.Args[0].(*amf.Object).Text("code") == code
	}))
}

// media reads so many messages of media.
func (v *viewer) media(n int) []*chunk.Message {
	v.t.Helper()
	var got []*chunk.Message
	v.until("so many messages of media", func(m *chunk.Message) bool {
		got = append(got, onlyMedia([]*chunk.Message{m})...)
		return len(got) == n
	})
	return got
}

func (v *viewer) command(m *chunk.Message, name string) *message.Command {
	v.t.Helper()
	if message.Type(m.Type) != message.TypeCommandAMF0 {
		return nil
	}
	parsed, err := message.Parse(message.TypeCommandAMF0, m.Body, amf.Limits{})
	cmd, ok := parsed.(*message.Command)
	if err != nil || !ok {
		v.t.Fatalf("a command is damaged: %v", err)
	}
	if cmd.Name != name {
		return nil
	}
	return cmd
}

// onlyMedia leaves out what is not audio, video or the stream's data.
func onlyMedia(messages []*chunk.Message) []*chunk.Message {
	var media []*chunk.Message
	for _, m := range messages {
		switch message.Type(m.Type) {
		case message.TypeAudio, message.TypeVideo:
			media = append(media, m)
		case message.TypeDataAMF0:
			if !bytes.Contains(m.Body, []byte("|RtmpSampleAccess")) {
				media = append(media, m)
			}
		}
	}
	return media
}

// describe writes messages in short: "A" audio, "V" video, "K" a key frame, "D" data, "a" and "v" sequence headers.
func describe(messages []*chunk.Message) string {
	var b strings.Builder
	for _, m := range messages {
		switch t := message.Type(m.Type); {
		case t == message.TypeAudio && m.Body[1] == 0:
			b.WriteByte('a')
		case t == message.TypeAudio:
			b.WriteByte('A')
		case t == message.TypeVideo && m.Body[1] == 0:
			b.WriteByte('v')
		case t == message.TypeVideo && m.Body[0]>>4 == 1:
			b.WriteByte('K')
		case t == message.TypeVideo:
			b.WriteByte('V')
		default:
			b.WriteByte('D')
		}
	}
	return b.String()
}
