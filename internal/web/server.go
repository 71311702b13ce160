package web

import (
	"log/slog"
	"net"
	"net/http"
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
	maxConnections = 256 // of one door; more are closed at once
)

// NewServer returns a server for one door. Errors of single connections go to logger's debug level.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	var open atomic.Int64
	return &http.Server{
		Handler:           plain(handler),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if open.Add(1) > maxConnections {
					c.Close()
				}
			case http.StateClosed, http.StateHijacked:
				open.Add(-1)
			}
		},
	}
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
