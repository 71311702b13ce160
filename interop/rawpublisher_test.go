//go:build interop

package interop

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"testing"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/handshake"
	"leat/internal/wire/message"
)

// rawPublisher publishes with a chunk stream of the test's own making, in chunks of the default size.
type rawPublisher struct {
	nc net.Conn
	// append writes a message as the dialect demands.
	append func(dst []byte, m *chunk.Message, chunkSize uint32) []byte
	buf    []byte
}

// publishRaw connects and publishes: all commands in one write, without waiting for answers.
func publishRaw(t *testing.T, address string, dialect func([]byte, *chunk.Message, uint32) []byte) *rawPublisher {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	shake(t, nc)
	name := u.Path[len("/live/"):]
	p := &rawPublisher{nc: nc, append: dialect}
	err = p.commands(
		command{0, &message.Command{Name: "connect", TransactionID: 1, Object: amf.NewObject("app", "live", "tcUrl", "rtmp://"+u.Host+"/live")}},
		command{0, &message.Command{Name: "createStream", TransactionID: 2}},
		command{1, &message.Command{Name: "publish", TransactionID: 3, Args: []any{name, "live"}}},
	)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, nc) }() // what the server answers; ends with the connection
	return p
}

// command is a command on a message stream.
type command struct {
	msid uint32
	*message.Command
}

// commands sends commands in one write.
func (p *rawPublisher) commands(all ...command) error {
	var b []byte
	for _, c := range all {
		body, err := message.Append(nil, c.Command)
		if err != nil {
			return err
		}
		m := &chunk.Message{ChunkStreamID: 3, Type: uint8(message.TypeCommandAMF0), StreamID: c.msid, Body: body}
		b = chunk.AppendFull(b, m, chunk.DefaultChunkSize)
	}
	_, err := p.nc.Write(b)
	return err
}

// shake is the client's side of the handshake.
func shake(t *testing.T, nc net.Conn) {
	t.Helper()
	client := handshake.NewClient(handshake.ClientConfig{})
	if _, err := nc.Write(client.Start()); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 1); !client.Done(); { // one by one: what follows the handshake is not to be read here
		if _, err := nc.Read(b); err != nil {
			t.Fatal(err)
		}
		_, reply, err := client.Feed(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write(reply); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *rawPublisher) finish() error {
	return p.commands(command{0, &message.Command{Name: "deleteStream", TransactionID: 4, Args: []any{1.0}}})
}

func (p *rawPublisher) send(timestamp uint32, body []byte) error {
	m := &chunk.Message{ChunkStreamID: 6, Type: uint8(message.TypeVideo), StreamID: 1, Timestamp: timestamp, Body: body}
	p.buf = p.append(p.buf[:0], m, chunk.DefaultChunkSize)
	_, err := p.nc.Write(p.buf)
	return err
}

// appendWithoutRepeat is the dialect of encoders that write the extended timestamp in the first chunk of a message only,
// against RTMP 5.3.1.3.
func appendWithoutRepeat(dst []byte, m *chunk.Message, chunkSize uint32) []byte {
	const extended = 0xffffff
	field := min(m.Timestamp, extended)
	dst = append(dst, byte(m.ChunkStreamID))
	dst = append(dst, byte(field>>16), byte(field>>8), byte(field))
	dst = append(dst, byte(len(m.Body)>>16), byte(len(m.Body)>>8), byte(len(m.Body)), m.Type)
	dst = binary.LittleEndian.AppendUint32(dst, m.StreamID)
	if field == extended {
		dst = binary.BigEndian.AppendUint32(dst, m.Timestamp)
	}
	for body := m.Body; ; {
		n := min(len(body), int(chunkSize))
		dst = append(dst, body[:n]...)
		if body = body[n:]; len(body) == 0 {
			return dst
		}
		dst = append(dst, 3<<6|byte(m.ChunkStreamID))
	}
}
