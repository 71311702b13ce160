package pcap

import (
	"bytes"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"leat/internal/diagnose"
)

// tape is a capture that a test makes.
type tape struct {
	t       *testing.T
	packets [][]byte
	v6      bool
}

const (
	clientStart = 0xffffffff - 100 // sequence numbers wrap
	serverStart = 7000
)

// flags of a segment.
const (
	none = iota
	syn
	fin
	rst
)

// put adds a segment from the client or the server, at an offset of its bytes.
func (k *tape) put(client bool, flag, offset int, data string) {
	k.t.Helper()
	eth := &layers.Ethernet{SrcMAC: make(net.HardwareAddr, 6), DstMAC: make(net.HardwareAddr, 6), EthernetType: layers.EthernetTypeIPv4}
	tcp := &layers.TCP{SrcPort: 50000, DstPort: 1935, Seq: clientStart, ACK: true, SYN: flag == syn, FIN: flag == fin, RST: flag == rst}
	from, to := net.IP{192, 0, 2, 1}, net.IP{192, 0, 2, 2}
	if !client {
		tcp.SrcPort, tcp.DstPort, tcp.Seq = tcp.DstPort, tcp.SrcPort, serverStart
		from, to = to, from
	}
	if flag == syn {
		tcp.ACK = !client
	} else {
		tcp.Seq += 1 + uint32(offset)
	}
	var ip gopacket.NetworkLayer = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from, DstIP: to}
	if k.v6 {
		eth.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: from.To16(), DstIP: to.To16()}
	}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		k.t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, eth, ip.(gopacket.SerializableLayer), tcp, gopacket.Payload(data)); err != nil {
		k.t.Fatal(err)
	}
	k.packets = append(k.packets, bytes.Clone(buf.Bytes()))
}

// file writes the packets, a millisecond apart.
func (k *tape) file(ng bool) []byte {
	k.t.Helper()
	var out bytes.Buffer
	begun := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	info := func(i int) gopacket.CaptureInfo {
		return gopacket.CaptureInfo{Timestamp: begun.Add(time.Duration(i) * time.Millisecond), CaptureLength: len(k.packets[i]), Length: len(k.packets[i])}
	}
	var err error
	if ng {
		var w *pcapgo.NgWriter
		if w, err = pcapgo.NewNgWriter(&out, layers.LinkTypeEthernet); err == nil {
			for i, p := range k.packets {
				err = errors.Join(err, w.WritePacket(info(i), p))
			}
			err = errors.Join(err, w.Flush())
		}
	} else {
		w := pcapgo.NewWriter(&out)
		err = w.WriteFileHeader(65536, layers.LinkTypeEthernet)
		for i, p := range k.packets {
			err = errors.Join(err, w.WritePacket(info(i), p))
		}
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return out.Bytes()
}

// told is what a Reader makes of a file.
func told(t *testing.T, file []byte) (text string, err error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		} else if err != nil {
			return b.String(), err
		}
		switch rec.Type {
		case diagnose.RecordOpened:
			b.WriteString("opened by " + string(rec.Data) + "\n")
		case diagnose.RecordClosed:
			b.WriteString("closed: " + string(rec.Data) + "\n")
		case diagnose.RecordClient:
			b.WriteString("> " + string(rec.Data) + "\n")
		case diagnose.RecordServer:
			b.WriteString("< " + string(rec.Data) + "\n")
		}
	}
}

func open(k *tape) {
	k.put(true, syn, 0, "")
	k.put(false, syn, 0, "")
}

