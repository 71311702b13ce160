package rtmp

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"

	"github.com/pires/go-proxyproto"
)

const (
	// maxProxyLine is the length of the longest header of version 1, bytes.
	maxProxyLine = 107
	// proxyFixed is what a header of version 2 begins with; its last two bytes say how many follow.
	proxyFixed = 16
	// maxProxyHeader has room for a header of version 2 with what proxies add to it.
	maxProxyHeader = 4 << 10
)

// proxyHeaderSize returns the length of the PROXY header that b begins with, 0 while that cannot be said or not all of it is there.
func proxyHeaderSize(b []byte) (int, error) {
	if b[0] == 'P' { // version 1
		end := bytes.IndexByte(b[:min(len(b), maxProxyLine)], '\n')
		if end < 0 && len(b) >= maxProxyLine {
			return 0, errors.New("its line is too long")
		}
		return end + 1, nil
	}
	if len(b) < proxyFixed {
		return 0, nil
	}
	size := proxyFixed + int(binary.BigEndian.Uint16(b[proxyFixed-2:]))
	switch {
	case size > maxProxyHeader:
		return 0, errors.New("it is too long")
	case len(b) < size:
		return 0, nil
	}
	return size, nil
}

// readProxyHeader returns the address of the client that a header of the PROXY protocol names, nil when the proxy speaks for itself or names
// none.
func readProxyHeader(b []byte) (net.Addr, error) {
	header, err := proxyproto.Read(bufio.NewReader(bytes.NewReader(b)))
	if err != nil {
		return nil, err
	}
	if source, _, ok := header.TCPAddrs(); ok && header.Command.IsProxy() {
		return source, nil
	}
	return nil, nil
}
