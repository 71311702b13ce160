package diagnose

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"sync"
	"time"

	"leat/amf"
	"leat/flv"
	"leat/internal/format/codec"
	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// Printer writes down a conversation in words, a line for each event. Several connections may share an Output.
type Printer struct {
	Output *Output
	Conn   uint64 // number of the connection, printed on each line
	// Chunks prints every chunk, Media every message of audio and video; else only the first of each kind, sequence headers,
	// and a line for what came in each 10 s.
	Chunks, Media bool
	// ShowSecrets prints stream keys, queries and passwords.
	ShowSecrets bool

	session *Session
	talk    *Conversation
	secrets []string
	tallies [2]tally
}

// tally is the media of one side that was not printed line by line.
type tally struct {
	since        time.Duration
	video, audio int
	repeated     int    // data messages that said nothing new
	data         uint64 // hash of the last one
	bytes        int
	shown        [2]bool // first frame of audio and video
}

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

// Begin is called first. who says where the connection comes from and goes to.
func (p *Printer) Begin(who string) {
	p.session = NewSession(Config{Both: true, OnFinding: func(f Finding) {
		f.Text = p.plain(f.Text)
		p.Output.write(&Event{Conn: p.Conn, At: f.At.Seconds(), From: f.From.String(), Kind: "finding", Finding: &f})
	}})
	p.talk = NewConversation(Listener{Handshake: p.handshake, Chunk: p.chunk, Message: p.message, Lost: p.lost})
	p.Output.write(&Event{Conn: p.Conn, Kind: "opened", Text: "connection " + who})
}

// Feed takes bytes of one side.
func (p *Printer) Feed(from Direction, at time.Duration, b []byte) { p.talk.Feed(from, at, b) }

// Report prints a finding that bytes alone do not show.
func (p *Printer) Report(at time.Duration, code Code, from Direction, text string) {
	p.session.Report(at, code, from, text)
}

// End prints the end of the connection, and the summary.
func (p *Printer) End(at time.Duration, how string) {
	for i := range p.tallies {
		p.flush(Direction(i), at)
	}
	p.session.Close(at, nil)
	p.Output.write(&Event{Conn: p.Conn, At: at.Seconds(), Kind: "closed", Text: how})
	sum := p.Summary()
	p.Output.write(&Event{Conn: p.Conn, At: at.Seconds(), Kind: "summary", Summary: &sum})
}

// Summary returns the sums so far, without secrets.
func (p *Printer) Summary() Summary {
	sum := p.session.Summary()
	for i := range sum.Findings {
		sum.Findings[i].Text = p.plain(sum.Findings[i].Text)
	}
	return sum
}

// plain takes stream keys out of a sentence, which has no queries of its own.
func (p *Printer) plain(s string) string {
	if p.ShowSecrets {
		return s
	}
	for _, secret := range p.secrets {
		if len(secret) > 3 { // shorter ones may be words
			s = replaceWord(s, secret)
		}
	}
	return s
}

func (p *Printer) handshake(at time.Duration, h rtmp.TraceHandshake) {
	p.session.Handshake(at, h)
	text := fmt.Sprintf("handshake: %s, version %d", h.Name, h.Requested)
	if h.Version != h.Requested && h.Version != 0 {
		text += fmt.Sprintf(", the server chose %d", h.Version)
	}
	p.Output.write(&Event{Conn: p.Conn, At: at.Seconds(), From: "client", Kind: "handshake", Type: h.Name, Text: text})
}

func (p *Printer) chunk(from Direction, at time.Duration, h chunk.Header) {
	if !p.Chunks {
		return
	}
	text := fmt.Sprintf("  chunk csid %d, fmt %d, %s of header and %d of data", h.ChunkStreamID, h.Fmt, inBytes(h.Size), h.Data)
	if h.Begins {
		text += ", begins a message"
	}
	p.Output.write(&Event{Conn: p.Conn, At: at.Seconds(), From: from.String(), Kind: "chunk", CSID: h.ChunkStreamID, Length: h.Data, Text: text})
}

func (p *Printer) lost(from Direction, at time.Duration, offset int64, err error) {
	text := fmt.Sprintf("the thread is lost at byte %d of the %v: %v; what follows passes unread", offset, from, err)
	p.Output.write(&Event{Conn: p.Conn, At: at.Seconds(), From: from.String(), Kind: "lost", Text: text})
	p.session.Lost(at, from, err)
}

