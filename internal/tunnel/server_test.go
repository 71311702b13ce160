package tunnel

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestIdent(t *testing.T) {
	_, address := serve(t, Config{})
	b := browse(t, address)
	b.want("/fcs/ident2", "\x00", http.StatusNotFound, "404 page not found\n")
	b.want("/fcs/ident", "\x00", http.StatusOK, defaultIdentity)

	_, address = serve(t, Config{Identity: "<fcs/>", Address: "10.0.0.7"})
	b = browse(t, address)
	b.want("/fcs/ident2", "\x00", http.StatusOK, "10.0.0.7")
	b.want("/fcs/ident", "\x00", http.StatusOK, "<fcs/>")
}

func TestSession(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	if c.RemoteAddr().String() != b.conn.LocalAddr().String() || c.LocalAddr().String() != address {
		t.Errorf("addresses %v and %v", c.LocalAddr(), c.RemoteAddr())
	}
	if _, ok := c.RemoteAddr().(*net.TCPAddr); !ok {
		t.Errorf("the remote address is a %T", c.RemoteAddr())
	}
	b.want("/idle"+id+"0", "\x00", 200, "\x01")
	b.want("/send"+id+"1", "C0C1", 200, "\x01")
	wantRead(t, c, "C0C1")
	if n, err := c.Write([]byte("S0S1S2")); n != 6 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	b.want("/idle"+id+"2", "\x00", 200, "\x01S0S1S2")
	if _, err := c.Write([]byte("more")); err != nil {
		t.Fatal(err)
	}
	b.want("/send"+id+"3", "C2", 200, "\x01more")
	wantRead(t, c, "C2")

	b.want("/close"+id+"4", "\x00", 200, "\x00")
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("Read after the client's close = %d, %v", n, err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Write after the client's close: %v", err)
	}
	b.want("/idle"+id+"5", "\x00", 400, "\x00")
}

// What the client sent before it closed can still be read.
func TestCloseKeepsBytes(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	b.want("/send"+id+"1", "last words", 200, "\x01")
	b.want("/close"+id+"2", "\x00", 200, "\x00")
	c := accept(t, s)
	wantRead(t, c, "last words")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("Read = %v", err)
	}
}

// What the application wrote before it closed still goes to the client, then the end.
func TestApplicationCloses(t *testing.T) {
	s, address := serve(t, Config{})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	if _, err := c.Write([]byte("rejected")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write after Close: %v", err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read after Close: %v", err)
	}
	b.want("/send"+id+"0", "ignored", 200, "\x01rejected")
	b.want("/send"+id+"1", "ignored too", 200, "\x00")
	b.want("/idle"+id+"2", "\x00", 400, "\x00")
}

// TestAnswerForm reads answers as librtmp does: by the status line and a header that begins with "Content-".
func TestAnswerForm(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	read := func(path string) (length int, body string) {
		t.Helper()
		b.write(header(path, 1) + "\x00")
		var head strings.Builder
		for !strings.HasSuffix(head.String(), "\r\n\r\n") {
			line, err := b.r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			head.WriteString(line)
		}
		text := head.String()
		for _, want := range []string{
			"\r\nContent-Type: application/x-fcs\r\n", "\r\nConnection: Keep-Alive\r\n", "\r\nCache-Control: no-cache\r\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %q", path, want, text)
			}
		}
		if !strings.HasPrefix(text, "HTTP/1.1 200 OK\r\n") || strings.Contains(text, "chunked") {
			t.Errorf("%s: answer %q", path, text)
		}
		_, after, ok := strings.Cut(text, "\r\nContent-Length: ")
		digits, _, _ := strings.Cut(after, "\r\n")
		length, err := strconv.Atoi(digits)
		if !ok || err != nil || length < 1 {
			t.Fatalf("%s: no length in %q", path, text)
		}
		got := make([]byte, length)
		if _, err := io.ReadFull(b.r, got); err != nil {
			t.Fatal(err)
		}
		return length, string(got)
	}
	_, id := read("/open/1")
	c := accept(t, s)
	id = "/" + id[:len(id)-1] + "/"
	read("/idle" + id + "0")
	if _, err := c.Write(make([]byte, 3073)); err != nil {
		t.Fatal(err)
	}
	if n, _ := read("/idle" + id + "1"); n != 3074 {
		t.Errorf("answer of %d bytes", n)
	}
	read("/close" + id + "2")
}

