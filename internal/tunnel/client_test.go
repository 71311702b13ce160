package tunnel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A script is a server that gives the next of its answers to each request, and notes the requests. When they
// are used up it ends the session.
type script struct {
	t       *testing.T
	address string

	mu       sync.Mutex
	answers  []string
	requests []string // path and body
	headers  []http.Header
}

func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/x-fcs\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// cut is an answer that ends with the connection.
func cut(text string) string { return "cut:" + text }

func play(t *testing.T, answers ...string) *script {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &script{t: t, address: l.Addr().String(), answers: answers}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				s.serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return s
}

func (s *script) serve(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			s.t.Errorf("reading a request: %v", err)
			return
		}
		s.mu.Lock()
		answer := ok("\x00")
		if len(s.answers) > 0 {
			answer, s.answers = s.answers[0], s.answers[1:]
		}
		s.requests = append(s.requests, request.RequestURI+" "+string(body))
		s.headers = append(s.headers, request.Header)
		s.mu.Unlock()
		text, last := strings.CutPrefix(answer, "cut:")
		if _, err := io.WriteString(c, text); err != nil || last {
			return
		}
	}
}

func (s *script) want(requests ...string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.requests, requests) {
		s.t.Errorf("requests %q, want %q", s.requests, requests)
	}
}

// readAll reads c to its end.
func readAll(t *testing.T, c net.Conn) (string, error) {
	t.Helper()
	check(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
	b, err := io.ReadAll(c)
	return string(b), err
}

func TestDialRequests(t *testing.T) {
	s := play(t, ok("abc123\n"), ok("\x01pong"), ok("\x01"), ok("\x01news"), ok("\x00"))
	c := dial(t, s.address)
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	wantRead(t, c, "pong")
	got, err := readAll(t, c)
	if got != "news" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write after the server's end: %v", err)
	}
	check(t, c.Close())
	s.want("/open/1 \x00", "/send/abc123/0 ping", "/idle/abc123/1 \x00", "/idle/abc123/2 \x00", "/idle/abc123/3 \x00")
	for _, h := range s.headers {
		for name, want := range map[string]string{
			"Accept": "*/*", "User-Agent": "Shockwave Flash", "Connection": "Keep-Alive", "Cache-Control": "no-cache",
			"Content-Type": "application/x-fcs",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %q, want %q", name, h.Get(name), want)
			}
		}
	}
}

// Close sends what is queued and says goodbye.
func TestClientClose(t *testing.T) {
	s := play(t, ok("abc\n"), ok("\x01"), ok("\x00"))
	c := dial(t, s.address)
	if _, err := c.Write([]byte("bye")); err != nil {
		t.Fatal(err)
	}
	check(t, c.Close())
	s.want("/open/1 \x00", "/send/abc/0 bye", "/close/abc/1 \x00")
}

// Close does not wait for ever for a server that does not answer.
func TestClientCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		var running sync.WaitGroup
		running.Go(func() {
			r := bufio.NewReader(theirs)
			if _, err := http.ReadRequest(r); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(theirs, ok("abc\n")); err != nil {
				t.Error(err)
			}
			_, err := io.Copy(io.Discard, r)
			check(t, err)
		})
		c, err := Dial(t.Context(), &DialConfig{Host: "x", Dial: func(context.Context) (net.Conn, error) { return ours, nil }})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		check(t, c.Close())
		if took := time.Since(start); took != closeTimeout {
			t.Errorf("Close took %v", took)
		}
		running.Wait()
	})
}

