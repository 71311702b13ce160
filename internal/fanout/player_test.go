package fanout

import (
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
)

// second writes one second of stream: a frame of video and one of audio ten times, with a key frame first if key is set.
func (s *stream) second(key bool) {
	for i := range 10 {
		if key && i == 0 {
			s.key()
		} else {
			s.video()
		}
		s.audio()
		s.ts += 100 * time.Millisecond
		time.Sleep(100 * time.Millisecond)
	}
}

func TestLaggingPlayerKeepsAudio(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		s.size = 40_000
		other := newOutlet(t, -1)
		l.Join(other, both)
		s.second(true)
		o := newOutlet(t, -1)
		p := l.Join(o, both)
		o.take()
		o.grant(50_000) // stalls within the second message
		for range 10 {
			s.second(true)
			s.second(false)
			other.take()
		}
		l.WriteControl(control(s.number))
		s.number++
		if st := p.Stats(); st.Lag < 15*time.Second || st.Lag > 21*time.Second {
			t.Errorf("lag %v after 20 s", st.Lag)
		}
		// One GOP is 20 frames of video and audio each: 1.6 MB, and the laggard's audio is half of all that passes.
		if held := l.Stats().Bytes; held > 8<<20+3*maxBlock {
			t.Errorf("%d bytes held", held)
		}
		o.grant(-1)
		synctest.Wait()
		b, _ := o.take()
		msgs, rest := split(t, b)
		if len(rest) > 0 {
			t.Fatal("unfinished message")
		}
		var audio, video, key int
		last := uint32(0)
		for i, m := range msgs {
			if m.number <= last && i > 0 {
				t.Fatalf("%v comes after %d", m, last)
			}
			if m.kind == media.Video && m.number != last+1 && !m.key && last > 22 {
				t.Fatalf("video goes on with %v after a gap", m)
			}
			last = m.number
			switch m.kind {
			case media.Audio:
				audio++
			case media.Video:
				video++
				if m.key {
					key++
				}
			}
		}
		if audio != 200 || key != 2 || video >= 50 {
			t.Errorf("%d audio, %d video, %d key frames; want 200, below 50, 2", audio, video, key)
		}
		if st := p.Stats(); st.Dropped+st.Messages != int64(s.number) || st.Lag != 0 {
			t.Errorf("stats %+v for %d messages", st, s.number)
		}
		if p.slow() {
			t.Error("still in the slow lane")
		}
		s.video()
		synctest.Wait()
		if _, n := o.take(); n != 1 {
			t.Errorf("live again, %d writes for a frame", n)
		}
	})
}

func TestJoinerIsNotLagging(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		s.size = 100
		s.second(true)
		o := newOutlet(t, 0)
		p := l.Join(o, both)
		for range 5 {
			s.second(true)
		}
		o.grant(-1)
		synctest.Wait()
		b, _ := o.take()
		if msgs, _ := split(t, b); len(msgs) != 120 || p.Stats().Dropped != 0 {
			t.Errorf("%d messages, want all 120; %+v", len(msgs), p.Stats())
		}
	})
}

// TestFinish: the player gets what is in the log, however slowly, and nothing behind it.
func TestFinish(t *testing.T) {
	for _, audioOnly := range []bool{false, true} {
		bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
			s.size = 100
			o := newOutlet(t, 0)
			var e ended
			opts := both
			opts.Video, opts.OnEnd = !audioOnly, e.onEnd
			p := l.Join(o, opts)
			s.second(true)
			want := s.number
			p.Finish()
			s.second(true)
			o.grant(-1)
			synctest.Wait()
			b, _ := o.take()
			msgs, _ := split(t, b)
			if last := msgs[len(msgs)-1]; last.number != want-1 && last.number != want {
				t.Errorf("the last message is %d of %d", last.number, want)
			}
			e.want(t, ReasonFinished)
		})
	}
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		var e ended
		opts := both
		opts.OnEnd = e.onEnd
		p := l.Join(newOutlet(t, -1), opts)
		s.second(true)
		synctest.Wait()
		p.Finish()
		synctest.Wait()
		e.want(t, ReasonFinished)
	})
}

func TestStalledPlayerEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		audio bool // audio goes on coming
		trick int  // bytes taken every second
		ends  bool
	}{
		{"takes nothing, nothing more comes", false, 0, true},
		{"takes nothing", true, 0, true},
		{"takes too little", true, 10, true},
		{"takes little", true, 4000, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, LogConfig{MaxLag: 10 * time.Second}, func(t *testing.T, l *Log, s *stream) {
				s.size = 100
				s.key()
				o := newOutlet(t, 10)
				var e ended
				opts := both
				opts.OnEnd = e.onEnd
				p := l.Join(o, opts)
				for i := range 12 {
					if i == 10 {
						e.want(t, 0)
					}
					if c.audio {
						s.second(false)
					} else {
						time.Sleep(time.Second)
					}
					if c.trick > 0 {
						o.grant(c.trick)
					}
				}
				synctest.Wait()
				if !c.ends {
					e.want(t, 0)
					p.Leave()
					e.want(t, 0)
					return
				}
				e.want(t, ReasonLag)
				o.seal()
				o.grant(-1)
				s.second(true)
				p.Leave()
				if n := l.Stats().Players; n != 0 {
					t.Errorf("%d players left", n)
				}
			})
		})
	}
}

