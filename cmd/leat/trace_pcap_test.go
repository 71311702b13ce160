package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"leat/internal/diagnose"
)

// writePCAP writes what ffmpeg said to a server as tcpdump would have captured it: Ethernet, IPv4, TCP.
func writePCAP(t *testing.T, name, capture string) {
	t.Helper()
	in, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	r, err := diagnose.NewCaptureReader(bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	for _, field := range []uint32{4<<16 | 2, 0, 0, 65536, 1} { // version 2.4, Ethernet
		file = binary.LittleEndian.AppendUint32(file, field)
	}
	next := [2]uint32{1000, 5000}
	segment := func(rec *diagnose.Record, flags byte, data []byte) {
		fromServer := byte(0)
		if rec.Type == diagnose.RecordServer {
			fromServer = 1
		}
		packet := append(make([]byte, 12), 8, 0)
		packet = append(packet, 0x45, 0)
		packet = binary.BigEndian.AppendUint16(packet, uint16(40+len(data)))
		packet = append(packet, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1+fromServer, 192, 0, 2, 2-fromServer)
		ports := [2]uint16{50000, 1935}
		packet = binary.BigEndian.AppendUint16(packet, ports[fromServer])
		packet = binary.BigEndian.AppendUint16(packet, ports[1-fromServer])
		packet = binary.BigEndian.AppendUint32(packet, next[fromServer])
		packet = append(packet, 0, 0, 0, 0, 5<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
		packet = append(packet, data...)
		next[fromServer] += uint32(len(data)) + uint32(flags&2)/2 // SYN counts for one
		micros := rec.At.Microseconds()
		for _, field := range []uint32{uint32(micros / 1e6), uint32(micros % 1e6), uint32(len(packet)), uint32(len(packet))} {
			file = binary.LittleEndian.AppendUint32(file, field)
		}
		file = append(file, packet...)
	}
	segment(&diagnose.Record{Type: diagnose.RecordClient}, 2, nil)
	segment(&diagnose.Record{Type: diagnose.RecordServer}, 2|16, nil)
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if rec.Type == diagnose.RecordClient || rec.Type == diagnose.RecordServer {
			for data := bytes.Clone(rec.Data); len(data) > 0; {
				n := min(len(data), 1400)
				segment(&rec, 16, data[:n])
				data = data[n:]
			}
		}
	}
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTraceReadsPCAP: what tcpdump has captured is read as what leat trace has, and played again.
func TestTraceReadsPCAP(t *testing.T) {
	const capture = "../../internal/diagnose/testdata/ffmpeg-publish.cap"
	name := filepath.Join(t.TempDir(), "ffmpeg.pcap")
	writePCAP(t, name, capture)
	print := func(file string) string {
		code, out, stderr := leat(t.Context(), "", "trace", file)
		if code != exitDone {
			t.Errorf("code %d: %s", code, stderr)
		}
		return out
	}
	// The rest is the same: times are, and how the connection ended is not.
	messages := func(printed string) string {
		lines := regexp.MustCompile(`(?m)[CS]→[SC]  .*(connect #|publish #|onMetaData|sequence header|FCUnpublish).*$`)
		return strings.Join(lines.FindAllString(printed, -1), "\n")
	}
	got, want := messages(print(name)), messages(print(capture))
	if got != want || !strings.Contains(got, "publish #") {
		t.Errorf("it reads\n%s\nwant\n%s", got, want)
	}
	replayed := func(file string) string {
		address := serveOn(t, listen(t), &peer{publish: newCollector().publish})
		code, _, stderr := leat(t.Context(), "", "replay", "--fast", "--rest", "0s", file, "rtmp://"+address)
		if code != exitDone {
			t.Errorf("code %d: %s", code, stderr)
		}
		sent, _, _ := strings.Cut(stderr, " were sent")
		return sent
	}
	if got, want := replayed(name), replayed(capture); got != want || !strings.HasSuffix(got, " bytes") {
		t.Errorf("played again: %q, want %q", got, want)
	}
	if err := os.Truncate(name, 24); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := leat(t.Context(), "", "trace", name)
	if code != exitFailed || !strings.Contains(stderr, "ffmpeg.pcap: it holds no RTMP connection from its beginning") {
		t.Errorf("code %d: %s", code, stderr)
	}
}
