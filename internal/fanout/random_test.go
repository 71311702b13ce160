package fanout

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
)

// visitor is one player's life in TestRandom.
type visitor struct {
	o       *outlet
	p       *Player
	toggles bool // uses SetReceive, so that gaps in its audio are its own doing
	e       ended
}

// live gives the outlet room, takes it away and toggles for a while, then leaves or stays.
func (v *visitor) live(rnd *rand.Rand) {
	for range 5 + rnd.IntN(60) {
		time.Sleep(time.Duration(rnd.IntN(40)) * time.Millisecond)
		switch rnd.IntN(6) {
		case 0:
			v.o.stall()
		case 1:
			v.o.grant(-1)
		case 2:
			v.o.grant(1 + rnd.IntN(3000))
		case 3:
			v.p.Stats()
		case 4:
			if v.toggles {
				v.p.SetReceive(rnd.IntN(2) == 0, rnd.IntN(2) == 0)
			}
		case 5:
			time.Sleep(time.Duration(rnd.IntN(1500)) * time.Millisecond)
		}
	}
	if rnd.IntN(3) == 0 {
		v.p.Leave()
		v.o.seal()
		return
	}
	v.o.grant(-1)
}

// check looks at all that the visitor got; kinds are those of the messages by number.
func (v *visitor) check(t *testing.T, kinds []media.Kind) {
	t.Helper()
	b, _ := v.o.take()
	msgs, rest := split(t, b)
	if len(rest) > 0 && !v.p.ended.Load() {
		t.Errorf("unfinished message of a player that stays")
	}
	last, lastVideo := -1, -1
	next := func(kind media.Kind, after int) int {
		for n := after + 1; n < len(kinds); n++ {
			if kinds[n] == kind {
				return n
			}
		}
		return -1
	}
	for _, m := range msgs {
		if !m.frame && m.kind != 0 {
			continue // headers may come again
		}
		n := int(m.number)
		if n <= last {
			t.Fatalf("%v after number %d", m, last)
		}
		switch m.kind {
		case media.Video:
			if !m.key && (lastVideo < 0 || n != next(media.Video, lastVideo)) {
				t.Fatalf("%v after video %d: a gap must end at a key frame", m, lastVideo)
			}
			lastVideo = n
		case media.Audio:
			if lost := next(media.Audio, last); !v.toggles && last >= 0 && lost < n {
				t.Fatalf("audio %d lost", lost)
			}
		}
		if lost := next(0, last); last >= 0 && lost >= 0 && lost < n {
			t.Fatalf("control %d lost", lost)
		}
		last = n
	}
}

func TestRandom(t *testing.T) {
	for seed := range uint64(3) {
		merge := []Merge{MergeFrame, MergeNone, Merge(50 * time.Millisecond)}[seed%3]
		bubble(t, LogConfig{Merge: merge}, func(t *testing.T, l *Log, s *stream) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			var kinds []media.Kind
			var visitors []*visitor
			var wg sync.WaitGroup
			s.header()
			kinds = append(kinds, media.Data) // a header is nobody's loss
			for i := range 2500 {
				s.size = 4 + rnd.IntN(400)
				switch {
				case i%120 == 60:
					s.key()
					kinds = append(kinds, media.Video)
				case i%2 == 0 && i > 60:
					s.video()
					kinds = append(kinds, media.Video)
				case rnd.IntN(50) == 0:
					l.WriteControl(control(s.number))
					s.number++
					kinds = append(kinds, 0)
				default:
					s.audio()
					kinds = append(kinds, media.Audio)
				}
				s.ts += 2 * time.Millisecond
				time.Sleep(time.Duration(rnd.IntN(4)) * time.Millisecond)
				if i%40 == 0 {
					v := &visitor{o: newOutlet(t, rnd.IntN(5000)), toggles: rnd.IntN(3) == 0}
					v.p = l.Join(v.o, JoinOptions{Audio: true, Video: true, OnEnd: v.e.onEnd})
					visitors = append(visitors, v)
					own := rand.New(rand.NewPCG(seed, uint64(i)))
					wg.Go(func() { v.live(own) })
				}
			}
			wg.Wait()
			synctest.Wait()
			time.Sleep(time.Second)
			synctest.Wait()
			for _, v := range visitors {
				if st := v.p.Stats(); st.Lag != 0 {
					t.Errorf("lag %v after all was granted", st.Lag)
				}
				v.e.want(t, 0)
				v.check(t, kinds)
			}
			l.Close()
			for _, v := range visitors {
				if !v.o.sealed {
					v.e.want(t, ReasonClosed)
				}
			}
		})
	}
}
