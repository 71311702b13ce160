package pcap

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"leat/internal/diagnose"
)

// ErrNoRTMP says that a file has come to its end without an RTMP connection.
var ErrNoRTMP = errors.New("it holds no RTMP connection from its beginning; start the capture before the client connects, with whole packets (tcpdump -s 0), and without TLS")

// source is a file of either format.
type source interface {
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

// Reader reads conversations. It is not safe for concurrent use.
type Reader struct {
	src   source
	begun time.Time // of the first packet
	at    time.Duration
	found bool
	ready []diagnose.Record

	conns   map[path]*conn
	lastID  uint64
	waiting int // of all sides
}

// path is the two ends of a connection, that of the smaller address first.
type path struct{ a, b netip.AddrPort }

// Is reports whether a file that begins with b is one for NewReader. Four bytes are enough.
func Is(b []byte) bool {
	for _, magic := range []string{
		"\xd4\xc3\xb2\xa1", "\xa1\xb2\xc3\xd4", "\x4d\x3c\xb2\xa1", "\xa1\xb2\x3c\x4d", // pcap, in both orders, of micro- and nanoseconds
		"\x0a\x0d\x0d\x0a", // pcapng
		"\x1f\x8b",         // gzip
	} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return false
}

// NewReader reads the beginning of a file.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReader(r)
	magic, err := in.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("it ends in its first 4 bytes: %w", err)
	}
	p := &Reader{conns: map[path]*conn{}}
	if bytes.HasPrefix(magic, []byte("\x0a\x0d\x0d\x0a")) {
		p.src, err = pcapgo.NewNgReader(in, pcapgo.DefaultNgReaderOptions)
	} else {
		p.src, err = pcapgo.NewReader(in)
	}
	if err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	return p, nil
}

// Read returns the next record, in the order in which the bytes were captured. Behind the last it returns io.EOF, or ErrNoRTMP when there
// was none. A file that is cut off or damaged fails where it is.
func (p *Reader) Read() (diagnose.Record, error) {
	for {
		if len(p.ready) > 0 {
			r := p.ready[0]
			p.ready = p.ready[1:]
			p.found = true
			return r, nil
		}
		data, info, err := p.src.ReadPacketData()
		switch {
		case errors.Is(err, io.EOF) && !p.found:
			return diagnose.Record{}, ErrNoRTMP
		case errors.Is(err, io.EOF):
			return diagnose.Record{}, io.EOF
		case err != nil:
			return diagnose.Record{}, fmt.Errorf("it is damaged or cut off: %w", err)
		}
		if p.begun.IsZero() {
			p.begun = info.Timestamp
		}
		p.at = max(p.at, info.Timestamp.Sub(p.begun))
		p.packet(data)
	}
}

// packet looks at one packet. What is no TCP is passed over.
func (p *Reader) packet(data []byte) {
	decoded := gopacket.NewPacket(data, p.src.LinkType(), gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	tcp, ok := decoded.TransportLayer().(*layers.TCP)
	if !ok {
		return
	}
	network := decoded.NetworkLayer()
	if network == nil {
		return
	}
	from, okFrom := netip.AddrFromSlice(network.NetworkFlow().Src().Raw())
	to, okTo := netip.AddrFromSlice(network.NetworkFlow().Dst().Raw())
	if okFrom && okTo {
		p.segment(netip.AddrPortFrom(from, uint16(tcp.SrcPort)), netip.AddrPortFrom(to, uint16(tcp.DstPort)), tcp)
	}
}

// emit adds a record, in pieces that a record may have.
func (p *Reader) emit(c *conn, typ diagnose.RecordType, data []byte) {
	for {
		n := min(len(data), diagnose.MaxRecord)
		p.ready = append(p.ready, diagnose.Record{Type: typ, Conn: c.id, At: p.at, Data: data[:n]})
		if data = data[n:]; len(data) == 0 {
			return
		}
	}
}
