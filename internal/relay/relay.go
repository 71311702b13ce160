package relay

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"leat/amf"
	"leat/live"
	"leat/media"
	"leat/rtmp"
)

const (
	maxPushes = 10_000
	maxPulls  = 1_000
)

var (
	// ErrClosed says that the Relay was closed.
	ErrClosed = errors.New("relay: closed")
	// ErrTooMany says that there are as many pushes or pulls as a Relay has.
	ErrTooMany = errors.New("relay: there are as many pushes or pulls as a server has")
	// ErrUnknown says that there is no push or pull with the ID.
	ErrUnknown = errors.New("relay: there is no push or pull with this ID")
)

// Config says what a Relay works with.
type Config struct {
	Hub *live.Hub // must not be nil
	// Pull returns how a stream is fetched that is not here; false if it is not. nil fetches none on demand. It must not block.
	Pull func(key media.Key) (Pull, bool)
	// OnAir is called when a pull has begun to publish a stream here, and what it returns at the end; path is where the stream comes
	// from. nil: nobody wants to know. It may call the Relay.
	OnAir func(key media.Key, path Path) (end func())
	// Dial opens the network connections; nil means net.Dialer, with dead peers noticed after 10 s.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger receives a line for each change of a push or pull; nil means slog.Default().
	Logger *slog.Logger
}

// Relay is the pushes and pulls of one server. Its methods may be called from several goroutines.
type Relay struct {
	cfg    Config
	id     string
	log    *slog.Logger
	health health

	running sync.WaitGroup // a goroutine for each push and pull

	mu      sync.Mutex
	closed  bool
	lastID  uint64
	streams map[media.Key]*stream
	pushes  map[string]*push
	pulls   map[media.Key]*pull
	totals  map[string]*totals // by name of the target
	fetched totals             // of all pulls
}

// stream is one that is published here.
type stream struct {
	path    Path
	targets func() []Target
}

// New returns a Relay. The caller must Close it.
func New(cfg *Config) *Relay {
	r := &Relay{
		cfg: *cfg, id: newID(), log: cfg.Logger,
		streams: map[media.Key]*stream{}, pushes: map[string]*push{}, pulls: map[media.Key]*pull{}, totals: map[string]*totals{},
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	if r.cfg.Dial == nil {
		r.cfg.Dial = dialer()
	}
	r.health.until = map[string]time.Time{}
	return r
}

// Close ends all pushes and pulls, tells the other servers, and waits for the end of the goroutines: a second or so.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	for _, p := range r.pushes {
		p.cancel()
	}
	for _, p := range r.pulls {
		p.cancel()
	}
	r.mu.Unlock()
	r.running.Wait()
}

// Begin says that a stream is being published, after the hub knows it: by which way it came, and where it is to be pushed. targets
// is called now and at each Reload; it must not block or call the Relay. The caller calls end when the publisher has left.
func (r *Relay) Begin(key media.Key, path Path, targets func() []Target) (end func()) {
	s := &stream{path: path, targets: targets}
	wanted := targets()
	r.mu.Lock()
	r.streams[key] = s
	for _, p := range r.pushes {
		if p.key == key {
			p.poke()
		}
	}
	r.setTargets(key, wanted)
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.streams[key] == s {
			delete(r.streams, key)
		}
	}
}

// Reload asks again where the streams that are being published are to be pushed, and how those that are being pulled are to be fetched.
// What is no more to be is ended, what is as before goes on untouched. static is what is pulled without being asked for.
func (r *Relay) Reload(static map[media.Key]Pull) {
	r.mu.Lock()
	streams := maps.Clone(r.streams)
	r.mu.Unlock()
	for key, s := range streams {
		wanted := s.targets()
		r.mu.Lock()
		if r.streams[key] == s {
			r.setTargets(key, wanted)
		}
		r.mu.Unlock()
	}
	r.reloadPulls(static)
}

// setTargets starts and ends the pushes of a stream that rules ask for. r.mu is held.
func (r *Relay) setTargets(key media.Key, wanted []Target) {
	missing := slices.Clone(wanted)
	for id, p := range r.pushes {
		if p.key != key || p.static {
			continue
		}
		if i := slices.IndexFunc(missing, p.target.equal); i >= 0 {
			missing = slices.Delete(missing, i, i+1)
			continue
		}
		p.cancel()
		delete(r.pushes, id)
	}
	for i := range missing {
		if _, err := r.startPush(key, &missing[i], false); errors.Is(err, ErrTooMany) {
			r.log.Error("a stream is not pushed: there are as many pushes as a server has", "stream", key.String(), "limit", maxPushes)
		}
	}
}