// A lost answer is asked for again, with the same number and body, and its bytes count once.
func TestLostAnswers(t *testing.T) {
	for _, test := range []struct{ name, broken string }{
		{"nothing", ""},
		{"half a header", "HTTP/1.1 200 O"},
		{"half a body", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\x01hel"},
		{"all but the last byte", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\x01hell"},
		{"only the poll byte", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n\x01"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := play(t, ok("abc\n"), cut(test.broken), ok("\x01hello"), ok("\x00"))
			c := dial(t, s.address)
			if _, err := c.Write([]byte("question")); err != nil {
				t.Fatal(err)
			}
			if got, err := readAll(t, c); err != nil || got != "hello" {
				t.Errorf("read %q, %v", got, err)
			}
			s.want("/open/1 \x00", "/send/abc/0 question", "/send/abc/0 question", "/idle/abc/1 \x00")
		})
	}
}

// A request is repeated once, not more often.
func TestLostTwice(t *testing.T) {
	s := play(t, ok("abc\n"), cut(""), cut(""))
	c := dial(t, s.address)
	if got, err := readAll(t, c); err == nil || got != "" {
		t.Errorf("read %q, %v", got, err)
	}
	if _, err := c.Write([]byte("x")); err == nil {
		t.Error("Write to a lost session succeeds")
	}
	s.want("/open/1 \x00", "/idle/abc/0 \x00", "/idle/abc/0 \x00")
}

// A server that ends its connections after each answer is dialled again.
func TestConnectionClose(t *testing.T) {
	once := func(body string) string {
		return strings.Replace(cut(ok(body)), "\r\n", "\r\nConnection: close\r\n", 1)
	}
	s := play(t, once("abc\n"), once("\x01a"), once("\x01b"), once("\x00"))
	if got, err := readAll(t, dial(t, s.address)); err != nil || got != "ab" {
		t.Errorf("read %q, %v", got, err)
	}
	s.want("/open/1 \x00", "/idle/abc/0 \x00", "/idle/abc/1 \x00", "/idle/abc/2 \x00")
}

func TestOtherAnswers(t *testing.T) {
	for _, test := range []struct{ name, answer, got, err string }{
		{"400", "HTTP/1.1 400 Bad Request\r\nContent-Length: 1\r\n\r\n\x00", "", "400 Bad Request"},
		{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", "empty"},
		{"long header", cut("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", answerHeaderLimit)), "", "unexpected EOF"},
		{"chunked, lower case", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n\x01ab\r\n1\r\nc\r\n0\r\n\r\n", "abc", ""},
		{"up to the end", cut("HTTP/1.0 200 OK\r\n\r\n\x01abc"), "abc", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := play(t, ok("abc\n"), test.answer, test.answer)
			if test.err == "" {
				s.answers = s.answers[:2]
			}
			c := dial(t, s.address)
			got, err := readAll(t, c)
			if got != test.got || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("read %q, %v, want %q, %q", got, err, test.got, test.err)
			}
		})
	}
}

func TestDialFails(t *testing.T) {
	for _, test := range []struct{ name, answer, err string }{
		{"refused", ok("\x00"), ErrRefused.Error()},
		{"no id", ok("\n"), "empty"},
		{"path in the id", ok("../x\n"), "no session id"},
		{"control character in the id", ok("a\x01b\n"), "no session id"},
		{"long id", ok(strings.Repeat("x", 65) + "\n"), "too long"},
		{"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"},
		{"not HTTP", cut("\x03 rtmp"), "malformed"},
	} {
		s := play(t, test.answer, test.answer)
		_, err := Dial(t.Context(), &DialConfig{Dial: to(s.address), Host: "x"})
		if err == nil || !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: error %v, want %q", test.name, err, test.err)
		}
	}

	broken := errors.New("no route")
	_, err := Dial(t.Context(), &DialConfig{Host: "x", Dial: func(context.Context) (net.Conn, error) { return nil, broken }})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}

// silence is a server that accepts and says nothing.
func silence(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestDialContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := Dial(ctx, &DialConfig{Dial: to(silence(t)), Host: "x"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestRequestTimeout(t *testing.T) {
	_, err := Dial(t.Context(), &DialConfig{Dial: to(silence(t)), Host: "x", RequestTimeout: 20 * time.Millisecond})
	wantTimeout(t, "Dial", err)
}

// The longest id that clients take, and the white space that servers put behind it.
func TestSessionID(t *testing.T) {
	id := strings.Repeat("i", maxSessionID-1)
	s := play(t, ok(id+"\n"), ok("\x00"))
	if _, err := readAll(t, dial(t, s.address)); err != nil {
		t.Error(err)
	}
	s.want("/open/1 \x00", "/idle/"+id+"/0 \x00")
}

// The server's connections may all end while a session goes on.
func TestServerLosesConnections(t *testing.T) {
	s := NewServer(Config{Hold: time.Millisecond})
	var mu sync.Mutex
	var running sync.WaitGroup
	var last net.Conn
	c, err := Dial(t.Context(), &DialConfig{Host: "x", Dial: func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		mu.Lock()
		last = theirs
		mu.Unlock()
		running.Go(func() { s.ServeConn(theirs) })
		return ours, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	server := accept(t, s)
	for range 20 {
		mu.Lock()
		last.Close()
		mu.Unlock()
		if _, err := c.Write([]byte("ping")); err != nil {
			t.Fatal(err)
		}
		wantRead(t, server, "ping")
		if _, err := server.Write([]byte("pong")); err != nil {
			t.Fatal(err)
		}
		wantRead(t, c, "pong")
	}
	check(t, c.Close())
	check(t, s.Close())
	running.Wait()
}