func TestIdlePlayerIsNotStalled(t *testing.T) {
	bubble(t, LogConfig{MaxLag: time.Second}, func(t *testing.T, l *Log, s *stream) {
		var e ended
		opts := both
		opts.OnEnd = e.onEnd
		o := newOutlet(t, -1)
		l.Join(o, opts)
		s.key()
		synctest.Wait()
		time.Sleep(time.Hour)
		o.stall()
		s.video()
		time.Sleep(900 * time.Millisecond)
		e.want(t, 0)
		o.grant(-1)
		time.Sleep(10 * time.Second)
		e.want(t, 0)
		o.want("all there", "V0! V1")
	})
}

func TestSetReceive(t *testing.T) {
	bubble(t, LogConfig{Merge: MergeNone}, func(t *testing.T, l *Log, s *stream) {
		o := newOutlet(t, -1)
		p := l.Join(o, both)
		s.header()
		s.key()
		s.audio()
		synctest.Wait()
		o.want("all", "V0h V1! A2")
		p.SetReceive(true, false)
		s.video()
		s.audio()
		s.key()
		synctest.Wait()
		o.want("audio alone", "A4")
		p.SetReceive(true, true)
		s.video()
		s.audio()
		s.key()
		s.video()
		synctest.Wait()
		o.want("headers and the next key frame", "A7 V0h V8! V9")
		p.SetReceive(false, true)
		s.audio()
		s.video()
		synctest.Wait()
		o.want("video alone", "V11")
		p.SetReceive(false, false)
		s.audio()
		s.key()
		l.WriteControl(control(14))
		synctest.Wait()
		o.want("control alone", "C14")
		p.SetReceive(true, false)
		s.number = 15
		s.audio()
		synctest.Wait()
		o.want("audio again", "A15")
		if st := p.Stats(); st.Dropped != 0 {
			t.Errorf("dropped %d", st.Dropped)
		}
	})
}

func TestJoinForAudioAlone(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		s.header()
		s.second(true)
		o := newOutlet(t, -1)
		l.Join(o, JoinOptions{Audio: true, AudioBack: 350 * time.Millisecond})
		o.want("the last audio", "V0h A14 A16 A18 A20")
	})
}

func TestDuration(t *testing.T) {
	bubble(t, LogConfig{Merge: MergeNone}, func(t *testing.T, l *Log, s *stream) {
		s.ts = time.Hour
		s.second(true)
		var e ended
		opts := both
		opts.Duration = 1500 * time.Millisecond
		opts.OnEnd = e.onEnd
		o := newOutlet(t, -1)
		l.Join(o, opts)
		s.second(false)
		e.want(t, ReasonDuration)
		b, _ := o.take()
		if msgs, _ := split(t, b); len(msgs) != 30 {
			t.Errorf("%d messages, want 30", len(msgs))
		}
	})
}

// TestDurationOfARun: the duration counts from the first frame also when headers go before it in the same write.
func TestDurationOfARun(t *testing.T) {
	bubble(t, LogConfig{Merge: Merge(2 * time.Second)}, func(t *testing.T, l *Log, s *stream) {
		var e ended
		opts := both
		opts.Duration = 500 * time.Millisecond
		opts.OnEnd = e.onEnd
		o := newOutlet(t, -1)
		l.Join(o, opts)
		s.header()
		s.second(true)
		time.Sleep(3 * time.Second)
		e.want(t, ReasonDuration)
		b, _ := o.take()
		msgs, _ := split(t, b)
		if len(msgs) != 11 {
			t.Errorf("%d messages, want a header and 10 frames: %v", len(msgs), msgs)
		}
	})
}

func TestMaxBytes(t *testing.T) {
	bubble(t, LogConfig{MaxBytes: 1 << 20}, func(t *testing.T, l *Log, s *stream) {
		s.size = 20_000
		o := newOutlet(t, -1)
		p := l.Join(o, both)
		s.second(true)
		synctest.Wait()
		o.take()
		o.stall()
		for range 10 { // 4 MB of a GOP without end, half of it audio
			s.second(false)
		}
		if held := l.Stats().Bytes; held > 1<<20 {
			t.Errorf("%d bytes held, want 1 MiB at most", held)
		}
		late := newOutlet(t, -1)
		l.Join(late, both)
		late.take()
		s.audio()
		s.video()
		synctest.Wait()
		b, _ := late.take()
		if msgs, _ := split(t, b); len(msgs) != 1 || msgs[0].kind != media.Audio {
			t.Errorf("joined without a key frame: %v, want one audio message", msgs)
		}
		o.grant(-1)
		synctest.Wait()
		b, _ = o.take()
		msgs, _ := split(t, b)
		for _, m := range msgs[1:] {
			if m.kind == media.Video {
				t.Fatalf("video after the gap: %v", m)
			}
		}
		if st := p.Stats(); st.Dropped == 0 {
			t.Error("nothing dropped")
		}
		s.size = 100
		s.key()
		s.video()
		synctest.Wait()
		b, _ = o.take()
		if msgs, _ = split(t, b); len(msgs) != 2 || !msgs[0].key {
			t.Errorf("back with %v, want a key frame and the next", msgs)
		}
	})
}

