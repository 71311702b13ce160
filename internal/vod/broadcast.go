package vod

import (
	"errors"
	"io"
	"time"

	"leat/internal/format"
	"leat/media"
	"leat/rtmp"
)

// Place is how far a client has got a broadcast elsewhere.
type Place struct {
	After   uint64        // number of the packet that it has got last; 0: it has got nothing
	At      time.Duration // that packet's timestamp
	WaitKey bool          // it has no picture, and waits for a key frame
	Full    *Marks        // those of the session before, for a pause that is the answer to them; else nil
}

// Marks are, by media.Kind, the newest messages on the client's timeline when it was told that its buffer was sent. librtmp answers that with a
// pause, which may come when the session has handed the client over.
type Marks [4]time.Duration

// Answered reports whether a pause at position is that answer: librtmp names the last message before it was told.
func (m *Marks) Answered(position time.Duration) bool {
	return position > 0 && (position == m[media.Audio] || position == m[media.Video])
}

// Rejoin is a session's wish to hand its client over to the live stream.
type Rejoin struct {
	After        uint64        // the client has got the packets up to this number; 0: it wants the newest key frame
	Shift        time.Duration // of the client's timeline from the stream's
	Audio, Video bool          // what it wants
	Name         string        // of the rendition that it plays
	Full         *Marks        // nil: the client was not told since it went on
	// Idle reports whether no command waits. It must be asked with a lock that keeps commands from coming until Live has returned.
	Idle func() bool
}

const (
	// edgeWait is how long a session at the edge of a broadcast waits for a word of it before it looks by itself.
	edgeWait = time.Second
	// rejoinWait is how long it waits for the fan-out to come as far as it is.
	rejoinWait = 10 * time.Millisecond
)

// Command takes a command of the client, if OnCommand of the outlet does not bring it. It reports false when the session is
// over. It does not block.
func (s *Session) Command(cmd rtmp.Command) bool { return s.post(cmd) }

// openBroadcast goes to where the client has come from.
func (s *Session) openBroadcast() error {
	from, length := s.cfg.From, s.cfg.Request.Duration
	s.from = from.At
	s.one = length == 0
	if length > 0 {
		s.until = from.At + length
	}
	err := s.takeUp(from)
	if from.Full != nil {
		s.pace.told, s.fullAt = true, *from.Full
	}
	return err
}

// takeUp goes on behind what the client has got elsewhere.
func (s *Session) takeUp(from *Place) error {
	s.pace.begin(from.At)
	s.last, s.number, s.had = from.At, from.After, from.After
	if from.After == 0 {
		s.last--
		at, err := s.cursor.Seek(from.At)
		if errors.Is(err, format.ErrGone) {
			return nil // the first read tells
		}
		s.pace.begin(at)
		if s.cfg.Follows {
			s.shift = s.cfg.At - at
		}
		return err
	}
	s.waitKey = from.WaitKey && s.info.HasVideo
	s.resend = s.waitKey
	return s.resume()
}

// resume makes the packet behind the one that was sent last the next.
func (s *Session) resume() error {
	s.next = nil
	s.passed, s.exact, s.still = filter{}, exact{}, still{}
	cursor, ok := s.cursor.(format.BroadcastCursor)
	if !ok {
		return nil
	}
	headers, err := cursor.Resume(s.number)
	if errors.Is(err, format.ErrGone) {
		return nil // the first read tells
	}
	for _, h := range headers {
		s.headers.Apply(h)
		s.learn(h)
	}
	return err
}

// learn takes note of a header that the client has got elsewhere.
func (s *Session) learn(h *media.Packet) {
	s.fitted, _ = s.fitter.Fit(s.fitted[:0], h) // what there is to say of it, the client was told with it
	clear(s.fitted)
}

// counted takes note of a packet of a broadcast that the client has or does not want.
func (s *Session) counted() {
	if cursor, ok := s.cursor.(format.BroadcastCursor); ok {
		s.number = cursor.Number()
		s.had = max(s.had, s.number)
	}
}

// position returns the place in a broadcast that a client means by a time of its 32-bit clock: the one next to where it is.
func (s *Session) position(at time.Duration) time.Duration {
	here := s.last + s.shift
	apart := int32(media.WireTime(at) - media.WireTime(here))
	return s.last + time.Duration(apart)*time.Millisecond - here%time.Millisecond
}

