package node

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/internal/config"
	"leat/media/mediatest"
)

// post sends n bytes to a door, and returns the status; 0 if the server closed before it had all.
func post(ctx context.Context, method, url string, n int64) (int, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, io.LimitReader(endless{}, n))
	if err != nil {
		return 0, err
	}
	r.ContentLength = n
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, nil //nolint:nilerr // it was cut off, which is an answer too
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, err
}

// endless is a JSON string without end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '"'
	}
	return len(b), nil
}

// TestLongBodies: bodies of 10 MB are refused or ignored at both doors, and not kept.
func TestLongBodies(t *testing.T) { // alone: it counts what is allocated
	s := start(t, func(c *config.Config) {
		withHTTP(c)
		c.Admin = "127.0.0.1:0"
	})
	public, admin := "http://"+s.Addr("http").String(), "http://"+s.Addr("admin").String()
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	const size = 10 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, request := range []struct {
		method, url string
		status      int
	}{
		{http.MethodPost, public + "/", http.StatusMethodNotAllowed},
		{http.MethodPost, public + "/live/cam.flv", http.StatusMethodNotAllowed},
		{http.MethodGet, public + "/live/cam.flv", http.StatusNotFound},
		{http.MethodPut, public + "/_/streams.json", http.StatusMethodNotAllowed},
		{http.MethodPost, public + "/api/v3/GetClientConfiguration", http.StatusRequestEntityTooLarge},
		{http.MethodPost, admin + "/", http.StatusMethodNotAllowed},
		{http.MethodPost, admin + "/api/v1/relays", http.StatusRequestEntityTooLarge},
		{http.MethodPost, admin + "/api/v1/reload", http.StatusConflict},
		{http.MethodDelete, admin + "/api/v1/connections/1", http.StatusNotFound},
		{http.MethodPost, admin + "/metrics", http.StatusMethodNotAllowed},
	} {
		status, err := post(limit(t), request.method, request.url, size)
		if err != nil || status != 0 && status != request.status {
			t.Errorf("%s %s: status %d, %v; want %d", request.method, request.url, status, err, request.status)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8*size {
		t.Errorf("%d MiB were allocated for ten bodies of 10 MiB", grown>>20)
	}
}

// TestManyListeners: thousands ask for the event stream; some get it, the others a sentence, and the door stays open.
func TestManyListeners(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.Admin = "127.0.0.1:0" })
	address := s.Addr("admin").String()
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	var held []net.Conn
	for range 20 {
		wg.Go(func() {
			for range 100 {
				c, err := net.Dial("tcp", address)
				if err != nil {
					continue // the machine's own limit
				}
				_, _ = io.WriteString(c, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
				line := make([]byte, len("HTTP/1.1 200"))
				_, err = io.ReadFull(c, line)
				mu.Lock()
				got[string(line[len("HTTP/1.1 "):])]++
				mu.Unlock()
				if err == nil && strings.HasSuffix(string(line), "200") {
					mu.Lock()
					held = append(held, c)
					mu.Unlock()
					continue
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	if len(held) != 16 || got["503"] == 0 {
		t.Errorf("%d listen; the answers are %v", len(held), got)
	}
	if status, err := post(limit(t), http.MethodGet, "http://"+address+"/healthz", 0); err != nil || status != http.StatusOK {
		t.Errorf("/healthz: %d, %v", status, err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	for _, c := range held {
		c.Close()
	}
	until(t, "their places are free again", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		defer c.Close()
		_, _ = io.WriteString(c, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
		line := make([]byte, len("HTTP/1.1 200"))
		_, err = io.ReadFull(c, line)
		return err == nil && strings.HasSuffix(string(line), "200")
	})
}

// TestCutPlayers: viewers that come and go at any byte leave nothing.
func TestCutPlayers(t *testing.T) {
	t.Parallel()
	s := start(t, withHTTP)
	pub := publish(t, s.url("/live/cam"))
	send(t, pub, mediatest.AVC(3*time.Second)...)
	s.lines.wait(t, "stream carries", "kind=audio")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			c, err := net.Dial("tcp", s.Addr("http").String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			ending := []string{"flv", "mp4", "m3u8"}[i%3]
			request := "GET /live/cam." + ending + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
			_, _ = io.WriteString(c, request[:min(20+i, len(request))])
			if i%2 == 0 {
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
				_, err = io.CopyN(io.Discard, c, int64(i*50))
				if err != nil && !errors.Is(err, io.EOF) {
					return // it asked for nothing
				}
			}
		})
	}
	wg.Wait()
	until(t, "those of long answers have gone", func() bool {
		n := 0
		for _, v := range s.outputs.webViewers() {
			if v.output != "hls" {
				n++
			}
		}
		return n == 0
	})
}
