package vod

import (
	"errors"
	"io"
	"time"

	"leat/internal/format"
	"leat/media"
)

const (
	// switchWait is how long a key frame of another rendition may be away.
	switchWait = 15 * time.Second
	// stalled is how long a live stream comes no further before a rendition that waits for it takes over.
	stalled = 3 * time.Second
)

// errHold says that a packet is not to be sent before the other rendition has come as far.
var errHold = errors.New("vod: waiting for the other rendition")

// switchFrom returns the time from which on another rendition of a broadcast may take over: of the next frame, or of the offset.
func (s *Session) switchFrom(offset time.Duration) (at time.Duration, why string) {
	at = s.last + 1
	if s.state == paused {
		at = s.pausedAt + 1
	}
	if offset >= 0 {
		if offset = s.position(offset); offset < at {
			return 0, "The offset is behind the client already."
		}
		at = offset
	}
	return at, ""
}

// holds looks for the key frame at which the incoming rendition takes over, and reports whether p has to wait for what will come of
// it: a packet of a later time than the other rendition has come to might be one that is replaced.
func (s *Session) holds(p *media.Packet) bool {
	n := s.incoming
	other, ok := n.title.file.(format.Broadcast)
	if !ok {
		n.awaited = false
		return false
	}
	_, to, begun := other.Span() // first: a key frame that comes after it is later than to
	if at, found := other.KeyFrom(n.at - n.title.Shift); found {
		n.at, n.awaited = at+n.title.Shift, false
		return false
	}
	if time.Now().After(n.late) {
		s.cancelSwitch("No key frame of %s has come.", n.name)
		return false
	}
	return isFrame(p) && p.Timestamp >= n.at && (!begun || p.Timestamp >= to+n.title.Shift)
}

// outrun is asked when the old rendition cannot be read, for err, while another is about to take over. If it has ended or stands still, the
// other takes over before its time, at its next key frame: then the result is nil. errHold says that this has yet to come.
func (s *Session) outrun(err error) error {
	n := s.incoming
	ended := errors.Is(err, io.EOF)
	other, isLive := n.title.file.(format.Broadcast)
	switch {
	case !isLive && ended:
		if at, why := firstPlace(n.title.Info(), s.last+1); why == "" && !n.reached {
			n.at = at
		}
		s.force()
		return nil
	case !isLive, !ended && !errors.Is(err, format.ErrEdge):
		return err
	case n.quiet.IsZero():
		n.quiet = time.Now()
	}
	if !ended && time.Since(n.quiet) < stalled {
		return err
	}
	if n.awaited {
		at, found := other.KeyFrom(s.last + 1 - n.title.Shift)
		switch {
		case !found && time.Now().After(n.late):
			s.cancelSwitch("No key frame of %s has come.", n.name)
			return err
		case !found:
			return errHold
		}
		n.at, n.awaited = at+n.title.Shift, false
	}
	s.force()
	return nil
}

// cancelSwitch forgets a rendition that has not taken over, and tells the client.
func (s *Session) cancelSwitch(format string, args ...any) {
	if s.incoming != nil {
		s.dropIncoming()
		s.refuseSwitch(format, args...)
	}
}

// move goes over to times that are less by d, without the client's timeline taking note.
func (s *Session) move(d time.Duration) {
	s.shift += d
	s.last -= d
	s.from -= d
	s.pausedAt -= d
	s.pace.at -= d
	for i := range s.newest {
		s.newest[i] -= d
	}
	if s.until >= 0 {
		s.until -= d
	}
}