func TestReader(t *testing.T) {
	const opened = "opened by 192.0.2.1:50000\n"
	tests := []struct {
		name string
		make func(k *tape)
		want string
		err  error
	}{
		{"in order", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03abc")
			k.put(false, none, 0, "xyz")
			k.put(true, none, 4, "def")
			k.put(true, fin, 7, "")
			k.put(false, fin, 3, "")
		}, opened + "> \x03abc\n< xyz\n> def\nclosed: both sides closed the connection\n", nil},
		{"out of order, twice and overlapping", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03abc")
			k.put(true, none, 8, "hi")
			k.put(true, none, 0, "\x03abc")
			k.put(true, none, 2, "bcdefg")
		}, opened + "> \x03abc\n> defg\n> hi\n", nil},
		{"the sequence numbers wrap", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03"+strings.Repeat("a", 99))
			k.put(true, none, 200, "c")
			k.put(true, none, 100, strings.Repeat("b", 100))
		}, opened + "> \x03" + strings.Repeat("a", 99) + "\n> " + strings.Repeat("b", 100) + "\n> c\n", nil},
		{"the server is first", func(k *tape) {
			open(k)
			k.put(false, none, 0, "xyz")
			k.put(true, none, 0, "\x03abc")
		}, opened + "> \x03abc\n< xyz\n", nil},
		{"reset", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03abc")
			k.put(false, rst, 0, "")
			k.put(true, none, 4, "late")
		}, opened + "> \x03abc\nclosed: the server reset the connection\n", nil},
		{"a segment is missing", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03abc")
			for i := range 70 {
				k.put(true, none, 5+i*16000, strings.Repeat("d", 16000))
			}
		}, opened + "> \x03abc\nclosed: the capture misses 1 bytes of the client here\n", nil},
		{"a segment is missing, and single bytes follow", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03abc")
			for i := range 9000 {
				k.put(true, none, 5+i, "d")
			}
		}, opened + "> \x03abc\nclosed: the capture misses 1 bytes of the client here\n", nil},
		{"single bytes in the wrong order", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03")
			for i := range 5000 {
				k.put(true, none, 5000-i, "d")
			}
		}, opened + "> \x03\n" + strings.Repeat("> d\n", 5000), nil},
		{"the ports are used again", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03abc")
			open(k)
			k.put(true, none, 0, "\x03abc")
		}, opened + "> \x03abc\nclosed: the capture does not show its end\n" + opened + "> \x03abc\n", nil},
		{"HTTP", func(k *tape) {
			open(k)
			k.put(true, none, 0, "GET / HTTP/1.1\r\n")
		}, "", ErrNoRTMP},
		{"as far away as can be", func(k *tape) {
			open(k)
			k.put(true, none, 0, "\x03abc")
			k.put(true, none, 4-1<<31, "far")
			k.put(true, none, 4, "def")
		}, opened + "> \x03abc\n> def\n", nil},
		{"begun before", func(k *tape) { k.put(true, none, 0, "\x03abc") }, "", ErrNoRTMP},
		{"nothing", func(*tape) {}, "", ErrNoRTMP},
	}
	for _, test := range tests {
		for _, ng := range []bool{false, true} {
			for _, v6 := range []bool{false, true} {
				k := &tape{t: t, v6: v6}
				test.make(k)
				got, err := told(t, k.file(ng))
				got = strings.ReplaceAll(got, "[::ffff:192.0.2.1]", "192.0.2.1")
				if got != test.want || !errors.Is(err, test.err) {
					t.Errorf("%s (pcapng %v, IPv6 %v): %q, %v; want %q, %v", test.name, ng, v6, got, err, test.want, test.err)
				}
			}
		}
	}
}

func TestReaderDamaged(t *testing.T) {
	k := &tape{t: t}
	open(k)
	k.put(true, none, 0, "\x03abc")
	for _, ng := range []bool{false, true} {
		file := k.file(ng)
		if !Is(file) {
			t.Error("it is not known by its beginning")
		}
		for n := range file {
			got, err := told(t, file[:n])
			if err == nil && strings.Contains(got, "abc") {
				t.Errorf("%d of %d bytes: %q", n, len(file), got)
			}
		}
	}
	if _, err := NewReader(strings.NewReader("LEATCAP\x01")); err == nil || Is([]byte("LEATCAP\x01")) {
		t.Error("another capture is taken for one")
	}
}

func FuzzReader(f *testing.F) {
	k := &tape{t: new(testing.T)}
	open(k)
	k.put(true, none, 0, "\x03abc")
	k.put(true, none, 9, "def")
	k.put(false, none, 0, "xyz")
	f.Add(k.file(false))
	f.Add(k.file(true))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		var ids []uint64
		for {
			rec, err := r.Read()
			if err != nil {
				break
			}
			if rec.Type == diagnose.RecordOpened {
				if slices.Contains(ids, rec.Conn) {
					t.Fatalf("connection %d begins twice", rec.Conn)
				}
				ids = append(ids, rec.Conn)
			} else if !slices.Contains(ids, rec.Conn) {
				t.Fatalf("connection %d has not begun", rec.Conn)
			}
			if len(rec.Data) > diagnose.MaxRecord || r.waiting < 0 || r.waiting > maxWaiting {
				t.Fatalf("%d bytes, and %d wait", len(rec.Data), r.waiting)
			}
		}
	})
}
