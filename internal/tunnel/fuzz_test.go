package tunnel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A tape is a connection that plays bytes and takes whatever is written.
type tape struct {
	net.Conn // Pipe's, for addresses
	r        *bytes.Reader
}

func newTape(b []byte) *tape {
	end, other := net.Pipe()
	other.Close()
	return &tape{Conn: end, r: bytes.NewReader(b)}
}

func (t *tape) Read(p []byte) (int, error)       { return t.r.Read(p) }
func (t *tape) Write(p []byte) (int, error)      { return len(p), nil }
func (t *tape) SetDeadline(time.Time) error      { return nil }
func (t *tape) SetReadDeadline(time.Time) error  { return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }

// FuzzRequests sends a server whatever is thought up, after it has opened a session whose id is known.
func FuzzRequests(f *testing.F) {
	f.Add([]byte(header("/send/ID/0", 4) + "C0C1" + header("/idle/ID/1", 1) + "\x00" + header("/close/ID/2", 1) + "\x00"))
	f.Add([]byte(header("/open/1", 1) + "\x00" + header("/idle/ID/1", 1) + "\x00" + header("/idle/ID/1", 1) + "\x00"))
	f.Add([]byte(header("/fcs/ident2", 1) + "\x00" + header("/fcs/ident", 1) + "\x00"))
	f.Fuzz(func(t *testing.T, requests []byte) {
		s := NewServer(Config{Hold: -1, RequestTimeout: 50 * time.Millisecond, MaxBody: 1 << 10})
		c := s.open(s.Addr(), s.Addr())
		read := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, c)
			read <- err
		}()
		s.ServeConn(newTape(bytes.ReplaceAll(requests, []byte("/ID/"), []byte("/"+c.id+"/"))))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-read; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("the session ended with %v", err)
		}
	})
}

// FuzzAnswers gives a client whatever is thought up as answers to its requests.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(ok("abc\n") + ok("\x01S0S1S2") + ok("\x01") + ok("\x00")))
	f.Add([]byte(ok("abc\n") + "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\x01ab\r\n0\r\n\r\n"))
	f.Add([]byte(ok("abc\n") + "HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answers []byte) {
		// Poll bytes would make it wait.
		synctest.Test(t, func(t *testing.T) { readAnswers(t, answers) })
	})
}

func readAnswers(t *testing.T, answers []byte) {
	dials := 0
	c, err := Dial(t.Context(), &DialConfig{Host: "x", Dial: func(context.Context) (net.Conn, error) {
		if dials++; dials > 2 {
			return nil, net.ErrClosed
		}
		return newTape(answers), nil
	}})
	if err != nil {
		return
	}
	if _, err := c.Write([]byte("C0C1")); err != nil {
		t.Logf("Write: %v", err) // the session may be over by now
	}
	n, err := io.Copy(io.Discard, c)
	if n > int64(2*len(answers)) {
		t.Errorf("%d bytes out of %d, %v", n, len(answers), err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
