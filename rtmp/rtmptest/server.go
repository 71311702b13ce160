package rtmptest

import (
	"context"
	"log/slog"
	"testing"

	"leat/rtmp"
)

// Server is an rtmp.Server on an in-memory listener, as httptest.Server is an http.Server on a loopback one.
type Server struct {
	*rtmp.Server
	Listener *Listener

	done chan error
}

// URL is the address that Dial uses when it is given only a path: host and port mean nothing here.
const URL = "rtmp://rtmptest.invalid"

// NewServer starts a server with the handler; the test's end closes it and fails when it did not end well. The
// server logs nothing.
func NewServer(t testing.TB, h rtmp.Handler) *Server {
	return Start(t, &rtmp.Server{Handler: h, Logger: slog.New(slog.DiscardHandler)})
}

// Start starts a server that the caller has set up, and closes it at the end of the test.
func Start(t testing.TB, srv *rtmp.Server) *Server {
	t.Helper()
	s := &Server{Server: srv, Listener: NewListener(), done: make(chan error, 1)}
	go func() { s.done <- srv.Serve(s.Listener) }() // ends with Close
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
		if err := <-s.done; err != rtmp.ErrServerClosed { //nolint:errorlint // Serve returns the sentinel itself
			t.Errorf("Serve returned %v, want ErrServerClosed", err)
		}
	})
	return s
}

// Dial connects a client to the server. path is "/app" or "/app/name". The connection is closed at the end of the
// test; closing it before is fine.
func (s *Server) Dial(t testing.TB, path string, cfg *rtmp.DialConfig) *rtmp.Conn {
	t.Helper()
	c, err := s.TryDial(t.Context(), path, cfg)
	if err != nil {
		t.Fatalf("dialling %s: %v", path, err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("closing the client of %s: %v", path, err)
		}
	})
	return c
}

// TryDial connects a client that may be refused. The caller closes the connection.
func (s *Server) TryDial(ctx context.Context, path string, cfg *rtmp.DialConfig) (*rtmp.Conn, error) {
	var own rtmp.DialConfig
	if cfg != nil {
		own = *cfg
	}
	own.Dial = s.Listener.DialContext
	return rtmp.Dial(ctx, URL+path, &own)
}
