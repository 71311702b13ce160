//go:build unix

package sockets

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// sealedPair returns a server's end of TLS and its client, which has agreed and has sent a byte, and read it.
func sealedPair(t *testing.T) (*Sealed, *tls.Conn) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	raw, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	client := tls.Client(raw, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
	t.Cleanup(func() { _ = client.NetConn().Close() })
	nc, err := l.Accept()
	must(t, err)
	sealed := Seal(nc, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}, MinVersion: tls.VersionTLS12},
		func(nc net.Conn) net.Conn { return nc })
	if sealed == nil {
		t.Fatal("the descriptor is hidden")
	}
	t.Cleanup(func() { _ = nc.Close() })
	if n, err := sealed.TryWrite([]byte("early")); n != 0 || err != nil {
		t.Errorf("before the handshake %d bytes were taken, %v", n, err)
	}
	said := make(chan error, 1)
	go func() {
		_, err := client.Write([]byte("x"))
		said <- err
	}()
	if _, err := io.ReadFull(sealed, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	must(t, <-said)
	return sealed, client
}

// writeAll writes b in pieces of all sizes, and waits for the socket when it is full, which it tells.
func writeAll(s *Sealed, b []byte, full chan<- struct{}) error {
	size := 1
	var failed error
	err := s.Raw().Write(func(uintptr) bool {
		for len(b) > 0 {
			piece := b[:min(size, len(b))]
			n, err := s.TryWrite(piece)
			if err != nil {
				failed = err
				return true
			}
			b = b[n:]
			if n < len(piece) {
				signal(full)
				return false
			}
			size = (3*size + 1) % 70_000
		}
		return true
	})
	return errors.Join(failed, err)
}

func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// TestSealed: all comes in order, however often the socket is full, and in the middle of whatever record.
func TestSealed(t *testing.T) {
	s, client := sealedPair(t)
	want := make([]byte, 16<<20)
	for i := range want {
		want[i] = byte(i * i >> 8)
	}
	full, done := make(chan struct{}, 1), make(chan error, 1)
	go func() { done <- writeAll(s, want, full) }()
	select {
	case <-full:
	case err := <-done:
		t.Fatal("the socket was never full", err)
	}
	got := make([]byte, len(want))
	for at, step := 0, 1; at < len(got); step = 2*step%100_003 + 1 {
		n, err := client.Read(got[at:min(at+step, len(got))])
		must(t, err)
		at += n
	}
	must(t, <-done)
	if !bytes.Equal(got, want) {
		t.Error("the peer has read something else")
	}
	must(t, s.Close())
	if n, err := client.Read(got[:1]); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %d bytes, %v", n, err)
	}
	if _, err := s.TryWrite([]byte("x")); err == nil {
		t.Error("a closed connection takes bytes")
	}
}

// TestSealedGone: a peer that is gone is an error.
func TestSealedGone(t *testing.T) {
	s, client := sealedPair(t)
	must(t, client.NetConn().(*net.TCPConn).SetLinger(0))
	must(t, client.NetConn().Close())
	if err := writeAll(s, make([]byte, 64<<20), make(chan struct{}, 1)); err == nil {
		t.Error("all was taken")
	}
}

// TestSealedAnswers: what TLS answers by itself to a peer that does not read fills no memory.
func TestSealedAnswers(t *testing.T) {
	s, _ := sealedPair(t)
	answer := make([]byte, 1<<10)
	for range 64 << 10 { // more than the kernel takes
		if _, err := s.under.Write(answer); errors.Is(err, errSpill) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Errorf("%d bytes are kept", len(s.under.rest))
}
