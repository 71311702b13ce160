package fanout

import (
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
)

// bubble runs f with a Log in a synctest bubble.
func bubble(t *testing.T, cfg LogConfig, f func(t *testing.T, l *Log, s *stream)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sw := NewSweeper(2)
		defer sw.Close()
		cfg.Encoder = testEncoder{}
		l := sw.NewLog(cfg)
		defer l.Close()
		f(t, l, &stream{log: l})
	})
}

var both = JoinOptions{Audio: true, Video: true}

func TestJoinStartsAtKeyFrame(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		s.header()
		s.key()
		s.video()
		s.ts = 2 * time.Second
		s.key()
		s.audio()
		s.video()
		o := newOutlet(t, -1)
		opts := both
		opts.Prelude = control(99)
		p := l.Join(o, opts)
		b, writes := o.take()
		if writes != 1 {
			t.Errorf("joining took %d writes, want one", writes)
		}
		msgs, _ := split(t, b)
		if msgs[1].ts != s.ts {
			t.Errorf("the header's timestamp is %v, want the key frame's, %v", msgs[1].ts, s.ts)
		}
		o.got = b
		o.want("prelude, headers, newest GOP", "C99 V0h V3! A4 V5")
		s.video()
		synctest.Wait()
		o.want("then what comes", "V6")
		if st := p.Stats(); st.Messages != 4 || st.Dropped != 0 || st.Lag != 0 || st.Bytes == 0 {
			t.Errorf("stats %+v", st)
		}
		if st := l.Stats(); st.Players != 1 || st.Packets != 7 || st.Bytes < minBlock {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestJoinWithoutKeyFrame(t *testing.T) {
	bubble(t, LogConfig{Merge: MergeNone}, func(t *testing.T, l *Log, s *stream) {
		s.header()
		s.video()
		s.audio()
		o := newOutlet(t, -1)
		l.Join(o, both)
		s.video()
		s.audio()
		synctest.Wait()
		o.want("headers and audio until a key frame comes", "V0h A2 A4")
		s.key()
		s.video()
		synctest.Wait()
		o.want("then video", "V5! V6")
		if n := l.Stats().Skipped; n != 2 {
			t.Errorf("skipped %d frames, want 2", n)
		}
	})
}

func TestJoinAudioBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		back  time.Duration
		want  string
		setup func(s *stream)
	}{
		{name: "default is one second", want: "A5 A6 A7 A8 A9"},
		{name: "half a second", back: 500 * time.Millisecond, want: "A7 A8 A9"},
		{name: "at the head", back: -1, want: ""},
		{name: "not before a jump", want: "A9", setup: func(s *stream) { s.ts -= time.Hour }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
				s.ts = 2 * time.Hour
				for range 9 {
					s.audio()
					s.ts += 250 * time.Millisecond
				}
				if c.setup != nil {
					c.setup(s)
				}
				s.audio()
				o := newOutlet(t, -1)
				opts := both
				opts.AudioBack = c.back
				l.Join(o, opts)
				o.want(c.name, c.want)
			})
		})
	}
}

func TestJoinWithBytesLeftOver(t *testing.T) {
	// The socket takes the join in pieces of every size: all messages must come whole all the same.
	for room := 1; room < 400; room += 7 {
		bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
			s.size = 50
			s.header()
			s.key()
			s.audio()
			s.video()
			o := newOutlet(t, room)
			opts := both
			opts.Prelude = control(9)
			l.Join(o, opts)
			for range 10 {
				synctest.Wait()
				o.grant(room)
			}
			o.grant(-1)
			synctest.Wait()
			o.want("whole messages", "C9 V0h V1! A2 V3")
		})
	}
}

func TestMerge(t *testing.T) {
	writes := func(o *outlet) int {
		synctest.Wait()
		_, n := o.take()
		return n
	}
	for _, c := range []struct {
		name  string
		merge Merge
		audio time.Duration // the longest time that audio waits
		video time.Duration // the longest time that video waits
	}{
		{"none", MergeNone, 0, 0},
		{"frame", MergeFrame, 37 * time.Millisecond, 0},
		{"50ms", Merge(50 * time.Millisecond), 54 * time.Millisecond, 54 * time.Millisecond},
		{"350ms", Merge(350 * time.Millisecond), 354 * time.Millisecond, 354 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, LogConfig{Merge: c.merge}, func(t *testing.T, l *Log, s *stream) {
				s.key()
				o := newOutlet(t, -1)
				l.Join(o, both)
				time.Sleep(400 * time.Millisecond)
				writes(o)

				wait := func(kind string, most time.Duration) {
					if n := writes(o); (n == 0) != (most > 0) {
						t.Errorf("%s: %d writes at once", kind, n)
					}
					time.Sleep(most)
					if n := writes(o); (n == 1) != (most > 0) {
						t.Errorf("%s: %d writes after %v", kind, n, most)
					}
				}
				s.audio()
				wait("audio", c.audio)
				s.video()
				wait("video", c.video)
				s.audio()
				s.audio()
				s.video()
				time.Sleep(max(c.audio, c.video))
				n := writes(o)
				if c.merge != MergeNone && n != 1 {
					t.Errorf("audio and video together: %d writes, want 1", n)
				}
			})
		})
	}
}

