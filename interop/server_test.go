//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// liveServer is a `leat serve` that writes its log as JSON.
type liveServer struct {
	*process
	url string // rtmp://host:port
}

// serve starts a server with a port of the system's choice. extra are further flags.
func serve(t *testing.T, extra ...string) *liveServer {
	t.Helper()
	args := []string{
		"serve", "--rtmp", "127.0.0.1:0", "--http", "", "--admin", "",
		"--data", filepath.Join(t.TempDir(), "data"), "--log-format", "json",
	}
	s := &liveServer{process: start(t, leat, append(args, extra...)...)}
	s.url = s.event(t, "ready", "")["rtmp"].(string)
	return s
}

// stream returns the address of a stream.
func (s *liveServer) stream(name string) string { return s.url + "/live/" + name }

// event waits for the first log line with this message, of this stream unless that is "".
func (s *liveServer) event(t *testing.T, msg, stream string) map[string]any {
	t.Helper()
	return s.events(t, 1, msg, stream)
}

// events waits for the n-th such line.
func (s *liveServer) events(t *testing.T, n int, msg, stream string) map[string]any {
	t.Helper()
	var event map[string]any
	s.await(t, fmt.Sprintf("%q of %q, %d times", msg, stream, n), func(line string) bool {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) != nil || e["msg"] != msg || stream != "" && e["stream"] != "live/"+stream {
			return false
		}
		event = e
		n--
		return n == 0
	})
	return event
}

// freePort returns a port on loopback that nobody listens on at the moment. Whoever starts a program on it must be ready
// for another program to be faster.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// nginxConf is a server with an application for live streams and one for recordings. publish_notify lets players know when the publisher leaves.
const nginxConf = `%[1]s
daemon off;
master_process off;
pid %[2]s/nginx.pid;
error_log stderr info;
events { worker_connections 64; }
rtmp {
	server {
		listen 127.0.0.1:%[3]d;
		chunk_size 4096;
		application live { live on; publish_notify on; }
		application vod { play %[2]s/vod; }
		%[4]s
	}
}
`

// nginx starts nginx-rtmp and returns it and the address of its application for live streams.
func nginx(t *testing.T) (*process, string) {
	t.Helper()
	return nginxWith(t, "")
}

// nginxWith is nginx with a further application.
func nginxWith(t *testing.T, application string) (*process, string) {
	t.Helper()
	const attempts = 5
	for range attempts {
		port := freePort(t)
		dir := t.TempDir()
		conf := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, loadModule(t), dir, port, application), 0o644); err != nil {
			t.Fatal(err)
		}
		p := start(t, "nginx", "-p", dir, "-c", conf)
		if p.listens(port) {
			return p, fmt.Sprintf("rtmp://127.0.0.1:%d/live", port)
		}
		t.Logf("nginx did not start on port %d:\n%s", port, p.tail())
	}
	t.Fatal("nginx with libnginx-mod-rtmp does not start; `make setup` installs both")
	return nil, ""
}

// loadModule returns the directive that loads the RTMP module, and "" if it is compiled in.
func loadModule(t *testing.T) string {
	t.Helper()
	built := start(t, "nginx", "-V")
	built.succeed(t)
	for word := range strings.FieldsSeq(built.tail()) {
		if path, ok := strings.CutPrefix(word, "--modules-path="); ok {
			module := filepath.Join(path, "ngx_rtmp_module.so")
			if _, err := os.Stat(module); err == nil {
				return "load_module " + module + ";"
			}
		}
	}
	return ""
}

// listens waits until the process takes connections on a port; false if it ends before.
func (p *process) listens(port int) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return true
		}
		select {
		case <-p.done:
			return false
		case <-tick.C:
		}
	}
}
