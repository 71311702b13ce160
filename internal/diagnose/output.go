package diagnose

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Output is where lines go. It is safe for concurrent use. The first error of the writer ends it; Err returns it.
type Output struct {
	JSON bool

	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewOutput returns an Output that writes text.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

// Err returns why nothing is written any more; nil while it is.
func (o *Output) Err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Event is one line of a trace, in JSON.
type Event struct {
	Conn      uint64   `json:"conn"`
	At        float64  `json:"at"` // seconds since the connection began
	From      string   `json:"from,omitempty"`
	Kind      string   `json:"kind"` // opened, handshake, chunk, message, media, finding, lost, closed, summary
	Type      string   `json:"type,omitempty"`
	CSID      uint32   `json:"csid,omitempty"`
	StreamID  uint32   `json:"msid,omitempty"`
	Timestamp uint32   `json:"timestamp,omitempty"`
	Length    int      `json:"length,omitempty"`
	Text      string   `json:"text,omitempty"`
	Finding   *Finding `json:"finding,omitempty"`
	Summary   *Summary `json:"summary,omitempty"`
}

func (o *Output) write(e *Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return
	}
	if o.JSON {
		enc := json.NewEncoder(o.w)
		enc.SetEscapeHTML(false)
		o.err = enc.Encode(e)
		return
	}
	if e.Summary != nil {
		e.Summary.of = fmt.Sprintf(" of connection %d", e.Conn)
		_, o.err = e.Summary.WriteTo(o.w)
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %9.3f  %s  ", e.Conn, e.At, arrow(e.From))
	if e.Finding != nil {
		fmt.Fprintf(&b, "!! %s [%s]: %s", e.Finding.Severity, e.Finding.Code, e.Finding.Text)
	} else {
		b.WriteString(e.Text)
	}
	b.WriteByte('\n')
	_, o.err = io.WriteString(o.w, b.String())
}

func arrow(from string) string {
	switch from {
	case "client":
		return "C→S"
	case "server":
		return "S→C"
	}
	return "   "
}
