package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for connections in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.done)
	return nil
}

func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestSlowClients: who sends a request byte by byte, or nothing, is closed in time. Both doors have the same server.
func TestSlowClients(t *testing.T) {
	for _, test := range []struct {
		name string
		at   string // sent at once
		drip string // sent a byte each second
		most time.Duration
	}{
		{"a header byte by byte", "", "GET / HTTP/1.1\r\nHost: a\r\nX-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", headerTimeout},
		{"nothing at all", "", "", headerTimeout},
		{"half of a header", "GET / HTTP/1.1\r\nHost: a\r\n", "", headerTimeout},
		{"a body byte by byte", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbb", readTimeout},
		{"no second request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", idleTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := pipes{make(chan net.Conn), make(chan struct{})}
			s := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // it is cut off
				say(w, http.StatusOK, "ok")
			}), quiet)
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }() // ends with Close
			client, server := net.Pipe()
			l.conns <- server
			begun := time.Now()
			var dripping sync.WaitGroup
			dripping.Go(func() { // ends with the connection
				_, err := io.WriteString(client, test.at)
				for i := 0; err == nil && i < len(test.drip); i++ {
					<-time.After(time.Second)
					_, err = io.WriteString(client, test.drip[i:i+1])
				}
			})
			_, _ = io.Copy(io.Discard, client) // until the server closes
			if took := time.Since(begun); took > test.most+time.Second {
				t.Errorf("%s: closed after %v, want %v", test.name, took, test.most)
			}
			if err := errors.Join(client.Close(), s.Close()); err != nil {
				t.Error(err)
			}
			dripping.Wait()
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		})
	}
}
