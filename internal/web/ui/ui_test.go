package ui

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// sample stands for what npm builds.
var sample = &files{fs: fstest.MapFS{
	"console.html":       {Data: []byte("<title>Console</title>")},
	"assets/a-123.js":    {Data: []byte(strings.Repeat("let a = 1;", 100))},
	"assets/i-456.svg":   {Data: []byte("<svg/>")},
	"assets/unknown.bin": {Data: []byte{1}},
}}

func ask(h http.Handler, path, host string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAssets(t *testing.T) {
	h := assets(sample)
	tests := []struct {
		path, accept string
		status       int
		contentType  string
		zipped       bool
	}{
		{"/_/assets/a-123.js", "", 200, "text/javascript; charset=utf-8", false},
		{"/_/assets/a-123.js", "gzip, br", 200, "text/javascript; charset=utf-8", true},
		{"/_/assets/a-123.js", "br, gzip;q=0", 200, "text/javascript; charset=utf-8", false},
		{"/_/assets/i-456.svg", "gzip", 200, "image/svg+xml", false}, // no shorter
		{"/_/assets/none.js", "", 404, "text/plain; charset=utf-8", false},
		{"/_/assets", "", 404, "text/plain; charset=utf-8", false},
		{"/_/console.html", "", 404, "text/plain; charset=utf-8", false},
		{"/_/../doc.go", "", 404, "text/plain; charset=utf-8", false},
	}
	for _, test := range tests {
		w := ask(h, test.path, "localhost", "Accept-Encoding", test.accept)
		zipped := w.Header().Get("Content-Encoding") == "gzip"
		if w.Code != test.status || w.Header().Get("Content-Type") != test.contentType || zipped != test.zipped {
			t.Errorf("%s (%s): status %d, %s, zipped %v", test.path, test.accept, w.Code, w.Header().Get("Content-Type"), zipped)
		}
		if kept := strings.Contains(w.Header().Get("Cache-Control"), "immutable"); kept != (test.status == 200) {
			t.Errorf("%s: Cache-Control %q", test.path, w.Header().Get("Cache-Control"))
		}
		if !zipped {
			continue
		}
		r, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(plain, []byte(strings.Repeat("let a = 1;", 100))) {
			t.Errorf("%s unzips to %q, %v", test.path, plain, err)
		}
	}
}

// TestPolicy: a page may use its own door, and the console the public one of the host that it was called by.
func TestPolicy(t *testing.T) {
	tests := []struct {
		host string
		port int
		want string // what the page may connect to
	}{
		{"localhost:8081", 8080, "connect-src 'self' http://localhost:8080 https://localhost:8080 ws://localhost:8080 wss://localhost:8080;"},
		{"[::1]:8081", 8080, "connect-src 'self' http://[::1]:8080 https://[::1]:8080 ws://[::1]:8080 wss://[::1]:8080;"},
		{"localhost", 0, "connect-src 'self';"},
		{"a;script-src *", 8080, "connect-src 'self';"},
	}
	for _, test := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = test.host
		w := httptest.NewRecorder()
		servePage(w, r, sample, "console.html", publicOrigins(r, test.port))
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, test.want) || !strings.Contains(policy, "default-src 'none'; script-src 'self';") {
			t.Errorf("%s: %s", test.host, policy)
		}
		if !strings.Contains(w.Body.String(), "Console") || w.Header().Get("Cache-Control") != "" {
			t.Errorf("%s: %s, %s", test.host, w.Body, w.Header())
		}
	}
}

// TestPlaceholder: a program that was built without pages says so.
func TestPlaceholder(t *testing.T) {
	w := httptest.NewRecorder()
	servePage(w, httptest.NewRequest(http.MethodGet, "/", nil), &files{fs: fstest.MapFS{}}, "console.html", nil)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "make build") {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

// TestHandlers: pages stand where they should, built or not.
func TestHandlers(t *testing.T) {
	console := Console(ConsoleConfig{PublicPort: func() int { return 8080 }})
	for _, test := range []struct {
		h      http.Handler
		path   string
		status int
	}{
		{console, "/", 200},
		{console, "/live/a", 404},
		{console, "/_/nothing.js", 404},
		{Public(), "/", 200},
		{Public(), "/live/a", 200},
		{Public(), "/live/a/b", 200},
		{Public(), "/_/nothing.js", 404},
	} {
		if w := ask(test.h, test.path, "localhost"); w.Code != test.status {
			t.Errorf("%s: status %d, want %d", test.path, w.Code, test.status)
		}
	}
}
