package vod

import (
	"testing"
	"time"

	"leat/internal/format"
	"leat/media"
)

// racing is a live stream with a key frame every second that goes on by three frames as soon as somebody has looked at it.
type racing struct {
	format.Broadcast
	frames int
}

const racingFrame = 100 * time.Millisecond

func (r *racing) Span() (from, to time.Duration, ok bool) {
	to = time.Duration(r.frames-1) * racingFrame
	r.frames += 3
	return 0, to, true
}

func (r *racing) KeyFrom(d time.Duration) (at time.Duration, ok bool) {
	at = (d + second - 1).Truncate(second)
	ok = at < time.Duration(r.frames)*racingFrame
	r.frames += 3
	return at, ok
}

// TestHoldsWhileTheOtherGoesOn: whenever the frames of the other rendition come, none of the old one is sent that the key frame at which
// the other takes over brings again.
func TestHoldsWhileTheOtherGoesOn(t *testing.T) {
	for first := 1; first <= 30; first++ {
		other := &racing{frames: first}
		sent := time.Duration(first-1) * racingFrame
		s := &Session{incoming: &incoming{title: NewTitle(other, nil), at: sent + 1, awaited: true, late: time.Now().Add(time.Hour)}}
		for s.incoming.awaited {
			next := &media.Packet{Kind: media.Video, Timestamp: sent + racingFrame}
			if held := s.holds(next); !held && s.incoming.awaited {
				sent = next.Timestamp
			}
		}
		if s.incoming.at <= sent {
			t.Errorf("from frame %d on: the other takes over at %v, and the frame at %v was sent", first, s.incoming.at, sent)
		}
	}
}
