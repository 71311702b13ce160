package vod

import (
	"context"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/format"
	"leat/media"
	"leat/rtmp"
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

// TestSwitchFromNothing: a window that holds nothing sends its client on to the live stream, but not before a switch that it has asked
// for is answered.
func TestSwitchFromNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dvr")
	synctest.Test(t, func(t *testing.T) {
		cam := newStage(t, dir, 10*second)
		c, engine := newClient(t), NewEngine(2)
		open, rejoined := make(chan struct{}), 0
		_, err := engine.Play(SessionConfig{
			Outlet: c, Title: cam.title(), Name: "cam", Request: all,
			From: &Place{After: 62}, Commands: []rtmp.Command{rtmp.Play2Command{Name: "other", OldName: "cam", Offset: -1}},
			Switch: func(context.Context, string, string) (*Title, error) { <-open; return cam.title(), nil },
			Live:   func(Rejoin) bool { rejoined++; return true },
		})
		if err != nil {
			t.Fatal(err)
		}
		c.want("there is nothing", "Seek.Notify")
		synctest.Wait()
		if rejoined != 0 {
			t.Error("it went on live before the switch was answered")
		}
		close(open)
		c.want("the switch is answered", "Play.Failed")
		synctest.Wait()
		if rejoined != 1 {
			t.Errorf("it went on live %d times", rejoined)
		}
		engine.Close()
		cam.close()
	})
}
