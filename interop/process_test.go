//go:build interop

package interop

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait. Only something that hangs takes this long.
const patience = 90 * time.Second

// process is a program under test. It is killed, and waited for, when its test ends.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and its output was read

	mu    sync.Mutex
	lines []string
	news  chan struct{} // closed and replaced with each line and at the end
	over  bool
	err   error // of Wait
}

// requireProgram fails the test with a clear sentence when a program is absent.
func requireProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is not installed; `make setup` installs the programs that the interop tests need", name)
	}
}

// requireElements fails the test when GStreamer lacks an element.
func requireElements(t *testing.T, names ...string) {
	t.Helper()
	requireProgram(t, "gst-inspect-1.0")
	for _, name := range names {
		if err := exec.Command("gst-inspect-1.0", "--exists", name).Run(); err != nil {
			t.Fatalf("GStreamer has no %s; `make setup` installs its plugins", name)
		}
	}
}

// closeAll closes what the test has no more use for.
func closeAll(t *testing.T, all ...io.Closer) {
	t.Helper()
	for _, c := range all {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// start runs a program and collects the lines that it writes to both outputs.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startTo(t, nil, name, args...)
}

// startTo is start with the program's standard output going to out, unless that is nil.
func startTo(t *testing.T, out io.Writer, name string, args ...string) *process {
	t.Helper()
	requireProgram(t, name)
	p := &process{name: name, done: make(chan struct{}), news: make(chan struct{})}
	p.cmd = exec.Command(name, args...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = w
	p.cmd.Stdout = w
	if out != nil {
		p.cmd.Stdout = out
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that helpers of the program die with it
	p.cmd.WaitDelay = patience
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s does not start: %v", name, err)
	}
	closeAll(t, w)
	go p.collect(r) // ends with the process
	t.Cleanup(func() { p.cleanUp(t) })
	return p
}

// collect reads the output to its end and waits for the process.
func (p *process) collect(r io.ReadCloser) {
	lines := bufio.NewReader(r)
	for {
		line, _, err := lines.ReadLine() // a line longer than the buffer comes in pieces
		if err != nil {
			break // the end of the output is that of the process
		}
		p.mu.Lock()
		p.lines = append(p.lines, string(line))
		p.announce()
		p.mu.Unlock()
	}
	r.Close()
	err := p.cmd.Wait()
	p.mu.Lock()
	p.over, p.err = true, err
	p.announce()
	p.mu.Unlock()
	close(p.done)
}

// announce wakes who waits. mu is held.
func (p *process) announce() {
	close(p.news)
	p.news = make(chan struct{})
}

// kill ends the process and what it has started, at once.
func (p *process) kill() {
	select {
	case <-p.done:
	default:
		// ESRCH says that it has just ended by itself.
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
}

func (p *process) cleanUp(t *testing.T) {
	p.kill()
	<-p.done
	if t.Failed() {
		t.Logf("%s\nsaid\n%s", strings.Join(p.cmd.Args, " "), p.tail())
	}
}

// tail returns the end of the output.
func (p *process) tail() string {
	const most = 40
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines[max(0, len(p.lines)-most):], "\n")
}

// await waits for a line that fits and returns it, also one that has come before.
func (p *process) await(t *testing.T, what string, fits func(line string) bool) string {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	seen := 0
	for {
		p.mu.Lock()
		fresh, over, news := p.lines[seen:], p.over, p.news
		p.mu.Unlock()
		for _, line := range fresh {
			if fits(line) {
				return line
			}
		}
		seen += len(fresh)
		if over {
			t.Fatalf("%s ended before %s", p.name, what)
		}
		select {
		case <-news:
		case <-deadline.C:
			t.Fatalf("%s: %s did not come within %v", p.name, what, patience)
		}
	}
}

// end waits until the process has ended by itself and returns its exit code.
func (p *process) end(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s has not ended by itself within %v", p.name, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// succeed waits until the process has ended by itself, with exit code 0.
func (p *process) succeed(t *testing.T) {
	t.Helper()
	if code := p.end(t); code != 0 {
		t.Fatalf("%s ended with code %d (%v)\n%s", p.name, code, p.err, p.tail())
	}
}

// output runs a program to its end and returns its standard output.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	requireProgram(t, name)
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return string(out)
}

// within runs f, which must return before patience is over.
func within(t *testing.T, what string, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }() // the test fails if it stays
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	case <-time.After(patience):
		t.Fatalf("%s: not done within %v", what, patience)
	}
}
