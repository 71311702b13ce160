package node

import (
	"math"

	"leat/internal/config"
	"leat/live"
	"leat/rtmp"
)

func hubConfig(cfg *config.Config) *live.Config {
	grace := cfg.Limits.PublisherGrace
	if grace == 0 {
		grace = -1 // the hub's word for none
	}
	return &live.Config{
		Rewind:         cfg.Limits.Rewind,
		RingDuration:   cfg.Limits.RingDuration,
		RingBytes:      int64(cfg.Limits.RingSize),
		PublisherGrace: grace,
		DeadAfter:      cfg.Limits.DeadAfter,
	}
}

func rtmpLimits(cfg *config.Config) rtmp.Limits {
	l := &cfg.Limits
	limits := rtmp.Limits{
		HandshakeTimeout:      l.HandshakeTimeout,
		IdleTimeout:           l.IdleTimeout,
		PublishIdle:           l.PublishIdle,
		WriteStall:            l.WriteStall,
		WriteBuffer:           int(l.WriteBuffer),
		WriteTotal:            int64(l.WriteTotal),
		ControlMessage:        int(l.ControlMessage),
		CommandMessage:        int(l.CommandMessage),
		MediaMessage:          int(l.MediaMessage),
		PartialMessages:       l.PartialMessages,
		PartialBytes:          int(l.PartialSize),
		PartialTotal:          int(l.PartialTotal),
		Streams:               l.Streams,
		PendingCalls:          l.PendingCalls,
		CommandsPerSecond:     l.CommandsPerSecond,
		MediaPerSecond:        l.MediaPerSecond,
		SharedObjects:         l.SharedObjects,
		Connections:           connectionLimit(l.Connections, maxDescriptors()),
		ConnectionsPerAddress: l.ConnectionsPerAddress,
		ConnectsPerSecond:     l.ConnectsPerSecond,
		ConnectsPerAddress:    l.ConnectsPerAddress,
	}
	if memory := int64(l.Memory); memory > 0 { // what all connections share is a part of it
		limits.PartialTotal = int(min(int64(limits.PartialTotal), memory/8))
		limits.ReadTotal = int(min(memory/8, math.MaxInt32))
		limits.WriteTotal = min(limits.WriteTotal, memory/4)
		limits.MediaMessage = int(min(int64(limits.MediaMessage), max(memory/32, leastMediaMessage)))
		if most := memory / connectionMemory; limits.Connections == 0 || int64(limits.Connections) > most {
			limits.Connections = int(max(1, most))
		}
	}
	limits.AMF.Depth = l.AMFDepth
	limits.AMF.Elements = l.AMFElements
	limits.AMF.StringBytes = int(l.AMFString)
	return limits
}

// connectionMemory is what of limits.memory there is for each RTMP connection that there may be: an idle one takes about a third.
const connectionMemory = 32 << 10

// leastMediaMessage is what a frame may have however little memory there is, bytes.
const leastMediaMessage = 1 << 20

// Reload puts cfg into force as far as that is possible without a restart, and logs what has changed and what has not.
// It must not be called by two goroutines at once.
func (n *Node) Reload(cfg *config.Config) {
	hot, restart := config.Diff(n.Config(), cfg)
	now := config.InForce(n.Config(), cfg)
	n.cfg.Store(now)
	n.rtmp.SetLimits(rtmpLimits(now))
	n.objects.SetLimits(sharedObjectLimits(now))
	if err := n.useStore(now); err != nil {
		n.log.Error("persistent shared objects cannot be stored, new ones are refused", "err", err)
	}
	n.useRelays(now)
	n.memory.limitMemory(int64(now.Limits.Memory))
	if n.cert != nil {
		n.cert.use(now.TLS)
	} else if now.TLS.Cert != "" {
		n.log.Warn("tls.cert is the first certificate of this server: it takes TLS after a restart")
	}
	if err := n.useSWF(now); err != nil {
		n.log.Error("swf_files cannot be used, those from before stay", "err", err)
	}
	switch {
	case len(hot) == 0 && len(restart) == 0:
		n.log.Info("configuration read again, nothing has changed")
	case len(restart) == 0:
		n.log.Info("configuration reloaded", "changed", hot)
	default:
		n.log.Warn("configuration reloaded, but some of it needs a restart", "changed", hot, "restart", restart)
	}
}
