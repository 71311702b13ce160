//go:build interop

package interop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// insecure returns a player that takes the certificate of a test. The others do not look at it.
func insecure(p player) player {
	command := p.command
	p.command = func(url, out string) []string { return append(command(url, out), "--insecure") }
	return p
}

// speakers are the players that speak each transport. The build of ffmpeg in use has no rtmpe, and rtmpdump's library takes
// rtmpts for something else.
var speakers = []struct {
	scheme  string
	players []player
}{
	{"rtmps", []player{ffmpegPlayer, rtmpdumpPlayer, insecure(leatPlayer)}},
	{"rtmpe", []player{rtmpdumpPlayer, insecure(leatPlayer)}},
	{"rtmpt", []player{ffmpegPlayer, rtmpdumpPlayer, insecure(leatPlayer)}},
	{"rtmpts", []player{ffmpegPlayer, insecure(leatPlayer)}},
	{"rtmpte", []player{rtmpdumpPlayer, insecure(leatPlayer)}},
}

// leatPublish publishes a clip in real time.
func leatPublish(t *testing.T, c *clip, url string) *process {
	t.Helper()
	return start(t, leat, "publish", c.path, url, "--insecure")
}

// TestTransports: what ffmpeg publishes by TLS is played by every transport, whole, from one port.
func TestTransports(t *testing.T) {
	t.Parallel()
	clip := videoAndAAC.make(t, "5")
	s := serveTLS(t)
	var waiting []*playing
	var schemes []string
	for _, to := range speakers {
		for _, p := range to.players {
			waiting = append(waiting, p.play(t, s.by(to.scheme)))
			schemes = append(schemes, to.scheme)
		}
	}
	s.events(t, len(waiting), "playing", "a")
	publisher := ffmpegPublish(t, clip, s.by("rtmps"))
	for i, w := range waiting {
		t.Run(w.player.name+" by "+schemes[i], func(t *testing.T) {
			proves(t)
			checkWhole(t, w.finish(t), clip)
		})
	}
	publisher.succeed(t)
}

// TestLeatPublishTransports: leat publishes by every transport, whole. rtmpdump does not judge it: it takes a stream for cut off
// that is a little shorter than its metadata says, as a file's always do.
func TestLeatPublishTransports(t *testing.T) {
	t.Parallel()
	clip := videoAndAAC.make(t, "5")
	for _, from := range speakers {
		t.Run(from.scheme, func(t *testing.T) {
			proves(t)
			t.Parallel()
			s := serveTLS(t)
			waiting := []*playing{ffmpegPlayer.play(t, s.stream("a")), leatPlayer.play(t, s.stream("a"))}
			s.events(t, len(waiting), "playing", "a")
			publisher := leatPublish(t, clip, s.by(from.scheme))
			for _, w := range waiting {
				checkWhole(t, w.finish(t), clip)
			}
			publisher.succeed(t)
		})
	}
}

// TestFFmpegPublishesByTunnel: what ffmpeg publishes by HTTP arrives. Its end does not: ffmpeg throws away what it has not yet
// sent when it closes a tunnel, so nobody can judge the whole.
func TestFFmpegPublishesByTunnel(t *testing.T) {
	t.Parallel()
	clip := videoAndAAC.make(t, "5")
	for _, scheme := range []string{"rtmpt", "rtmpts"} {
		t.Run(scheme, func(t *testing.T) {
			proves(t)
			t.Parallel()
			s := serveTLS(t)
			publisher := ffmpegPublish(t, clip, s.by(scheme))
			s.event(t, "publishing", "a")
			publisher.succeed(t)
			ended := s.event(t, "publish ended", "a")
			if n, _ := ended["packets"].(float64); n < 300 {
				t.Errorf("%v packets have arrived of a clip of five seconds", n)
			}
		})
	}
}

// by returns the address of stream a by a transport.
func (s *liveServer) by(scheme string) string {
	return strings.Replace(s.stream("a"), "rtmp://", scheme+"://", 1)
}

// serveTLS starts a server with a certificate of its own.
func serveTLS(t *testing.T) *liveServer {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "leat.yaml")
	if err := os.WriteFile(file, []byte("tls: {cert: cert.pem, key: key.pem}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return serve(t, "--config", file)
}
