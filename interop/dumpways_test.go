//go:build interop

package interop

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"leat/rtmp"
)

// TestDumpTransports: -l with each protocol, by its number. Behind a tunnel rtmpdump may hang up before its last words are read.
func TestDumpTransports(t *testing.T) {
	t.Parallel()
	proves(t)
	secure := httptest.NewTLSServer(nil) // for its certificate
	defer secure.Close()
	secure.TLS.SessionTicketsDisabled = true // they come behind the handshake, which rtmpdump takes for the end
	s := listenTLS(t, rtmp.Proof{}, secure.TLS)
	for number, name := range []string{"rtmp", "rtmpt", "rtmpe", "rtmpte", "rtmps", "rtmpts"} {
		var files [][]byte
		for program, command := range dumpPrograms() {
			args := []string{"-l", fmt.Sprint(number), "-r", "rtmp://" + s.address + "/vod/film"}
			if program == "leat dump" && strings.HasSuffix(name, "s") {
				args = append(args, "--insecure") // rtmpdump never looks at certificates
			}
			out := filepath.Join(t.TempDir(), "out.flv")
			d := finishDump(t, start(t, command[0], concat(command[1:], args, []string{"-o", out})...), out)
			if d.code != 0 || len(d.file) < 10_000 {
				t.Errorf("%s by %s: code %d, %d bytes", program, name, d.code, len(d.file))
			}
			files = append(files, d.file)
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Errorf("%s: %d and %d bytes, which differ", name, len(files[0]), len(files[1]))
		}
	}
}

// socks4 is a SOCKS4 proxy that keeps what it is asked.
type socks4 struct {
	net.Listener
	verdict byte
	wg      sync.WaitGroup

	mu    sync.Mutex
	asked [][]byte
}

func listenSocks4(t *testing.T, verdict byte) *socks4 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &socks4{Listener: l, verdict: verdict}
	p.wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { // ends with either connection
				defer nc.Close()
				if err := p.serve(nc); err != nil {
					t.Errorf("SOCKS4: %v", err)
				}
			})
		}
	})
	t.Cleanup(func() {
		closeAll(t, l)
		p.wg.Wait()
	})
	return p
}

// serve answers one request, which has nine bytes, and joins the two connections.
func (p *socks4) serve(nc net.Conn) error {
	var request [9]byte
	if _, err := io.ReadFull(nc, request[:]); err != nil {
		return err
	}
	p.mu.Lock()
	p.asked = append(p.asked, request[:])
	p.mu.Unlock()
	if _, err := nc.Write([]byte{0, p.verdict, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
	}
	const granted = 90
	if p.verdict != granted {
		return nil
	}
	port := binary.BigEndian.Uint16(request[2:])
	server, err := net.Dial("tcp", net.JoinHostPort(net.IP(request[4:8]).String(), fmt.Sprint(port)))
	if err != nil {
		return err
	}
	defer server.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{server, nc}, {nc, server}} {
		both.Go(func() { // ends with either connection
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
	return nil
}

// TestDumpProxy: -S asks a SOCKS4 proxy for the same, and gives up alike when it refuses.
func TestDumpProxy(t *testing.T) {
	t.Parallel()
	proves(t)
	s := listen(t, rtmp.Proof{})
	const granted, refused = 90, 91
	p := listenSocks4(t, granted)
	flags := []string{"-r", "rtmp://" + s.address + "/vod/film", "-S", p.Addr().String()}
	if got := s.same(t, flags, nil); got.code != 0 {
		t.Errorf("code %d", got.code)
	}
	s.same(t, []string{"-i", "rtmp://" + s.address + "/vod/film flashver=X socks=" + p.Addr().String()}, nil)
	p.mu.Lock()
	asked := p.asked
	p.mu.Unlock()
	const times = 2 // by each program
	if len(asked) != times*len(dumpPrograms()) || slices.ContainsFunc(asked, func(b []byte) bool { return !bytes.Equal(b, asked[0]) }) {
		t.Errorf("they ask for % x", asked)
	}
	grumpy := listenSocks4(t, refused)
	flags[3] = grumpy.Addr().String()
	const noConnection = 3
	if got := compareDumps(t, strings.Join(flags, " "), nil, nothing); got.code != noConnection {
		t.Errorf("a proxy that refuses: code %d", got.code)
	}
}

// theatre is a web server with one SWF file.
type theatre struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func openTheatre(t *testing.T, swf []byte) *theatre {
	w := &theatre{}
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.asked = append(w.asked, fmt.Sprintf("%s %s for %s, if modified since %q, referred by %q", r.Method, r.URL, r.UserAgent(), r.Header.Get("If-Modified-Since"), r.Referer()))
		w.mu.Unlock()
		http.ServeContent(rw, r, "film.swf", modified, bytes.NewReader(swf))
	}))
	t.Cleanup(w.Close)
	return w
}

// takeAsked returns what was asked since the last time.
func (w *theatre) takeAsked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := w.asked
	w.asked = nil
	return asked
}