// atEdge is called when all of a broadcast was sent that there is. A client that wants no more than the live stream goes over
// to it. It returns how long there is nothing to do.
func (s *Session) atEdge() time.Duration {
	if len(s.joined())+len(s.answers) > 0 {
		return 0 // this first
	}
	if s.wantsLive() {
		if s.goLive(s.number) {
			return 0
		}
		return rejoinWait
	}
	s.mu.Lock()
	watching := s.watching
	s.watching = true
	s.mu.Unlock()
	if !watching {
		s.broadcast.Watch(s.number, func() {
			s.mu.Lock()
			s.watching = false
			s.mu.Unlock()
			s.wake()
		})
	}
	return edgeWait
}

func (s *Session) wantsLive() bool {
	return s.cfg.Live != nil && s.shift == 0 && s.state == playing && s.number >= s.had && s.until < 0 && !s.one && s.exact == (exact{}) &&
		!s.waitKey && !s.resend && s.incoming == nil && !s.switching
}

// goesLive reports whether the client is about to be handed over, unless a command comes before that.
func (s *Session) goesLive() bool {
	return s.cfg.Live != nil && (s.state == joining || s.state == ending && s.aired)
}

// goLive hands the client over, and reports whether that was possible.
func (s *Session) goLive(after uint64) bool {
	var full *Marks
	if s.pace.told {
		marks := s.fullAt
		full = &marks
	}
	if !s.cfg.Live(Rejoin{After: after, Name: s.name, Audio: !s.noAudio, Video: !s.noVideo, Full: full, Idle: s.idle}) {
		return false
	}
	s.state = departed
	s.stats.Rejoined = true
	return true
}

func (s *Session) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.commands) == 0
}

// seekLive obeys a seek to the edge of a broadcast, or beyond: the client joins the live stream. It reports whether it was one.
func (s *Session) seekLive(target time.Duration) bool {
	_, to, ok := s.broadcast.Span()
	if s.cfg.Live == nil || s.state == paused || ok && target < to {
		return false
	}
	s.media, s.next = s.media[:0], nil
	s.dropIncoming()
	s.answers = s.enc.AppendStreamBegin(s.enc.AppendStreamEOF(s.answers))
	s.answer(s.status(rtmp.CodeSeekNotify, "Seeking %d (stream ID: %d).", (max(target, to) + s.shift).Milliseconds(), s.enc.StreamID))
	s.answer(s.status(rtmp.CodePlayStart, "Started playing %s.", s.name))
	s.state = joining
	return true
}

// overtaken goes on at the start of what is kept, behind which the client has fallen. With nothing there it joins the live stream.
func (s *Session) overtaken() {
	s.next = nil
	at, err := time.Duration(0), format.ErrGone
	if from, _, ok := s.broadcast.Span(); ok {
		at, err = s.cursor.Seek(from)
	}
	switch {
	case err == nil:
		s.media = s.enc.AppendStatus(s.joined(), s.status(rtmp.CodeSeekNotify, "%s is not kept for so long: going on at %d (stream ID: %d).",
			s.name, (at+s.shift).Milliseconds(), s.enc.StreamID))
		s.media = s.enc.AppendStatus(s.joined(), s.status(rtmp.CodePlayStart, "Started playing %s.", s.name))
		s.place(at)
	case !errors.Is(err, format.ErrGone):
		s.finish(err)
	case s.cfg.Live != nil:
		s.cancelSwitch("%s is not kept any more.", s.name)
		s.media = s.enc.AppendStatus(s.joined(), s.status(rtmp.CodeSeekNotify, "%s is not kept any more: going on live.", s.name))
		s.state = joining
	default:
		s.finish(io.EOF)
	}
}

// offAir lets a client that has come to the end of its stream wait for the next publisher. The fan-out tells it so, if it has not
// gone on already. It reports whether the session goes on.
func (s *Session) offAir() bool {
	s.aired = false
	switch {
	case !s.idle(): // this first
		s.aired = true
		return true
	case s.goLive(s.number):
		return false
	}
	s.media = s.enc.AppendStatus(s.enc.AppendStreamEOF(s.joined()),
		s.status(rtmp.CodePlayUnpublishNotify, "%s is now unpublished.", s.name))
	s.state = joining
	return true
}
