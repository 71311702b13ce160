package rtmptest

import (
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewListener()
		accepted := make(chan net.Conn, 2)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					wantOpError(t, err, "accept", net.ErrClosed)
					close(accepted)
					return
				}
				accepted <- c
			}
		}()
		first, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second, err := l.DialContext(t.Context(), "tcp", "anywhere:1")
		if err != nil {
			t.Fatal(err)
		}
		for _, client := range []net.Conn{first, second} {
			server := <-accepted
			if server.RemoteAddr().String() != client.LocalAddr().String() || server.LocalAddr().String() != l.Addr().String() {
				t.Errorf("client %v, server %v to %v", client.LocalAddr(), server.LocalAddr(), server.RemoteAddr())
			}
			if _, err := client.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := server.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if first.LocalAddr().String() == second.LocalAddr().String() {
			t.Errorf("two clients have the address %v", first.LocalAddr())
		}

		for range 2 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if c, ok := <-accepted; ok {
			t.Errorf("accepted %v after Close", c)
		}
		_, err = l.Accept()
		wantOpError(t, err, "accept", net.ErrClosed)
		_, err = l.Dial(t.Context())
		wantOpError(t, err, "dial", syscall.ECONNREFUSED)
	})
}

func TestDialWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewListener()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := l.Dial(ctx)
		wantOpError(t, err, "dial", context.DeadlineExceeded)

		result := make(chan error, 1)
		go func() {
			_, err := l.Dial(t.Context())
			result <- err
		}()
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-result; !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("error %v, want ECONNREFUSED", err)
		}
	})
}
