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

func newPublic(reached *Target) http.Handler {
	return Public(PublicConfig{
		Media: func(w http.ResponseWriter, _ *http.Request, to Target) {
			*reached = to
			w.WriteHeader(http.StatusOK)
		},
		Pages: sayer(http.StatusOK, "a page"),
		RTC:   sayer(http.StatusCreated, "rtc"),
	})
}

func TestPublic(t *testing.T) {
	long := strings.Repeat("n", 256)
	tests := []struct {
		request string
		status  int
		body    string
		to      Target
	}{
		{request: "GET /", status: 200, body: "a page"},
		{request: "GET /live/cam", status: 200, body: "a page"},
		{request: "GET /_/assets/x.js", status: 200, body: "a page"},
		{request: "GET /metrics", status: 404, body: "There is no such page."},
		{request: "GET /api/streams", status: 404},
		{request: "GET /stat/cam.flv", status: 404},
		{request: "PUT /", status: 405},
		{request: "POST /live/cam/whep", status: 201},
		{request: "DELETE /live/a/b/whip/123", status: 201},
		{request: "GET /live/whep", status: 200, body: "a page"},

		{request: "GET /live/cam.flv", status: 200, to: Target{App: "live", Name: "cam", Ending: EndingFLV}},
		{request: "HEAD /live/a/b.c.mp4", status: 200, to: Target{App: "live", Name: "a/b.c", Ending: EndingMP4}},
		{request: "GET /live/cam.m3u8", status: 200, to: Target{App: "live", Name: "cam", Ending: EndingPlaylist}},
		{request: "GET /live/a/cam/index.m3u8", status: 200, to: Target{App: "live", Name: "a/cam", Ending: EndingPlaylist, Index: true}},
		{request: "GET /live/a/cam/_hls/video0.m3u8", status: 200, to: Target{App: "live", Name: "a/cam", Ending: EndingFile, File: "video0.m3u8"}},
		{request: "GET /live/cam/_vod/audio1.m3u8", status: 200, to: Target{App: "live", Name: "cam", Ending: EndingFile, File: "audio1.m3u8", Recorded: true}},
		{request: "GET /live/%C3%A4%20b.flv", status: 200, to: Target{App: "live", Name: "ä b", Ending: EndingFLV}},
		{request: "OPTIONS /live/cam.flv", status: 204},
		{request: "POST /live/cam.flv", status: 405},

		{request: "GET /live/index.m3u8", status: 200, to: Target{App: "live", Name: "index", Ending: EndingPlaylist}},
		{request: "GET /live/.flv", status: 200, body: "a page"},
		{request: "GET /live/../secret.flv", status: 404},
		{request: "GET /live/%2e%2e/secret.flv", status: 404},
		{request: "GET /live/a/%2e%2e%2fsecret.mp4", status: 404},
		{request: "GET /live//cam.flv", status: 404},
		{request: "GET /live/a%5cb.flv", status: 404},
		{request: "GET /live/a%00b.flv", status: 404},
		{request: "GET /live/a%0d%0ab.flv", status: 404},
		{request: "GET /live/a%ffb.flv", status: 404},
		{request: "GET /live/" + long + ".flv", status: 200, body: "a page"},
		{request: "GET /live/" + strings.Repeat("x/", 600) + "y.flv", status: 404},
		{request: "GET /live/a/_hls/b/_hls/video0.m3u8", status: 200, body: "a page"},
	}
	for _, test := range tests {
		var to Target
		answer := ask(newPublic(&to), test.request, "")
		if answer.Code != test.status || !strings.Contains(answer.Body.String(), test.body) || to != test.to {
			t.Errorf("%.80s: status %d %q, %+v; want %d with %q, %+v", test.request, answer.Code, answer.Body, to, test.status, test.body, test.to)
		}
	}
	nothing := Public(PublicConfig{})
	if answer := ask(nothing, "GET /", ""); answer.Code != 200 || !strings.Contains(answer.Body.String(), "This is a Leat server.") {
		t.Errorf("without pages: %d %q", answer.Code, answer.Body)
	}
	if answer := ask(nothing, "GET /live/cam/whep", ""); answer.Code != 404 {
		t.Errorf("without RTC: %d", answer.Code)
	}
}

func TestStreamsMayBePlayedFromAnywhere(t *testing.T) {
	var to Target
	h := ask(newPublic(&to), "OPTIONS /live/cam.m3u8", "Origin: https://player.example").Header()
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Cache-Control": "no-store",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if h.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials are allowed")
	}
}

func TestHLSPrefix(t *testing.T) {
	for _, test := range []struct{ path, name, want string }{
		{"/live/cam.m3u8", "cam", "cam/_hls/"},
		{"/live/cam/index.m3u8", "cam", "_hls/"},
		{"/live/a/cam.m3u8", "a/cam", "cam/_hls/"},
		{"/live/cam.m3u8", "cam_low", "cam_low/_hls/"},
		{"/live/cam/index.m3u8", "cam_low", "../cam_low/_hls/"},
		{"/live/a/cam.m3u8", "a/cam_low", "../a/cam_low/_hls/"},
		{"/live/a/cam/index.m3u8", "a/cam_low", "../../a/cam_low/_hls/"},
	} {
		to, ok := parseTarget(test.path)
		if got := to.HLSPrefix(test.name); !ok || got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.name, test.path, got, test.want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	f.Add("/live/a/cam/_hls/video0.m3u8")
	f.Add("/live/cam/index.m3u8")
	f.Fuzz(func(t *testing.T, path string) {
		p, ok := cleanPath(path)
		to, isMedia := parseTarget(p)
		if !ok || !isMedia {
			return
		}
		if to.App == "" || strings.Contains(to.App, "/") || to.Name == "" || strings.Contains("/"+to.Name+"/", "/../") || strings.Contains(to.File, "/") {
			t.Errorf("%q is %+v", path, to)
		}
	})
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
	const most = 100
	go func() { served <- s.Serve(Limit(l, func() int { return most })) }()

	long := dial(t, l)
	if _, err := io.WriteString(long, "GET / HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 2*maxHeaderBytes)); err != nil {
		t.Logf("the server closed early: %v", err)
	}
	if line, err := bufio.NewReader(long).ReadString('\n'); err == nil && !strings.Contains(line, "431") {
		t.Errorf("a header that is too long is answered with %q", line)
	}

	for range most {
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
