package hls

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"leat/live"
	"leat/media"
)

// Options say how live streams are cut. They hold for muxers that are made from then on.
type Options struct {
	Segment time.Duration // the least length of a segment, at least 1 s
	Part    time.Duration // of the parts that low latency needs; 0: none
	Window  int           // segments in a playlist, at least 3
	Idle    time.Duration // how long a muxer lives without a request; 0: as long as the server
}

// Config sets up a Server. All fields are required.
type Config struct {
	Hub     *live.Hub
	Logger  *slog.Logger
	Options func() Options // called from several goroutines
}

// Server answers with playlists and segments. Make it with NewServer; Close ends it. Its methods may be called from several
// goroutines.
type Server struct {
	cfg  Config
	wg   sync.WaitGroup // pumps
	most atomic.Int64   // bytes of each muxer, as Squeeze has set them

	mu     sync.Mutex
	muxers map[media.Key]*muxer
	closed bool
}

// ErrClosed says that the server was closed.
var ErrClosed = errors.New("hls: closed")

// NewServer returns a server.
func NewServer(cfg Config) *Server { return &Server{cfg: cfg, muxers: map[media.Key]*muxer{}} }

// Close ends all muxers, and requests that wait.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	muxers := s.muxers
	s.muxers = map[media.Key]*muxer{}
	for _, m := range muxers {
		m.idle.Stop()
		m.sub.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Squeeze bounds every track of a live stream to most bytes, where that is less than its 64 MiB; 0 means no other bound. What is
// too much goes at once, but for three segments. It is for a server that is short of memory.
func (s *Server) Squeeze(most int64) {
	s.most.Store(most)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.muxers {
		m.mu.Lock()
		for _, t := range m.tracks {
			t.trim()
		}
		m.mu.Unlock()
	}
}

// bound is most, or what Squeeze has set if that is less.
func (s *Server) bound(most int) int {
	if n := s.most.Load(); n > 0 {
		return int(min(int64(most), n))
	}
	return most
}

// Start cuts a stream although nobody has asked for it yet.
func (s *Server) Start(key media.Key) {
	_, _ = s.muxer(key) // the server is closing: then there is nothing to do
}

// Muxers returns how many streams are being cut.
func (s *Server) Muxers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.muxers)
}

// always is an Idle without end.
const always = 1<<63 - 1

// muxer returns the muxer of a stream, which it makes if need be, and keeps it from being idle.
func (s *Server) muxer(key media.Key) (*muxer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	m := s.muxers[key]
	if m == nil {
		m = s.newMuxer(key)
		s.muxers[key] = m
		m.idle = time.AfterFunc(m.patience(), func() { s.retire(key, m) })
		s.wg.Go(m.pump)
		return m, nil
	}
	m.idle.Reset(m.patience())
	return m, nil
}

func (m *muxer) patience() time.Duration {
	if m.options.Idle == 0 {
		return always
	}
	return m.options.Idle
}

// existing returns the muxer of a stream that there is already.
func (s *Server) existing(key media.Key) *muxer {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.muxers[key]
	if m != nil {
		m.idle.Reset(m.patience())
	}
	return m
}

// rest is called when a stream has ended: a muxer that runs always ends soon if no publisher comes.
func (s *Server) rest(m *muxer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.options.Idle == 0 && s.muxers[m.key] == m {
		m.idle.Reset(afterEnd)
	}
}

// afterEnd is how long the last segments of a stream stay.
const afterEnd = 30 * time.Second

// retire is called when nobody has asked for anything for a while.
func (s *Server) retire(key media.Key, m *muxer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muxers[key] != m {
		return
	}
	delete(s.muxers, key)
	m.sub.Close()
}

// Has reports whether a stream is being cut, or was until a moment ago.
func (s *Server) Has(key media.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.muxers[key] != nil
}
