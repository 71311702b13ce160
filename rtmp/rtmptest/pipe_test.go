package rtmptest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// wantOpError checks that err is a *net.OpError of op that wraps want.
func wantOpError(t *testing.T, err error, op string, want error) {
	t.Helper()
	var opErr *net.OpError
	if !errors.As(err, &opErr) || opErr.Op != op || !errors.Is(err, want) {
		t.Errorf("error %v (%T), want a *net.OpError of %s that wraps %v", err, err, op, want)
	}
}

func TestPipeHoldsBytes(t *testing.T) {
	client, server := Pipe()
	for _, s := range []string{"he", "llo"} {
		if n, err := client.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", s, n, err)
		}
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(server)
	if string(got) != "hello" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	n, err := server.Write([]byte("x"))
	if n != 0 {
		t.Errorf("wrote %d bytes to a closed end", n)
	}
	wantOpError(t, err, "write", syscall.EPIPE)
}

func TestPipeFullDuplex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := PipeSize(7)
		data := bytes.Repeat([]byte("0123456789"), 100)
		for _, c := range []net.Conn{client, server} {
			go func() {
				if n, err := c.Write(data); n != len(data) || err != nil {
					t.Errorf("Write = %d, %v", n, err)
				}
				if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
					t.Error(err)
				}
			}()
			go func() {
				got, err := io.ReadAll(c)
				if !bytes.Equal(got, data) || err != nil {
					t.Errorf("read %d bytes, %v", len(got), err)
				}
			}()
		}
	})
}

func TestPipeWriteIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := PipeSize(3)
		for _, s := range []string{"aaaaaaaa", "bbbbbbbb"} {
			go func() {
				if _, err := client.Write([]byte(s)); err != nil {
					t.Error(err)
				}
			}()
		}
		got := make([]byte, 16)
		if _, err := io.ReadFull(server, got); err != nil {
			t.Fatal(err)
		}
		if s := string(got); s != "aaaaaaaabbbbbbbb" && s != "bbbbbbbbaaaaaaaa" {
			t.Errorf("two writes are mixed: %s", s)
		}
	})
}

func TestPipeDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := PipeSize(4)
		start := time.Now()
		if err := client.SetDeadline(start.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		_, err := client.Read(make([]byte, 1))
		wantOpError(t, err, "read", os.ErrDeadlineExceeded)
		if d := time.Since(start); d != time.Minute {
			t.Errorf("Read returned after %v", d)
		}
		_, err = client.Write([]byte("a"))
		wantOpError(t, err, "write", os.ErrDeadlineExceeded)
		var netErr net.Error
		if !errors.As(err, &netErr) || !netErr.Timeout() {
			t.Errorf("%v is no time-out", err)
		}

		// A new deadline makes the end usable again; what was written before it passed is counted.
		if err := client.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := client.Write([]byte("abcdef"))
		if n != 4 {
			t.Errorf("wrote %d bytes, want 4", n)
		}
		wantOpError(t, err, "write", os.ErrDeadlineExceeded)
		if err := client.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Write([]byte("ghi")); n != 3 || err != nil {
			t.Errorf("Write = %d, %v", n, err)
		}
	})
}

func TestPipeDeadlineWakesWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := Pipe()
		if err := client.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() {
			_, err := client.Read(make([]byte, 1))
			result <- err
		}()
		synctest.Wait()
		if err := client.SetReadDeadline(time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		wantOpError(t, <-result, "read", os.ErrDeadlineExceeded)
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPipeCloseWakesWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := PipeSize(1)
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 3)
		go func() { _, err := client.Read(make([]byte, 1)); errs <- err }()
		go func() { _, err := client.Write([]byte("y")); errs <- err }()
		go func() { _, err := client.Write([]byte("z")); errs <- err }()
		synctest.Wait()
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := <-errs; !errors.Is(err, net.ErrClosed) {
				t.Errorf("error %v, want net.ErrClosed", err)
			}
		}
		if got, err := io.ReadAll(server); string(got) != "x" || err != nil {
			t.Errorf("the other end read %q, %v", got, err)
		}
		wantOpError(t, client.SetReadDeadline(time.Now()), "set", net.ErrClosed)
		wantOpError(t, client.SetWriteDeadline(time.Now()), "set", net.ErrClosed)
		wantOpError(t, client.SetDeadline(time.Now()), "set", net.ErrClosed)
	})
}

func TestPipeWriterOfClosedReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := PipeSize(1)
		result := make(chan error, 1)
		go func() {
			n, err := client.Write([]byte("xyz"))
			if n != 1 {
				t.Errorf("wrote %d bytes, want 1", n)
			}
			result <- err
		}()
		synctest.Wait()
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		wantOpError(t, <-result, "write", syscall.EPIPE)
		if n, err := client.Read(nil); n != 0 || err != nil {
			t.Errorf("an empty Read = %d, %v", n, err)
		}
		if _, err := client.Read(make([]byte, 1)); err != io.EOF { //nolint:errorlint // io.Reader promises it unwrapped
			t.Errorf("error %v, want io.EOF", err)
		}
	})
}

func TestPipeAddresses(t *testing.T) {
	client, server := Pipe()
	if client.LocalAddr().String() != server.RemoteAddr().String() || client.RemoteAddr().String() != server.LocalAddr().String() {
		t.Errorf("client %v to %v, server %v to %v", client.LocalAddr(), client.RemoteAddr(), server.LocalAddr(), server.RemoteAddr())
	}
	if _, ok := server.RemoteAddr().(*net.TCPAddr); !ok {
		t.Errorf("the remote address is a %T", server.RemoteAddr())
	}
}

func TestPipeSizePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("PipeSize(0) does not panic")
		}
	}()
	PipeSize(0)
}

func BenchmarkPipe(b *testing.B) {
	client, server := Pipe()
	buf := make([]byte, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		if _, err := client.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(server, buf); err != nil {
			b.Fatal(err)
		}
	}
}
