package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"leat/internal/config"
	"leat/internal/fanout"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// Node is one running server. Start it once; it ends with Shutdown.
type Node struct {
	log     *slog.Logger
	started time.Time
	cfg     atomic.Pointer[config.Config]

	hub     *live.Hub
	sweeper *fanout.Sweeper
	rtmp    *rtmp.Server
	doors   []door
	serving sync.WaitGroup
	closing sync.WaitGroup // feeds whose last player has left
	failed  chan error     // the first door that broke; has room for one from each

	peers      peers
	publishers atomic.Int64
	counters   counters

	mu    sync.Mutex
	feeds map[feedKey]*feed
}

// door is a listener and what serves it.
type door struct {
	name     string
	url      string
	listener net.Listener
	serve    func(net.Listener) error
}

// New builds a node. Nothing listens yet. A nil logger means slog.Default().
func New(cfg *config.Config, logger *slog.Logger) *Node {
	if logger == nil {
		logger = slog.Default()
	}
	n := &Node{
		log:     logger,
		started: time.Now(),
		hub:     live.NewHub(hubConfig(cfg)),
		sweeper: fanout.NewSweeper(0),
		feeds:   map[feedKey]*feed{},
	}
	n.cfg.Store(cfg)
	n.rtmp = &rtmp.Server{
		Handler:       &handler{n},
		Limits:        rtmpLimits(cfg),
		ChunkSize:     int(cfg.ChunkSize),
		DelayedWrites: !cfg.TCPNoDelay,
		Logger:        logger,
	}
	return n
}

func hubConfig(cfg *config.Config) *live.Config {
	grace := cfg.Limits.PublisherGrace
	if grace == 0 {
		grace = -1 // the hub's word for none
	}
	return &live.Config{
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
		WriteStall:            l.WriteStall,
		WriteBuffer:           int(l.WriteBuffer),
		ControlMessage:        int(l.ControlMessage),
		CommandMessage:        int(l.CommandMessage),
		MediaMessage:          int(l.MediaMessage),
		PartialMessages:       l.PartialMessages,
		PartialBytes:          int(l.PartialSize),
		Streams:               l.Streams,
		PendingCalls:          l.PendingCalls,
		CommandsPerSecond:     l.CommandsPerSecond,
		Connections:           l.Connections,
		ConnectionsPerAddress: l.ConnectionsPerAddress,
	}
	limits.AMF.Depth = l.AMFDepth
	limits.AMF.Elements = l.AMFElements
	limits.AMF.StringBytes = int(l.AMFString)
	return limits
}

// Config returns the configuration in force. It must not be changed.
func (n *Node) Config() *config.Config { return n.cfg.Load() }

// Listen opens the doors that the configuration names. An error names the one that could not be opened, and none
// is open then.
func (n *Node) Listen(ctx context.Context) error {
	cfg := n.Config()
	err := n.open(ctx, "rtmp", cfg.RTMP, n.rtmp.Serve)
	if err == nil {
		err = n.openAdmin(ctx, cfg.Admin)
	}
	if err == nil {
		n.failed = make(chan error, len(n.doors))
		return nil
	}
	for _, d := range n.doors {
		err = errors.Join(err, d.listener.Close())
	}
	n.doors = nil
	return err
}

func (n *Node) open(ctx context.Context, name, addr string, serve func(net.Listener) error) error {
	if addr == "" {
		return nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("cannot listen on %s for %s: %w; is another server running there? Choose another address with --%s", addr, name, err, name)
	}
	n.doors = append(n.doors, door{name: name, url: doorURL(name, l.Addr()), listener: l, serve: serve})
	return nil
}

// doorURL is what a user may open: every address is spelled as localhost.
func doorURL(scheme string, a net.Addr) string {
	if scheme == "admin" {
		scheme = "http"
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return scheme + "://" + a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if scheme == "rtmp" && port == "1935" {
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// Serve accepts on all doors until Shutdown. It returns nil after that, or the error of the first door that broke.
func (n *Node) Serve() error {
	var urls []any
	for _, d := range n.doors {
		urls = append(urls, slog.String(d.name, d.url))
		n.serving.Go(func() {
			if err := d.serve(d.listener); err != nil && !errors.Is(err, errDoorClosed) && !errors.Is(err, rtmp.ErrServerClosed) {
				n.failed <- fmt.Errorf("the %s door broke: %w", d.name, err)
			}
		})
	}
	n.log.Info("ready", urls...)
	n.sayWhoMayPublish()
	done := make(chan struct{})
	go func() { // ends with the doors
		n.serving.Wait()
		close(done)
	}()
	select {
	case err := <-n.failed:
		return err
	case <-done:
		return nil
	}
}

// Addr returns the address of a door ("rtmp", "admin"), and nil when it is not open. For tests and for port 0.
func (n *Node) Addr(name string) net.Addr {
	for _, d := range n.doors {
		if d.name == name {
			return d.listener.Addr()
		}
	}
	return nil
}

// Shutdown ends the streams and tells everybody, until ctx is done; then it closes what is left.
func (n *Node) Shutdown(ctx context.Context) error {
	err := n.rtmp.Shutdown(ctx)
	for _, d := range n.doors {
		if d.name == "admin" {
			err = errors.Join(err, ignoreClosed(d.listener.Close()))
		}
	}
	n.serving.Wait()
	n.closeFeeds()
	n.closing.Wait()
	n.hub.Close()
	n.sweeper.Close()
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Reload puts cfg into force as far as that is possible without a restart, and logs what has changed and what has not.
func (n *Node) Reload(cfg *config.Config) {
	hot, restart := config.Diff(n.Config(), cfg)
	n.cfg.Store(cfg)
	n.rtmp.SetLimits(rtmpLimits(cfg))
	switch {
	case len(hot) == 0 && len(restart) == 0:
		n.log.Info("configuration read again, nothing has changed")
	case len(restart) == 0:
		n.log.Info("configuration reloaded", "changed", hot)
	default:
		n.log.Warn("configuration reloaded, but some of it needs a restart", "changed", hot, "restart", restart)
	}
}

// Streams returns snapshots of the live streams.
func (n *Node) Streams() []live.StreamInfo { return n.hub.Streams() }

// Players returns how many players a stream has.
func (n *Node) Players(key media.Key) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	total := 0
	for k, f := range n.feeds {
		if k.stream == key {
			total += f.players
		}
	}
	return total
}
