package vod

import (
	"errors"
	"io/fs"
	"sort"
	"time"

	"leat/internal/format"
	"leat/media"
	"leat/rtmp"
)

// fastSwitch is how far before its client a session begins another rendition when it is to be soon.
const fastSwitch = 3 * time.Second

// opened is what came of opening another rendition.
type opened struct {
	title  *Title
	name   string
	offset time.Duration // as in play2
	err    error
}

// incoming is a rendition that takes over at one of its key frames.
type incoming struct {
	title        *Title
	name         string
	at           time.Duration // in the old one's times
	awaited      bool          // a broadcast's key frame at or behind at has not come yet
	late         time.Time     // when that is given up
	quiet        time.Time     // when the old one had nothing more, for now; zero while it has
	audio, video bool          // the old one has come that far, or has no such track
	reached      bool          // a packet of the old one was replaced
}

// switchTo changes to another rendition of the same content (play2, "switch"). Until that has been opened, the old one goes on.
func (s *Session) switchTo(cmd rtmp.Play2Command) {
	switch {
	case s.cfg.Switch == nil:
		s.refuseSwitch("%s has no other renditions.", s.name)
		return
	case s.switching, s.incoming != nil:
		s.refuseSwitch("Another switch is under way.")
		return
	case s.state == ending || s.state == ended:
		s.refuseSwitch("%s has ended.", s.name)
		return
	}
	s.switching = true
	if old, _, err := rtmp.SplitName(cmd.OldName); err == nil && old != s.name {
		s.switching = false
		s.refuseSwitch("%s is not what plays.", old)
		return
	}
	from, engine := s.name, s.engine
	engine.wg.Go(func() { // Close waits for it
		o := opened{name: cmd.Name, offset: cmd.Offset}
		o.title, o.err = s.cfg.Switch(engine.ctx, from, cmd.Name)
		if !s.post(o) && o.title != nil {
			o.title.Release()
		}
	})
}

func (s *Session) refuseSwitch(format string, args ...any) {
	s.answer(rtmp.Refuse(rtmp.CodePlayFailed, format, args...).Status)
}

// adopt chooses the key frame at which a rendition that was opened takes over.
func (s *Session) adopt(o opened) {
	s.switching = false
	if o.err != nil {
		refusal, ok := errors.AsType[*rtmp.StatusError](o.err)
		if !ok {
			refusal = Refusal(o.name, o.err)
		}
		s.answer(refusal.Status)
		return
	}
	at, why := s.switchPlace(o.title.Info(), o.offset)
	switch {
	case s.goesLive():
		why = "The stream goes on live now; ask again."
	case s.broadcast != nil:
		at, why = s.switchFrom(o.offset)
	}
	if why != "" {
		o.title.Release()
		s.refuseSwitch("%s", why)
		return
	}
	s.incoming = &incoming{title: o.title, name: o.name, at: at, audio: !s.info.HasAudio, video: !s.info.HasVideo}
	s.answer(rtmp.TransitionStatus(s.name, o.name, rtmp.CodeTransitionSuccess))
	if s.broadcast != nil {
		s.incoming.awaited, s.incoming.late = true, time.Now().Add(max(at-s.last, 0)+switchWait)
		return
	}
	if at <= s.last && s.state == playing { // the client has more in its buffer than it needs, and throws that away
		s.next = nil
		s.change()
	}
}

// switchPlace returns the time of the first place of the new rendition that is late enough, or why there is none.
func (s *Session) switchPlace(info format.Info, offset time.Duration) (at time.Duration, why string) {
	here := min(s.pace.position(), max(s.last, 0))
	if s.state == paused {
		here = s.pausedAt
	}
	at = here + fastSwitch
	if offset >= 0 {
		if at = offset - s.shift; at < here {
			return 0, "The offset is behind the client already."
		}
	}
	return firstPlace(info, at)
}

// firstPlace returns the time of the first place at or behind at where a client can begin, or why there is none.
func firstPlace(info format.Info, at time.Duration) (place time.Duration, why string) {
	if info.HasVideo {
		i := sort.Search(len(info.Keys), func(i int) bool { return info.Keys[i] >= at })
		if i == len(info.Keys) {
			return 0, "There is no key frame left to switch at."
		}
		return info.Keys[i], ""
	}
	if at > info.Duration {
		return 0, "The end is too near to switch."
	}
	return at, ""
}

// replaces reports whether the new rendition has what p of the old one is.
func (n *incoming) replaces(p *media.Packet) bool { return p.Timestamp >= n.at }

// complete takes note of a packet that is replaced, and reports whether the old rendition has nothing more to give. Its
// tracks need not be interleaved to the frame.
func (n *incoming) complete(p *media.Packet) bool {
	const skew = time.Second
	n.reached = true
	switch p.Kind {
	case media.Audio:
		n.audio = true
	case media.Video:
		n.video = true
	}
	return n.audio && n.video || p.Timestamp >= n.at+skew
}

// force lets the new rendition take over although the old one has not come that far: it has ended, or comes no further. The
// client is told that the change is not where it was asked for.
func (s *Session) force() {
	if !s.incoming.reached {
		s.media = s.enc.AppendStatus(s.joined(), rtmp.TransitionStatus(s.name, s.incoming.name, rtmp.CodeTransitionForced))
	}
	s.change()
}

// change lets the new rendition take over.
func (s *Session) change() {
	n := s.incoming
	s.incoming = nil
	s.title.Release()
	s.load(n.title, n.name)
	s.headers.Reset()
	if n.title.Shift != 0 {
		s.move(n.title.Shift)
		n.at -= n.title.Shift
	}
	s.had = 0
	s.media = s.enc.AppendPlayStatus(s.joined(), s.status(rtmp.CodePlayTransitionComplete, "Transitioned to %s", s.name))
	if s.broadcast != nil { // what belongs behind the key frame may have come before it
		s.passed = filter{on: true, audio: n.at - 1, video: n.at - 1, headers: true}
		s.exact, s.still = exact{}, still{}
		s.last = n.at - 1
		if _, err := s.cursor.Seek(n.at - 1); err != nil {
			s.finish(err)
		}
		return
	}
	place, err := s.cursor.Seek(n.at)
	if err != nil { // the next read says so, too
		s.finish(err)
		return
	}
	s.exact, s.still = exact{}, still{}
	s.passed = filter{on: place < n.at, audio: n.at - 1, video: n.at - 1, headers: true}
	s.last = n.at - 1
}

// dropIncoming forgets a rendition that has not taken over.
func (s *Session) dropIncoming() {
	if s.incoming != nil {
		s.incoming.title.Release()
		s.incoming = nil
	}
}

// Refusal is how a client is told why a recording of that name cannot be played.
func Refusal(name string, err error) *rtmp.StatusError {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return rtmp.Refuse(rtmp.CodePlayStreamNotFound, "Failed to play %s; stream not found.", name)
	case errors.Is(err, format.ErrNoTrack):
		return rtmp.Refuse(rtmp.CodePlayNoSupportedTrackFound, "%s has no track that can be played.", name)
	case errors.Is(err, format.ErrStructure):
		return rtmp.Refuse(rtmp.CodePlayFileStructureInvalid, "%s is damaged or is no media file.", name)
	}
	return rtmp.Refuse(rtmp.CodePlayFailed, "%s cannot be played.", name)
}