// StartPush pushes a stream to a target whenever it is published, until StopPush. It returns the ID of the push. The error is
// about the target's URL, ErrTooMany or ErrClosed.
func (r *Relay) StartPush(key media.Key, target Target) (id string, err error) {
	if _, err := target.address(key); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.startPush(key, &target, true)
}

// startPush wants r.mu held.
func (r *Relay) startPush(key media.Key, target *Target, static bool) (string, error) {
	switch {
	case r.closed:
		return "", ErrClosed
	case len(r.pushes) >= maxPushes:
		return "", ErrTooMany
	}
	name := target.name()
	sums := r.totalsOf(name)
	ctx, cancel := context.WithCancel(context.Background())
	p := &push{relay: r, key: key, target: *target, static: static, cancel: cancel, news: make(chan struct{}, 1), totals: sums}
	p.status = record{Status{ID: "push-" + r.nextID(), Stream: key, Target: name, Static: static}}
	p.log = r.log.With("push", p.status.ID, "stream", key.String(), "target", name)
	p.status.become(StateIdle)
	r.pushes[p.status.ID] = p
	r.running.Go(func() { p.run(ctx) })
	return p.status.ID, nil
}

// nextID wants r.mu held.
func (r *Relay) nextID() string {
	r.lastID++
	return strconv.FormatUint(r.lastID, 10)
}

// StopPush ends a push. One that a rule asks for comes back when its stream is published anew. The error is ErrUnknown.
func (r *Relay) StopPush(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.pushes[id]
	if p == nil {
		return ErrUnknown
	}
	p.cancel()
	delete(r.pushes, id)
	return nil
}

// retire forgets a push that has nothing left to do, unless its stream has come back meanwhile.
func (r *Relay) retire(p *push) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-p.news:
		return false
	default:
		r.forget(p)
		return true
	}
}

// forget wants r.mu held.
func (r *Relay) forget(p *push) {
	if id := p.status.ID; r.pushes[id] == p {
		delete(r.pushes, id)
	}
}

// Pushes returns what the pushes are doing, ordered by stream and target.
func (r *Relay) Pushes() []Status {
	r.mu.Lock()
	pushes := make([]*push, 0, len(r.pushes))
	for _, p := range r.pushes {
		pushes = append(pushes, p)
	}
	r.mu.Unlock()
	list := make([]Status, len(pushes))
	for i, p := range pushes {
		list[i] = p.snapshot()
	}
	sortStatus(list)
	return list
}

func sortStatus(list []Status) {
	slices.SortFunc(list, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Stream.String(), b.Stream.String()), cmp.Compare(a.Target, b.Target), cmp.Compare(a.ID, b.ID))
	})
}

// onAir reports whether a stream has a publisher, or one that may come back within the grace.
func (r *Relay) onAir(key media.Key) bool {
	info, ok := r.cfg.Hub.Stream(key)
	return ok && (info.Publisher != nil || info.Grace)
}

// path returns the way by which a stream has come here; nil if it is published here first, or not at all.
func (r *Relay) path(key media.Key) Path {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.streams[key]; s != nil {
		return s.path
	}
	return nil
}

// hangUp closes the connections of a stream that has ended, well or not.
func (r *Relay) hangUp(player *rtmp.RoamingPlayer, log *slog.Logger) {
	if err := player.Close(); err != nil {
		log.Debug("connection not closed well", "err", err)
	}
}

// dialConfig says how to connect to a place for a stream that has come by path, or is asked for by it.
func (r *Relay) dialConfig(to *place, path Path, log *slog.Logger) *rtmp.DialConfig {
	return &rtmp.DialConfig{
		Object:    []amf.Member{{Name: pathProperty, Value: path.next(r.id).String()}},
		Timeout:   answerTime,
		Dial:      r.cfg.Dial,
		TLSConfig: to.tls,
		Limits:    rtmp.Limits{WriteStall: deadAfter},
		Logger:    slog.New(hiding{log.Handler(), to.secrets}),
	}
}
