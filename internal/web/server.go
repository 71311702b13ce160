package web

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of both doors.
const (
	headerTimeout  = 5 * time.Second // for the request's header
	readTimeout    = 10 * time.Second
	writeTimeout   = 2 * time.Minute // profiles take as long as was asked for
	idleTimeout    = time.Minute
	maxHeaderBytes = 16 << 10
)

// AdminConnections is how many connections the admin door takes.
const AdminConnections = 256

// NewServer returns a server for one door. Errors of single connections go to logger's debug level. Its deadlines for reading
// and writing are those of short answers: handlers of long ones set others by http.ResponseController as they go. How many
// connections there may be is a matter of Limit.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           plain(handler),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// Limit returns l with as many connections at once as limit says at that moment, 0 for any number; more are closed at once.
// Also those count that have become WebSockets.
func Limit(l net.Listener, limit func() int) net.Listener { return &limited{Listener: l, limit: limit} }

type limited struct {
	net.Listener
	limit func() int
	open  atomic.Int64
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if limit := l.limit(); l.open.Add(1) <= int64(limit) || limit == 0 {
			return &counted{Conn: c, open: &l.open}, nil
		}
		l.open.Add(-1)
		_ = c.Close() // nobody has used it
	}
}

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	open *atomic.Int64
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// plain sets what each answer has: nothing is cached, framed by another page, or taken for what it does not say it is.
func plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}

// say answers with a sentence.
func say(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(sentence + "\n")) // a client that has gone misses nothing
}

// sayer is a handler that always answers with the same sentence.
func sayer(status int, sentence string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { say(w, status, sentence) }
}
