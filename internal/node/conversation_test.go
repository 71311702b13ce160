package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/amf"
	"leat/internal/config"
	"leat/internal/conversation"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// TestConversations: what each recorded client said comes as far as it did then: what is published arrives, who plays gets media, and
// shared objects are answered.
func TestConversations(t *testing.T) {
	films := makeFilms(t)
	for _, c := range clientConversations(t) {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				plays, shared, published := c.Says("play"), count(c, message.TypeSharedObjectAMF0), 0
				if c.Says("publish") {
					published = count(c, message.TypeAudio) + count(c, message.TypeVideo)
				}
				if !plays && shared+published == 0 {
					t.Error("it neither plays nor publishes nor shares anything")
				}
				s := newScene(t, films, c)
				s.say(t, c.Handshake, c.Edit(nil, nil))
				if got := s.end(t); got != published {
					t.Errorf("%d of %d messages of what it publishes arrived", got, published)
				}
				if shared > 0 && s.heard.shared < shared-1 { // the last releases it
					t.Errorf("%d answers to %d messages about shared objects", s.heard.shared, shared)
				}
				if plays && s.heard.frames < 10 {
					t.Errorf("who plays got %d frames", s.heard.frames)
				}
				if line := s.lines.find("msg=closed", "side=local", "remote="+s.remote); line != "" {
					t.Errorf("the server closed it: %s", line)
				}
			})
		})
	}
}

// FuzzConversation has recorded clients say what they said to a node, changed by edits (package conversation). Whatever becomes of it,
// the connection ends, what the server says can be understood, nothing panics, no goroutine is left, and a healthy stream beside
// it loses nothing.
func FuzzConversation(f *testing.F) {
	films := makeFilms(f)
	all := clientConversations(f)
	for i := range all {
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0, 3, 4, 0, 2, byte(i), 6, 5, 0, 0, 9}) // a message of another client, and one of another type
		f.Add(uint8(i), []byte{1, 0, 2, 0, 9, 0xff})                   // a byte of the third message
	}
	f.Fuzz(func(t *testing.T, which uint8, edits []byte) {
		if len(edits) > conversation.MaxEdits {
			return
		}
		c := all[int(which)%len(all)]
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, films, c)
			s.say(t, c.Handshake, c.Edit(edits, all))
			s.end(t)
		})
	})
}

func clientConversations(tb testing.TB) []*conversation.Conversation {
	tb.Helper()
	all, err := conversation.Clients()
	if err != nil || len(all) == 0 {
		tb.Fatal("no conversations: ", err)
	}
	return all
}

func makeFilms(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	writeFilm(tb, filepath.Join(dir, conversation.Film+".flv"), mediatest.AVC(2*time.Second))
	return dir
}

// count returns how many messages of a type there are.
func count(c *conversation.Conversation, typ message.Type) int {
	n := 0
	for _, m := range c.Messages {
		if message.Type(m.Type) == typ {
			n++
		}
	}
	return n
}

// scene is a node in a bubble of synctest, with films, a healthy stream, and somebody who waits for what a conversation publishes. The
// healthy stream is what the conversation plays, unless it publishes that.
type scene struct {
	*server
	door    *rtmptest.Listener
	healthy chan error    // what is wrong with the healthy stream
	stop    chan struct{} // ends it
	waiting chan int      // how many frames came to who waits; nil if nobody does
	remote  string        // the address of whoever says something
	heard   heard
}

// heard is what the server said.
type heard struct {
	frames, shared int
}