// TestDumpSWF: -W hashes a SWF file of a web server, and keeps that for -X days in a file that both programs read and write.
func TestDumpSWF(t *testing.T) {
	t.Parallel()
	proves(t)
	body := []byte(strings.Repeat("a film of its own", 100))
	file := []byte("CWS\x0a\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(file[4:], uint32(len(file)+len(body)))
	packed := bytes.NewBuffer(file)
	z := zlib.NewWriter(packed)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	closeAll(t, z)
	swf, err := rtmp.HashSWF(bytes.NewReader(packed.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	s := listen(t, rtmp.Proof{SWFs: []rtmp.SWF{swf}})
	web := openTheatre(t, packed.Bytes())
	home := func(dir string, program []string) []string { return concat([]string{"env", "HOME=" + dir}, program) }
	programs := dumpPrograms()
	dirs := map[string]string{"rtmpdump": t.TempDir(), "leat dump": t.TempDir()}
	place, err := url.JoinPath(web.URL, "/a/film.swf")
	if err != nil {
		t.Fatal(err)
	}
	flags := []string{"-r", "rtmp://" + s.address + "/vod/film", "-W", place}
	for _, age := range [][]string{nil, nil, {"-X", "0"}, {"-X", "1"}} {
		var ends []performed
		var asked [][]string
		for _, name := range []string{"leat dump", "rtmpdump"} {
			ends = append(ends, s.dump(t, home(dirs[name], programs[name]), concat(flags, age), nil))
			asked = append(asked, web.takeAsked())
		}
		if ends[0].code != 0 {
			t.Errorf("%s: code %d", age, ends[0].code)
		}
		compareEnds(t, flags, ends[0], ends[1])
		compareLists(t, "leat asks for", asked[0], asked[1])
	}
	// Each finds what the other has written.
	for name, dir := range map[string]string{"rtmpdump": dirs["leat dump"], "leat dump": dirs["rtmpdump"]} {
		if end := s.dump(t, home(dir, programs[name]), flags, nil); end.code != 0 {
			t.Errorf("%s with the other's hash: code %d", name, end.code)
		}
		if asked := web.takeAsked(); asked != nil {
			t.Errorf("%s asks again: %v", name, asked)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	const runs = 10
	if s.answers != runs {
		t.Errorf("the server got %d answers, want %d", s.answers, runs)
	}
}

// TestDumpOutput: standard output by -o - and by default, and a quiet program.
func TestDumpOutput(t *testing.T) {
	t.Parallel()
	proves(t)
	s := listen(t, rtmp.Proof{})
	want := s.same(t, []string{"-r", "rtmp://ADDRESS/vod/film"}, nil).file
	for _, flags := range [][]string{{"-o", "-"}, {}, {"-o", "-", "-e"}, {"-q", "-o", "-"}, {"-qo", "-"}} {
		for name, program := range dumpPrograms() {
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			p := startTo(t, out, program[0], concat(program[1:], flags, []string{"-r", "rtmp://" + s.address + "/vod/film"})...)
			p.succeed(t)
			got, err := os.ReadFile(out.Name())
			if err := errors.Join(err, out.Close()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s %s: %d bytes, want %d", name, flags, len(got), len(want))
			}
			quiet := name == "leat dump" && strings.Contains(strings.Join(flags, ""), "q") // rtmpdump still says who it is
			if said := p.tail(); quiet && said != "" {
				t.Errorf("it is not quiet: %s", said)
			}
		}
	}
}

// TestDumpWrongFlags: what makes no sense ends both alike, or is left out by both, so that the connection fails behind it.
func TestDumpWrongFlags(t *testing.T) {
	t.Parallel()
	proves(t)
	url := fmt.Sprintf("rtmp://127.0.0.1:%d/vod/film", freePort(t))
	const failed, noConnection = 1, 3
	for flags, code := range map[string]int{
		"":                               failed,
		"-g":                             failed,
		"--dance":                        failed,
		"-y film":                        failed,
		"-n 127.0.0.1":                   failed,
		"-r there":                       failed,
		"-r " + url + " -l 9":            failed,
		"-r " + url + " -C Q:1":          failed,
		"-r " + url + " -C NS:a:b":       failed,
		"-i " + url + " -A 1":            noConnection,
		"-r " + url:                      noConnection,
		"-r " + url + " -k -1":           noConnection,
		"-r " + url + " -x 0":            noConnection,
		"-r " + url + " -x 7":            noConnection,
		"-r " + url + " -w 00 -X -1":     noConnection,
		"-r " + url + " -v -e -A 5":      noConnection,
		"-r " + url + " some more words": noConnection,
	} {
		if got := compareDumps(t, flags, nil, nothing); got.code != code {
			t.Errorf("%s: code %d, want %d", flags, got.code, code)
		}
	}
	for name, program := range dumpPrograms() {
		p := start(t, program[0], concat(program[1:], []string{"-i", url + " dance=1"})...)
		if code := p.end(t); code != failed {
			t.Errorf("%s: an unknown option: code %d", name, code)
		}
	}
}
