package vod

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"leat/amf"
	"leat/internal/format"
	"leat/media"
	"leat/rtmp"
)

const (
	// maxBatch is how many bytes of messages are made before they are sent.
	maxBatch = 128 << 10
	// maxStep bounds the batches and packets of one step; then other sessions have their turn.
	maxStep        = 8
	maxStepPackets = 4096

	defaultFrame = 33 * time.Millisecond
)

// proceed sends what is due. goesOn is false when the session is over; yield asks to run again soon.
func (s *Session) proceed() (goesOn, yield bool) {
	for range maxStep {
		if !s.flush() {
			return !s.gone, false
		}
		switch {
		case s.switching && s.goesLive(): // the answer would be lost
			return true, false
		case s.state == ending:
			if !s.conclude() {
				return false, false
			}
			continue
		case s.state == joining:
			goesOn := !s.goLive(0)
			return goesOn, goesOn
		case s.state == ended, s.state == paused && !s.still.active:
			return true, false
		}
		wait := s.fill()
		if s.state == departed {
			return false, false
		}
		if wait > 0 && len(s.media)+len(s.answers) == 0 {
			s.engine.wheel.set(&s.alarm, wait)
			return true, false
		}
	}
	return true, true
}

// flush hands what was made to the client. It reports false if the client does not take all of it now, and sees to it that the
// session is woken when it can take more.
func (s *Session) flush() bool {
	for _, b := range []*[]byte{&s.answers, &s.media} {
		if len(*b) == 0 {
			continue
		}
		n, err := s.cfg.Outlet.TryWrite(*b)
		s.stats.Bytes += int64(n)
		if err != nil {
			s.gone = true
			return false
		}
		if n < len(*b) {
			*b = (*b)[n:]
			s.await()
			return false
		}
		*b = (*b)[:0]
	}
	s.answers = nil
	return true
}

// await asks the outlet once to wake the session.
func (s *Session) await() {
	s.mu.Lock()
	awaiting := s.awaiting
	s.awaiting = true
	s.mu.Unlock()
	if awaiting {
		return
	}
	s.cfg.Outlet.NotifyWritable(func() {
		s.mu.Lock()
		s.awaiting = false
		s.mu.Unlock()
		s.wake()
	})
}

// fill makes messages of what is due, up to a batch. It returns how long there is nothing more to do.
func (s *Session) fill() time.Duration {
	defer s.joined()
	for range maxStepPackets {
		if len(s.media)+s.aggregate.Size() >= maxBatch {
			return 0
		}
		p, err := s.peek()
		switch {
		case errors.Is(err, format.ErrEdge):
			return s.atEdge()
		case errors.Is(err, format.ErrGone):
			s.overtaken()
			return 0
		case errors.Is(err, errHold):
			return rejoinWait
		case err != nil:
			s.finish(err)
			return 0
		}
		if wait := s.pace.wait(p.Timestamp); wait > 0 && s.state == playing && p.Kind != media.Data && !p.Config {
			s.tellFull()
			return wait
		}
		s.tellReady()
		s.next = nil
		s.emit(p)
		if s.state == ending {
			return 0
		}
		if s.still.over() {
			s.still.active = false
			return 0
		}
	}
	return 0
}

// tellFull says once, after the client has begun to play somewhere, that its buffer was sent. Clients that get Aggregate
// messages are not told: librtmp would answer with the time of a message that it knows, which may be long ago.
func (s *Session) tellFull() {
	if s.cfg.BufferEvents && !s.cfg.Aggregate && !s.pace.told {
		s.pace.full, s.pace.told = true, true
		for kind, at := range s.newest {
			s.fullAt[kind] = s.wire(at)
		}
		s.media = s.enc.AppendBufferEmpty(s.joined())
	}
}

func (s *Session) tellReady() {
	if s.pace.full {
		s.pace.full = false
		s.media = s.enc.AppendBufferReady(s.joined())
	}
}

// peek returns the next packet and keeps it. io.EOF is the end of what the client asked for.
func (s *Session) peek() (*media.Packet, error) {
	if s.next != nil && (s.incoming == nil || !s.incoming.awaited) {
		return s.next, nil
	}
	for {
		p, err := s.read()
		if err == nil && s.incoming != nil {
			s.incoming.quiet = time.Time{}
		}
		if err == nil && s.incoming != nil && s.incoming.awaited && s.holds(p) {
			s.next = p
			return nil, errHold
		}
		switch {
		case err != nil && s.incoming != nil:
			if err = s.outrun(err); err == nil {
				continue
			}
			fallthrough
		case err != nil:
			s.aired = s.broadcast != nil && errors.Is(err, io.EOF)
			return nil, err
		case isFrame(p) && s.until >= 0 && p.Timestamp >= s.until:
			return nil, io.EOF
		case s.incoming != nil && !s.incoming.awaited && s.incoming.replaces(p):
			if s.incoming.complete(p) {
				s.change()
			}
			continue
		}
		s.next = p
		return p, nil
	}
}

// read returns the packet that was read already, or the next one.
func (s *Session) read() (*media.Packet, error) {
	if p := s.next; p != nil {
		s.next = nil
		return p, nil
	}
	return s.cursor.ReadPacket(s.engine.ctx)
}

func isFrame(p *media.Packet) bool { return p.Kind != media.Data && !p.Config }

// filter leaves out what a client has had before it paused.
type filter struct {
	on           bool
	audio, video time.Duration // what is not later is left out
	headers      bool          // but headers are not
}

func (f *filter) drops(p *media.Packet) bool {
	switch {
	case !f.on:
		return false
	case p.Config:
		return !f.headers && p.Timestamp <= max(f.audio, f.video)
	case p.Kind == media.Video:
		return p.Timestamp <= f.video
	}
	return p.Timestamp <= f.audio
}