func newScene(t *testing.T, films string, c *conversation.Conversation) *scene {
	t.Helper()
	s := &scene{door: rtmptest.NewListener(), healthy: make(chan error, 1), stop: make(chan struct{})}
	s.server = startAt(t, s.door, func(cfg *config.Config) {
		cfg.RTMP = ""
		cfg.Apps[0].PlayDir = films
		cfg.Apps[0].PublishFrom = config.Sources{anywhere(t)}
		cfg.Limits.PublisherGrace = 0
	})
	name := conversation.Stream
	if c.Says("publish") {
		name = "healthy"
		player := s.play(t, conversation.Stream)
		s.waiting = make(chan int, 1)
		go func() { // ends with the stream, or with the node
			frames, err := countFrames(player)
			if !errors.Is(err, io.EOF) {
				t.Errorf("who waited for the stream: %v", err)
			}
			s.waiting <- frames
		}()
	}
	publisher, err := s.dial(t).Publish(t.Context(), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	player := s.play(t, name)
	synctest.Wait()
	go func() { s.healthy <- beat(publisher, player, s.stop) }() // ends with stop
	return s
}

func anywhere(t *testing.T) config.Source {
	t.Helper()
	var any config.Source
	if err := any.UnmarshalText([]byte("any")); err != nil {
		t.Fatal(err)
	}
	return any
}

func (s *scene) dial(t *testing.T) *rtmp.Conn {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), rtmptest.URL+"/"+conversation.App, &rtmp.DialConfig{Dial: s.door.DialContext})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (s *scene) play(t *testing.T, name string) *rtmp.Player {
	t.Helper()
	p, err := s.dial(t).Play(t.Context(), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// countFrames plays to the end.
func countFrames(p *rtmp.Player) (int, error) {
	for frames := 0; ; {
		pkt, err := p.ReadPacket(context.Background())
		if err != nil {
			return frames, err
		}
		if pkt.Kind != media.Data {
			frames++
		}
	}
}

// beat publishes a numbered key frame every 50 ms and wants it played at once, until stop is closed.
func beat(publisher *rtmp.Publisher, player *rtmp.Player, stop <-chan struct{}) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		body := binary.BigEndian.AppendUint32([]byte{0x17, 1, 0, 0, 0}, n)
		err := publisher.WritePacket(ctx, &media.Packet{Kind: media.Video, Key: true, Timestamp: time.Duration(n) * 50 * time.Millisecond, Body: body})
		var got *media.Packet
		if err == nil {
			got, err = player.ReadPacket(ctx)
		}
		cancel()
		switch {
		case err != nil:
			return fmt.Errorf("frame %d: %w", n, err)
		case string(got.Body) != string(body):
			return fmt.Errorf("frame %d: %x was played, not %x", n, got.Body, body)
		}
		select {
		case <-tick.C:
		case <-stop:
			return publisher.Close()
		}
	}
}

// say says the pieces, each when the server has nothing more to say about the one before, and the last, which is often a farewell, after
// two seconds. It returns when the server has closed the connection.
func (s *scene) say(t *testing.T, handshake []byte, pieces [][]byte) {
	t.Helper()
	nc, err := s.door.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.remote = nc.LocalAddr().String()
	ended := make(chan struct{})
	go func() { // ends with the connection
		defer close(ended)
		s.heard = hear(t, nc)
	}()
	write := func(b []byte) bool {
		synctest.Wait()
		_, err := nc.Write(b)
		return err == nil && nc.SetWriteDeadline(time.Now().Add(patience)) == nil
	}
	open := write(handshake)
	for i, piece := range pieces {
		if i == len(pieces)-1 {
			time.Sleep(2 * time.Second)
		}
		open = open && write(piece)
	}
	synctest.Wait()
	if open {
		if err := nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("the server did not end the connection")
		nc.Close()
		<-ended
	}
	nc.Close()
}

// hear reads what the server says to its end, which must be messages.
func hear(t *testing.T, nc net.Conn) heard {
	t.Helper()
	var h heard
	if _, err := io.CopyN(io.Discard, nc, conversation.HandshakeSize); err != nil {
		return h
	}
	r := chunk.NewReader(chunk.Limits{})
	buf := make([]byte, 16<<10)
	for {
		n, err := nc.Read(buf)
		bad := r.Feed(buf[:n], func(m *chunk.Message) error {
			parsed, err := message.Parse(message.Type(m.Type), m.Body, amf.Limits{})
			switch parsed.(type) {
			case *message.Audio, *message.Video:
				h.frames++
			case *message.SharedObject:
				h.shared++
			}
			return err
		})
		if bad != nil {
			t.Errorf("what the server says cannot be understood: %v", bad)
			return h
		}
		if err != nil {
			return h
		}
	}
}

// end ends the healthy stream and the node, and returns how many frames came to who waited for what was published.
func (s *scene) end(t *testing.T) int {
	t.Helper()
	close(s.stop)
	if err := <-s.healthy; err != nil {
		t.Errorf("the healthy stream: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	for _, bad := range []string{"internal error", "panic"} {
		if line := s.lines.find(bad); line != "" {
			t.Errorf("something panicked: %s", line)
		}
	}
	if s.waiting == nil {
		return 0
	}
	return <-s.waiting
}

// find returns the first line that holds all parts, or "".
func (b *logbook) find(parts ...string) string {
	for line := range strings.Lines(b.String()) {
		if holds(line, parts) {
			return line
		}
	}
	return ""
}
