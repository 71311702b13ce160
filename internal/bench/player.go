package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"leat/internal/wire/chunk"
	"leat/internal/wire/message"
	"leat/rtmp"
)

// A player plays one stream. While it joins its client reads; afterwards one goroutine or reader owns it.
type player struct {
	step    *step
	watched bool // its delays count

	client *rtmp.Conn
	tap    *tap
	link   *link

	skim    *skimmer
	frames  [2]sequence // video, audio
	now     time.Duration
	counted uint64 // messages since the last read

	received uint64 // bytes
	acked    uint64
	window   uint64 // of acknowledgements; 0: the server wants none
	reply    []byte // what is to be sent to the server

	dialled    time.Duration
	firstMedia time.Duration // 0: none yet
	firstKey   time.Duration
	lastMedia  time.Duration
	pauses     int // times without a message for longer than pauseAfter
	longest    time.Duration

	aborted atomic.Bool // the step is over
	failed  error       // why it cannot be read any more; nil while it can
	over    bool        // that was before its time
}

// pauseAfter is how long nothing may come before it counts as a stall.
const pauseAfter = time.Second

// join connects and plays. The player is the caller's then, and is closed by close.
func join(ctx context.Context, s *step, i int) (_ *player, err error) {
	p := &player{step: s, watched: s.isWatched(i), skim: newSkimmer(), dialled: s.clock()}
	stream := s.streamName(i % max(s.Publishers, 1))
	p.client, err = s.dialer.connect(ctx, stream, true, func(nc net.Conn, l *link) net.Conn {
		// A server may have sent the client elsewhere: then this is the next connection, and all begins anew.
		p.skim = newSkimmer()
		p.link, p.tap = l, newTap(nc, p.look)
		return p.tap
	})
	if err != nil {
		return nil, err
	}
	if !s.cfg.Idle {
		if err := p.play(ctx, stream); err != nil {
			p.close()
			return nil, err
		}
	}
	if err := p.tap.take(); err != nil {
		p.close()
		return nil, fmt.Errorf("closed while it joined: %w", err)
	}
	if p.failed != nil {
		p.close()
		return nil, p.failed
	}
	return p, nil
}

// play begins to play, on another connection if the server says so.
func (p *player) play(ctx context.Context, stream string) error {
	for {
		ctx, done := context.WithTimeoutCause(ctx, p.step.cfg.Timeout, p.step.noAnswer("play"))
		_, err := p.client.Play(ctx, stream, nil)
		done()
		if err == nil {
			return nil
		}
		next, err := p.client.Redial(ctx, err)
		if err != nil {
			return err
		}
		p.client = next
	}
}

// look takes what the client has read.
func (p *player) look(b []byte) {
	if err := p.take(b); err != nil && p.failed == nil {
		p.failed = err
	}
	p.reply = p.reply[:0] // the client answers itself
}

// take counts bytes as they came.
func (p *player) take(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	p.now = p.step.clock()
	p.received += uint64(len(b))
	p.step.bytesOut.Add(uint64(len(b)))
	p.counted = 0
	err := p.skim.feed(b, p.message)
	if p.counted > 0 {
		p.step.messagesOut.Add(p.counted)
		p.pause(p.now)
		p.lastMedia = p.now
	}
	if p.window > 0 && p.received-p.acked >= p.window {
		p.acked = p.received
		p.send(message.TypeAcknowledgement, binary.BigEndian.AppendUint32(nil, uint32(p.received)))
	}
	return err
}

// pause counts the time without a message that ends now, if it is a long one.
func (p *player) pause(now time.Duration) {
	if p.lastMedia > 0 && now-p.lastMedia > pauseAfter {
		p.pauses++
		p.longest = max(p.longest, now-p.lastMedia)
	}
}

// send queues a control message. Its header refers to nothing before it, and so does not depend on what the client has sent.
func (p *player) send(typ message.Type, body []byte) {
	m := &chunk.Message{ChunkStreamID: 2, Type: uint8(typ), Body: body}
	p.reply = chunk.AppendFull(p.reply, m, chunk.DefaultChunkSize)
}

// message takes the beginning of one message.
func (p *player) message(typ message.Type, length int, head []byte) {
	switch typ {
	case message.TypeVideo, message.TypeAudio:
		p.frame(typ, length, head)
	case message.TypeWindowAckSize:
		if len(head) >= 4 {
			p.window = uint64(binary.BigEndian.Uint32(head))
		}
	case message.TypeUserControl:
		if len(head) >= 6 && message.Event(binary.BigEndian.Uint16(head)) == message.EventPingRequest {
			p.send(message.TypeUserControl, append(binary.BigEndian.AppendUint16(nil, uint16(message.EventPingResponse)), head[2:6]...))
		}
	}
}

// frame counts an audio or video message.
func (p *player) frame(typ message.Type, length int, head []byte) {
	if p.firstMedia == 0 {
		p.firstMedia = p.now
	}
	if length < 2 || head[1] == 0 {
		return // a sequence header, of AVC and of AAC
	}
	kind := 1
	if typ == message.TypeVideo {
		kind = 0
		if p.firstKey == 0 && head[0]>>4 == 1 {
			p.firstKey = p.now
		}
	}
	p.counted++
	m, ok := findMarker(head)
	if !ok {
		p.step.unmarked.Add(1)
		return
	}
	p.frames[kind].take(m.number)
	if m.run != p.step.run {
		return
	}
	if delay := p.now - m.sent; p.watched {
		p.step.delays.add(delay)
	} else {
		p.step.lazyDelays.add(delay)
	}
}

// read reads once from a connection that was taken.
func (p *player) read(buf []byte) (n int, err error) {
	n, err = p.tap.Conn.Read(buf)
	if taken := p.take(buf[:n]); taken != nil {
		return n, taken
	}
	if len(p.reply) > 0 {
		if failed := p.answer(); failed != nil {
			return n, failed
		}
	}
	return n, err
}

// answerTime bounds a write to the server.
const answerTime = time.Second

func (p *player) answer() error {
	if err := p.tap.SetWriteDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	_, err := p.tap.Write(p.reply)
	p.reply = p.reply[:0]
	return err
}

// watch reads until the connection ends.
func (p *player) watch() {
	buf := make([]byte, 16<<10)
	for p.failed == nil {
		if _, err := p.read(buf); err != nil {
			p.fail(err)
		}
	}
}

// fail ends the player. When the step is over that is as it should be.
func (p *player) fail(err error) {
	p.failed, p.over = err, !p.aborted.Load()
	_ = p.link.Close() // it is over already; this frees the descriptor
}

// mostReads bounds the reads of one player before it is the next one's turn.
const mostReads = 4

// drain reads what has come to a detached connection.
func (p *player) drain(buf []byte) {
	for range mostReads {
		n, err := p.read(buf)
		switch {
		case err != nil && isWaiting(err):
			return
		case err != nil:
			p.fail(err)
			return
		case n < len(buf) && p.tap.Conn == net.Conn(p.link):
			return // all of it: TLS returns a record at a time
		}
	}
}

// abort ends a watch.
func (p *player) abort() {
	p.aborted.Store(true)
	_ = p.link.SetReadDeadline(time.Unix(1, 0)) // fails when the player has ended by itself
}

// close ends the player's connection and its client. Nobody may read any more.
func (p *player) close() {
	_ = p.link.Close() // what was not read does not matter any more
	p.tap.release()
	p.client.Close()
}

// faults sums up those of audio and video.
func (p *player) faults() (f faults) {
	for i := range p.frames {
		f.add(p.frames[i].faults)
	}
	return f
}
