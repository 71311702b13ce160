package rtmp_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"leat/internal/wire/message"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// heard is what a Trace was told.
type heard struct {
	mu             sync.Mutex
	handshake      rtmp.TraceHandshake
	received, sent []message.Type
	chunkSize      uint32 // of the sender of the last message received
	closed         chan *rtmp.CloseReason
}

func newHeard() *heard { return &heard{closed: make(chan *rtmp.CloseReason, 1)} }

func (h *heard) trace() *rtmp.Trace {
	return &rtmp.Trace{
		HandshakeDone: func(hs rtmp.TraceHandshake) { h.handshake = hs },
		Received: func(m rtmp.TraceMessage) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.received = append(h.received, message.Type(m.Type))
			h.chunkSize = m.ChunkSize
		},
		Sent: func(m rtmp.TraceMessage) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.sent = append(h.sent, message.Type(m.Type))
		},
		Closed: func(r *rtmp.CloseReason) { h.closed <- r },
	}
}

func drain(ctx context.Context, s *rtmp.PublishStream) error {
	for {
		if _, err := s.ReadPacket(ctx); err != nil {
			return err
		}
	}
}

// TestTrace publishes with both ends traced: what one has sent the other has received.
func TestTrace(t *testing.T) {
	server, client := newHeard(), newHeard()
	srv := rtmptest.Start(t, &rtmp.Server{Handler: &relay{publish: drain}, Trace: func(c *rtmp.Conn) *rtmp.Trace {
		if c.ID() == 0 || c.RemoteAddr() == nil {
			t.Error("the connection has no number or no address")
		}
		return server.trace()
	}})
	c := srv.Dial(t, "/live/cam", &rtmp.DialConfig{Trace: client.trace()})
	pub, err := c.Publish(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	packets := mediatest.AVC(time.Second)
	for _, p := range packets {
		if err := pub.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]*heard{"server": server, "client": client} {
		if r := <-h.closed; r == nil {
			t.Errorf("%s: closed without a reason", name)
		}
		if h.handshake.Name != "plain" || h.handshake.Version != 3 {
			t.Errorf("%s: the handshake was %+v", name, h.handshake)
		}
	}
	media := 0
	got := slices.DeleteFunc(slices.Clone(server.received), func(typ message.Type) bool {
		isMedia := typ == message.TypeAudio || typ == message.TypeVideo || typ == message.TypeDataAMF0
		if isMedia {
			media++
		}
		return isMedia
	})
	if media != len(packets) {
		t.Errorf("the server has received %d messages of media, want %d", media, len(packets))
	}
	// What was sent last may not arrive, and what goroutines send at once may be told in another order.
	if len(got) < 5 || !within(got, client.sent) {
		t.Errorf("the server has received %v, the client sent %v", got, client.sent)
	}
	if len(client.received) < 8 || !within(client.received, server.sent) {
		t.Errorf("the client has received %v, the server sent %v", client.received, server.sent)
	}
	if server.chunkSize != 65536 {
		t.Errorf("the client's chunk size is %d", server.chunkSize)
	}
}

// within reports whether all of part are in whole, as often.
func within(part, whole []message.Type) bool {
	whole = slices.Clone(whole)
	for _, typ := range part {
		i := slices.Index(whole, typ)
		if i < 0 {
			return false
		}
		whole = slices.Delete(whole, i, i+1)
	}
	return true
}
