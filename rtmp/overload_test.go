package rtmp_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/wire/handshake"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// TestConnectRate: connections beyond the rate are closed at once, others come in as time goes by, and the log has a line a
// second of it at most.
func TestConnectRate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits rtmp.Limits
	}{
		{"of the server", rtmp.Limits{ConnectsPerSecond: 5}},
		{"of one address", rtmp.Limits{ConnectsPerAddress: 5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				srv := rtmptest.Start(t, &rtmp.Server{
					Handler: newPublishAll(), Logger: slog.New(slog.NewTextHandler(&log, nil)), Limits: tt.limits,
				})
				first, err := srv.TryDial(t.Context(), "/live", nil)
				if err != nil {
					t.Fatal(err)
				}
				let := 1
				storm := func() {
					for range 100 {
						c, err := srv.TryDial(t.Context(), "/live", nil)
						if err != nil {
							continue
						}
						let++
						if err := c.Close(); err != nil {
							t.Error(err)
						}
					}
				}
				storm()
				if let != 10 {
					t.Errorf("%d connections were let in at once, want 10", let)
				}
				time.Sleep(1100 * time.Millisecond)
				storm()
				if let != 15 {
					t.Errorf("%d connections were let in within a second, want 15", let)
				}
				if first.CloseReason() != nil {
					t.Error("a connection that was there before was closed")
				}
				if err := first.Close(); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if n := strings.Count(log.String(), "connection refused"); n != 2 {
					t.Errorf("%d lines about it, want 2:\n%s", n, log.String())
				}
				if n := srv.Stats().RefusedByRate; n != 186 {
					t.Errorf("%d refused by the rate, want 186", n)
				}
			})
		})
	}
}

// TestWriteTotal: when too much waits to be sent on all connections, the one that holds most of it is closed, and no other.
func TestWriteTotal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, log := logLines()
		srv := &rtmp.Server{Handler: newPublishAll(), Logger: logger, Limits: rtmp.Limits{
			CommandsPerSecond: 1 << 30, WriteBuffer: 1 << 30, WriteTotal: 256 << 10, WriteStall: time.Hour,
		}}
		var clients []*wirePeer
		var served []chan struct{}
		for range 2 {
			client, server := rtmptest.Pipe()
			defer client.Close()
			done := make(chan struct{})
			go func() { // ends with the connection
				srv.ServeConn(server)
				close(done)
			}()
			send(client, handshake.NewClient(handshake.ClientConfig{}).Start())
			send(client, make([]byte, 1536))
			p := newWirePeer()
			p.nc = client
			p.write(t, []string{`connect 1 {app: "live"}`})
			clients, served = append(clients, &p), append(served, done)
		}
		ping, err := parseMessage("PingRequest 1")
		if err != nil {
			t.Fatal(err)
		}
		for pings := range 20_000 { // which neither client reads the answers of
			if !send(clients[0].nc, clients[0].appendMessage(nil, ping)) {
				break
			}
			if pings%10 == 0 {
				send(clients[1].nc, clients[1].appendMessage(nil, ping))
			}
			synctest.Wait()
		}
		<-served[0]
		wantReason(t, log, "local: more than 262144 bytes wait to be sent on all connections together, on this one the most: ")
		if !send(clients[1].nc, clients[1].appendMessage(nil, ping)) {
			t.Error("the other connection was closed, too")
		}
		closeServer(t, srv)
		<-served[1]
	})
}

// TestMediaRate: who sends media faster than it may is read more slowly, and loses nothing.
func TestMediaRate(t *testing.T) {
	const messages, perSecond = 1000, 100
	synctest.Test(t, func(t *testing.T) {
		h := newPublishAll()
		got, took := 0, make(chan time.Duration, 1)
		h.publish = func(ctx context.Context, s *rtmp.PublishStream) error {
			start := time.Now()
			for {
				if _, err := s.ReadPacket(ctx); err != nil {
					return err
				}
				if got++; got == messages {
					took <- time.Since(start)
				}
			}
		}
		srv := rtmptest.Start(t, &rtmp.Server{Handler: h, Logger: quiet, Limits: rtmp.Limits{MediaPerSecond: perSecond}})
		c := srv.Dial(t, "/live", nil)
		p, err := c.Publish(t.Context(), "cam", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range messages {
			if err := p.WritePacket(t.Context(), frame(media.Video, time.Duration(i)*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		if d, want := <-took, (messages-2*perSecond)*time.Second/perSecond; d < want-time.Second || d > want+time.Second {
			t.Errorf("the messages came within %v, want %v", d, want)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestReadTotal: all connections together bring no more than they may, and one that brings little does not wait for the others.
func TestReadTotal(t *testing.T) {
	const perSecond, size, messages = 1 << 20, 256 << 10, 32
	synctest.Test(t, func(t *testing.T) {
		h := newPublishAll()
		flood := make(chan time.Duration, 1)
		worst := make(chan time.Duration, 1)
		h.publish = func(ctx context.Context, s *rtmp.PublishStream) error {
			start, got, latest := time.Now(), 0, time.Duration(0)
			defer func() {
				if s.Key().Name == "modest" {
					worst <- latest
				}
			}()
			for {
				p, err := s.ReadPacket(ctx)
				if err != nil {
					return err
				}
				latest = max(latest, time.Since(start)-p.Timestamp)
				if got++; got == messages && s.Key().Name == "flood" {
					flood <- time.Since(start)
				}
			}
		}
		srv := rtmptest.Start(t, &rtmp.Server{Handler: h, Logger: quiet, Limits: rtmp.Limits{ReadTotal: perSecond}})
		publish := func(name string) *rtmp.Publisher {
			c := srv.Dial(t, "/live", nil)
			t.Cleanup(func() { _ = c.Close() }) // the server's side is what this is about
			p, err := c.Publish(t.Context(), name, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		modest := publish("modest")
		done := make(chan error, 1)
		go func() { // ends with its messages
			var err error
			for i := 0; i < 100 && err == nil; i++ {
				p := frame(media.Audio, time.Duration(i)*100*time.Millisecond)
				err = modest.WritePacket(t.Context(), p)
				time.Sleep(100 * time.Millisecond)
			}
			done <- err
		}()
		p := publish("flood")
		body := append([]byte{0x27, 1, 0, 0, 0}, make([]byte, size)...)
		for i := range messages {
			if err := p.WritePacket(t.Context(), &media.Packet{Kind: media.Video, Timestamp: time.Duration(i) * time.Millisecond, Body: body}); err != nil {
				t.Fatal(err)
			}
		}
		if d, want := <-flood, messages*size*time.Second/perSecond; d < want-time.Second || d > want+time.Second {
			t.Errorf("the flood came within %v, want %v", d, want)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := modest.Close(); err != nil {
			t.Error(err)
		}
		if d := <-worst; d > 10*time.Millisecond {
			t.Errorf("the modest stream came up to %v late", d)
		}
	})
}
