package rtmp

import (
	"strings"
	"testing"
)

const (
	headerV1 = "PROXY TCP4 203.0.113.7 192.0.2.1 4711 1935\r\n"
	headerV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xcb\x00\x71\x07\xc0\x00\x02\x01\x12\x67\x07\x8f\x04\x00\x01\x00"
)

// TestProxyHeaderTruncated: a header that ends too early names nobody, wherever it is cut.
func TestProxyHeaderTruncated(t *testing.T) {
	for _, header := range []string{headerV1, headerV2} {
		for n := 1; n < len(header); n++ {
			if size, err := proxyHeaderSize([]byte(header[:n])); size != 0 || err != nil {
				t.Errorf("%q is whole with %d bytes, %v", header[:n], size, err)
			}
		}
		size, err := proxyHeaderSize([]byte(header + "\x03C1"))
		if err != nil || size != len(header) {
			t.Errorf("%q has %d bytes, %v", header, size, err)
		}
		if client, err := readProxyHeader([]byte(header)); err != nil || client.String() != "203.0.113.7:4711" {
			t.Errorf("%q names %v, %v", header, client, err)
		}
	}
}

// TestProxyHeaderTooLong: what never ends is not waited for.
func TestProxyHeaderTooLong(t *testing.T) {
	for _, header := range []string{"PROXY TCP4 " + strings.Repeat("1", maxProxyLine), "\r\n\r\n\x00\r\nQUIT\n\x21\x11\xff\xff"} {
		if size, err := proxyHeaderSize([]byte(header)); err == nil {
			t.Errorf("%q is taken for one of %d bytes", header, size)
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	for _, header := range []string{headerV1, headerV2, "PROXY UNKNOWN\r\n", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"} {
		f.Add([]byte(header + "\x03C1"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		size, err := proxyHeaderSize(b)
		switch {
		case err != nil:
		case size < 0 || size > len(b) || size > maxProxyHeader:
			t.Fatalf("%d bytes of %d", size, len(b))
		case size == 0 && len(b) > maxProxyHeader:
			t.Fatalf("%d bytes are there, and more are waited for", len(b))
		case size > 0:
			_, _ = readProxyHeader(b[:size])
		}
	})
}
