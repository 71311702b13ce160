package conversation

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"leat/amf"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
)

// The folders of the recordings.
const (
	ClientFolder = "testdata/client"
	ServerFolder = "testdata/server"
	suffix       = ".rtmp"
)

// HandshakeSize is how many bytes one side sends before its first chunk (RTMP 5.2).
const HandshakeSize = 1 + 1536 + 1536

//go:embed testdata
var recordings embed.FS

// Conversation is what one side said.
type Conversation struct {
	Name      string // of the file, without its ending
	Handshake []byte
	Messages  []Message
}

// Message is a message and the chunks that carried it; among these may be some of a message that ends later.
type Message struct {
	chunk.Message
	Wire []byte
}

// File is the path of a recording within this package's folder.
func File(folder, name string) string { return path.Join(folder, name+suffix) }

// Clients returns what clients said to a server, in the order of their names.
func Clients() ([]*Conversation, error) { return load(ClientFolder) }

// Servers returns what servers said to a client, in the order of their names.
func Servers() ([]*Conversation, error) { return load(ServerFolder) }

func load(folder string) ([]*Conversation, error) {
	entries, err := recordings.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	all := make([]*Conversation, len(entries))
	for i, e := range entries {
		b, err := recordings.ReadFile(path.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		if all[i], err = Parse(strings.TrimSuffix(e.Name(), suffix), b); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Parse takes what one side said apart. What comes behind the last whole message is left out. The error says what is not RTMP.
func Parse(name string, b []byte) (*Conversation, error) {
	if len(b) < HandshakeSize {
		return nil, fmt.Errorf("%s has %d bytes, less than a handshake", name, len(b))
	}
	c := &Conversation{Name: name, Handshake: b[:HandshakeSize]}
	r := chunk.NewReader(chunk.Limits{})
	b = b[HandshakeSize:]
	from := 0
	for i := range b { // byte by byte, to know where each message ends
		err := r.Feed(b[i:i+1], func(m *chunk.Message) error {
			c.Messages = append(c.Messages, Message{Message: *m, Wire: b[from : i+1]})
			from = i + 1
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s, byte %d behind the handshake: %w", name, i, err)
		}
	}
	return c, nil
}

// Says reports whether the side says a command of that name.
func (c *Conversation) Says(name string) bool {
	for _, m := range c.Messages {
		parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
		if command, ok := parsed.(*message.Command); err == nil && ok && command.Name == name {
			return true
		}
	}
	return false
}
