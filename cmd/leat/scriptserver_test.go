package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"leat/flv"
	"leat/media/mediatest"
)

// patient is how long a test waits for what must happen.
const patient = 10 * time.Second

// lineWatch keeps the lines that are written to it and tells when one matches.
type lineWatch struct {
	mu    sync.Mutex
	text  strings.Builder
	grown chan struct{} // closed and replaced at each Write
}

func newLineWatch() *lineWatch { return &lineWatch{grown: make(chan struct{})} }

func (w *lineWatch) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	close(w.grown)
	w.grown = make(chan struct{})
	return len(b), nil
}

func (w *lineWatch) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// find waits for the first match of pattern and returns its groups, nil if it does not come.
func (w *lineWatch) find(pattern *regexp.Regexp) []string {
	late := time.NewTimer(patient)
	defer late.Stop()
	for {
		w.mu.Lock()
		found, grown := pattern.FindStringSubmatch(w.text.String()), w.grown
		w.mu.Unlock()
		if found != nil {
			return found
		}
		select {
		case <-grown:
		case <-late.C:
			return nil
		}
	}
}

// readyLine is what a server logs when its RTMP door is open.
var readyLine = regexp.MustCompile(`msg=ready rtmp=(rtmp://\S+)`)

// serverArgs open a server on a port that is free.
var serverArgs = []string{"serve", "--rtmp", "127.0.0.1:0", "--http", "", "--admin", ""}

// quickExit spares processes with the race detector the second that they otherwise wait at their end.
const quickExit = "atexit_sleep_ms=0"

type serverKey struct{}

// scriptServer is the server of a script.
type scriptServer struct {
	log     *lineWatch
	process *os.Process
}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	server := ts.Value(serverKey{}).(*scriptServer)
	if neg || len(args) > 1 || server.log != nil {
		ts.Fatalf("usage: serve [config], once")
	}
	program, err := exec.LookPath("leat")
	ts.Check(err)
	all := serverArgs
	if len(args) == 1 {
		all = append(slices.Clip(all), "--config", ts.MkAbs(args[0]))
	}
	server.log = newLineWatch()
	cmd := exec.Command(program, all...)
	cmd.Dir, cmd.Stderr = ts.MkAbs("."), server.log
	cmd.Env = append(os.Environ(), "GORACE="+quickExit)
	ts.Check(cmd.Start())
	server.process = cmd.Process
	ts.Defer(func() {
		ts.Check(cmd.Process.Signal(os.Interrupt))
		if err := cmd.Wait(); err != nil {
			ts.Logf("the server's log:\n%s", server.log)
			ts.Fatalf("leat serve: %v", err)
		}
	})
	ready := server.log.find(readyLine)
	if ready == nil {
		ts.Fatalf("the server does not get ready:\n%s", server.log)
	}
	ts.Setenv("URL", ready[1])
}

func hangup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: hangup")
	}
	ts.Check(ts.Value(serverKey{}).(*scriptServer).process.Signal(syscall.SIGHUP))
}

func served(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: served pattern")
	}
	log := ts.Value(serverKey{}).(*scriptServer).log
	if log.find(regexp.MustCompile("(?m)"+args[0])) == nil {
		ts.Fatalf("the server has not logged %s:\n%s", args[0], log)
	}
}

func writeFLV(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: flv file time [bytes]")
	}
	length, err := time.ParseDuration(args[1])
	ts.Check(err)
	name := ts.MkAbs(args[0])
	ts.Check(createFLV(name, length))
	if len(args) == 3 {
		cut, err := strconv.ParseInt(args[2], 10, 64)
		ts.Check(err)
		info, err := os.Stat(name)
		ts.Check(err)
		ts.Check(os.Truncate(name, info.Size()-cut))
	}
}

// createFLV writes a file of that length.
func createFLV(name string, length time.Duration) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if failed := file.Close(); err == nil {
			err = failed
		}
	}()
	w := flv.NewWriter(file)
	for _, p := range mediatest.AVC(length) {
		if err := w.WritePacket(context.Background(), p); err != nil {
			return err
		}
	}
	return w.Close()
}
