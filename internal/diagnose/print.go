package diagnose

import (
	"fmt"
	"hash/fnv"
	"time"

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
