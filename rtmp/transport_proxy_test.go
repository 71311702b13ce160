package rtmp

import (
	"bytes"
	"net"
	"testing"
)

const (
	headerV1 = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 1935\r\n"
	headerV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xcb\x00\x71\x07\xc0\x00\x02\x01\x12\x67\x07\x8f\x04\x00\x01\x00"
)

// readConn is a connection from which some bytes come, in pieces of a size.
type readConn struct {
	net.Conn
	b     []byte
	piece int
}

func (c *readConn) Read(p []byte) (int, error) {
	n := min(len(p), c.piece)
	if len(c.b) == 0 {
		return 0, net.ErrClosed
	}
	n = copy(p[:n], c.b)
	c.b = c.b[n:]
	return n, nil
}

// TestProxyHeaderTruncated: a header that ends too early names nobody, wherever it is cut.
func TestProxyHeaderTruncated(t *testing.T) {
	for _, header := range []string{headerV1, headerV2} {
		for n := range len(header) {
			if client, _, err := readProxyHeader(&readConn{b: []byte(header[:n]), piece: 1}); err == nil {
				t.Errorf("%q names %v", header[:n], client)
			}
		}
		client, rest, err := readProxyHeader(&readConn{b: []byte(header + "\x03C1"), piece: 1 << 10})
		if err != nil || client.String() != "203.0.113.7:4711" || string(rest) != "\x03C1" {
			t.Errorf("%q names %v, %q is left, %v", header, client, rest, err)
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, header := range []string{headerV1, headerV2, "PROXY UNKNOWN\r\n", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"} {
		f.Add([]byte(header+"\x03C1"), byte(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, piece byte) {
		c := &readConn{b: b, piece: max(int(piece), 1)}
		_, rest, err := readProxyHeader(c)
		switch {
		case err != nil:
		case len(b)-len(c.b) > proxyBuffer:
			t.Fatalf("%d bytes were read", len(b)-len(c.b))
		case !bytes.HasSuffix(b[:len(b)-len(c.b)], rest):
			t.Fatalf("%q is left of %q", rest, b)
		}
	})
}
