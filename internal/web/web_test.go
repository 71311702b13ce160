package web

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var quiet = slog.New(slog.DiscardHandler)

func newAdmin(ready error) http.Handler {
	return Admin(AdminConfig{
		Metrics: sayer(http.StatusOK, "leat_connections 1"),
		Ready:   func() error { return ready },
		API:     sayer(http.StatusOK, "the API"),
		Console: sayer(http.StatusOK, "the console"),
		Names:   []string{"console.example.org"},
	})
}

func TestAdmin(t *testing.T) {
	tests := []struct {
		request string
		header  string
		ready   error
		status  int
		body    string // contained
	}{
		{request: "GET /metrics", status: 200, body: "leat_connections 1"},
		{request: "HEAD /metrics", status: 200},
		{request: "GET /healthz", status: 200, body: "ok\n"},
		{request: "GET /healthz", ready: errors.New("shutting down"), status: 200, body: "ok\n"},
		{request: "GET /readyz", status: 200, body: "ready\n"},
		{request: "GET /readyz", ready: errors.New("shutting down"), status: 503, body: "not ready: shutting down\n"},
		{request: "GET /debug/pprof/", status: 200, body: "goroutine"},
		{request: "GET /debug/pprof/goroutine?debug=1", status: 200, body: "goroutine profile"},
		{request: "GET /", status: 200, body: "the console"},
		{request: "GET /_/console.js", status: 200, body: "the console"},
		{request: "GET /api/v1/streams", status: 200, body: "the API"},
		{request: "POST /api/v1/reconnect", status: 200, body: "the API"},
		{request: "DELETE /api/v1/connections/1", status: 200, body: "the API"},
		{request: "PATCH /api/v1/streams", status: 405},
		{request: "GET /nothing", status: 404, body: "There is no such page."},
		{request: "POST /metrics", status: 405},
		{request: "DELETE /nothing", status: 405},
		{request: "POST /debug/pprof/symbol", status: 405},

		{request: "GET /", header: "Host: 127.0.0.1:8081", status: 200},
		{request: "GET /", header: "Host: [::1]:8081", status: 200},
		{request: "GET /", header: "Host: localhost:8081", status: 200},
		{request: "GET /", header: "Host: a.localhost", status: 200},
		{request: "GET /", header: "Host: leat:8081", status: 200},
		{request: "GET /", header: "Host: console.example.org", status: 200},
		{request: "GET /", header: "Host: Console.Example.org.:8081", status: 200},
		{request: "GET /", header: "Host: evil.example:8081", status: 403, body: "admin_names"},
		{request: "POST /api/v1/reconnect", header: "Host: evil.example\nOrigin: http://evil.example", status: 403, body: "admin_names"},
		{request: "GET /debug/pprof/", header: "Host: evil.example", status: 403},
		{request: "GET /metrics", header: "Host: leat.monitoring.svc", status: 200},
		{request: "GET /readyz", header: "Host: evil.example", status: 200},

		{request: "GET /metrics", header: "Origin: http://localhost:8081", status: 200},
		{request: "POST /api/v1/reconnect", header: "Origin: http://evil.example", status: 403, body: "other sites"},
		{request: "GET /metrics", header: "Origin: https://evil.example", status: 403, body: "other sites"},
		{request: "GET /metrics", header: "Origin: null", status: 403},
		{request: "GET /metrics", header: "Sec-Fetch-Site: none", status: 200},
		{request: "GET /metrics", header: "Sec-Fetch-Site: same-origin", status: 200},
		{request: "GET /metrics", header: "Sec-Fetch-Site: cross-site", status: 403},
		{request: "GET /", header: "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document", status: 200},
		{request: "GET /", header: "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe", status: 403},
	}
	for _, test := range tests {
		t.Run(test.request+" "+test.header, func(t *testing.T) {
			answer := ask(newAdmin(test.ready), test.request, test.header)
			if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.body) {
				t.Errorf("status %d %q, want %d with %q", answer.Code, answer.Body, test.status, test.body)
			}
		})
	}
}

func TestPublic(t *testing.T) {
	tests := []struct {
		request string
		status  int
		body    string
	}{
		{"GET /", 200, "This is a Leat server."},
		{"GET /live/stream.m3u8", 404, "There is no such page."},
		{"GET /metrics", 404, "There is no such page."},
		{"PUT /", 405, ""},
	}
	for _, test := range tests {
		answer := ask(Public(), test.request, "")
		if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.body) {
			t.Errorf("%s: status %d %q, want %d with %q", test.request, answer.Code, answer.Body, test.status, test.body)
		}
	}
}

// ask sends a request ("GET /path") with header lines.
func ask(h http.Handler, request, header string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, path, nil)
	r.Host = "localhost:8081"
	for line := range strings.SplitSeq(header, "\n") {
		switch name, value, ok := strings.Cut(line, ": "); {
		case name == "Host":
			r.Host = value
		case ok:
			r.Header.Set(name, value)
		}
	}
	answer := httptest.NewRecorder()
	NewServer(h, quiet).Handler.ServeHTTP(answer, r)
	return answer
}

func TestAnswersAreNotCachedOrFramed(t *testing.T) {
	h := ask(newAdmin(nil), "GET /healthz", "").Header()
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Content-Type": "text/plain; charset=utf-8",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// TestServerLimits: what is too long is refused, and connections beyond the limit are closed.
func TestServerLimits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(newAdmin(nil), quiet)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()

	long := dial(t, l)
	if _, err := io.WriteString(long, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 2*maxHeaderBytes)); err != nil {
		t.Logf("the server closed early: %v", err)
	}
	if line, err := bufio.NewReader(long).ReadString('\n'); err == nil && !strings.Contains(line, "431") {
		t.Errorf("a header that is too long is answered with %q", line)
	}

	for range maxConnections {
		dial(t, l)
	}
	surplus := dial(t, l)
	if n, err := surplus.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes came on a connection beyond the limit", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
}

func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
