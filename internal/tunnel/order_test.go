package tunnel

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFirstNumber(t *testing.T) {
	_, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	for _, first := range []string{"0", "1"} {
		id := b.open()
		b.want("/idle"+id+first, "\x00", 200, "\x01")
	}
	id := b.open()
	b.want("/idle"+id+"2", "\x00", 400, "\x00")
	b.want("/idle"+id+"1", "\x00", 200, "\x01")
	b.want("/idle"+id+"0", "\x00", 400, "\x00")
}

// A repeated number gets its answer again, whatever has been written since, and its body counts once.
func TestRepeated(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	if _, err := c.Write([]byte("first")); err != nil {
		t.Fatal(err)
	}
	b.want("/send"+id+"0", "once", 200, "\x01first")
	if _, err := c.Write([]byte("second")); err != nil {
		t.Fatal(err)
	}
	b.want("/send"+id+"0", "once", 200, "\x01first")
	browse(t, address).want("/send"+id+"0", "once", 200, "\x01first")
	b.want("/send"+id+"1", " more", 200, "\x01second")
	b.want("/send"+id+"0", "once", 400, "\x00")
	wantRead(t, c, "once more")
}

// Requests that overtake each other on several connections are put in order.
func TestOvertaken(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	first := browse(t, address)
	id := first.open()
	c := accept(t, s)
	first.want("/send"+id+"0", "0", 200, "\x01")
	var late []*browser
	for _, n := range []string{"4", "2", "3"} {
		b := browse(t, address)
		b.write(header("/send"+id+n, 1) + n)
		late = append(late, b)
	}
	first.want("/send"+id+"9", "9", 400, "\x00") // too far ahead to be waited for
	first.want("/send"+id+"1", "1", 200, "\x01")
	for _, b := range late {
		if status, answer := b.answer(); status != 200 || answer != "\x01" {
			t.Errorf("answer %d %q", status, answer)
		}
	}
	wantRead(t, c, "01234")
}

// A body that is cut off and sent again counts once.
func TestCutBody(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	b.write(header("/send"+id+"0", 10) + "01234")
	wantRead(t, c, "01234") // the part arrives at once
	b.conn.Close()
	b = browse(t, address)
	b.want("/send"+id+"0", "0123456789", 200, "\x01")
	b.want("/send"+id+"1", "abc", 200, "\x01")
	wantRead(t, c, "56789abc")
}

// A client repeats a request while the server still waits for the rest of the first try.
func TestRepeatedWhileStuck(t *testing.T) {
	s, address := serve(t, Config{})
	stuck := browse(t, address)
	id := stuck.open()
	c := accept(t, s)
	stuck.write(header("/send"+id+"0", 10) + "01234")
	wantRead(t, c, "01234")
	browse(t, address).want("/send"+id+"0", "0123456789", 200, "\x01")
	wantRead(t, c, "56789")
	if _, err := io.Copy(io.Discard, stuck.r); err != nil {
		t.Errorf("the stuck connection ends with %v", err)
	}
}

func TestSlowBody(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	b.write(header("/send"+id+"0", 100))
	for range 100 {
		b.write("x")
		wantRead(t, c, "x")
	}
	if status, answer := b.answer(); status != 200 || answer != "\x01" {
		t.Errorf("answer %d %q", status, answer)
	}
}

