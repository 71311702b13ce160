package stream

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"leat/flv"
	"leat/internal/fanout"
	"leat/live"
	"leat/media"
)

// Config sets up a Server. All fields are required but those that say so. The functions are called from several goroutines
// and must not block.
type Config struct {
	Hub     *live.Hub
	Sweeper *fanout.Sweeper
	Logger  *slog.Logger

	Merge      func() fanout.Merge  // how messages are gathered, for feeds made from then on
	MaxLag     func() time.Duration // how far a viewer may be behind
	WriteStall func() time.Duration // how long a write may take
	NewFitter  func(stream media.Key) Fitter

	OnSweep func(delay time.Duration, viewers int) // see fanout.LogConfig; may be nil
}

// Fitter makes of a stream's packets what FLV players take.
type Fitter interface {
	// Fit appends what p becomes to dst: nothing, itself, or others.
	Fit(dst []*media.Packet, p *media.Packet) []*media.Packet
	// Reset forgets what it knows of the publisher so far.
	Reset()
}

// Server answers with live streams. Make it with NewServer; Close ends it.
type Server struct {
	cfg Config
	wg  sync.WaitGroup // feeds that end, and viewers over WebSocket, which no http.Server waits for

	mu     sync.Mutex
	feeds  map[feedKey]*feed
	closed bool
}

// NewServer returns a server.
func NewServer(cfg Config) *Server { return &Server{cfg: cfg, feeds: map[feedKey]*feed{}} }

// Close waits until every viewer has gone. The hub must be closed before, so that their streams end.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wg.Wait()
}

// Stats is what became of one viewer.
type Stats struct {
	Bytes    int64 // sent
	Messages int64
	Dropped  int64         // that it did not get for being too slow
	Lag      time.Duration // for how long the next message has been waiting for it
	Reason   string        // why it has ended
}

// Hooks are told how an answer comes along. Each may be nil, and must not block.
type Hooks struct {
	First func() // with the first bytes
	// Joined is called before them. stats and end may be called from any goroutine until Serve returns; end ends the answer.
	Joined func(stats func() Stats, end func(reason string))
}

// UnsupportedError says that a format has no form for anything that a stream has.
type UnsupportedError struct {
	Format Format
	Codecs []string
}

func (e *UnsupportedError) Error() string { return "stream: " + e.Format.String() + " cannot carry it" }

var (
	// ErrClosed says that the server is ending.
	ErrClosed = errors.New("stream: closed")
	// ErrNoData says that nothing has come from the publisher in time.
	ErrNoData = errors.New("stream: the publisher has sent nothing yet")
)

// firstWait is how long a viewer waits for the first bytes of a stream.
const firstWait = 10 * time.Second

// Serve answers r with the live stream key until that ends or the viewer goes, and returns what was sent. A request for a
// WebSocket gets one. Before an answer has begun the error is ErrClosed, ErrNoData, an *UnsupportedError or that of r's context; the answer is the caller's then.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, key media.Key, format Format, hooks Hooks) (Stats, error) {
	f, err := s.enter(feedKey{key, format})
	if err != nil {
		return Stats{}, err
	}
	defer s.leave(f)
	if err := f.await(r.Context()); err != nil {
		return Stats{}, err
	}
	v := &viewer{server: s, feed: f, pipe: newPipe(), hooks: hooks}
	if IsWebSocket(r) {
		return v.serveWebSocket(w, r)
	}
	return v.serveHTTP(w, r)
}

// enter counts a viewer into the feed for key, which it makes if need be. leave ends that.
func (s *Server) enter(key feedKey) (*feed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	f := s.feeds[key]
	if f != nil {
		select {
		case <-f.done: // its stream is over; there is another one now
			delete(s.feeds, key)
			f = nil
		default:
		}
	}
	if f == nil {
		f = s.newFeed(key)
		s.feeds[key] = f
		s.wg.Go(func() {
			f.pump()
			f.out.Close() // the stream is over: so are its viewers
		})
	}
	f.viewers++
	s.wg.Add(1)
	return f, nil
}

func (s *Server) leave(f *feed) {
	defer s.wg.Done()
	s.mu.Lock()
	f.viewers--
	last := f.viewers == 0
	if last && s.feeds[f.key] == f {
		delete(s.feeds, f.key)
	}
	s.mu.Unlock()
	if last {
		f.close()
	}
}

// LogBytes returns how much memory the logs take.
func (s *Server) LogBytes() int64 {
	s.mu.Lock()
	feeds := make([]*feed, 0, len(s.feeds))
	for _, f := range s.feeds {
		feeds = append(feeds, f)
	}
	s.mu.Unlock()
	total := int64(0)
	for _, f := range feeds {
		total += int64(f.out.Stats().Bytes)
	}
	return total
}

// await waits until the stream's tracks are known, and one of them can be carried.
func (f *feed) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, firstWait, ErrNoData)
	defer cancel()
	select {
	case <-f.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if f.mp4 == nil {
		return nil
	}
	select {
	case <-f.mp4.known:
	case <-f.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	switch left := f.mp4.leftOut(); {
	case f.mp4.inits.Load() != nil:
		return nil
	case len(left) > 0:
		return &UnsupportedError{MP4, left}
	}
	return ErrNoData
}

// prelude is what goes before all else.
func (f *feed) prelude() []byte {
	if f.key.format == MP4 {
		return nil
	}
	seen := f.seen.Load()
	audio, video := seen&(1<<media.Audio) != 0, seen&(1<<media.Video) != 0
	if !audio && !video { // nothing is known, and some players believe the flags
		audio, video = true, true
	}
	return flv.AppendHeader(nil, audio, video)
}
