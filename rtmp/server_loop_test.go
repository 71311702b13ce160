package rtmp_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// slowDoor is a handler that lets clients of the application "slow" wait at connect.
type slowDoor struct {
	relay
	waiting atomic.Int32
	open    chan struct{}
}

func (d *slowDoor) ServeConnect(ctx context.Context, r *rtmp.ConnectRequest) error {
	if r.App != "slow" {
		return nil
	}
	d.waiting.Add(1)
	select {
	case <-d.open:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// until waits for something that another goroutine brings about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("never: %s", what)
		}
	}
}

func dialPort(t *testing.T, p *port, path string) *rtmp.Conn {
	t.Helper()
	return dialURL(t, p, "rtmp://"+p.addr+path)
}

func dialURL(t *testing.T, p *port, url string) *rtmp.Conn {
	t.Helper()
	c, err := rtmp.Dial(t.Context(), url, p.config())
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

// publishAllOf may be called on any goroutine.
func publishAllOf(t *testing.T, c *rtmp.Conn, packets []*media.Packet) {
	t.Helper()
	pub, err := c.Publish(t.Context(), "", nil)
	if err != nil {
		t.Error(err)
		return
	}
	for _, pkt := range packets {
		err = errors.Join(err, pub.WritePacket(t.Context(), pkt))
	}
	if err := errors.Join(err, pub.Close(), c.Flush(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestBlockedConnects: however many handlers of connect block, others come in and publish.
func TestBlockedConnects(t *testing.T) {
	const blocked = 50
	got := make(chan []*media.Packet, 1)
	door := &slowDoor{open: make(chan struct{})}
	door.publish = func(ctx context.Context, s *rtmp.PublishStream) error {
		var c collector
		_, err := media.Copy(ctx, &c, s)
		got <- c.packets
		return err
	}
	p := openPort(t, func(s *rtmp.Server) { s.Handler = door })
	var clients sync.WaitGroup
	for range blocked {
		clients.Go(func() {
			c, err := rtmp.Dial(t.Context(), "rtmp://"+p.addr+"/slow", nil)
			if err == nil {
				err = c.Close()
			}
			if err != nil {
				t.Errorf("who has waited at the door: %v", err)
			}
		})
	}
	until(t, "all wait", func() bool { return door.waiting.Load() == blocked })
	want := mediatest.AVC(time.Second)
	publishAllOf(t, dialPort(t, p, "/live/cam"), want)
	if diff := mediatest.DiffAll(withoutReceived(<-got), want); diff != "" {
		t.Error(diff)
	}
	close(door.open)
	clients.Wait()
}

// TestBlockedWriter: a writer that blocks holds up its own client and no other, and nothing of that is lost.
func TestBlockedWriter(t *testing.T) {
	blocked, free := make(chan struct{}, 1), make(chan struct{})
	got := map[string]chan []*media.Packet{"slow": make(chan []*media.Packet, 1), "quick": make(chan []*media.Packet, 1)}
	p := openPort(t, func(s *rtmp.Server) {
		s.Handler = &relay{publish: func(ctx context.Context, s *rtmp.PublishStream) error {
			w := &gate{}
			if s.Key().Name == "slow" {
				w.blocked, w.free = blocked, free
			}
			_, err := media.Copy(ctx, w, s)
			got[s.Key().Name] <- w.packets
			return err
		}}
	})
	want := mediatest.AVC(3 * time.Second)
	slow := dialPort(t, p, "/live/slow")
	done := make(chan struct{})
	go func() {
		defer close(done)
		publishAllOf(t, slow, want)
	}()
	<-blocked
	publishAllOf(t, dialPort(t, p, "/live/quick"), want)
	if diff := mediatest.DiffAll(withoutReceived(<-got["quick"]), want); diff != "" {
		t.Error(diff)
	}
	close(free)
	<-done
	if diff := mediatest.DiffAll(withoutReceived(<-got["slow"]), want); diff != "" {
		t.Error(diff)
	}
}

// gate is a collector that blocks at its first packet.
type gate struct {
	collector
	blocked chan<- struct{} // nil: it does not
	free    <-chan struct{}
}

func (g *gate) WritePacket(ctx context.Context, p *media.Packet) error {
	if g.blocked != nil {
		g.blocked <- struct{}{}
		g.blocked = nil
		<-g.free
	}
	return g.collector.WritePacket(ctx, p)
}

// TestSlowPlayer: a handler whose player does not read waits, and when it reads again all comes, whole and in order.
func TestSlowPlayer(t *testing.T) {
	for _, scheme := range []string{"rtmp", "rtmps", "rtmpt"} {
		t.Run(scheme, func(t *testing.T) { testSlowPlayer(t, scheme) })
	}
}

func testSlowPlayer(t *testing.T, scheme string) {
	const n, size = 600, 100 << 10 // more than sockets hold
	var written atomic.Int32
	p := openPort(t, func(s *rtmp.Server) {
		s.Handler = &relay{play: func(ctx context.Context, s *rtmp.PlayStream) error {
			for i := range n {
				body := make([]byte, size)
				copy(body, []byte{0x17, 1, 0, 0, 0, byte(i), byte(i >> 8)})
				pkt := &media.Packet{Kind: media.Video, Codec: media.CodecAVC, Key: true, Timestamp: time.Duration(i) * time.Millisecond, Body: body, Data: body[5:]}
				if err := s.WritePacket(ctx, pkt); err != nil {
					return err
				}
				written.Add(1)
			}
			return nil
		}}
	})
	player, err := dialURL(t, p, scheme+"://"+p.addr+"/live/cam").Play(t.Context(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	before, still := int32(-1), 0
	until(t, "the handler waits", func() bool {
		now := written.Load()
		if now == before {
			still++
		} else {
			before, still = now, 0
		}
		return still == 100
	})
	if before == n {
		t.Fatal("the sockets hold all of it, so that nobody had to wait")
	}
	for i := range n {
		pkt, err := player.ReadPacket(t.Context())
		if err != nil {
			t.Fatal(i, err)
		}
		if len(pkt.Body) != size || int(pkt.Body[5])|int(pkt.Body[6])<<8 != i {
			t.Fatalf("packet %d is another one, of %d bytes", i, len(pkt.Body))
		}
	}
	if _, err := player.ReadPacket(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// moments is a writer that counts the times at which packets were received.
type moments struct {
	packets int
	times   map[time.Time]bool
}

func (m *moments) WritePacket(_ context.Context, p *media.Packet) error {
	m.packets++
	m.times[p.Received] = true
	return nil
}

// TestSetPatient: of a stream that nobody waits for several packets are read at once, of another each as it comes, and of both all come.
func TestSetPatient(t *testing.T) {
	const n = 100
	got := map[string]chan moments{"patient": make(chan moments, 1), "hurried": make(chan moments, 1)}
	p := openPort(t, func(s *rtmp.Server) {
		s.Handler = &relay{publish: func(ctx context.Context, s *rtmp.PublishStream) error {
			w := &moments{times: make(map[time.Time]bool)}
			s.SetPatient(true)
			s.SetPatient(s.Key().Name == "patient")
			_, err := media.Copy(ctx, w, s)
			got[s.Key().Name] <- *w
			return err
		}}
	})
	publish := func(name string) moments {
		c := dialPort(t, p, "/live/"+name)
		pub, err := c.Publish(t.Context(), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for i := range n {
			<-tick.C
			pkt := &media.Packet{Kind: media.Audio, Codec: media.CodecAAC, Timestamp: time.Duration(5*i) * time.Millisecond, Body: []byte{0xaf, 1, byte(i)}}
			if err := errors.Join(pub.WritePacket(t.Context(), pkt), c.Flush(t.Context())); err != nil {
				t.Fatal(err)
			}
		}
		if err := pub.Close(); err != nil {
			t.Error(err)
		}
		return <-got[name]
	}
	patient, hurried := publish("patient"), publish("hurried")
	if patient.packets != n || hurried.packets != n {
		t.Errorf("%d and %d packets have come, want %d of both", patient.packets, hurried.packets, n)
	}
	if runtime.GOOS == "linux" && len(patient.times) >= len(hurried.times)*3/4 {
		t.Errorf("the patient stream was read in %d moments, the other in %d", len(patient.times), len(hurried.times))
	}
}