func TestChunkedBody(t *testing.T) {
	s, address := serve(t, Config{Hold: -1})
	b := browse(t, address)
	id := b.open()
	b.write(strings.Replace(header("/send"+id+"0", 0), "Content-Length: 0", "Transfer-Encoding: chunked", 1) +
		"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
	if status, answer := b.answer(); status != 200 || answer != "\x01" {
		t.Errorf("answer %d %q", status, answer)
	}
	wantRead(t, accept(t, s), "abcde")
}

func TestBodyLimit(t *testing.T) {
	s, address := serve(t, Config{MaxBody: 10, Hold: -1})
	b := browse(t, address)
	id := b.open()
	c := accept(t, s)
	b.want("/send"+id+"0", "0123456789", 200, "\x01")
	wantRead(t, c, "0123456789")
	b.want("/send"+id+"1", "0123456789a", 413, "\x00")
	browse(t, address).want("/open/1", string(make([]byte, smallBody+1)), 413, "\x00")
}

// pipeServer is for tests with fake time: a server and one connection to it without sockets.
func pipeServer(t *testing.T, cfg Config) (s *Server, connect func() *browser) {
	s = NewServer(cfg)
	return s, func() *browser {
		ours, theirs := net.Pipe()
		go s.ServeConn(theirs)
		return newBrowser(t, ours)
	}
}

// end closes what a test under fake time has opened.
func end(t *testing.T, s *Server, browsers ...*browser) {
	t.Helper()
	for _, b := range browsers {
		b.conn.Close()
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	synctest.Wait()
}

func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, connect := pipeServer(t, Config{})
		b := connect()
		id := b.open()
		c := accept(t, s)
		start := time.Now()
		b.want("/idle"+id+"0", "\x00", 200, "\x01")
		if took := time.Since(start); took != defaultHold {
			t.Errorf("an idle without bytes took %v", took)
		}
		start = time.Now()
		b.want("/send"+id+"1", "x", 200, "\x01")
		if took := time.Since(start); took != 0 {
			t.Errorf("a send took %v", took)
		}
		time.AfterFunc(100*time.Millisecond, func() {
			if _, err := c.Write([]byte("news")); err != nil {
				t.Error(err)
			}
		})
		start = time.Now()
		b.want("/idle"+id+"2", "\x00", 200, "\x01news")
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("an idle with bytes took %v", took)
		}
		end(t, s, b)
	})
}

func TestHoldIsBounded(t *testing.T) {
	if got := NewServer(Config{Hold: time.Hour}).cfg.Hold; got >= time.Second {
		t.Errorf("hold of %v", got)
	}
}

func TestIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, connect := pipeServer(t, Config{})
		b := connect()
		id := b.open()
		c := accept(t, s)
		time.Sleep(59 * time.Second)
		b.conn.Close()
		b = connect()
		b.want("/idle"+id+"0", "\x00", 200, "\x01")
		start := time.Now()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, ErrIdle) {
			t.Errorf("Read: %v", err)
		}
		if took := time.Since(start); took != defaultIdleTimeout {
			t.Errorf("the session ended after %v", took)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, ErrIdle) {
			t.Errorf("Write: %v", err)
		}
		b = connect()
		b.want("/idle"+id+"1", "\x00", 400, "\x00")
		end(t, s, b)
	})
}

// A session that the application has closed does not wait long for its client.
func TestLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, connect := pipeServer(t, Config{})
		b := connect()
		id := b.open()
		c := accept(t, s)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lingerFor + time.Second)
		b.want("/idle"+id+"0", "\x00", 400, "\x00")
		end(t, s, b)
	})
}

// A request whose predecessor never comes is given up, and only so many are held.
func TestHeldRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, connect := pipeServer(t, Config{Hold: -1})
		b := connect()
		id := b.open()
		accept(t, s)
		b.want("/idle"+id+"0", "\x00", 200, "\x01")
		var held []*browser
		for _, n := range []string{"2", "3", "4", "5"} {
			h := connect()
			h.write(header("/idle"+id+n, 1) + "\x00")
			held = append(held, h)
		}
		synctest.Wait()
		b.want("/idle"+id+"2", "\x00", 400, "\x00")
		start := time.Now()
		for _, h := range held {
			if status, _ := h.answer(); status != 400 {
				t.Errorf("answer %d", status)
			}
		}
		if took := time.Since(start); took != heldFor {
			t.Errorf("requests were held for %v", took)
		}
		b.want("/idle"+id+"1", "\x00", 200, "\x01")
		end(t, s, append(held, b)...)
	})
}

// An application that does not read makes its client wait, and in the end the request fails. It can be repeated.
func TestApplicationDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, connect := pipeServer(t, Config{Hold: -1})
		b := connect()
		id := b.open()
		c := accept(t, s)
		body := strings.Repeat("x", inLimit) + "the rest"
		start := time.Now()
		b.want("/send"+id+"0", body, 400, "\x00")
		if took := time.Since(start); took != defaultRequestTimeout {
			t.Errorf("the request took %v", took)
		}
		if held := len(c.(*session).in.buf); held > inLimit {
			t.Errorf("%d bytes held", held)
		}
		wantRead(t, c, body[:inLimit])
		again := connect()
		again.want("/send"+id+"0", body, 200, "\x01")
		wantRead(t, c, "the rest")
		end(t, s, b, again)
	})
}
