package vod

import (
	"time"

	"leat/internal/format"
	"leat/media"
	"leat/rtmp"
)

const (
	// maxSteps bounds the frames of a step.
	maxSteps = 1000
	// maxStepsBack is less, as the way back is read twice.
	maxStepsBack = 100
)

// obey does what a command asks for and reports whether the session goes on.
func (s *Session) obey(cmd any) bool {
	if s.broadcast != nil {
		s.info = s.broadcast.Info()
	}
	switch cmd := cmd.(type) {
	case rtmp.CloseCommand:
		s.gone = true
		return false
	case rtmp.SeekCommand:
		s.seek(cmd)
	case rtmp.PauseCommand:
		if cmd.Paused {
			s.pause(cmd.Position)
		} else {
			s.unpause(cmd.Position)
		}
	case rtmp.StepCommand:
		s.stepFrames(cmd.Frames)
	case rtmp.ReceiveAudioCommand:
		s.receive(&s.noAudio, cmd.On)
	case rtmp.ReceiveVideoCommand:
		s.waitKey = cmd.On && (s.noVideo || s.waitKey)
		s.receive(&s.noVideo, cmd.On)
	case rtmp.BufferLengthCommand:
		s.pace.buffer = cmd.Length
	case rtmp.QueuedCommand:
		if s.state == ended {
			s.state = ending // what is to be sent still is sent first
		}
	case rtmp.Play2Command:
		s.switchTo(cmd)
	case opened:
		s.adopt(cmd)
	}
	return true
}

// pause stops sending (RTMP 7.2.2.8). What was sent beyond the place where the client is, it will get again, unless it keeps
// that.
func (s *Session) pause(position time.Duration) {
	full := s.pace.full || s.pace.told
	if s.state == playing || s.state == ending || s.state == joining {
		s.keeps = position < 0 && s.broadcast == nil || s.answersFull(position)
		if !s.keeps {
			s.answers = s.endBracket(s.answers)
			s.discard()
		}
		s.state = paused
		s.pausedAt, s.repaused = s.client(position), false
	}
	s.answer(s.status(rtmp.CodePauseNotify, "Pausing %s.", s.name))
	s.answers = s.enc.AppendStreamEOF(s.answers)
	if full && s.state == paused { // librtmp goes on when it hears this a second time
		s.answers = s.enc.AppendBufferEmpty(s.answers)
	}
}

// answersFull reports whether a pause is librtmp's answer to Buffer Empty, by which it wants the next buffer at once. It
// writes to its file what was sent behind that event meanwhile, too: a larger buffer that it
// asked for, or what the clock made due. The same again would be in the file twice.
func (s *Session) answersFull(position time.Duration) bool {
	return s.pace.told && s.fullAt.Answered(position)
}

// client returns where in the file a client is that names a place on its own timeline: nowhere that it has not been sent.
func (s *Session) client(position time.Duration) time.Duration {
	switch {
	case position < 0, s.broadcast != nil && position == 0: // it does not say
		return s.last
	case s.broadcast != nil:
		return min(s.position(position), s.last)
	}
	return min(max(position-s.shift, 0), s.last)
}

// unpause goes on with what is later than the place where the client is. Its decoder has kept its state, so nothing is
// sent again, neither a key frame nor headers.
func (s *Session) unpause(position time.Duration) {
	s.answers = s.enc.AppendStreamIsRecorded(s.answers)
	s.answers = s.enc.AppendStreamBegin(s.answers)
	s.answer(s.status(rtmp.CodeUnpauseNotify, "Unpausing %s.", s.name))
	if s.state != paused {
		return
	}
	s.state = playing
	s.aired = false
	if s.pace.full {
		s.answers = s.enc.AppendBufferReady(s.answers)
	}
	switch {
	case s.repaused:
		s.catchUp()
	case s.keeps && (position <= 0 || s.client(position) == s.pausedAt):
		s.pace.begin(s.last)
	case position <= 0: // some clients name the place only when they pause
		s.goOn(s.pausedAt)
	default:
		s.goOn(s.client(position))
	}
}

