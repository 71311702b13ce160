package rtmp

import (
	"bufio"
	"bytes"
	"fmt"
	"net"

	"github.com/pires/go-proxyproto"
)

// proxyBuffer has room for a header of version 2 with what proxies add to it, and for the first bytes behind it.
const proxyBuffer = 4 << 10

// readProxyHeader reads the header of the PROXY protocol, version 1 or 2, that begins a connection. It returns the
// address of the client, nil when the proxy speaks for itself or names none, and what was read behind the header.
func readProxyHeader(nc net.Conn) (client net.Addr, rest []byte, err error) {
	r := bufio.NewReaderSize(nc, proxyBuffer)
	if err := gatherLine(r); err != nil {
		return nil, nil, err
	}
	header, err := proxyproto.Read(r)
	if err != nil {
		return nil, nil, &ProtocolError{Reason: fmt.Sprintf("the header of the PROXY protocol is broken: %v", err), Err: err}
	}
	if rest, err = r.Peek(r.Buffered()); err != nil {
		return nil, nil, err
	}
	if source, _, ok := header.TCPAddrs(); ok && header.Command.IsProxy() {
		client = source
	}
	return client, rest, nil
}

// maxProxyLine is the length of the longest header of version 1, bytes.
const maxProxyLine = 107

// gatherLine waits until a header of version 1 is whole: the library wants it in one piece.
func gatherLine(r *bufio.Reader) error {
	first, err := r.Peek(1)
	for err == nil && first[0] == 'P' && len(first) < maxProxyLine && bytes.IndexByte(first, '\n') < 0 {
		if _, err = r.Peek(len(first) + 1); err == nil {
			first, err = r.Peek(min(r.Buffered(), maxProxyLine))
		}
	}
	return err
}
