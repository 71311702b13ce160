package relay

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// intake brings the packets of one origin into the hub: a media.Writer. It publishes with the first of them, so that a stream which
// an origin does not have is not on air here either.
type intake struct {
	pull    *pull
	player  *rtmp.RoamingPlayer
	at      *place
	path    Path
	silence *time.Timer
	begun   atomic.Bool // a packet has come

	pub *live.Publication
	end func() // of OnAir; nil without
}

// silent is why an origin is given up that sends nothing.
func (in *intake) silent() error {
	if in.begun.Load() {
		return errStalled
	}
	return errEmpty
}

// WritePacket does not block.
func (in *intake) WritePacket(ctx context.Context, pkt *media.Packet) error {
	p := in.pull
	in.silence.Reset(deadAfter)
	if in.pub == nil {
		if err := in.begin(); err != nil {
			return err
		}
	}
	err := in.pub.WritePacket(ctx, pkt)
	if errors.Is(err, live.ErrTakenOver) {
		return errOwn
	}
	if err != nil {
		return err
	}
	size := uint64(len(pkt.Body))
	p.relay.fetched.packets.Add(1)
	p.relay.fetched.bytes.Add(size)
	p.update(func(s *record) {
		s.Packets++
		s.Bytes += size
	})
	return nil
}

func (in *intake) begin() error {
	p := in.pull
	in.begun.Store(true)
	var err error
	in.pub, err = p.relay.cfg.Hub.Publish(p.key, &live.PublishOptions{
		RemoteAddr: addrOf(in.player.Conn()), Policy: live.PolicyReject, Yields: true,
	})
	if errors.Is(err, live.ErrBusy) {
		return errOwn
	}
	if err != nil {
		return err
	}
	if p.relay.cfg.OnAir != nil {
		in.end = p.relay.cfg.OnAir(p.key, in.path)
	}
	p.tell(func() {
		p.playing = true
		p.status.become(StatePlaying)
	})
	p.log.Info("pulling", "address", in.at.String())
	return nil
}

// close gives the stream back. If clean, it is over for those who play it; else they wait for another origin to go on.
func (in *intake) close(clean bool) {
	if in.pub == nil {
		return
	}
	in.pub.Close(clean)
	if in.end != nil {
		in.end()
	}
	in.pull.tell(func() { in.pull.playing = false })
}

// addrOf returns the address of the other end; the zero Addr if it has none.
func addrOf(c *rtmp.Conn) netip.Addr {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}
