package rtmp_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/conversation"
	"leat/internal/wire/handshake"
	"leat/rtmp"
	"leat/rtmp/rtmptest"
)

// maxFuzzed bounds an input, bytes: longer ones find nothing that shorter ones do not.
const maxFuzzed = 64 << 10

// pieceMark separates what FuzzClientSession sends before and after the client's next move.
var pieceMark = []byte{0xfe, 0xfe}

// addTranscripts adds what the peer sends in the transcripts of a side to the corpus, a piece for each line.
func addTranscripts(f *testing.F, pattern string, between []byte) {
	f.Helper()
	files, err := filepath.Glob("testdata/session/" + pattern)
	if err != nil || len(files) == 0 {
		f.Fatal("no transcripts", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		p := newWirePeer()
		var pieces [][]byte
		for line := range strings.Lines(string(text)) {
			mark, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			if mark != ">" && mark != ">+" || rest == "EOF" || strings.HasPrefix(rest, "bytes ") {
				continue
			}
			m, err := parseAny(rest)
			if err != nil {
				f.Fatal(file, err)
			}
			pieces = append(pieces, p.appendMessage(nil, m))
		}
		f.Add(bytes.Join(pieces, between))
	}
}

// feed lets srv serve a client that sends b, reads everything, and closes its side behind it. It returns when the connection
// and all that belonged to it has ended.
func feed(t *testing.T, srv *rtmp.Server, b []byte) {
	t.Helper()
	client, server := rtmptest.PipeSize(1 << 20)
	if !send(client, b) {
		t.Fatal("writing failed")
	}
	if err := client.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { // ends with the connection
		defer close(read)
		if _, err := io.Copy(io.Discard, client); err != nil {
			t.Error(err)
		}
	}()
	srv.ServeConn(server)
	<-read
	client.Close()
}

// FuzzServerSession feeds a server with what comes behind the handshake. Whatever it is, the connection ends, no goroutine of
// it is left, and nothing panics.
func FuzzServerSession(f *testing.F) {
	addTranscripts(f, "server-*.txt", nil)
	f.Add(recordedSession(f)[1+2*1536:])
	clients, err := conversation.Clients()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range clients {
		f.Add(slices.Concat(c.Edit(nil, nil)...))
	}
	hs := handshake.NewClient(handshake.ClientConfig{Rand: zeros{}})
	opening := append(hs.Start(), make([]byte, 1536)...)
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxFuzzed {
			return
		}
		synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
			logger, log := logLines()
			srv := &rtmp.Server{Handler: &playAndPublish{}, Logger: logger}
			feed(t, srv, append(bytes.Clone(opening), b...))
			closeServer(t, srv)
			wantNoPanic(t, log)
		})
	})
}

// wantNoPanic fails if a panic had to be recovered.
func wantNoPanic(t *testing.T, log *record) {
	t.Helper()
	for _, reason := range log.reasons() {
		if strings.Contains(reason, "internal error") {
			t.Error(reason)
		}
	}
}

// FuzzClientSession feeds a client with what a server sends behind the handshake: a piece before and behind each of the
// client's moves.
func FuzzClientSession(f *testing.F) {
	addTranscripts(f, "client-*.txt", pieceMark)
	moves := []string{
		"dial rtmp://h/live", "publish cam bare", "play cam", "call method 1", "audio 0 af01", "pause true 0", "seek 0", "close",
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > maxFuzzed/2 { // what the pipe holds, with the handshake
			return
		}
		pieces := bytes.SplitN(b, pieceMark, len(moves))
		synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
			s := newClientSession()
			s.open(t)
			for i, move := range moves {
				s.action(t, move)
				synctest.Wait()
				if i < len(pieces) {
					send(s.nc, pieces[i])
				}
				synctest.Wait()
			}
			time.Sleep(2 * time.Minute) // longer than every deadline of the client
			s.close(t)
			wantNoPanic(t, s.transcript())
		})
	})
}
