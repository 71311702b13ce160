package abuse

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// peer is a client made of bytes: it does what no honest program would do, and reads only when it is asked to.
type peer struct {
	t     *testing.T
	nc    net.Conn
	out   *chunk.Writer
	in    *chunk.Reader
	buf   []byte
	ready []chunk.Message // received and not looked at
	err   error           // why nothing more is received
}

// shaken returns a peer that has made the handshake.
func (h *house) shaken() *peer {
	h.t.Helper()
	p := newPeer(h.t, h.dial())
	p.shake()
	return p
}

func newPeer(t *testing.T, nc net.Conn) *peer {
	return &peer{t: t, nc: nc, out: chunk.NewWriter(), in: chunk.NewReader(chunk.Limits{}), buf: make([]byte, 32<<10)}
}

// connect returns a peer that is connected to app live.
func (h *house) connect() *peer {
	h.t.Helper()
	p := h.shaken()
	p.connect()
	return p
}

func (p *peer) connect() {
	p.t.Helper()
	p.command(0, "connect", 1, amf.NewObject("app", "live", "tcUrl", "rtmp://localhost/live", "flashVer", "abuse"))
	p.answer("_result", 1)
}

// publish returns a peer that publishes on message stream 1.
func (h *house) publish(name string) *peer {
	h.t.Helper()
	p := h.connect()
	p.publish(name)
	return p
}

func (p *peer) publish(name string) {
	p.t.Helper()
	p.command(0, "createStream", 2, nil)
	p.command(1, "publish", 3, nil, name, "live")
	p.status("NetStream.Publish.Start")
}

// play returns a peer that plays on message stream 1 and is one of the stream's players.
func (h *house) play(name string) *peer {
	h.t.Helper()
	p := h.connect()
	joined := h.lines.count("msg=playing", "stream=live/"+name)
	p.command(0, "createStream", 2, nil)
	p.command(1, "play", 3, nil, name)
	p.status("NetStream.Play.Start")
	h.lines.waitFor(h.t, joined+1, "msg=playing", "stream=live/"+name)
	return p
}

func (p *peer) shake() {
	p.t.Helper()
	hs := handshake.NewClient(handshake.ClientConfig{})
	reply := hs.Start()
	for {
		if !p.write(reply) {
			p.t.Fatal("the server closed during the handshake")
		}
		if hs.Done() {
			return
		}
		n, err := p.nc.Read(p.buf)
		if err != nil {
			p.t.Fatal(err)
		}
		if _, reply, err = hs.Feed(p.buf[:n]); err != nil {
			p.t.Fatal(err)
		}
	}
}

// write reports whether the server still takes bytes.
func (p *peer) write(b []byte) bool {
	p.t.Helper()
	if err := p.nc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	_, err := p.nc.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Fatal("the server has stopped reading")
	}
	return err == nil
}

// send writes a message on the usual chunk stream of its kind.
func (p *peer) send(streamID uint32, m message.Message) bool {
	p.t.Helper()
	body, err := message.Append(nil, m)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.raw(m.Type(), streamID, 0, body)
}

// raw writes a message of any body.
func (p *peer) raw(typ message.Type, streamID, timestamp uint32, body []byte) bool {
	p.t.Helper()
	return p.write(p.encode(typ, streamID, timestamp, body))
}

func (p *peer) encode(typ message.Type, streamID, timestamp uint32, body []byte) []byte {
	csid := uint32(3)
	if typ <= message.TypeSetPeerBandwidth {
		csid = 2
	}
	b := p.out.AppendMessage(nil, &chunk.Message{
		ChunkStreamID: csid, Type: uint8(typ), StreamID: streamID, Timestamp: timestamp, Body: body,
	})
	if typ == message.TypeSetChunkSize && len(body) == 4 {
		if size := binary.BigEndian.Uint32(body); size > 0 && size <= chunk.MaxChunkSize {
			p.out.SetChunkSize(size)
		}
	}
	return b
}

