//go:build soak

package abuse

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leat/internal/config"
	"leat/media"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// soakTime is how long TestSoak goes on: SOAK_SECONDS, 600 without it.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK_SECONDS")
	if text == "" {
		return 10 * time.Minute
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		t.Fatalf("SOAK_SECONDS is %q, want a positive number", text)
	}
	return time.Duration(seconds) * time.Second
}

// soakSessions is how many mutated sessions there are at least.
const soakSessions = 3000

// TestSoak mixes publishers and players that come, go, stall, break off and are damaged, beside a healthy stream. At the end the
// healthy players have had every message, and what the others have used is free again.
func TestSoak(t *testing.T) {
	var done [5]atomic.Int64
	beside(t, offence{
		tweak: func(c *config.Config) {
			c.Limits.MaxLag = 2 * time.Second
			c.Limits.HandshakeTimeout = 2 * time.Second
		},
		do: func(t *testing.T, h *house) {
			h.lines.keepOnly("panic", "stream=live/newcomer") // minutes of all would be what the heap grows by
			session := recordSession(t)
			stop := make(chan struct{})
			var crowd sync.WaitGroup
			for i, work := range []func(*rand.Rand) error{
				func(r *rand.Rand) error { return soakSession(h, r, rtmptest.FaultConfig{}) },
				func(r *rand.Rand) error { return soakSession(h, r, faults(r)) },
				func(r *rand.Rand) error { return soakMutated(h, r, session) },
				func(r *rand.Rand) error { return soakMutated(h, r, session) },
				func(r *rand.Rand) error { return soakStalled(h, r) },
			} {
				random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(i)))
				crowd.Go(func() { // ends with stop
					for {
						select {
						case <-stop:
							return
						default:
						}
						if err := work(random); err != nil {
							t.Errorf("worker %d: %v", i, err)
							return
						}
						done[i].Add(1)
					}
				})
			}
			<-time.After(soakTime(t))
			until(t, "enough mutated sessions had run", func() bool { return done[2].Load()+done[3].Load() >= soakSessions })
			close(stop)
			crowd.Wait()
		},
		heap: 256 << 20,
	})
	t.Logf("%d healthy sessions, %d faulty, %d mutated, %d stalled", done[0].Load(), done[1].Load(), done[2].Load()+done[3].Load(), done[4].Load())
}

// keepOnly throws lines away from now on that hold none of the parts.
func (b *logbook) keepOnly(parts ...string) {
	b.mu.Lock()
	b.only = parts
	b.mu.Unlock()
}

// soakName is one of a few names, so that sessions meet.
func soakName(r *rand.Rand) string { return "soak-" + strconv.Itoa(r.IntN(4)) }

// faults is one way in which a network misbehaves.
func faults(r *rand.Rand) rtmptest.FaultConfig {
	cfg := rtmptest.FaultConfig{ReadSize: 1 + r.IntN(4000), WriteSize: 1 + r.IntN(4000)}
	switch r.IntN(4) {
	case 0:
		cfg.CutWrite = int64(1 + r.IntN(20_000))
	case 1:
		cfg.CutRead = int64(1 + r.IntN(20_000))
	case 2:
		cfg.WriteDelay = time.Millisecond
	}
	return cfg
}

// soakSession publishes or plays for a moment over a connection with that fault. Without one, only a name in use may stop it.
func soakSession(h *house, r *rand.Rand, fault rtmptest.FaultConfig) error {
	ctx := h.t.Context()
	healthy := fault == rtmptest.FaultConfig{}
	cfg := &rtmp.DialConfig{Dial: func(_ context.Context, _, addr string) (net.Conn, error) {
		nc, err := net.Dial("tcp", addr)
		if err != nil || healthy {
			return nc, err
		}
		return rtmptest.NewFault(nc, fault), nil
	}}
	c, err := rtmp.Dial(ctx, h.url("/live/"+soakName(r)), cfg)
	if err == nil {
		if r.IntN(2) == 0 {
			err = soakPublish(ctx, c, r)
		} else {
			err = soakPlay(ctx, c, r)
		}
		err = errors.Join(err, c.Close())
	}
	if status, ok := errors.AsType[*rtmp.StatusError](err); !healthy || ok && status.Code == string(rtmp.CodePublishBadName) {
		return nil
	}
	return err
}

// soakPublish publishes for up to half a second, and leaves with or without a word.
func soakPublish(ctx context.Context, c *rtmp.Conn, r *rand.Rand) error {
	p, err := c.Publish(ctx, "", nil)
	if err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range r.IntN(50) {
		pkt := healthyPacket(media.Video, i, time.Duration(i)*2*healthyInterval)
		if err := p.WritePacket(ctx, pkt); err != nil {
			return ignoreTakeover(err)
		}
		<-tick.C
	}
	if r.IntN(2) == 0 {
		return nil
	}
	return ignoreTakeover(p.Close())
}

// ignoreTakeover passes over what happens to a publisher that another one has replaced.
func ignoreTakeover(err error) error {
	if errors.Is(err, rtmp.ErrClosed) {
		return nil
	}
	return err
}

// soakPlay plays for a moment.
func soakPlay(ctx context.Context, c *rtmp.Conn, r *rand.Rand) error {
	p, err := c.Play(ctx, "", nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(300))*time.Millisecond)
	defer cancel()
	for {
		if _, err := p.ReadPacket(ctx); err != nil {
			break // the moment is over, or the stream is
		}
	}
	if r.IntN(2) == 0 {
		return nil
	}
	return p.Close()
}

// soakMutated sends damaged bytes.
func soakMutated(h *house, r *rand.Rand, session []byte) error {
	nc, err := net.Dial("tcp", h.node.Addr("rtmp").String())
	if err != nil {
		return err
	}
	mutated(r, nc, session)
	return nil
}

// soakStalled plays the healthy stream without reading, or does not even finish its handshake, and then breaks off.
func soakStalled(h *house, r *rand.Rand) error {
	wait := time.NewTimer(time.Duration(r.IntN(3000)) * time.Millisecond)
	defer wait.Stop()
	if r.IntN(2) == 0 {
		nc, err := net.Dial("tcp", h.node.Addr("rtmp").String())
		if err != nil {
			return err
		}
		defer nc.Close()
		if _, err := nc.Write(firstBytes()[:r.IntN(1537)]); err != nil {
			return err
		}
		<-wait.C
		return nc.(*net.TCPConn).SetLinger(0)
	}
	c, err := rtmp.Dial(h.t.Context(), h.url("/live/healthy"), nil)
	if err != nil {
		return err
	}
	_, err = c.Play(h.t.Context(), "", nil)
	<-wait.C
	return errors.Join(err, c.Close())
}
