package rtmp_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "rewrite what the side under test does in testdata/session")

// TestTranscripts replays the sessions of testdata/session: server-*.txt against a Server, client-*.txt against a
// client. A transcript is a text of these lines:
//
//	# comment
//	> message      the side under test receives it, in a write of its own
//	>+ message     the same, in one write with the line before
//	> bytes HEX    bytes that are no message; > EOF: its peer closes
//	* action       the application calls the side under test (client sessions)
//	~ 5s           time passes
//	= text         what the application sees
//	< message      the side under test has sent it
//	! side: text   the side under test has closed the connection, for this reason
//
// The lines =, < and ! are what is tested; -update rewrites them. transcript_text_test.go has the form of messages.
// Each line is followed by what happens until nothing does any more. In a write of several messages, what is
// sent is sorted by message stream: streams have no order among themselves.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/session/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = replay(t, name, string(text)) })
			if got == string(text) {
				return
			}
			if !*update {
				t.Errorf("%s: run with -update and look at the difference\n%s", file, diffLines(string(text), got))
				return
			}
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// peer is the other side of a session, played by the transcript.
type peer interface {
	// open starts the side under test.
	open(t *testing.T)
	write(t *testing.T, lines []string)
	action(t *testing.T, text string)
	// close ends the session, if it has not ended, without writing to the transcript.
	close(t *testing.T)
	transcript() *record
}

// replay runs the script and returns it with what happened.
func replay(t *testing.T, name, script string) string {
	var p peer
	if strings.HasPrefix(name, "client-") {
		p = newClientSession()
	} else {
		p = newServerSession()
	}
	r := p.transcript()
	p.open(t)
	synctest.Wait()
	r.flush(false)
	var batch []string
	send := func() {
		if len(batch) > 0 {
			p.write(t, batch)
			synctest.Wait()
			r.flush(len(batch) > 1)
			batch = nil
		}
	}
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		mark, text, _ := strings.Cut(line, " ")
		if mark != ">+" {
			send()
		}
		switch mark {
		case "<", "=", "!":
			continue
		case ">", ">+":
			batch = append(batch, text)
		case "*":
			r.say(line)
			p.action(t, text)
			synctest.Wait()
			r.flush(false)
			continue
		case "~":
			d, err := time.ParseDuration(text)
			if err != nil {
				t.Fatal(err)
			}
			r.say(line)
			time.Sleep(d)
			synctest.Wait()
			r.flush(false)
			continue
		}
		r.say(line)
	}
	send()
	got := r.text()
	p.close(t)
	return got
}

// record collects the lines of a session.
type record struct {
	mu       sync.Mutex
	out      strings.Builder
	seen     []string // = lines since the last flush
	results  []string // those that tell how actions ended, which come last
	sent     []sentLine
	closings []string
}

type sentLine struct {
	stream uint32
	text   string
}

func (r *record) say(line string) { r.out.WriteString(line + "\n") }

// saw notes what the application sees.
func (r *record) saw(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, fmt.Sprintf(format, args...))
}

// returned notes how an action ended.
func (r *record) returned(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, fmt.Sprintf(format, args...))
}

func (r *record) sentMessage(stream uint32, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, sentLine{stream, text})
}

func (r *record) closed(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closings = append(r.closings, fmt.Sprintf(format, args...))
}

// flush writes down what has happened.
func (r *record) flush(sorted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sorted {
		slices.SortStableFunc(r.sent, func(a, b sentLine) int { return int(a.stream) - int(b.stream) })
	}
	for _, s := range append(r.seen, r.results...) {
		r.say("= " + s)
	}
	for _, s := range r.sent {
		r.say("< " + s.text)
	}
	for _, s := range r.closings {
		r.say("! " + s)
	}
	r.seen, r.results, r.sent, r.closings = nil, nil, nil, nil
}

func (r *record) text() string { return r.out.String() }

// diffLines marks the lines that differ, in the order of want.
func diffLines(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	var b strings.Builder
	for i := 0; i < max(len(w), len(g)); i++ {
		switch {
		case i < len(w) && i < len(g) && w[i] == g[i]:
			fmt.Fprintf(&b, "      %s\n", w[i])
		default:
			if i < len(w) {
				fmt.Fprintf(&b, "want: %s\n", w[i])
			}
			if i < len(g) {
				fmt.Fprintf(&b, "got:  %s\n", g[i])
			}
		}
	}
	return b.String()
}
