package node

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"leat/internal/config"
	"leat/internal/metrics"
	"leat/internal/web/rtc"
	"leat/media"
)

// rtcCounters are what WebRTC counts besides what it has in common with others.
type rtcCounters struct {
	viewers     atomic.Int64  // now
	publishers  atomic.Int64  // now
	keyRequests atomic.Uint64 // of those that have ended
}

func (n *Node) rtcStats(s *metrics.Snapshot) {
	if n.outputs.rtc == nil {
		return
	}
	now := n.outputs.rtc.Stats()
	s.RTCSessions = happened(map[string]uint64{
		"viewer": uint64(n.counters.rtc.viewers.Load()), "publisher": uint64(n.counters.rtc.publishers.Load()),
	})
	s.RTCKeyRequests = n.counters.rtc.keyRequests.Load() + now.KeyRequests
	s.MessagesDropped += now.Skipped
}

// openRTC opens the ports of WebRTC, if there is a public door to ask for it.
func (n *Node) openRTC(ctx context.Context, cfg *config.Config) error {
	if cfg.HTTP == "" || cfg.RTC.UDP == "" {
		return nil
	}
	udp := cfg.RTC.UDP
	if udp == config.RTCSame {
		var err error
		if udp, err = besideHTTP(cfg.HTTP, n.publicPort()); err != nil {
			return err
		}
	}
	public := make([]netip.Addr, len(cfg.RTC.Public))
	for i, a := range cfg.RTC.Public {
		public[i] = a.Addr
	}
	server, err := rtc.Listen(ctx, rtc.Config{
		Hub: n.hub, Gate: rtcGate{n}, Logger: n.log,
		UDP: udp, TCP: cfg.RTC.TCP, Public: public,
		Sessions:   func() int { return n.Config().Limits.RTCSessions },
		ICEServers: n.iceServers,
	})
	if err != nil {
		return fmt.Errorf("%w%s", err, advice(err))
	}
	n.outputs.rtc = server
	return nil
}

// besideHTTP is the address of the public door with the port that it has. A door that took any port leaves any port for UDP, as
// nobody knows that the same number is free there.
func besideHTTP(address string, port int) (string, error) {
	host, wanted, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if wanted == "0" {
		return address, nil
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

func (n *Node) iceServers() []rtc.ICEServer {
	cfg := &n.Config().RTC
	servers := make([]rtc.ICEServer, len(cfg.ICEServers))
	for i, s := range cfg.ICEServers {
		servers[i] = rtc.ICEServer{URI: string(s)}
		if s.NeedsUser() {
			servers[i].User, servers[i].Password = cfg.ICEUser, cfg.ICEPassword.Reveal()
		}
	}
	return servers
}

// serveRTC answers requests for and about sessions of WebRTC.
func (n *Node) serveRTC(w http.ResponseWriter, r *http.Request) { n.outputs.rtc.ServeHTTP(w, r) }

// rtcGate is who lets clients of WebRTC in.
type rtcGate struct{ n *Node }

// Play lets a viewer in as any other of the public door.
func (g rtcGate) Play(r *http.Request, app, name string) (*rtc.Viewing, error) {
	n := g.n
	q := &webRequest{key: media.Key{App: app, Name: name}, token: webToken(r), addr: n.webAddr(r)}
	q.log = n.log.With("remote", r.RemoteAddr, "stream", brief(q.key.String()), "output", "webrtc")
	if d := n.mayWatch(r.Host, q); d != nil {
		return nil, &rtc.Refusal{Status: d.status, Sentence: d.text, Bearer: d.status == http.StatusUnauthorized}
	}
	n.placeKey(q)
	if !n.onAir(q.key) {
		n.counters.refuse(toPlay, byNotFound)
		return nil, &rtc.Refusal{Status: http.StatusNotFound, Sentence: "This stream is not live. Publish it, or correct the name."}
	}
	if err := n.arrive(q.key); err != nil {
		if text := n.noRoom(q, err); text != "" {
			return nil, &rtc.Refusal{Status: http.StatusServiceUnavailable, Sentence: text}
		}
		return nil, err
	}
	return n.viewing(q), nil
}

// viewing tells of one viewer, who has been counted in.
func (n *Node) viewing(q *webRequest) *rtc.Viewing {
	started := time.Now()
	accepted := false
	v := &webViewer{key: q.key, output: "webrtc", remote: q.addr.String(), started: started}
	return &rtc.Viewing{
		Key: q.key, Remote: q.addr, Logger: q.log,
		Accepted: func() {
			accepted = true
			n.counters.plays.Add(1)
			n.counters.rtc.viewers.Add(1)
			q.log.Info("playing")
			n.show(v)
		},
		Begun: func() { n.counters.firstFrame.observe(time.Since(started), 1) },
		Ended: func(reason string, stats rtc.Stats) {
			n.outputs.depart(q.key)
			if !accepted {
				q.log.Warn("player refused", "reason", reason)
				return
			}
			n.unshow(v, reason)
			n.counters.rtc.viewers.Add(-1)
			n.counters.rtc.keyRequests.Add(stats.KeyRequests)
			n.mu.Lock()
			n.counters.dropped.Add(int64(stats.Skipped))
			n.mu.Unlock()
			q.log.Info("play ended", "reason", reason, "packets", stats.Packets, "bytes", stats.Bytes, "dropped", stats.Skipped,
				"dur", time.Since(started).Round(time.Millisecond))
		},
	}
}