// goOn goes on with what is later than at. In a broadcast, a client that has all that was sent gets the next packet,
// whatever its time.
func (s *Session) goOn(at time.Duration) {
	switch {
	case s.broadcast == nil:
		s.reposition(at)
	case at < s.last:
		if from, _, ok := s.broadcast.Span(); !ok || from > at {
			s.overtaken()
			return
		}
		s.reposition(at)
	default:
		s.pace.begin(at)
		if err := s.resume(); err != nil {
			s.finish(err)
		}
	}
}

// reposition makes the packet after at the next one.
func (s *Session) reposition(at time.Duration) {
	s.next = nil
	place, err := s.cursor.Seek(max(at, 0))
	if err != nil {
		s.finish(err)
		return
	}
	s.place(place)
	s.last = at
	s.passed = filter{on: true, audio: at, video: at}
	s.pace.begin(max(at, place))
}

// catchUp goes on behind the frames that a paused client was shown, with the audio that belongs to them.
func (s *Session) catchUp() {
	shown := s.still
	s.answers = s.endBracket(s.answers)
	place, err := s.cursor.Seek(max(shown.from, 0))
	if err != nil {
		s.finish(err)
		return
	}
	s.next = nil
	s.place(place)
	s.passed = filter{on: true, audio: shown.audio, video: shown.video, headers: !shown.some}
	s.last = shown.video
	s.pace.begin(shown.video)
}

// stepFrames shows a paused client the next frames, or for a negative number an earlier one.
func (s *Session) stepFrames(n int) {
	if s.state != paused || n == 0 || !s.info.HasVideo {
		s.answer(rtmp.Refuse(rtmp.CodeStreamInvalidArg, "Only paused video can be stepped, by a number of frames.").Status)
		return
	}
	s.answer(s.status(rtmp.CodeStepNotify, "Stepping %d frames.", n))
	if n < 0 {
		s.stepBack(min(-n, maxStepsBack))
		return
	}
	if !s.repaused {
		s.reposition(s.pausedAt)
		s.repaused = true
		s.still = still{from: s.pausedAt, audio: s.pausedAt, video: s.pausedAt}
	}
	s.still.active, s.still.until = true, 0
	s.still.frames = max(s.still.frames, 0) + min(n, maxSteps)
}

// stepBack shows a paused client the frame that stands n frames before the one that it sees. It gets all from the key frame before
// that, as it can decode it no other way.
func (s *Session) stepBack(n int) {
	here := s.pausedAt
	if s.repaused && s.still.some {
		here = s.still.video
	}
	target, err := s.earlier(here, n)
	if err == nil {
		var at time.Duration
		if at, err = s.cursor.Seek(target); err == nil {
			s.media, s.next = s.media[:0], nil
			s.place(at)
			s.exact = exact{wanted: s.cfg.ClientSeek && target > at, target: target}
			s.still = still{active: true, frames: 1, from: at, until: target, audio: target, video: at - 1}
			s.pausedAt, s.repaused = target, true
		}
	}
	if err != nil {
		s.finish(err)
	}
}

// earlier returns the time of the video frame that stands n frames before the last one at or before here; of the first one if there
// are fewer.
func (s *Session) earlier(here time.Duration, n int) (time.Duration, error) {
	cursor := s.title.file.NewCursor()
	var frames []time.Duration // rising
	for end := here + 1; ; {
		at, err := cursor.Seek(end - 1)
		if err != nil {
			return 0, err
		}
		var group []time.Duration
		for {
			p, err := cursor.ReadPacket(s.engine.ctx)
			if err != nil || isFrame(p) && p.Timestamp >= end {
				break
			}
			if isFrame(p) && p.Kind == media.Video {
				group = append(group, p.Timestamp)
			}
		}
		frames = append(group, frames...)
		if len(frames) > n {
			return frames[len(frames)-1-n], nil
		}
		if at <= 0 || len(group) == 0 || at >= end {
			break
		}
		end = at
	}
	if len(frames) == 0 {
		return 0, format.ErrGone
	}
	return frames[0], nil
}

// receive turns a kind of media off or on (RTMP 7.2.2.4, 7.2.2.5).
func (s *Session) receive(off *bool, on bool) {
	was := *off
	*off = !on
	if !on {
		return
	}
	s.resend = s.resend || was
	s.answer(s.status(rtmp.CodeSeekNotify, "Seeking %s.", s.name))
	s.answer(s.status(rtmp.CodePlayStart, "Started playing %s.", s.name))
}
