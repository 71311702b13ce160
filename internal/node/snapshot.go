package node

import (
	"maps"

	"leat/internal/metrics"
	"leat/rtmp"
)

// snapshot is a metrics.Source.
func (n *Node) snapshot() metrics.Snapshot {
	stats := n.rtmp.Stats()
	s := metrics.Snapshot{
		Connections:         stats.Open,
		ConnectionsAccepted: stats.Accepted,
		ConnectionsRefused: happened(map[string]uint64{
			"connections": stats.RefusedByLimit, "address": stats.RefusedByAddress,
			"rate": stats.RefusedByRate, "shutdown": stats.RefusedByShutdown,
		}),
		ConnectionsClosed: happened(map[string]uint64{
			string(rtmp.SidePeer): stats.ClosedByPeer, string(rtmp.SideLocal): stats.ClosedByLocal,
			string(rtmp.SideNetwork): stats.ClosedByNetwork,
		}),
		BytesReceived: stats.BytesReceived,
		BytesSent:     stats.BytesSent,
		Publishers:    int(n.publishers.Load()),
		Publications:  n.counters.publications.Load(),
		Plays:         n.counters.plays.Load(),
		Refusals:      n.counters.refusals(),
		FanoutDelay:   n.counters.delay.snapshot(),
		Connect:       n.counters.connect.snapshot(),
		FirstFrame:    n.counters.firstFrame.snapshot(),
	}
	s.Recording, s.RecordingFailures = n.recordingStats()
	uploads := n.uploadStats()
	s.UploadsWaiting, s.Uploads, s.UploadFailures = uploads.Waiting, uploads.Uploaded, uploads.Failures
	for _, stream := range n.hub.Streams() {
		s.RingBytes += stream.Ring.Bytes
		if stream.Publisher != nil {
			s.Streams++
		}
	}
	if all := n.windows(false); all != nil {
		s.DVRBytes = all.Bytes()
	}
	n.relayStats(&s)
	n.rtcStats(&s)
	n.countPlayers(&s)
	return s
}

// countPlayers asks the players themselves, without the node's lock: each is counted either here or, once it
// has ended, in counters.dropped.
func (n *Node) countPlayers(s *metrics.Snapshot) {
	players := map[*player]struct{}{} // one that changes its rendition is in two feeds
	n.mu.Lock()
	dropped := n.counters.dropped.Load()
	for _, f := range n.feeds {
		s.LogBytes += int64(f.out.Stats().Bytes)
		for p := range f.players {
			players[p] = struct{}{}
		}
	}
	n.mu.Unlock()
	away := 0 // they have a session each
	for p := range players {
		dropped += p.dropped()
		if p.isAway() {
			away++
		}
	}
	s.LogBytes += n.outputs.streams.LogBytes()
	s.Players = len(players) - away + n.playback.engine.Sessions() + n.outputs.total()
	s.MessagesDropped += uint64(dropped)
}

// happened leaves out what has not happened.
func happened(counts map[string]uint64) map[string]uint64 {
	maps.DeleteFunc(counts, func(_ string, n uint64) bool { return n == 0 })
	return counts
}
