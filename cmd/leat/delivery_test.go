package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/flv"
	"leat/internal/sendqueue"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// collector is a server's handler that keeps what is published to it once.
type collector struct {
	packets []*media.Packet
	ended   chan struct{} // closed when all has come
}

func newCollector() *collector { return &collector{ended: make(chan struct{})} }

func (c *collector) publish(ctx context.Context, s *rtmp.PublishStream) error {
	defer close(c.ended)
	for {
		p, err := s.ReadPacket(ctx)
		if err != nil {
			return err
		}
		c.packets = append(c.packets, p)
	}
}

// all waits for the end of the stream: who has sent everything is done before the server has read it.
func (c *collector) all(t *testing.T) []*media.Packet {
	t.Helper()
	select {
	case <-c.ended:
		return c.packets
	case <-time.After(20 * time.Second):
		t.Fatal("the stream did not end at the server")
		return nil
	}
}

// A connection that breaks is made anew, and the stream goes on with headers and a key frame on the same timeline.
func TestPublishConnectsAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cam.flv")
	if err := createFLV(file, 6*time.Second); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { connectsAgain(t, file) })
}

func connectsAgain(t *testing.T, file string) {
	var mu sync.Mutex
	connections := 0
	var last time.Duration
	second := newCollector()
	srv := rtmptest.NewServer(t, &peer{publish: func(ctx context.Context, s *rtmp.PublishStream) error {
		mu.Lock()
		connections++
		first := connections == 1
		mu.Unlock()
		if !first {
			return second.publish(ctx, s)
		}
		for {
			p, err := s.ReadPacket(ctx)
			if err != nil {
				return err
			}
			if p.Timestamp > time.Second {
				last = p.Timestamp
				s.Conn().Kick("enough")
				<-ctx.Done()
				return nil
			}
		}
	}})
	code, out, stderr := runOn(t, hosts{"server:1935": srv.Listener}, "publish", "--json", file, "rtmp://server/live/key?token=sesame")
	if code != exitDone {
		t.Fatalf("code %d: %s", code, stderr)
	}
	for _, want := range []string{"the peer closed the connection; connecting again in ", "leat: publishing rtmp://server/live/key again"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("it did not say %q:\n%s", want, stderr)
		}
	}
	var sum publishSummary
	if err := json.Unmarshal([]byte(out), &sum); err != nil || sum.Reconnects != 1 || sum.Ended != endedByFile {
		t.Errorf("summary %s, %v", out, err)
	}
	got := second.all(t)
	if len(got) == 0 {
		t.Fatal("nothing came over the second connection")
	}
	headers, video := 0, false
	for _, p := range got {
		switch {
		case p.Config:
			headers++
		case p.Timestamp < last:
			t.Fatalf("the timeline went back from %v to %v", last, p.Timestamp)
		case p.Kind == media.Video && !video:
			video = true
			if !p.Key || headers < 3 {
				t.Errorf("video goes on with key frame: %v, after %d headers", p.Key, headers)
			}
		}
	}
	if !video {
		t.Error("no video came over the second connection")
	}
}

// TestSettledMeansOpen: before a delivery says that it is ready its queue is open, so that nothing is thrown away of what comes then.
func TestSettledMeansOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := rtmptest.NewServer(t, &peer{publish: newCollector().publish})
		to, err := new(connectFlags).target(rtmptest.URL+"/live/cam", 10*time.Second, func(ctx context.Context, _, _ string) (net.Conn, error) {
			return srv.Listener.Dial(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		settled := make(chan struct{}) // without room, so that the delivery waits with its word on its lips
		d := &delivery{
			target: to, queue: sendqueue.New(sendqueue.Limits{}), publish: rtmp.PublishLive, only: true,
			console: &console{w: io.Discard}, settled: settled, sourceOver: make(chan struct{}),
		}
		var delivering sync.WaitGroup
		delivering.Go(func() { d.run(t.Context()) })
		synctest.Wait()
		if err := d.queue.Put(t.Context(), mediatest.Opus(time.Second)[0]); err != nil {
			t.Fatal(err)
		}
		<-settled
		d.queue.End()
		delivering.Wait()
		if n := d.queue.Stats().Missed; d.err != nil || d.packets != 1 || n != 0 {
			t.Errorf("%d packets were delivered and %d thrown away: %v", d.packets, n, d.err)
		}
	})
}

// A server that takes the stream and never reads it loses video, and nobody else loses anything.
func TestPublishToOneThatNeverReads(t *testing.T) {
	file := filepath.Join(t.TempDir(), "large.flv")
	count := createLargeFLV(t, file)
	synctest.Test(t, func(t *testing.T) {
		stuck := rtmptest.NewServer(t, &peer{publish: func(ctx context.Context, s *rtmp.PublishStream) error {
			err := takeOne(ctx, s)
			<-ctx.Done()
			return err
		}})
		good := newCollector()
		healthy := rtmptest.NewServer(t, &peer{publish: good.publish})
		_, out, stderr := runOn(t, hosts{"stuck:1935": stuck.Listener, "healthy:1935": healthy.Listener}, "publish", "--json", "--retry", "0",
			"--drop-after", "1s", "--send-timeout", "5s", file, "rtmp://stuck/live/cam", "rtmp://healthy/live/cam")
		got := 0
		for _, p := range good.all(t) {
			if p.Kind != media.Data {
				got++
			}
		}
		if got != count {
			t.Errorf("the healthy server got %d packets of %d; it said %s", got, count, stderr)
		}
		var sum publishSummary
		if err := json.Unmarshal([]byte(strings.SplitAfter(out, "\n")[0]), &sum); err != nil || sum.Dropped == 0 {
			t.Errorf("nothing was left out for the other: %s, %v", out, err)
		}
	})
}

// createLargeFLV writes eight seconds of video, 40 MB, which the queue of a server does not hold, and returns the number of packets.
func createLargeFLV(t *testing.T, name string) int {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := flv.NewWriter(file)
	count := 0
	for _, p := range mediatest.AVC(8 * time.Second) {
		if p.Kind == media.Data {
			continue
		}
		q := *p
		if p.Kind == media.Video && !p.Config {
			q.Body = append(append([]byte(nil), p.Body...), make([]byte, 200<<10)...)
		}
		if err := w.WritePacket(t.Context(), &q); err != nil {
			t.Fatal(err)
		}
		count++
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return count
}

func TestBackoff(t *testing.T) {
	most := firstBackoff
	for attempt := range 100 {
		for range 20 {
			if d := backoff(attempt); d > most || d < most*3/4 {
				t.Fatalf("attempt %d waits %v, want %v less a quarter at most", attempt, d, most)
			}
		}
		most = min(2*most, maxBackoff)
	}
}

func TestRouteFlags(t *testing.T) {
	tests := []struct {
		flags routeFlags
		set   bool
		fails bool
	}{
		{routeFlags{}, false, false},
		{routeFlags{IPv4: true}, true, false},
		{routeFlags{IPv6: true, Bind: "::1"}, true, false},
		{routeFlags{Bind: "127.0.0.1"}, true, false},
		{routeFlags{IPv4: true, IPv6: true}, false, true},
		{routeFlags{IPv4: true, Bind: "::1"}, false, true},
		{routeFlags{IPv6: true, Bind: "127.0.0.1"}, false, true},
		{routeFlags{Bind: "eth0"}, false, true},
	}
	for _, test := range tests {
		dial, err := test.flags.dialer()
		if (dial != nil) != test.set || (err != nil) != test.fails {
			t.Errorf("%+v: dialer %v, error %v", test.flags, dial != nil, err)
		}
	}
}