func TestMaxBytesOfTinyMessages(t *testing.T) {
	bubble(t, LogConfig{MaxBytes: 1 << 20}, func(t *testing.T, l *Log, s *stream) {
		o := newOutlet(t, 0)
		p := l.Join(o, both)
		for range 50_000 {
			s.audio()
		}
		if held := l.Stats().Bytes; held > 1<<20 {
			t.Errorf("%d bytes held, want 1 MiB at most", held)
		}
		time.Sleep(100 * time.Millisecond)
		o.grant(-1)
		synctest.Wait()
		if st := p.Stats(); st.Dropped == 0 || st.Dropped+st.Messages != 50_000 || st.Lag != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestLeave(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		var e ended
		opts := both
		opts.OnEnd = e.onEnd
		o := newOutlet(t, 20)
		p := l.Join(o, opts)
		s.key()
		s.key()
		synctest.Wait()
		p.Leave()
		o.seal()
		p.Leave()
		o.grant(-1)
		s.key()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		e.want(t, 0)
		l.mu.Lock()
		defer l.mu.Unlock()
		if n := len(l.groups[0].players); n != 0 {
			t.Errorf("%d players are still listed", n)
		}
	})
}

func TestOutletFails(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		var e, atOnce ended
		o := newOutlet(t, -1)
		opts := both
		opts.OnEnd = e.onEnd
		l.Join(o, opts)
		s.key()
		synctest.Wait()
		o.broken = true
		s.video()
		synctest.Wait()
		e.want(t, ReasonError)
		opts.OnEnd = atOnce.onEnd
		l.Join(o, opts)
		atOnce.want(t, ReasonError)
	})
}

func TestClose(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		s.key()
		var quick, slow, stalled, late ended
		join := func(o *outlet, e *ended) {
			opts := both
			opts.OnEnd = e.onEnd
			l.Join(o, opts)
		}
		a, b, c := newOutlet(t, -1), newOutlet(t, 0), newOutlet(t, 0)
		join(a, &quick)
		join(b, &slow)
		join(c, &stalled)
		s.audio()
		start := time.Now()
		time.AfterFunc(time.Second, func() { b.grant(-1) })
		time.AfterFunc(1500*time.Millisecond, func() {
			quick.want(t, ReasonClosed)
			slow.want(t, ReasonClosed)
			stalled.want(t, 0)
		})
		l.Close()
		if took := time.Since(start); took != defaultCloseWait {
			t.Errorf("Close took %v", took)
		}
		stalled.want(t, ReasonClosed)
		c.seal()
		c.grant(-1)
		a.want("what was left", "V0! A1")
		b.want("what was left", "V0! A1")
		s.key()
		l.WriteControl(control(1))
		join(a, &late)
		late.want(t, ReasonClosed)
		a.want("nothing after Close", "")
		l.Close()
	})
}

func TestSweeperClosedFirst(t *testing.T) {
	bubble(t, LogConfig{}, func(t *testing.T, l *Log, s *stream) {
		var e ended
		opts := both
		opts.OnEnd = e.onEnd
		l.Join(newOutlet(t, -1), opts)
		l.sweeper.Close()
		s.key()
		l.Close()
		e.want(t, ReasonClosed)
	})
}

func TestOnSweep(t *testing.T) {
	var delays []time.Duration
	cfg := LogConfig{OnSweep: func(d time.Duration, players int) {
		if players != 1 {
			t.Errorf("%d players", players)
		}
		delays = append(delays, d)
	}}
	bubble(t, cfg, func(t *testing.T, l *Log, s *stream) {
		l.Join(newOutlet(t, -1), both)
		s.key()
		synctest.Wait()
		s.audio()
		time.Sleep(10 * time.Millisecond)
		s.video()
		synctest.Wait()
		if len(delays) != 2 || delays[0] != 0 || delays[1] != 10*time.Millisecond {
			t.Errorf("delays %v, want 0 and 10 ms", delays)
		}
	})
}

func TestReasonString(t *testing.T) {
	for r, want := range []string{"none", "closed", "lag", "duration", "error", "finished", "none"} {
		if got := Reason(r).String(); got != want {
			t.Errorf("Reason(%d) is %q, want %q", r, got, want)
		}
	}
}
