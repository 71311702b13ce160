package rtmptest

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultTrickles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe()
		f := NewFault(client, FaultConfig{WriteSize: 2, WriteDelay: time.Second, ReadSize: 3, ReadDelay: time.Minute})
		start := time.Now()
		if n, err := f.Write([]byte("abcde")); n != 5 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("the write took %v, want 3s", d)
		}
		got := make([]byte, 8)
		if n, err := server.Read(got); string(got[:n]) != "abcde" || err != nil {
			t.Errorf("the other end read %q, %v", got[:n], err)
		}

		if _, err := server.Write([]byte("12345")); err != nil {
			t.Fatal(err)
		}
		start = time.Now()
		for _, want := range []string{"123", "45"} {
			n, err := f.Read(got)
			if string(got[:n]) != want || err != nil {
				t.Errorf("Read = %q, %v; want %q", got[:n], err, want)
			}
		}
		if d := time.Since(start); d != 2*time.Minute {
			t.Errorf("the reads took %v, want 2m", d)
		}
	})
}

func TestFaultZeroConfig(t *testing.T) {
	client, server := Pipe()
	f := NewFault(client, FaultConfig{})
	if n, err := f.Write([]byte("abc")); n != 3 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if n, err := f.Write(nil); n != 0 || err != nil {
		t.Fatalf("an empty Write = %d, %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(server); string(got) != "abc" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	_, err := f.Read(make([]byte, 1))
	wantOpError(t, err, "read", net.ErrClosed)
}

func TestFaultCutsWrites(t *testing.T) {
	for _, tt := range []struct {
		cut  int64
		want string
	}{{-1, ""}, {1, "a"}, {4, "abcd"}, {5, "abcde"}, {6, "abcdef"}} {
		client, server := Pipe()
		f := NewFault(client, FaultConfig{WriteSize: 3, CutWrite: tt.cut})
		n, err := f.Write([]byte("abcde"))
		m := 0
		if err == nil {
			m, err = f.Write([]byte("fgh"))
		}
		if n+m != len(tt.want) {
			t.Errorf("cut at %d: wrote %d bytes", tt.cut, n+m)
		}
		wantOpError(t, err, "write", syscall.ECONNRESET)
		_, err = f.Read(make([]byte, 1))
		wantOpError(t, err, "read", syscall.ECONNRESET)
		if got, err := io.ReadAll(server); string(got) != tt.want || err != nil {
			t.Errorf("cut at %d: the other end read %q, %v", tt.cut, got, err)
		}
	}
}

func TestFaultCutsReads(t *testing.T) {
	for cut, want := range map[int64]string{-1: "", 1: "a", 3: "abc"} {
		client, server := Pipe()
		f := NewFault(client, FaultConfig{CutRead: cut})
		if _, err := server.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if string(got) != want {
			t.Errorf("cut at %d: read %q", cut, got)
		}
		wantOpError(t, err, "read", syscall.ECONNRESET)
		_, err = server.Write([]byte("x"))
		wantOpError(t, err, "write", syscall.EPIPE)
	}
}

func TestFaultCutWakesWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := Pipe()
		f := NewFault(client, FaultConfig{})
		result := make(chan error, 1)
		go func() {
			_, err := f.Read(make([]byte, 1))
			result <- err
		}()
		synctest.Wait()
		for range 2 {
			if err := f.Cut(); err != nil {
				t.Error(err)
			}
		}
		wantOpError(t, <-result, "read", syscall.ECONNRESET)
	})
}

func TestFaultDelayEndsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, _ := Pipe()
		f := NewFault(client, FaultConfig{ReadDelay: time.Hour, WriteDelay: time.Hour})
		start := time.Now()
		if err := f.SetDeadline(start.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err := f.Read(make([]byte, 1))
		wantOpError(t, err, "read", os.ErrDeadlineExceeded)
		_, err = f.Write([]byte("x"))
		wantOpError(t, err, "write", os.ErrDeadlineExceeded)
		if d := time.Since(start); d != time.Second {
			t.Errorf("the deadline passed after %v", d)
		}

		if err := f.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 1)
		go func() {
			_, err := f.Read(make([]byte, 1))
			result <- err
		}()
		synctest.Wait()
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("error %v, want net.ErrClosed", err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("Close ended the delay after %v", d)
		}
	})
}

// TestFaultDrops: a link that drops says so to nobody; only deadlines and Close end what goes on over it.
func TestFaultDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := Pipe()
		f := NewFault(client, FaultConfig{Drop: 3})
		if n, err := f.Write([]byte("ab")); n != 2 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		for range 2 {
			if n, err := f.Write([]byte("cdef")); n != 4 || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		got := make([]byte, 8)
		if n, err := io.ReadFull(server, got[:3]); string(got[:n]) != "abc" || err != nil {
			t.Errorf("the other end read %q, %v", got[:n], err)
		}
		if _, err := server.Write([]byte("lost")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := f.SetReadDeadline(start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n, err := f.Read(got); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("Read = %d, %v after %v", n, err, time.Since(start))
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if _, err := server.Read(got); !errors.Is(err, io.EOF) {
			t.Errorf("the other end heard of the end: %v", err)
		}
	})
}
