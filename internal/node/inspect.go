package node

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"leat/media"
)

// inspector passes packets on to the hub and says in the log, once each, what a person should know about what
// an encoder sends.
type inspector struct {
	log   *slog.Logger
	to    media.Writer
	bytes atomic.Int64

	audio, video track
	saidLegacy   bool
}

// track is what the inspector knows of one kind of media.
type track struct {
	last         time.Duration
	saidConfig   bool // the codec was logged
	saidMissing  bool
	saidBackward bool
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

func (i *inspector) look(t *track, p *media.Packet) {
	if !i.saidLegacy && isVendorCodec(p) {
		i.saidLegacy = true
		i.log.Warn("the encoder sends this codec by an old private number instead of Enhanced RTMP: it is relayed as it is, but many players will not show it; update the encoder or send H.264", "codec", p.Codec.String())
	}
	if p.Config {
		if !t.saidConfig && p.Name == "" {
			t.saidConfig = true
			i.log.Info("stream carries", "kind", p.Kind.String(), "codec", p.Codec.String(), "track", p.Track)
		}
		return
	}
	if !t.saidMissing && !t.saidConfig && needsConfig(p) {
		t.saidMissing = true
		i.log.Warn("no sequence header came before the first frame: players cannot decode it until one comes; restart the encoder", "kind", p.Kind.String(), "codec", p.Codec.String())
	}
	if !t.saidBackward && p.Timestamp < t.last-farBack {
		t.saidBackward = true
		i.log.Warn("timestamps went back: players may stall; look for a restarted source or a stepped clock in the encoder", "kind", p.Kind.String(), "from", t.last, "to", p.Timestamp)
	}
	t.last = p.Timestamp
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
