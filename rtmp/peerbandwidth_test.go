package rtmp_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/rtmp"
)

// flood sends messages of 4,000 bytes to a detached player whenever it takes them.
type flood struct {
	message []byte
	sent    atomic.Int64
}

func (f *flood) serve(_ context.Context, s *rtmp.PlayStream) error {
	o, err := s.Detach(false)
	if err != nil {
		return err
	}
	enc := o.Encoder()
	f.message = enc.Append(nil, &media.Packet{Kind: media.Audio, Body: make([]byte, 4000)})
	f.push(o)
	return nil
}

func (f *flood) push(o *rtmp.Outlet) {
	for {
		n, err := o.TryWrite(f.message)
		if err != nil {
			return
		}
		f.sent.Add(int64(n))
		if n < len(f.message) {
			o.NotifyWritable(func() { f.push(o) })
			return
		}
	}
}

// TestPeerBandwidthLimitsOutput: RTMP 5.4.5, output is held to the limit, whatever the socket takes.
func TestPeerBandwidthLimitsOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, log := logLines()
		f := &flood{}
		h := newPublishAll()
		h.play = f.serve
		c := connectRaw(t, &rtmp.Server{Handler: h, Logger: logger})
		c.write(t, []string{"SetPeerBandwidth 100000 hard", "Acknowledgement 1000", "createStream 2 null", `msid=1 play 0 null "cam"`})
		total := int64(1000)
		for range 3 {
			synctest.Wait()
			if got := f.sent.Load(); got < total-1000+90_000 || got > total-1000+100_000+4100 {
				t.Fatalf("sent %d bytes behind %d acknowledged ones, want about 100,000 more", got, total-1000)
			}
			total += f.sent.Load() - (total - 1000)
			c.write(t, []string{fmt.Sprintf("Acknowledgement %d", total)})
		}
		// The client goes on to read and to answer pings, but acknowledges no more.
		for range 4 {
			time.Sleep(9 * time.Second)
			c.write(t, []string{"PingResponse 1"})
			synctest.Wait()
		}
		want := "local: the peer has set a bandwidth (Set Peer Bandwidth) and acknowledged nothing for 30s"
		if got := log.reasons(); !slices.Equal(got, []string{want}) {
			t.Errorf("closed %q, want %q", got, want)
		}
	})
}

// TestNoAcknowledgement: a peer that sets a bandwidth and never acknowledges anything is not made to wait.
func TestNoAcknowledgement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flood{}
		h := newPublishAll()
		h.play = func(ctx context.Context, s *rtmp.PlayStream) error {
			for range 100 {
				if err := s.WritePacket(ctx, &media.Packet{Kind: media.Audio, Body: make([]byte, 4000)}); err != nil {
					return err
				}
				f.sent.Add(4000)
			}
			return nil
		}
		logger, _ := logLines()
		c := connectRaw(t, &rtmp.Server{Handler: h, Logger: logger})
		c.write(t, []string{"SetPeerBandwidth 100000 hard", "createStream 2 null", `msid=1 play 0 null "cam"`})
		synctest.Wait()
		if got := f.sent.Load(); got != 400_000 {
			t.Errorf("sent %d bytes, want 400,000", got)
		}
	})
}