// command sends a command.
func (p *peer) command(streamID uint32, name string, transaction float64, object any, args ...any) bool {
	p.t.Helper()
	return p.send(streamID, &message.Command{Name: name, TransactionID: transaction, Object: object, Args: args})
}

var (
	keyFrame   = []byte{0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65}
	interFrame = []byte{0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41}
	audioFrame = []byte{0xaf, 1, 0x21}
)

func (p *peer) video(timestamp uint32, body []byte) bool {
	p.t.Helper()
	return p.raw(message.TypeVideo, 1, timestamp, body)
}

// next returns the next message, nil at the end of the connection.
func (p *peer) next() *chunk.Message {
	p.t.Helper()
	for len(p.ready) == 0 && p.err == nil {
		if err := p.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
			p.t.Fatal(err)
		}
		var n int
		n, p.err = p.nc.Read(p.buf)
		err := p.in.Feed(p.buf[:n], func(m *chunk.Message) error {
			p.ready = append(p.ready, *m)
			return nil
		})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if len(p.ready) == 0 {
		return nil
	}
	m := p.ready[0]
	p.ready = p.ready[1:]
	return &m
}

// until reads until a message is the one, and returns it.
func (p *peer) until(what string, is func(*chunk.Message) bool) *chunk.Message {
	p.t.Helper()
	for {
		m := p.next()
		if m == nil {
			p.t.Fatalf("the connection ended before %s: %v", what, p.err)
		}
		if is(m) {
			return m
		}
	}
}

// answer reads until the answer to a transaction has come by that name.
func (p *peer) answer(name string, transaction float64) {
	p.t.Helper()
	p.until(name, func(m *chunk.Message) bool {
		cmd := p.parse(m)
		return cmd != nil && cmd.Name == name && cmd.TransactionID == transaction
	})
}

// status reads until an onStatus of that code.
func (p *peer) status(code string) {
	p.t.Helper()
	p.until(code, func(m *chunk.Message) bool { return p.code(m) == code })
}

// code is the code of an onStatus; "" of anything else.
func (p *peer) code(m *chunk.Message) string {
	p.t.Helper()
	cmd := p.parse(m)
	if cmd == nil || cmd.Name != "onStatus" || len(cmd.Args) == 0 {
		return ""
	}
	info, ok := cmd.Args[0].(*amf.Object)
	if !ok {
		p.t.Fatalf("onStatus without an information object: %v", cmd.Args)
	}
	return info.Text("code")
}

// parse returns a command; nil if m is none.
func (p *peer) parse(m *chunk.Message) *message.Command {
	p.t.Helper()
	if message.Type(m.Type) != message.TypeCommandAMF0 {
		return nil
	}
	parsed, err := message.Parse(message.TypeCommandAMF0, m.Body, amf.Limits{})
	cmd, ok := parsed.(*message.Command)
	if err != nil || !ok {
		p.t.Fatalf("a command of the server is damaged: %v", err)
	}
	return cmd
}

// media reads so many messages of audio and video.
func (p *peer) media(n int) []*chunk.Message {
	p.t.Helper()
	var got []*chunk.Message
	p.until("so many messages of media", func(m *chunk.Message) bool {
		if isMedia(m) {
			got = append(got, m)
		}
		return len(got) == n
	})
	return got
}

func isMedia(m *chunk.Message) bool {
	return message.Type(m.Type) == message.TypeAudio || message.Type(m.Type) == message.TypeVideo
}

// closed reads until the server closes, and then closes too, as the server waits for that a little.
func (p *peer) closed() {
	p.t.Helper()
	if err := p.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, p.nc); errors.Is(err, os.ErrDeadlineExceeded) {
		p.t.Error("the server does not close the connection")
	}
	p.nc.Close()
}

// reset ends the connection with RST.
func (p *peer) reset() { reset(p.t, p.nc) }

func reset(t *testing.T, nc net.Conn) {
	t.Helper()
	if err := nc.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	if err := nc.Close(); err != nil {
		t.Fatal(err)
	}
}