func TestControlIsWrittenAtOnce(t *testing.T) {
	bubble(t, LogConfig{Merge: Merge(time.Second)}, func(t *testing.T, l *Log, s *stream) {
		o := newOutlet(t, -1)
		l.Join(o, both)
		s.audio()
		synctest.Wait()
		o.want("audio waits", "")
		l.WriteControl(control(7))
		synctest.Wait()
		o.want("control does not, and takes the audio with it", "A0 C7")
	})
}

func TestLoadMakesBatches(t *testing.T) {
	const took = 30 * time.Millisecond
	for _, tt := range []struct {
		merge Merge
		least time.Duration // between the beginnings of two sweeps
	}{
		{MergeFrame, 2 * took},
		{MergeNone, took * 5 / 4},
	} {
		bubble(t, LogConfig{Merge: tt.merge}, func(t *testing.T, l *Log, s *stream) {
			s.key()
			o := newOutlet(t, -1)
			l.Join(o, both)
			o.take()
			o.delay, o.starts = took, nil
			for range 100 {
				s.video()
				time.Sleep(5 * time.Millisecond)
			}
			time.Sleep(time.Second)
			o.mu.Lock()
			defer o.mu.Unlock()
			for i := 1; i < len(o.starts); i++ {
				// The timer fires at once in the bubble, so that the next sweep begins as soon as it may.
				if gap := o.starts[i].Sub(o.starts[i-1]); gap < tt.least || gap > tt.least+5*time.Millisecond {
					t.Fatalf("merge %d: write %d began %v after the one before it, want %v", tt.merge, i, gap, tt.least)
				}
			}
			if msgs, _ := split(t, o.got); len(msgs) != 100 {
				t.Errorf("%d messages of 100 arrived", len(msgs))
			}
		})
	}
}

func TestLowestTrackLeads(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		track := func(n uint8, key bool) {
			s.write(media.Video, func(p *media.Packet) { p.Track, p.Key = n, key })
		}
		track(1, true)
		track(0, true)
		track(1, true)
		track(0, false)
		o := newOutlet(t, -1)
		l.Join(o, both)
		o.want("a GOP begins with track 0", "V1! V2! V3")
		track(1, false)
		synctest.Wait()
		o.want("the other tracks wait for it", "")
		track(0, false)
		synctest.Wait()
		o.want("and come along", "V4 V5")
	})
}

func TestLargeMessage(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		o := newOutlet(t, -1)
		l.Join(o, both)
		s.key()
		s.size = 3 << 20
		s.key()
		s.size = 10
		s.video()
		l.WriteControl(make([]byte, 0))
		synctest.Wait()
		o.want("messages of all sizes", "V0! V1! V2")
	})
}

func TestRestart(t *testing.T) {
	bubble(t, LogConfig{Merge: MergeNone}, func(t *testing.T, l *Log, s *stream) {
		s.header()
		s.key()
		s.audio()
		early := newOutlet(t, 0)
		l.Join(early, both)
		l.Restart()
		s.video()
		s.audio()
		o := newOutlet(t, -1)
		l.Join(o, both)
		o.want("nothing of the publisher before", "A4")
		s.header()
		s.key()
		early.grant(-1)
		synctest.Wait()
		o.want("the new one's header and key frame", "V5h V6!")
		early.want("who was there before loses nothing", "V0h V1! A2 A4 V5h V6!")
	})
}

// greedy writes more than the packet's size lets expect.
type greedy struct{ testEncoder }

func (g greedy) Append(dst []byte, p *media.Packet) []byte {
	for range 3 {
		dst = g.testEncoder.Append(dst, p)
	}
	return dst
}

func TestEncoderOutgrowsBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := NewSweeper(1)
		defer sw.Close()
		l := sw.NewLog(LogConfig{Encoder: greedy{}})
		defer l.Close()
		s := &stream{log: l, size: 30_000}
		o := newOutlet(t, -1)
		l.Join(o, both)
		for range 5 {
			s.key()
		}
		synctest.Wait()
		o.want("nothing lost", "V0! V0! V0! V1! V1! V1! V2! V2! V2! V3! V3! V3! V4! V4! V4!")
	})
}

func TestMemoryFollowsGOP(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		s.size = 10_000
		o := newOutlet(t, -1)
		l.Join(o, both)
		for range 20 {
			s.key()
			for range 59 {
				s.ts += 33 * time.Millisecond
				time.Sleep(33 * time.Millisecond)
				s.video()
				o.take()
			}
		}
		const gop = 60 * 10_000
		if held := l.Stats().Bytes; held > 2*gop+3*256<<10 {
			t.Errorf("%d bytes held for a GOP of %d", held, gop)
		}
	})
}
