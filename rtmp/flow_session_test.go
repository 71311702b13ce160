package rtmp_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// journal is a log that a test can read while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *journal) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(b)
}

func (r *journal) count(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(r.buf.String(), text)
}

func (r *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TestSilentPublisher lets a publisher fall silent, twice: it is told each time, and its round trip time is known.
func TestSilentPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conns := make(chan *rtmp.Conn, 1)
		h := &relay{publish: func(ctx context.Context, s *rtmp.PublishStream) error {
			conns <- s.Conn()
			_, err := media.Copy(ctx, &collector{}, s)
			return err
		}}
		var log journal
		c := rtmptest.NewServer(t, h).Dial(t, "/live/cam", &rtmp.DialConfig{Logger: log.logger()})
		p, err := c.Publish(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		told := func(want int) {
			t.Helper()
			if n := log.count(string(rtmp.CodePublishIdle)); n != want {
				t.Errorf("the publisher was told %d times that it is idle, want %d", n, want)
			}
		}
		advance := func(d time.Duration) {
			<-time.After(d)
			synctest.Wait()
		}
		advance(14 * time.Second)
		told(0)
		advance(30 * time.Second)
		told(1)
		if err := p.WritePacket(t.Context(), messages(t, "a 0 af 00 1190")[0]); err != nil {
			t.Fatal(err)
		}
		advance(14 * time.Second)
		told(1)
		advance(2 * time.Second)
		told(2)
		if log.count("PingRequest") != 0 {
			t.Error("pings reached the application")
		}
		if rtt := (<-conns).Stats().RoundTrip; rtt < 0 || rtt > time.Second {
			t.Errorf("the round trip time is %v", rtt)
		}
	})
}

// TestBandwidthIsMeasured asks for both ways. Both ends are this package's, so that all rounds are answered.
func TestBandwidthIsMeasured(t *testing.T) {
	for command, done := range map[string]string{"checkBandwidth": "onBWDone", "_checkbw": "_onbwdone"} {
		t.Run(command, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := rtmptest.NewServer(t, &relay{})
				c := srv.Dial(t, "/live", nil)
				synctest.Wait() // the client has asked in its own way, which is over
				before := c.Stats().BytesReceived
				if _, err := c.Call(t.Context(), command); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if n := c.Stats().BytesReceived - before; n < 53<<10 || n > 60<<10 {
					t.Errorf("%s and %s took %d bytes", command, done, n)
				}
			})
		})
	}
}

// sniffer keeps what was read.
type sniffer struct {
	net.Conn
	read []byte
}

func (s *sniffer) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.read = append(s.read, b[:n]...)
	return n, err
}

// TestAggregates sends a recording in Aggregate messages to a client that knows them: it arrives as it does without.
func TestAggregates(t *testing.T) {
	stream := messages(t,
		"d 0 02 000a 6f6e4d65746144617461 03 000009",
		"v 7000 17 00 000000 01", "a 7000 af 00 1190",
		"v 7000 17 01 000000 65", "a 7010 af 01 aabb", "v 7020 27 01 000000 61", "a 7030 af 01 ccdd",
	)
	for _, test := range []struct {
		flashVer string
		packed   bool
	}{{"LNX 10,0,32,18", true}, {"WIN 9,0,114,0", false}, {"FMLE/3.0 (compatible; x)", false}} {
		t.Run(test.flashVer, func(t *testing.T) {
			h := &relay{play: func(ctx context.Context, s *rtmp.PlayStream) error { return s.WritePackets(ctx, stream) }}
			srv := rtmptest.Start(t, &rtmp.Server{Handler: h, Aggregate: true, Logger: slog.New(slog.DiscardHandler)})
			var wire sniffer
			c, err := rtmp.Dial(t.Context(), rtmptest.URL+"/live/cam", &rtmp.DialConfig{
				FlashVer: test.flashVer,
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					var err error
					wire.Conn, err = srv.Listener.DialContext(ctx, network, address)
					return &wire, err
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			p, err := c.Play(t.Context(), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			var got []*media.Packet
			for {
				pkt, err := p.ReadPacket(t.Context())
				if err == io.EOF { //nolint:errorlint // ReadPacket returns the sentinel itself
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, pkt)
			}
			if len(got) != len(stream) {
				t.Fatalf("%d packets arrived of %d", len(got), len(stream))
			}
			for i, pkt := range got {
				if !bytes.Equal(pkt.Body, stream[i].Body) || pkt.Timestamp != stream[i].Timestamp {
					t.Errorf("packet %d is % x at %v", i, pkt.Body, pkt.Timestamp)
				}
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			aggregate := []byte{6, 0, 0x1b, 0x58, 0, 0, 0x78, 22, 1, 0, 0, 0} // all but the metadata
			if packed := bytes.Contains(wire.read, aggregate); packed != test.packed {
				t.Errorf("in an Aggregate: %v, want %v:\n% x", packed, test.packed, wire.read)
			}
		})
	}
}
