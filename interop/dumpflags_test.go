//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/amf"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

// listener is a server with one recording that keeps what its clients say.
type listener struct {
	address string
	proof   rtmp.Proof // asked of every client

	packets []*media.Packet
	closed  chan struct{} // a value for each connection that has ended

	mu      sync.Mutex
	heard   []string
	answers int // to what proof asks
}

// listen starts a server that speaks every transport without TLS.
func listen(t *testing.T, proof rtmp.Proof) *listener {
	t.Helper()
	return listenTLS(t, proof, nil)
}

// listenTLS starts one that speaks those with TLS too, by the certificate of cfg.
func listenTLS(t *testing.T, proof rtmp.Proof, cfg *tls.Config) *listener {
	t.Helper()
	s := &listener{proof: proof, packets: shortFilm(t), closed: make(chan struct{}, 16)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	srv := &rtmp.Server{Handler: s, Logger: slog.New(slog.DiscardHandler), TLSConfig: cfg, RTMPT: true, RTMPE: true, Trace: s.trace}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }() // ends with Close
	t.Cleanup(func() {
		closeAll(t, srv)
		if err := <-ended; !errors.Is(err, rtmp.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// shortFilm is five seconds with metadata that say so.
func shortFilm(t *testing.T) []*media.Packet {
	t.Helper()
	const length = 5 * time.Second
	packets := mediatest.AVC(length)
	duration := packets[len(packets)-1].Timestamp.Seconds()
	body, err := amf.Append(amf.AppendString(nil, media.NameMetadata), amf.NewObject("duration", duration, "videocodecid", 7.0, "audiocodecid", 10.0))
	if err != nil {
		t.Fatal(err)
	}
	packets[0] = &media.Packet{Kind: media.Data, Config: true, Name: media.NameMetadata, Body: body}
	return packets
}

func (s *listener) ServeConnect(_ context.Context, r *rtmp.ConnectRequest) error {
	r.Proof = s.proof
	return nil
}

func (s *listener) ServePublish(context.Context, *rtmp.PublishStream) error {
	return rtmp.Refuse(rtmp.CodePublishBadName, "this is a cinema")
}

// ServePlay plays the recording from a key frame on, and counts from 0 there, as Flash Media Server does.
func (s *listener) ServePlay(ctx context.Context, p *rtmp.PlayStream) error {
	switch p.Key().Name {
	case "silence":
		err := p.Start(false)
		<-ctx.Done()
		return err
	case "none":
		return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "no such film")
	}
	start := max(p.Play().Start, 0)
	begun := start == 0
	for _, packet := range s.packets {
		q := *packet
		if begun = begun || q.Key && q.Timestamp >= start; !begun && !q.Config {
			continue
		}
		q.Timestamp = max(q.Timestamp-start, 0)
		if err := p.WritePacket(ctx, &q); err != nil {
			return err
		}
	}
	return nil
}

func (s *listener) trace(*rtmp.Conn) *rtmp.Trace {
	return &rtmp.Trace{
		HandshakeDone: func(h rtmp.TraceHandshake) { s.hear("handshake %s, version %d", h.Name, h.Requested) },
		Received:      s.received,
		Closed:        func(*rtmp.CloseReason) { s.closed <- struct{}{} },
	}
}

// received keeps a message, but for what is a matter of chance: how often the client acknowledges, and what it is asked about
// the speed of the line in between. The answers to that take transaction IDs, so of the others only counts whether there is one.
func (s *listener) received(m rtmp.TraceMessage) {
	const (
		acknowledgement   = 3
		userControl       = 4
		command           = 20
		swfVerifyResponse = 27
	)
	body := bytes.Clone(m.Body)
	if m.Type == command {
		const nameAt = 3
		numberAt := nameAt + int(binary.BigEndian.Uint16(body[1:])) + 1
		switch string(body[nameAt : numberAt-1]) {
		case "_checkbw", "_result":
			return
		case "secureTokenResponse":
			s.answer()
			return
		}
		if number := body[numberAt : numberAt+8]; !bytes.Equal(number, make([]byte, 8)) {
			copy(number, "is there")
		}
		if string(body[nameAt:numberAt-1]) == "set_playlist" { // an array of one, of which librtmp says by accident that it has 3
			const countAt = 8 + 2 // behind the number, null and the marker
			copy(body[numberAt+countAt:], []byte{0, 0, 0, 0})
		}
	}
	if m.Type == userControl && bytes.HasPrefix(body, []byte{0, swfVerifyResponse}) {
		s.answer()
		return
	}
	if m.Type != acknowledgement {
		s.hear("type %d, chunk stream %d, message stream %d, at %d:\n%s", m.Type, m.ChunkStreamID, m.StreamID, m.Timestamp, hex.Dump(body))
	}
}

// answer counts an answer to what the server asks, which is another in every session. Wrong ones end the connection.
func (s *listener) answer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers++
}

func (s *listener) hear(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, fmt.Sprintf(format, args...))
}

// dump runs a program to its end.
func (s *listener) dump(t *testing.T, program, args []string, before []byte) performed {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.flv")
	if before != nil {
		if err := os.WriteFile(out, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, program[0], concat(program[1:], args, []string{"-o", out})...)
	result := performed{dumped: finishDump(t, p, out), told: told(p)}
	select {
	case <-s.closed:
	case <-time.After(patience):
		t.Fatalf("%s has not closed its connection", program)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	result.heard, s.heard = s.heard, nil
	return result
}

// same runs both programs, one after the other, and returns what they did alike. args may say ADDRESS, HOST and PORT.
func (s *listener) same(t *testing.T, args []string, before []byte) dumped {
	t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("ADDRESS", s.address, "HOST", host, "PORT", port)
	for i := range args {
		args[i] = here.Replace(args[i])
	}
	programs := dumpPrograms()
	want := s.dump(t, programs["rtmpdump"], args, before)
	got := s.dump(t, programs["leat dump"], args, before)
	compareEnds(t, args, got, want)
	return got.dumped
}

// TestDumpFlags: with the same flags both programs say the same to a server, byte for byte, and make the same of its answers.
func TestDumpFlags(t *testing.T) {
	t.Parallel()
	proves(t)
	const film = "rtmp://ADDRESS/vod/film"
	for _, args := range [][]string{
		{"-r", film},
		{"-r", film, "-u", "sesame"},
		{"-r", film, "-C", "B:1", "-C", "B:0", "-C", "N:1.5", "-C", "S:a text", "-C", "Z:"},
		{"-r", film, "-C", "O:1", "-C", "NB:flag:1", "-C", "NN:code:-1.25", "-C", "NS:user:me", "-C", "NO:more:1", "-C", "NS:in:x:y", "-C", "O:0", "-C", "O:0", "-C", "S:behind"},
		{"-r", film, "-d", "another"},
		{"-r", film, "-v"},
		{"-r", film, "-v", "-d", "another"},
		{"-r", film, "-j", `{"token":"x"}`},
		{"-r", film, "-Y"},
		{"-r", film, "-R", "-b", "2000"},
		{"-r", film, "-A", "2"},
		{"-r", film, "-A", "1", "-B", "3"},
		{"-r", film, "-B", "3"},
		{"-r", "rtmp://ADDRESS/vod/none"},
		{"-r", "rtmp://ADDRESS/vod/silence", "-v", "-m", "1"},
		{"-r", film, "-l", "0"},
		{"-r", film, "-l", "2"},
		{"-r", film, "-a", "other/app", "-y", "mp4:dir/film"},
		{"-r", film, "-t", "rtmp://elsewhere/vod", "-s", "http://h/p.swf", "-p", "http://h/", "-f", "WIN 11,2,3,4"},
		{"-n", "HOST", "-c", "PORT", "-a", "vod", "-y", "film"},
		{"-r", "rtmp://nowhere:1/vod/film", "-n", "HOST", "-c", "PORT"},
		{"-r", "rtmp://ADDRESS", "-y", "film"},
		{"-r", "rtmp://ADDRESS/vod", "-y", "film"},
		{"-r", "rtmp://ADDRESS/a/b/c/d/film.mp4"},
		{"-r", "rtmp://ADDRESS/ondemand/dir/song.mp3?x=1"},
		{"-r", "rtmp://ADDRESS/vod/mp4:film.mp4"},
		{"-r", "rtmp://ADDRESS/vod/film%20%2b.flv"},
		{"-r", "rtmp://ADDRESS/vod/inst?slist=film.flv&x=1"},
		{"-r", film, "-s", "", "-p", "", "-f", ""},
		{"-r", film, "-q"},
		{"-r", film, "-V"},
		{"-r", film, "-z"},
		{"-r", film, "-#"},
		{"--rtmp", film, "--live", "--flashVer=X", "--pageUrl=http://h/"},
		{"-v", "-i", film + " live=1 flashver=LNX\\2011 conn=S:x pageUrl=http://h/ app=other playpath=film subscribe=s"},
		{"-i", "rtmp://ADDRESS/a/b/c/d/film.f4v flashver=X"},
		{"-i", "rtmp://ADDRESS/vod?key=secret/film flashver=X tcUrl=rtmp://other/vod swfUrl=http://h/p.swf playlist=on"},
		{"-i", film + " flashver=X", "-A", "2"},
		{"-i", film + " flashver=X", "-v", "-A", "1"},
		{"-i", film + " flashver=X start=1000", "-A", "3"},
		{"-i", film + " flashver=X", "-b", "1000"},
		{"-i", film + " flashver=X", "-a", "other", "-y", "other", "-d", "other", "-s", "http://h/p.swf", "-p", "http://h/", "-f", "Y", "-u", "sesame", "-C", "S:x", "-Y", "-T", "key"},
		{"-i", film + " flashver=X conn=S:last", "-C", "O:1", "-C", "NS:a:b", "-C", "O:0"},
		{"-i", film + " flashver=X timeout=20 conn=O:1 conn=NS:a:b conn=O:0 jtv=token"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			listen(t, rtmp.Proof{}).same(t, slices.Clone(args), nil)
		})
	}
}

// TestDumpProofs: SecureToken, and SWF verification by hash and size, by which rtmpdump makes the digest handshake too.
func TestDumpProofs(t *testing.T) {
	t.Parallel()
	proves(t)
	file := "FWS\x0a\x40\x00\x00\x00" + strings.Repeat("a film of its own", 8)
	swf, err := rtmp.HashSWF(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	const film, key = "rtmp://ADDRESS/vod/film", "#ed%0#w@1"
	for _, test := range []struct {
		name  string
		proof rtmp.Proof
		args  []string
	}{
		{"token", rtmp.Proof{Token: key}, []string{"-r", film, "-T", key}},
		{"token in options", rtmp.Proof{Token: key}, []string{"-i", film + " flashver=X token=" + key}},
		{"swf", rtmp.Proof{SWFs: []rtmp.SWF{swf}}, []string{"-r", film, "-w", fmt.Sprintf("%x", swf.Hash), "-x", fmt.Sprint(swf.Size)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := listen(t, test.proof)
			if got := s.same(t, test.args, nil); got.code != 0 {
				t.Errorf("code %d", got.code)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.answers != len(dumpPrograms()) {
				t.Errorf("%d answers", s.answers)
			}
		})
	}
}
