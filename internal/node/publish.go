package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"leat/internal/config"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// publish holds a stream of the hub for as long as its publisher stays.
func (n *Node) publish(ctx context.Context, log *slog.Logger, s *rtmp.PublishStream, policy config.Policy) error {
	hubPolicy, err := live.ParsePolicy(string(policy))
	if err != nil {
		return err
	}
	pub, err := n.hub.Publish(s.Key(), &live.PublishOptions{
		RemoteAddr: remote(s.Conn()),
		Policy:     hubPolicy,
		OnTakeover: func() { s.Conn().Kick("another publisher has taken the stream over") },
	})
	if err != nil {
		log.Warn("publisher refused: the stream has a publisher; use another name, stop the other one, or set policy: takeover", "client", s.Request().FlashVer, "err", err)
		return busy(err, s.Key())
	}
	started := time.Now()
	log.Info("publishing", "client", s.Request().FlashVer, "type", string(s.Type()))
	w := &inspector{log: log, to: pub}
	packets, err := media.Copy(ctx, w, s)
	pub.Close(err == nil)
	n.counters.published.Add(1)
	end := "the client ended the stream"
	if err != nil {
		end = err.Error()
	}
	log.Info("publish ended", "reason", end, "packets", packets, "bytes", w.bytes, "dur", time.Since(started).Round(time.Millisecond))
	if errors.Is(err, live.ErrTakenOver) {
		return rtmp.Refuse(rtmp.CodePublishBadName, "Another publisher has taken %s over.", s.Key().Name)
	}
	var reason *rtmp.CloseReason
	if err == nil || errors.As(err, &reason) || errors.Is(err, live.ErrClosed) || ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("publishing %s: %w", s.Key(), err)
}

// inspector passes packets on to the hub and says in the log, once each, what a person should know about what
// an encoder sends.
type inspector struct {
	log   *slog.Logger
	to    media.Writer
	bytes int64

	saidConfig   [2]bool // audio, video: the codec was logged
	saidMissing  bool
	saidLegacy   bool
	saidBackward bool
	last         [2]time.Duration
}

// WritePacket runs on the connection's reading goroutine and does not block.
func (i *inspector) WritePacket(ctx context.Context, p *media.Packet) error {
	i.bytes += int64(len(p.Body))
	switch p.Kind {
	case media.Audio:
		i.look(0, p)
	case media.Video:
		i.look(1, p)
	}
	return i.to.WritePacket(ctx, p)
}

// farBack is a step back in time that is no jitter of an encoder's clock.
const farBack = time.Second

func (i *inspector) look(kind int, p *media.Packet) {
	if p.Config && p.Name == "" {
		if !i.saidConfig[kind] {
			i.saidConfig[kind] = true
			i.log.Info("stream carries", "kind", p.Kind.String(), "codec", p.Codec.String(), "track", p.Track)
		}
		if !i.saidLegacy && kind == 1 && isLegacyExtension(p) {
			i.saidLegacy = true
			i.log.Warn("the encoder uses an old private codec number instead of Enhanced RTMP: it is relayed as it is, but many players will not show it; update the encoder or send H.264", "codec", p.Codec.String())
		}
		return
	}
	if !i.saidMissing && !i.saidConfig[kind] && needsConfig(p) {
		i.saidMissing = true
		i.log.Warn("no sequence header came before the first frame: players cannot decode it until one comes; restart the encoder", "kind", p.Kind.String(), "codec", p.Codec.String())
	}
	if !i.saidBackward && p.Timestamp < i.last[kind]-farBack {
		i.saidBackward = true
		i.log.Warn("timestamps went back: players may stall", "kind", p.Kind.String(), "from", i.last[kind], "to", p.Timestamp)
	}
	i.last[kind] = p.Timestamp
}

// isLegacyExtension reports codec ids 12 to 15 of the FLV header, which vendors took before Enhanced RTMP.
func isLegacyExtension(p *media.Packet) bool {
	return len(p.Body) > 0 && p.Body[0]&0x80 == 0 && p.Codec != media.CodecAVC
}

func needsConfig(p *media.Packet) bool {
	switch p.Codec {
	case media.CodecAVC, media.CodecHEVC, media.CodecVVC, media.CodecAAC:
		return len(p.Data) > 0
	}
	return false
}