func (p *Printer) message(from Direction, at time.Duration, m rtmp.TraceMessage) {
	e := &Event{
		Conn: p.Conn, At: at.Seconds(), From: from.String(), Kind: "message", Type: message.Type(m.Type).String(),
		CSID: m.ChunkStreamID, StreamID: m.StreamID, Timestamp: m.Timestamp, Length: len(m.Body),
	}
	switch message.Type(m.Type) {
	case message.TypeAudio, message.TypeVideo:
		p.media(from, at, &m, e)
	case message.TypeDataAMF0, message.TypeDataAMF3:
		if p.news(from, m.Body) {
			p.print(&m, e)
		}
	default:
		p.print(&m, e)
	}
	p.session.Message(from, at, m)
}

// news reports whether a data message is to be printed: one that repeats the last one of its side is not, as encoders send
// their metadata again and again.
func (p *Printer) news(from Direction, body []byte) bool {
	h := fnv.New64a()
	_, _ = h.Write(body) // never fails
	t := &p.tallies[from]
	if sum := h.Sum64(); sum != t.data || p.Media {
		t.data = sum
		return true
	}
	t.repeated++
	return false
}

func (p *Printer) print(m *rtmp.TraceMessage, e *Event) {
	e.Text = p.describe(m)
	if m.StreamID != 0 {
		e.Text += fmt.Sprintf("  (msid %d)", m.StreamID)
	}
	p.Output.write(e)
}

// tallied is how much of a stream one line is for.
const tallied = 10 * time.Second

// media prints what matters of a message of audio or video, and counts the rest.
func (p *Printer) media(from Direction, at time.Duration, m *rtmp.TraceMessage, e *Event) {
	t := &p.tallies[from]
	i, parse := 0, parseAudio
	if message.Type(m.Type) == message.TypeVideo {
		i, parse = 1, parseVideo
	}
	fr, err := parse(m.Body)
	e.Kind, e.Text = "media", mediaText(m, &fr, err)
	if p.Media || fr.config || !t.shown[i] && fr.coded {
		t.shown[i] = t.shown[i] || fr.coded
		p.Output.write(e)
	}
	if t.video+t.audio == 0 {
		t.since = at
	}
	if i == 0 {
		t.audio++
	} else {
		t.video++
	}
	t.bytes += len(m.Body)
	if at-t.since >= tallied {
		p.flush(from, at)
	}
}

// flush prints what was counted.
func (p *Printer) flush(from Direction, at time.Duration) {
	t := &p.tallies[from]
	if t.video+t.audio > 0 && !p.Media {
		text := fmt.Sprintf("… %d messages of video, %d of audio, %s in %v", t.video, t.audio, inBytes(t.bytes), rounded(at-t.since))
		if t.repeated > 0 {
			text += fmt.Sprintf("; the same metadata %d times more", t.repeated)
		}
		p.Output.write(&Event{Conn: p.Conn, At: at.Seconds(), From: from.String(), Kind: "media", Text: text})
	}
	*t = tally{shown: t.shown, data: t.data}
}

// inBytes returns a number of bytes in words.
func inBytes[N int | uint32](n N) string {
	if n == 1 {
		return "1 byte"
	}
	return fmt.Sprintf("%d bytes", n)
}

func mediaText(m *rtmp.TraceMessage, fr *frame, err error) string {
	kind := strings.ToLower(message.Type(m.Type).String())
	text := fmt.Sprintf("%s %.3f s, %s", kind, float64(m.Timestamp)/1000, inBytes(len(m.Body)))
	switch {
	case err != nil:
		return text + fmt.Sprintf(": it cannot be read: %v", err)
	case len(m.Body) == 0:
		return text + ": empty"
	case fr.codec == 0:
		text += fmt.Sprintf(", codec %d", fr.number)
	default:
		text += ", " + codec.Name(fr.codec)
	}
	switch {
	case fr.config:
		text += ", sequence header" + configText(m)
	case fr.coded && fr.key && kind == "video":
		text += ", key frame"
	}
	if fr.offset != 0 {
		text += fmt.Sprintf(", shown %d ms later", fr.offset)
	}
	if fr.track != 0 {
		text += fmt.Sprintf(", track %d", fr.track)
	}
	return text
}

