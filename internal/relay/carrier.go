package relay

import (
	"context"

	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// carrier moves the packets of a subscription to a target over one connection.
type carrier struct {
	push      *push
	pub       *rtmp.RoamingPublisher
	filter    *filter
	passed    []*media.Packet // reused by send
	announced rtmp.Capabilities
	warned    bool
}

// copy returns the error of the side that has ended; io.EOF is the end of the stream.
func (c *carrier) copy(ctx context.Context, sub *live.Subscription) error {
	for {
		item, err := sub.Next(ctx)
		if err != nil {
			return err
		}
		switch item.Event {
		case live.EventSkipped:
			c.skipped(item.Skipped)
		case live.EventChanged, live.EventPublished:
			c.filter.reset()
		default:
			if err := c.send(ctx, item.Packet); err != nil {
				return err
			}
		}
	}
}

func (c *carrier) skipped(n int) {
	p := c.push
	p.totals.dropped.Add(uint64(n))
	p.update(func(s *record) { s.Dropped += uint64(n) })
	p.log.Warn("push target is too slow: packets were left out up to a key frame; lower the bit rate or look at the network between", "packets", n)
}

func (c *carrier) send(ctx context.Context, pkt *media.Packet) error {
	p := c.push
	passed, absent := c.filter.pass(c.passed[:0], pkt)
	c.passed = passed
	if absent != 0 {
		p.log.Info("push leaves out a codec that is not among codecs of its target", "kind", pkt.Kind.String(), "codec", absent.String())
	}
	for _, pkt := range passed {
		c.look(pkt)
		if err := c.pub.WritePacket(ctx, pkt); err != nil {
			return err
		}
		size := uint64(len(pkt.Body))
		p.totals.packets.Add(1)
		p.totals.bytes.Add(size)
		p.update(func(s *record) {
			s.Packets++
			s.Bytes += size
		})
	}
	return nil
}

// look says, once for each connection, that a target may not understand what it gets. What it has announced that it does not
// take is left out by the Publisher, which says so itself.
func (c *carrier) look(pkt *media.Packet) {
	if c.warned || c.announced.Announced() || pkt.Kind == media.Data {
		return
	}
	if pkt.Track == 0 && isStandard(pkt.Codec) {
		return
	}
	c.warned = true
	c.push.log.Warn("push target announces nothing of Enhanced RTMP and may not understand this track; if it does not, choose tracks and codecs in the push rule",
		"kind", pkt.Kind.String(), "track", pkt.Track, "codec", pkt.Codec.String())
}

// isStandard reports whether every server knows the codec; those without a FourCC are older still.
func isStandard(codec media.FourCC) bool {
	switch codec {
	case 0, media.CodecAVC, media.CodecAAC, media.CodecMP3:
		return true
	}
	return false
}