// emit makes the messages of a packet, if the client is to have it.
func (s *Session) emit(p *media.Packet) {
	s.counted()
	isHeader := s.headers.Apply(p)
	if s.passed.drops(p) {
		if s.broadcast != nil && p.Config {
			s.learn(p)
		}
		return
	}
	if p.Config && s.broadcast != nil && s.passed.headers && p.Timestamp <= s.passed.video {
		again := *p
		again.Timestamp = s.passed.video + 1
		p = &again
	}
	switch {
	case s.still.active && p.Kind != media.Video && !isHeader:
		return // it comes when the client goes on
	case p.Kind == media.Audio && s.noAudio, p.Kind == media.Video && s.noVideo:
		return
	case p.Kind == media.Video && s.waitKey && !isHeader:
		if !p.Key {
			return
		}
		s.waitKey = false
	}
	if s.resend && isFrame(p) && (p.Kind == media.Video || !s.waitKey) {
		s.resend = false
		for _, h := range s.headers.Packets() {
			again := *h
			again.Timestamp = p.Timestamp
			s.write(&again)
		}
	}
	if p.Kind == media.Video && !isHeader {
		s.bracket(p)
		s.still.see(p)
	}
	s.write(p)
	if isFrame(p) {
		s.sent(p)
	}
}

// write makes the messages of a packet in the client's form.
func (s *Session) write(p *media.Packet) {
	moved := *p
	moved.Timestamp = s.wire(p.Timestamp)
	fitted, notice := s.fitter.Fit(s.fitted[:0], &moved)
	s.fitted = fitted
	if notice != nil {
		s.media = s.enc.AppendStatus(s.joined(), *notice)
	}
	for i, p := range fitted {
		s.media = s.appendPacket(p)
		s.stats.Messages++
		fitted[i] = nil
	}
}

// wire returns a time of the file on the client's timeline: in milliseconds, as RTMP knows no less, and would round down.
func (s *Session) wire(at time.Duration) time.Duration { return (at + s.shift).Round(time.Millisecond) }

// appendPacket makes the message of a packet, or keeps it for an Aggregate message.
func (s *Session) appendPacket(p *media.Packet) []byte {
	if s.cfg.Aggregate && s.aggregate.Add(p) {
		return s.media
	}
	out := s.joined()
	if s.cfg.Aggregate && s.aggregate.Add(p) { // it did not fit behind the others
		return out
	}
	return s.enc.Append(out, p)
}

// joined makes a message of what waits for one. Whoever appends to media begins with it; outside of fill nothing waits.
func (s *Session) joined() []byte {
	s.media = s.aggregate.AppendTo(s.media, &s.enc)
	return s.media
}

// sent takes note of where the client is.
func (s *Session) sent(p *media.Packet) {
	if d := p.Timestamp - s.newest[p.Kind]; d > 0 && d < time.Second {
		s.frame = d
	}
	s.newest[p.Kind] = p.Timestamp
	s.last = max(s.last, p.Timestamp)
	if s.one && (p.Kind == media.Video || !s.info.HasVideo) {
		s.until = p.Timestamp
		s.state = ending
	}
}

// finish is called at the end of what is to be sent, and when the file cannot be read.
func (s *Session) finish(err error) {
	if errors.Is(err, format.ErrGone) {
		s.overtaken()
		return
	}
	s.media = s.endBracket(s.joined())
	if s.state == paused { // the client sees the end when it goes on
		s.still.active = false
		return
	}
	s.state = ending
	if errors.Is(err, io.EOF) {
		return
	}
	s.state = ended
	s.stats.Err = err
	s.media = s.enc.AppendStatus(s.joined(), rtmp.Refuse(rtmp.CodePlayFailed, "%s cannot be read any further.", s.name).Status)
}

// conclude goes over to the next entry of the playlist, when all was sent: then it returns false. Without one it tells the
// client that this was all.
func (s *Session) conclude() bool {
	end := max(s.last, s.from)
	if s.cfg.Outlet.Next(end + cmp.Or(s.frame, defaultFrame) + s.shift) {
		return false
	}
	if s.aired && s.cfg.Live != nil {
		return s.offAir()
	}
	s.state = ended
	if s.concluded {
		return true
	}
	s.concluded = true
	s.media = s.enc.AppendStreamEOF(s.joined())
	s.media = s.enc.AppendPlayStatus(s.joined(), rtmp.Status{
		Code: string(rtmp.CodePlayComplete), Description: "Played " + s.name + ".", Details: s.name,
		Extra: []amf.Member{{Name: "duration", Value: (end - s.from).Seconds()}, {Name: "bytes", Value: float64(s.stats.Bytes)}},
	})
	s.media = s.enc.AppendStatus(s.joined(), s.stopStatus())
	return true
}

func (s *Session) stopStatus() rtmp.Status {
	return s.status(rtmp.CodePlayStop, "Stopped playing %s.", s.name)
}

func (s *Session) status(code rtmp.Code, format string, args ...any) rtmp.Status {
	return rtmp.Status{Code: string(code), Description: fmt.Sprintf(format, args...), Details: s.name}
}

// discard forgets the messages that the client has not taken yet: it will not want them any more. What it was told of the
// end stays true.
func (s *Session) discard() {
	if s.state != ended && s.broadcast == nil { // of a broadcast it has been counted as sent
		s.media = s.media[:0]
	}
	s.next = nil
}

// answer makes a status that goes before all media.
func (s *Session) answer(status rtmp.Status) {
	s.answers = s.enc.AppendStatus(s.answers, status)
}