func configText(m *rtmp.TraceMessage) string {
	tag := flv.TagAudio
	if message.Type(m.Type) == message.TypeVideo {
		tag = flv.TagVideo
	}
	packets, err := flv.AppendPackets(nil, tag, 0, m.Body)
	if err != nil || len(packets) == 0 {
		return ""
	}
	info, err := codec.Describe(packets[0])
	if err != nil {
		return fmt.Sprintf(" that cannot be read: %v", err)
	}
	return ": " + info.String()
}

// namesStream are the commands whose first argument is a stream key.
func namesStream(command string) bool {
	switch command {
	case "publish", "play", "releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "getStreamLength":
		return true
	}
	return false
}

// describe says what a message that is neither audio nor video is.
func (p *Printer) describe(m *rtmp.TraceMessage) string {
	typ := message.Type(m.Type)
	if typ == message.TypeAggregate {
		return fmt.Sprintf("%v, %s", typ, inBytes(len(m.Body)))
	}
	parsed, err := message.Parse(typ, m.Body, amf.Limits{})
	if parsed == nil {
		return fmt.Sprintf("%v of %s cannot be decoded: %v", typ, inBytes(len(m.Body)), err)
	}
	switch v := parsed.(type) {
	case *message.SetChunkSize:
		return fmt.Sprintf("%v %d", typ, v.Size)
	case *message.Abort:
		return fmt.Sprintf("%v chunk stream %d", typ, v.ChunkStreamID)
	case *message.Acknowledgement:
		return fmt.Sprintf("%v %s", typ, inBytes(v.SequenceNumber))
	case *message.WindowAckSize:
		return fmt.Sprintf("%v %d", typ, v.Size)
	case *message.SetPeerBandwidth:
		return fmt.Sprintf("%v %d, %v", typ, v.Size, v.Limit)
	case *message.UserControl:
		return userControlText(v)
	case *message.Command:
		return p.commandText(v)
	case *message.Data:
		return p.dataText(v)
	case *message.SharedObject:
		return fmt.Sprintf("%v %s, %d events", typ, printable(p.masked(v.Name)), len(v.Events))
	}
	return fmt.Sprintf("%v, %s", typ, inBytes(len(m.Body)))
}

func userControlText(v *message.UserControl) string {
	switch v.Event {
	case message.EventSetBufferLength:
		return fmt.Sprintf("%v of stream %d: %d ms", v.Event, v.Value, v.BufferLength)
	case message.EventPingRequest, message.EventPingResponse:
		return fmt.Sprintf("%v %d", v.Event, v.Value)
	}
	if len(v.Data) > 0 {
		return fmt.Sprintf("%v, %s", v.Event, inBytes(len(v.Data)))
	}
	return fmt.Sprintf("%v, stream %d", v.Event, v.Value)
}

func (p *Printer) commandText(v *message.Command) string {
	if namesStream(v.Name) && len(v.Args) > 0 {
		if key, ok := v.Args[0].(string); ok {
			p.hide(key)
		}
	}
	var b strings.Builder
	name := v.Name
	if !isWord(name) {
		name = printable(name)
	}
	fmt.Fprintf(&b, "%s #%g", name, v.TransactionID)
	if v.Object != nil {
		b.WriteByte(' ')
		p.appendValue(&b, v.Object, 0)
	}
	for _, a := range v.Args[:min(len(v.Args), maxValues)] {
		b.WriteByte(' ')
		p.appendValue(&b, a, 0)
	}
	return b.String()
}

func (p *Printer) dataText(v *message.Data) string {
	values, err := amf.Decode(v.Body, amf.Limits{})
	var b strings.Builder
	b.WriteString("data")
	for _, a := range values[:min(len(values), maxValues)] {
		b.WriteByte(' ')
		if s, ok := a.(string); ok {
			b.WriteString(p.masked(s))
			continue
		}
		p.appendValue(&b, a, 0)
	}
	if err != nil {
		fmt.Fprintf(&b, " … the rest cannot be decoded: %v", err)
	}
	return b.String()
}
