package abuse

import (
	"net"
	"slices"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/rtmp/rtmptest"
)

// Players that do not do their part.

// flood publishes key frames of 64 KiB, some 6 MB a second, until stop is closed.
func flood(p *peer, stop <-chan struct{}, ended chan<- struct{}) {
	defer close(ended)
	frame := append(slices.Clip(keyFrame), make([]byte, 64<<10)...)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for at := uint32(0); ; at += 10 {
		if !p.video(at, frame) {
			return
		}
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// floodBeside floods a stream while fn runs.
func floodBeside(h *house, name string, fn func()) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go flood(h.publish(name), stop, ended) // ends with stop
	defer func() {
		close(stop)
		<-ended
	}()
	fn()
}

// small makes the socket hold little, so that who does not read is noticed: no less than a packet of the loopback.
func small(p *peer) *peer {
	p.t.Helper()
	if err := p.nc.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		p.t.Fatal(err)
	}
	return p
}

func lag(c *config.Config) { c.Limits.MaxLag = 500 * time.Millisecond }

// readAll reads a flooded stream from its beginning until there are lines with all parts in the log, and wants every frame.
func readAll(h *house, p *peer, lines int, parts ...string) {
	h.t.Helper()
	deadline := time.Now().Add(patience)
	for at := uint32(0); h.lines.count(parts...) < lines; at += 10 {
		if m := p.media(1)[0]; m.Timestamp != at || len(m.Body) != 64<<10+len(keyFrame) {
			h.t.Fatalf("who reads got a frame at %d of %d bytes, where that at %d was due", m.Timestamp, len(m.Body), at)
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%d of %d lines with %q in the log", h.lines.count(parts...), lines, parts)
		}
	}
}

// TestSlowConsumer: players that do not read are ended after max_lag. What they did not read was not kept for them, and who reads the
// same stream gets all of it.
func TestSlowConsumer(t *testing.T) {
	const players = 10
	beside(t, offence{
		tweak: lag,
		do: func(_ *testing.T, h *house) {
			for range players {
				small(h.play("flooded"))
			}
			quick := h.play("flooded")
			floodBeside(h, "flooded", func() {
				readAll(h, quick, players, "play ended", "stream=live/flooded", "it was too slow for limits.max_lag")
			})
			h.hangUp()
		},
		want: [][]string{{"msg=closed", "side=local", "the player was too slow: it fell behind by more than limits.max_lag"}},
	})
}

// TestOneByteReader: reading a little is no better, and again others do not notice.
func TestOneByteReader(t *testing.T) {
	beside(t, offence{
		tweak: lag,
		do: func(t *testing.T, h *house) {
			p := small(h.play("trickle"))
			slow := rtmptest.NewFault(p.nc, rtmptest.FaultConfig{ReadSize: 1, ReadDelay: 5 * time.Millisecond})
			read := make(chan struct{})
			go func() { // ends with the connection
				defer close(read)
				b := make([]byte, 1)
				for {
					if _, err := slow.Read(b); err != nil {
						return
					}
				}
			}()
			quick := h.play("trickle")
			floodBeside(h, "trickle", func() {
				readAll(h, quick, 1, "play ended", "stream=live/trickle", "it was too slow for limits.max_lag")
			})
			if err := slow.Close(); err != nil {
				t.Error(err)
			}
			<-read
		},
	})
}

// TestSlowThenQuick: a player that stalls and reads again is live again within two seconds.
func TestSlowThenQuick(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.MaxLag = patience },
		do: func(t *testing.T, h *house) {
			p := small(h.play("stalled"))
			floodBeside(h, "stalled", func() {
				newest := func() uint32 {
					for _, s := range h.node.Streams() {
						if s.Key.Name == "stalled" && s.Publisher != nil {
							return uint32(s.Publisher.Packets) * 10
						}
					}
					return 0
				}
				until(t, "the player was far behind", func() bool { return newest() > 800 })
				start := time.Now()
				p.until("what is live", func(m *chunk.Message) bool { return isMedia(m) && m.Timestamp+200 > newest() })
				if took := time.Since(start); took > h.healthy.allow(2*time.Second) {
					t.Errorf("the player was live again after %v", took)
				}
			})
		},
	})
}

// TestNoAck: a player that never acknowledges goes on getting media, and a publisher's window is acknowledged as it asks.
func TestNoAck(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			player := h.play("unacknowledged")
			publisher := h.connect()
			publisher.send(0, &message.WindowAckSize{Size: 100_000})
			publisher.publish("unacknowledged")
			const frames, size = 60, 64 << 10 // more than the 2.5 MB of the window that the server announces
			frame := append(slices.Clip(keyFrame), make([]byte, size)...)
			for i := range uint32(frames) {
				publisher.video(i, frame)
				player.media(1)
			}
			acks := 0
			publisher.send(0, &message.UserControl{Event: message.EventPingRequest, Value: 7})
			publisher.until("the answer to a ping", func(m *chunk.Message) bool {
				if message.Type(m.Type) == message.TypeAcknowledgement {
					acks++
				}
				return message.Type(m.Type) == message.TypeUserControl && m.Body[1] == byte(message.EventPingResponse)
			})
			if acks < frames*size/100_000 {
				t.Errorf("%d acknowledgements of %d bytes for windows of 100,000", acks, frames*size)
			}
		},
	})
}

// TestNoPong: players that answer no ping are closed, and told why.
func TestNoPong(t *testing.T) {
	beside(t, offence{
		tweak: func(c *config.Config) { c.Limits.IdleTimeout = 1200 * time.Millisecond },
		do: func(_ *testing.T, h *house) {
			p := h.play("silent")
			p.until("a ping", func(m *chunk.Message) bool {
				return message.Type(m.Type) == message.TypeUserControl && m.Body[1] == byte(message.EventPingRequest)
			})
			p.closed()
		},
		want: [][]string{{"msg=closed", "side=local", "nothing was received for", "not even an answer to a ping"}},
	})
}

// TestTinyWindow: windows of no or one byte make the server send neither nothing nor floods.
func TestTinyWindow(t *testing.T) {
	beside(t, offence{
		do: func(t *testing.T, h *house) {
			publisher, player := h.publish("windows"), h.play("windows")
			for _, size := range []uint32{0, 1, 1<<32 - 1} {
				publisher.send(0, &message.WindowAckSize{Size: size})
				for limit := range uint8(4) {
					player.raw(message.TypeSetPeerBandwidth, 0, 0, []byte{0, 0, 0, byte(size), limit})
				}
				player.send(0, &message.Acknowledgement{SequenceNumber: size})
				received := 0
				for i := range uint32(50) {
					publisher.video(i, keyFrame)
				}
				player.media(50)
				publisher.send(0, &message.UserControl{Event: message.EventPingRequest, Value: 7})
				publisher.until("the answer to a ping", func(m *chunk.Message) bool {
					received++
					return message.Type(m.Type) == message.TypeUserControl && m.Body[1] == byte(message.EventPingResponse)
				})
				if received > 200 {
					t.Errorf("a window of %d brought %d messages", size, received)
				}
			}
		},
	})
}