func TestPollByte(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	n := 0
	polls := func(count int) (bytes []byte) {
		for range count {
			_, answer := b.post("/idle"+id+strconv.Itoa(n), "\x00")
			bytes = append(bytes, answer[0])
			n++
		}
		return bytes
	}
	const want = "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x03\x05\x09\x11\x21\x21\x21"
	if got := polls(17); string(got) != want {
		t.Errorf("poll bytes %q, want %q", got, want)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := polls(2); string(got) != "\x01\x01" {
		t.Errorf("poll bytes after data %q", got)
	}
}

func TestAnswerLimit(t *testing.T) {
	s, address := serve(t, Config{})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	if _, err := c.Write(make([]byte, answerLimit+10)); err != nil {
		t.Fatal(err)
	}
	if _, answer := b.post("/idle"+id+"1", "\x00"); len(answer) != 1+answerLimit {
		t.Errorf("answer of %d bytes", len(answer))
	}
	b.want("/idle"+id+"2", "\x00", 200, "\x01"+string(make([]byte, 10)))
}

func TestNotTunnel(t *testing.T) {
	_, address := serve(t, Config{})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /open/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-fcs\r\n\r\n",
		"POST /open/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n\x00",
		header("/open/2", 1) + "\x00",
		header("/", 1) + "\x00",
		header("/idle", 1) + "\x00",
		header("/idle/abc", 1) + "\x00",
		header("/fcs/ident3", 1) + "\x00",
		header("//open/1", 1) + "\x00",
	} {
		b := browse(t, address)
		b.write(request)
		if status, _ := b.answer(); status != http.StatusNotFound {
			t.Errorf("%q is answered %d", request, status)
		}
	}
}

func TestForeignSession(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	accept(t, s)
	for _, path := range []string{
		"/idle/AAAAAAAAAAAAAAAA/0", "/send/AAAAAAAAAAAAAAAA/0", "/close/AAAAAAAAAAAAAAAA/0", "/idle//0",
		"/idle" + id + "x", "/idle" + id, "/idle" + id + "-1", "/idle" + id + "0/0", "/idle" + id + "99999999999999999999",
	} {
		b.want(path, "\x00", 400, "\x00")
	}
	b.want("/idle"+id+"0", "\x00", 200, "\x01")
}

func TestMaxSessions(t *testing.T) {
	s, address := serve(t, Config{MaxSessions: 2, Hold: -1})
	b := browse(t, address)
	first := b.open()
	b.open()
	b.want("/open/1", "\x00", 200, "\x00")
	if _, err := Dial(t.Context(), &DialConfig{Dial: to(address), Host: "x"}); !errors.Is(err, ErrRefused) {
		t.Errorf("Dial: %v, want %v", err, ErrRefused)
	}
	b.want("/close"+first+"0", "\x00", 200, "\x00")
	b.open()
	accept(t, s)
}

func TestBacklog(t *testing.T) {
	_, address := serve(t, Config{})
	b := browse(t, address)
	for range backlog {
		b.open()
	}
	b.want("/open/1", "\x00", 200, "\x00")
}

func TestServerClose(t *testing.T) {
	s, address := serve(t, Config{})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	b.write(header("/idle"+id+"0", 1) + "\x00")
	read := make(chan error)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	accepted := make(chan error)
	go func() {
		_, err := s.Accept()
		accepted <- err
	}()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v", err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if _, err := s.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v", err)
	}
	ours, theirs := net.Pipe()
	s.ServeConn(theirs)
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a connection served after Close is not closed: %v", err)
	}
}

// A Server shares a port as the handler of another HTTP server.
func TestHandler(t *testing.T) {
	s := NewServer(Config{Hold: -1})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if IsRequest(r) {
			s.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	})
	web := &http.Server{Handler: mux}
	done := make(chan error)
	go func() { done <- web.Serve(l) }()
	b := browse(t, l.Addr().String())
	id := b.open()
	b.want("/send"+id+"0", "hello", 200, "\x01")
	wantRead(t, accept(t, s), "hello")
	b.want("/elsewhere", "", http.StatusTeapot, "")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	b.want("/open/1", "\x00", http.StatusServiceUnavailable, "\x00")
	if err := web.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func TestServerAddr(t *testing.T) {
	var l net.Listener = NewServer(Config{})
	if l.Addr().Network() != "rtmpt" || l.Addr().String() != "tunnel" {
		t.Errorf("address %v", l.Addr())
	}
}
