package vod

import (
	"time"

	"leat/media"
	"leat/rtmp"
)

// exact is a seek whose target lies between two key frames. The client is told which frames it needs to decode and not to
// show: they stand between two command frames (FLV 10.1, E.4.3.1, frame type 5).
type exact struct {
	wanted bool // the first is due before the next video frame
	open   bool // it was sent, the second was not
	target time.Duration
	codec  byte
}

// seek goes to the last key frame at or before the target (RTMP 7.2.2.7). A target behind the end is that key frame which is
// the last. All that the client has not taken yet is thrown away: clients take nothing between their seek and the answer.
func (s *Session) seek(cmd rtmp.SeekCommand) {
	s.stats.Seeks++
	target, shift := s.target(cmd.Position)
	if s.broadcast != nil && s.seekLive(target) {
		return
	}
	s.state = playingUnless(s.state == paused)
	s.media, s.next = s.media[:0], nil
	s.concluded, s.aired = false, false
	if s.broadcast != nil {
		s.cancelSwitch("A seek has come before it.")
	} else if s.incoming != nil {
		s.change()
	}
	at, err := s.cursor.Seek(target)
	if err != nil {
		s.answer(rtmp.Refuse(rtmp.CodeSeekFailed, "Seeking in %s failed.", s.name).Status)
		s.finish(err)
		return
	}
	s.shift = shift
	s.one = false
	s.place(at)
	s.answers = s.enc.AppendStreamEOF(s.answers)
	s.answers = s.enc.AppendStreamIsRecorded(s.answers)
	s.answers = s.enc.AppendStreamBegin(s.answers)
	s.answer(s.status(rtmp.CodeSeekNotify, "Seeking %d (stream ID: %d).", (target + shift).Milliseconds(), s.enc.StreamID))
	s.answer(s.status(rtmp.CodePlayStart, "Started playing %s.", s.name))
	s.answers = s.enc.AppendSampleAccess(s.answers)
	if s.cfg.ClientSeek && s.info.HasVideo && target > at {
		s.exact = exact{wanted: true, target: target}
		s.pace.begin(target)
	}
	if s.state == paused {
		s.still = still{active: s.info.HasVideo, frames: 1, from: at, until: at, audio: at - 1, video: at - 1}
		if s.exact.wanted {
			s.still.until = target
		}
		s.pausedAt, s.repaused = at, true
	}
}

// target returns what in the file a client means by a position on its timeline, and by how much that differs from the file's
// after the seek.
func (s *Session) target(position time.Duration) (target, shift time.Duration) {
	if s.broadcast != nil {
		from, _, _ := s.broadcast.Span()
		return max(s.position(position), from), s.shift
	}
	if s.cfg.Follows {
		shift = s.shift
	}
	return min(max(position-shift, 0), s.info.Duration), shift
}

func playingUnless(isPaused bool) state {
	if isPaused {
		return paused
	}
	return playing
}

// place makes the session begin anew where its cursor stands.
func (s *Session) place(at time.Duration) {
	s.passed, s.exact, s.still = filter{}, exact{}, still{}
	s.waitKey, s.resend = false, false
	s.last = at - 1
	s.pace.begin(at)
}

// bracket sends the command frames around those that are not to be shown, before the video frame p.
func (s *Session) bracket(p *media.Packet) {
	if s.exact.wanted {
		s.exact.wanted = false
		// Codecs of Enhanced RTMP have a layout of their own for command frames, which no client is known to obey.
		if len(p.Body) > 0 && p.Body[0]&0x80 == 0 && p.Timestamp < s.exact.target {
			s.exact.open, s.exact.codec = true, p.Body[0]&0x0f
			s.media = s.commandFrame(s.joined(), 0, p.Timestamp)
		}
	}
	if s.exact.open && p.Timestamp >= s.exact.target {
		s.exact.open = false
		s.media = s.commandFrame(s.joined(), 1, p.Timestamp)
	}
}

// endBracket closes the bracket when no frame comes any more.
func (s *Session) endBracket(dst []byte) []byte {
	if !s.exact.open {
		return dst
	}
	s.exact.open = false
	return s.commandFrame(dst, 1, s.last)
}

func (s *Session) commandFrame(dst []byte, command byte, at time.Duration) []byte {
	return s.enc.Append(dst, &media.Packet{
		Kind: media.Video, Timestamp: at + s.shift, Body: []byte{5<<4 | s.exact.codec, command},
	})
}

// still is the frames that a paused client is to see: the one that it has sought, or those that it steps to.
type still struct {
	active bool
	frames int           // how many from until on
	until  time.Duration // earlier ones come in addition
	from   time.Duration // where the cursor stood
	audio  time.Duration // what the client has, of audio
	video  time.Duration // and of video
	some   bool          // it has been shown a frame, and headers before it
}

// see takes note of a video frame that is sent.
func (t *still) see(p *media.Packet) {
	if !t.active {
		return
	}
	t.some, t.video = true, p.Timestamp
	if p.Timestamp >= t.until {
		t.frames--
	}
}

func (t *still) over() bool { return t.active && t.frames <= 0 }
