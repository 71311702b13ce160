package node

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"leat/internal/acme"
	"leat/internal/config"
	"leat/internal/fanout"
	"leat/internal/relay"
	"leat/internal/sharedobject"
	"leat/internal/web/api"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

// Node is one running server. Start it once; it ends with Shutdown.
type Node struct {
	// Reread reads the configuration again and hands it to Reload, for the API; its error lists the mistakes. It is set before
	// Listen. Nil: the API refuses.
	Reread func() error

	log *slog.Logger
	cfg atomic.Pointer[config.Config]

	hub     *live.Hub
	relay   *relay.Relay
	sweeper *fanout.Sweeper
	rtmp    *rtmp.Server
	cert    *certificate  // nil without files of one
	acme    *acme.Manager // nil without domains
	auth    authenticators
	swf     atomic.Pointer[swfFiles]
	memory  memory

	doors   []door
	state   atomic.Int32 // one of the states below
	serving sync.WaitGroup
	closing sync.WaitGroup // feeds whose last player has left
	failed  chan error     // the first door that broke; has room for one from each

	store   *lazyStore
	objects *sharedobject.Objects
	archive archive

	playback playback
	outputs  outputs
	rewind   rewind

	findings   findings
	peers      peers
	publishers atomic.Int64
	counters   counters

	started time.Time
	news    api.News
	meter   meter

	mu       sync.Mutex
	stopping bool // no feed is made any more
	feeds    map[feedKey]*feed
}

// The states of a Node.
const (
	stateNew int32 = iota
	stateServing
	stateStopping
)

// New builds a node. Nothing listens yet. A nil logger means slog.Default().
func New(cfg *config.Config, logger *slog.Logger) *Node {
	if logger == nil {
		logger = slog.Default()
	}
	n := &Node{
		log:     logger,
		sweeper: fanout.NewSweeper(0),
		started: time.Now(),
		feeds:   map[feedKey]*feed{},
	}
	n.cfg.Store(cfg)
	n.newRelay(cfg)
	n.auth.init()
	n.swf.Store(&swfFiles{})
	n.memory.init(int64(cfg.Limits.Memory))
	n.newSharedObjects(cfg)
	n.playback.init()
	n.newOutputs()
	n.rtmp = &rtmp.Server{
		Handler:       &handler{n},
		Limits:        rtmpLimits(cfg),
		ChunkSize:     int(cfg.ChunkSize),
		RTMPT:         cfg.RTMPT,
		RTMPE:         cfg.RTMPE,
		TrustedProxy:  func(addr netip.Addr) bool { return n.Config().Proxies.Contains(addr) },
		DelayedWrites: !cfg.TCPNoDelay,
		LegacyCodecs:  cfg.LegacyCodecs,
		Aggregate:     cfg.Aggregate,
		Trace:         n.trace,
		Logger:        logger,
	}
	return n
}

// Config returns the configuration in force. It must not be changed.
func (n *Node) Config() *config.Config { return n.cfg.Load() }

// Ready says why the node takes no clients now; nil when it does.
func (n *Node) Ready() error {
	switch n.state.Load() {
	case stateNew:
		return errors.New("starting")
	case stateStopping:
		return errors.New("shutting down")
	}
	return nil
}

// Shutdown ends the streams and tells everybody, until ctx is done; then it closes what is left and returns ctx's error. Players
// that are behind have two seconds in any case.
func (n *Node) Shutdown(ctx context.Context) error {
	n.state.Store(stateStopping)
	defer context.AfterFunc(ctx, n.archive.closeBucket)()
	err := n.stopAccepting()
	n.relay.Close()
	n.hub.Close()
	n.closeFeeds()
	err = errors.Join(err, n.outputs.close())
	err = errors.Join(err, n.playback.close(), n.rewind.close(), n.rtmp.Shutdown(ctx), n.closeRecordings(ctx), n.closeSharedObjects())
	n.stopMeter()
	n.stopMemory()
	for _, d := range n.doors {
		if d.http != nil {
			err = errors.Join(err, shutdownHTTP(ctx, d.http))
		}
		err = errors.Join(err, ignoreClosed(d.listener.Close())) // if it was never served
	}
	if n.acme != nil {
		n.acme.Close()
	}
	n.serving.Wait()
	n.closing.Wait()
	n.sweeper.Close()
	return err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Streams returns snapshots of the live streams.
func (n *Node) Streams() []live.StreamInfo { return n.hub.Streams() }

// Players returns how many players a stream has.
func (n *Node) Players(key media.Key) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.playersLocked(key)
}

func (n *Node) playersLocked(key media.Key) int {
	total := n.outputs.of(key)
	for k, f := range n.feeds {
		if k.stream == key {
			total += len(f.players)
		}
	}
	return total
}
