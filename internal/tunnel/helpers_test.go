package tunnel

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// serve runs a Server on loopback until the test ends, and waits for its connections then.
func serve(t *testing.T, cfg Config) (*Server, string) {
	t.Helper()
	s := NewServer(cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { s.ServeConn(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		running.Wait()
	})
	return s, l.Addr().String()
}

func accept(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := s.Accept()
	if err != nil {
		t.Fatalf("Accept: %v", err)
	}
	return c
}

// A browser posts single requests, as clients of any kind would.
type browser struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func browse(t *testing.T, address string) *browser {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newBrowser(t, conn)
}

func newBrowser(t *testing.T, conn net.Conn) *browser {
	return &browser{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// header is the header of a request.
func header(path string, length int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nUser-Agent: Shockwave Flash\r\n"+
		"Connection: Keep-Alive\r\nCache-Control: no-cache\r\nContent-Type: application/x-fcs\r\nContent-Length: %d\r\n\r\n",
		path, length)
}

func (b *browser) write(s string) {
	b.t.Helper()
	if _, err := io.WriteString(b.conn, s); err != nil {
		b.t.Fatalf("writing a request: %v", err)
	}
}

// answer reads an answer.
func (b *browser) answer() (status int, body string) {
	b.t.Helper()
	response, err := http.ReadResponse(b.r, nil)
	if err != nil {
		b.t.Fatalf("reading an answer: %v", err)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("reading an answer: %v", err)
	}
	return response.StatusCode, string(text)
}

func (b *browser) post(path, body string) (int, string) {
	b.t.Helper()
	b.write(header(path, len(body)) + body)
	return b.answer()
}

// want posts and compares the answer.
func (b *browser) want(path, body string, status int, answer string) {
	b.t.Helper()
	gotStatus, got := b.post(path, body)
	if gotStatus != status || got != answer {
		b.t.Errorf("POST %s = %d %q, want %d %q", path, gotStatus, got, status, answer)
	}
}

// open begins a session and returns "/ID/".
func (b *browser) open() string {
	b.t.Helper()
	status, id := b.post("/open/1", "\x00")
	if status != http.StatusOK || !strings.HasSuffix(id, "\n") || len(id) < 9 || len(id) > 17 {
		b.t.Fatalf("open = %d %q", status, id)
	}
	return "/" + strings.TrimSpace(id) + "/"
}

// wantRead reads exactly len(want) bytes.
func wantRead(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Errorf("read %q, error %v, want %q", got[:n], err, want)
	}
}

// to returns a dialer to an address.
func to(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
}

// dial opens a session, and closes it when the test ends.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := Dial(t.Context(), &DialConfig{Dial: to(address), Host: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
