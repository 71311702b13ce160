package node

import (
	"cmp"
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"leat/media"
)

// inspector passes packets on to the hub and says in the log, once each, what a person should know about what
// an encoder sends.
type inspector struct {
	log        *slog.Logger
	to         media.Writer
	bytes      atomic.Int64
	saidLegacy bool

	audio, video kind
}

// kind is what the inspector knows of one kind of media, all tracks together.
type kind struct {
	last         time.Duration
	hasConfig    bool
	saidMissing  bool
	saidBackward bool
	saidCodec    [256]bool // by track
}

// WritePacket runs on the connection's reading goroutine and does not block.
func (i *inspector) WritePacket(ctx context.Context, p *media.Packet) error {
	i.bytes.Add(int64(len(p.Body)))
	switch p.Kind {
	case media.Audio:
		i.look(&i.audio, p)
	case media.Video:
		i.look(&i.video, p)
	}
	return i.to.WritePacket(ctx, p)
}

// farBack is a step back in time that is no jitter of an encoder's clock.
const farBack = time.Second

func (i *inspector) look(k *kind, p *media.Packet) {
	if !i.saidLegacy && isVendorCodec(p) {
		i.saidLegacy = true
		i.log.Warn("the encoder sends this codec by an old private number instead of Enhanced RTMP: it is relayed as it is, but many players will not show it; update the encoder or send H.264", "codec", p.Codec.String())
	}
	if p.Config {
		k.hasConfig = k.hasConfig || p.Name == ""
		i.sayCodec(k, p)
		return
	}
	if !needsConfig(p) {
		i.sayCodec(k, p)
	} else if !k.saidMissing && !k.hasConfig {
		k.saidMissing = true
		i.log.Warn("no sequence header came before the first frame: players cannot decode it until one comes; restart the encoder", "kind", p.Kind.String(), "codec", p.Codec.String())
	}
	if !k.saidBackward && p.Timestamp < k.last-farBack {
		k.saidBackward = true
		i.log.Warn("timestamps went back: players may stall; look for a restarted source or a stepped clock in the encoder", "kind", p.Kind.String(), "from", k.last, "to", p.Timestamp)
	}
	k.last = p.Timestamp
}

// sayCodec names the codec of a track, once.
func (i *inspector) sayCodec(k *kind, p *media.Packet) {
	if !k.saidCodec[p.Track] && p.Name == "" {
		k.saidCodec[p.Track] = true
		i.log.Info("stream carries", "kind", p.Kind.String(), "codec", cmp.Or(p.Codec.String(), "one without a FourCC"), "track", p.Track)
	}
}

// isVendorCodec reports a video message without a FourCC whose codec number is not Adobe's: 12 to 15, which vendors took
// before Enhanced RTMP.
func isVendorCodec(p *media.Packet) bool {
	return p.Kind == media.Video && len(p.Body) > 0 && p.Body[0]&0x80 == 0 && p.Body[0]&0x0f >= 12
}

// needsConfig reports whether a frame cannot be decoded without a sequence header.
func needsConfig(p *media.Packet) bool {
	switch p.Codec {
	case media.CodecAVC, media.CodecHEVC, media.CodecVVC, media.CodecAAC:
		return len(p.Data) > 0
	}
	return false
}
