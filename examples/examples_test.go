package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"leat/flv"
	"leat/media"
	"leat/media/mediatest"
)

// TestStream runs the programs against each other, as a user would:
//
//	publisher → server → relay → server → player
//
// What the player has written is what the publisher has read, frame by frame.
func TestStream(t *testing.T) {
	sent := mediatest.AVC(time.Second)

	first := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	second := start(t, pipes{}, "server", "-addr", "127.0.0.1:0")
	_, from, _ := strings.Cut(first.waitFor(t, "serving "), "serving ")
	_, to, _ := strings.Cut(second.waitFor(t, "serving "), "serving ")
	from, to = from+"/live/film", to+"/live/copy"

	relay := start(t, pipes{}, "relay", from, to)
	second.waitFor(t, "connected ") // the relay plays before it publishes
	var out bytes.Buffer
	player := start(t, pipes{out: &out}, "player", to)
	player.waitFor(t, "playing ")
	publisher := start(t, pipes{in: encode(t, sent)}, "publisher", from)
	for _, p := range []*program{publisher, relay, player} {
		p.waitForEnd(t)
	}
	if d := mediatest.DiffAll(decode(t, &out), sent); d != "" {
		t.Errorf("the player's file differs from the publisher's: %s", d)
	}
}

// bin is the folder of the programs.
var bin string

// TestMain compiles the programs, once for all tests.
func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	bin = dir
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+string(filepath.Separator), "./...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// program is one that runs. It is killed when the test ends.
type program struct {
	name  string
	cmd   *exec.Cmd
	lines chan string // of its standard error; closed at its end
}

// patience is how long a program may take for anything on a machine that is busy.
const patience = 30 * time.Second

// pipes are a program's standard input and output; nil means none.
type pipes struct {
	in, out *bytes.Buffer
}

func start(t *testing.T, std pipes, name string, args ...string) *program {
	t.Helper()
	path := filepath.Join(bin, name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	p := &program{name: name, cmd: exec.CommandContext(ctx, path, args...), lines: make(chan string, 1000)}
	if std.in != nil {
		p.cmd.Stdin = std.in
	}
	if std.out != nil {
		p.cmd.Stdout = std.out
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(p.lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		cancel() // kills it if it still runs
		<-ended
		if p.cmd.ProcessState == nil {
			if err := p.cmd.Wait(); err == nil {
				t.Errorf("%s has ended before it was told to", name)
			}
		}
	})
	return p
}

// waitFor returns the next line on standard error that holds text.
func (p *program) waitFor(t *testing.T, text string) string {
	t.Helper()
	var said []string
	for line := range p.lines {
		if strings.Contains(line, text) {
			return line
		}
		said = append(said, line)
	}
	t.Fatalf("%s has ended and never said %q, but:\n%s", p.name, text, strings.Join(said, "\n"))
	return ""
}

// waitForEnd waits until the program has ended, which it must do well.
func (p *program) waitForEnd(t *testing.T) {
	t.Helper()
	var said []string
	for line := range p.lines {
		said = append(said, line)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", p.name, err, strings.Join(said, "\n"))
	}
}

func encode(t *testing.T, packets []*media.Packet) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := flv.NewWriter(&b)
	for _, p := range packets {
		if err := w.WritePacket(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func decode(t *testing.T, file io.Reader) []*media.Packet {
	t.Helper()
	var packets []*media.Packet
	r := flv.NewReader(file)
	for {
		p, err := r.ReadPacket(t.Context())
		if errors.Is(err, io.EOF) {
			return packets
		}
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
}
