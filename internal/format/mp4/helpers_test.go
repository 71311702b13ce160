package mp4

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"leat/internal/format"
	"leat/media"
)

func openBytes(b []byte) (*File, error) { return Open(bytes.NewReader(b)) }

func open(t testing.TB, b []byte) *File {
	t.Helper()
	f, err := openBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var fixtures = []string{"progressive.mp4", "faststart.mp4", "quicktime.mov", "fragmented.mp4", "text.mp4", "hevc.mp4"}

// fixture returns a file that ffmpeg made.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	var b []byte
	for _, line := range lines(t, name+".hex") {
		var err error
		if b, err = hex.AppendDecode(b, []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// lines returns those of a file in testdata that are no comments.
func lines(t testing.TB, name string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

func readAll(t testing.TB, c format.Cursor) []*media.Packet {
	t.Helper()
	var all []*media.Packet
	for {
		p, err := c.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// frames leaves out what is state.
func frames(packets []*media.Packet) []*media.Packet {
	var out []*media.Packet
	for _, p := range packets {
		if !p.Config {
			out = append(out, p)
		}
	}
	return out
}

// summary is a line for each packet.
func summary(packets []*media.Packet) string {
	var b strings.Builder
	for _, p := range packets {
		sum := md5.Sum(p.Data)
		fmt.Fprintf(&b, "%v %d %d %x\n", p.Kind, p.Timestamp.Milliseconds(), (p.Timestamp + p.Offset).Milliseconds(), sum)
	}
	return b.String()
}

// bx returns a box of numbers, in big-endian, strings and bytes.
func bx(kind string, parts ...any) []byte {
	b := append([]byte{0, 0, 0, 0}, kind...)
	for _, p := range parts {
		switch p := p.(type) {
		case []byte:
			b = append(b, p...)
		case string:
			b = append(b, p...)
		case int: // most numbers have 32 bits
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, p)
		default:
			panic(fmt.Sprintf("bx: %T", p))
		}
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

func zeros(n int) []byte { return make([]byte, n) }

// Sample descriptions of codecs with the shortest of them.
func ac3Entry() []byte {
	return bx("ac-3", zeros(16), uint16(2), uint16(16), 0, uint16(48000), uint16(0))
}

func vp9Entry(width uint16, level byte) []byte {
	return bx("vp09", zeros(24), width, uint16(36), zeros(50), bx("vpcC", []byte{1, 0, 0, 0, 0, level, 0x82, 2, 2, 2, 0, 0}))
}

// trak returns a track with a time scale of 1000.
func trak(id int, handler string, edits []byte, entries [][]byte, tables ...[]byte) []byte {
	stsd := []any{0, len(entries)}
	for _, e := range entries {
		stsd = append(stsd, e)
	}
	stbl := []any{bx("stsd", stsd...)}
	for _, table := range tables {
		stbl = append(stbl, table)
	}
	var edts []byte
	if edits != nil {
		edts = bx("edts", edits)
	}
	return bx("trak",
		bx("tkhd", 1, 0, 0, id, zeros(64)),
		edts,
		bx("mdia",
			bx("mdhd", 0, 0, 0, 1000, 0, uint16(0x15c7), uint16(0)),
			bx("hdlr", 0, 0, handler, zeros(13)),
			bx("minf", bx("stbl", stbl...))))
}

func moov(parts ...[]byte) []byte {
	all := []any{bx("mvhd", 0, 0, 0, 1000, zeros(84))}
	for _, p := range parts {
		all = append(all, p)
	}
	return bx("moov", all...)
}
