package vod

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

const second = time.Second

// screening is a client before a session, in a bubble of fake time.
type screening struct {
	*client
	engine  *Engine
	catalog *Catalog
	title   *Title
	session *Session
	ended   *Stats
}

var all = rtmp.PlayRequest{Start: rtmp.StartAny, Duration: -1, Reset: true}

// screen plays name of a library as the configuration, changed by tweak, says.
func screen(t *testing.T, files library, name string, tweak func(*SessionConfig), run func(s *screening)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &screening{client: newClient(t), engine: NewEngine(2), catalog: &Catalog{}}
		s.title = files.title(t, s.catalog, name)
		cfg := SessionConfig{
			Outlet: s.client, Title: s.title, Name: name, Request: all, BufferLength: 500 * time.Millisecond,
			OnEnd: func(stats Stats) { s.ended = &stats },
		}
		if tweak != nil {
			tweak(&cfg)
		}
		var err error
		if s.session, err = s.engine.Play(cfg); err != nil {
			t.Fatal(err)
		}
		defer s.catalog.Close()
		defer s.engine.Close()
		run(s)
		s.engine.Close()
		s.catalog.Close()
		if s.ended == nil {
			t.Error("the session has not ended with its engine")
		}
		if n := len(s.catalog.titles); n != 0 {
			t.Errorf("%d titles were not released", n)
		}
	})
}

func short(t *testing.T) library {
	t.Helper()
	oneFilm := library{"film.flv": fileOf(t, film(3*second, 1, false))}
	return oneFilm
}

func TestPlayToTheEnd(t *testing.T) {
	screen(t, short(t), "film", nil, func(s *screening) {
		s.want("the buffer is filled", "onMetaData Hv0 Ha0 K0 A50 V100 A150 V200 A250 V300 A350 V400 A450 V500")
		time.Sleep(10 * second)
		s.want("the rest and the end", "A550 ... V2900 A2950 StreamEOF Play.Complete 2.950 Play.Stop")
		if len(s.next) != 1 || s.next[0] != 3050*time.Millisecond {
			t.Errorf("the next entry of the playlist is asked for at %v, want 3.05s", s.next)
		}
	})
}

func TestPlayFromAPosition(t *testing.T) {
	screen(t, short(t), "film", func(c *SessionConfig) {
		c.Request.Start, c.Request.Duration = 2200*time.Millisecond, 300*time.Millisecond
	}, func(s *screening) {
		// The key frame is at 2 s of the file, which is 0 of the client's timeline.
		s.want("play 2.2 s for 0.3 s", "onMetaData Hv0 Ha0 K0 A50 V100 A150 V200 A250 V300 A350 V400 A450 StreamEOF Play.Complete 0.250 Play.Stop")
		s.command(rtmp.SeekCommand{Position: 1500 * time.Millisecond})
		s.want("times of the file after a seek", "StreamEOF StreamIsRecorded StreamBegin Seek.Notify Play.Start |RtmpSampleAccess "+
			"onMetaData Hv1000 Ha1000 K1000 A1050 ... V1500")
	})
}

func TestPlayForms(t *testing.T) {
	screen(t, short(t), "film", func(c *SessionConfig) { c.Request.Start, c.Request.Duration = second, 0 }, func(s *screening) {
		s.want("a single frame", "onMetaData Hv0 Ha0 K0 StreamEOF Play.Complete 0.000 Play.Stop")
	})
	screen(t, short(t), "film", func(c *SessionConfig) { c.Request.AtOnce = true }, func(s *screening) {
		s.want("everything at once", "onMetaData ... A2950 StreamEOF Play.Complete 2.950 Play.Stop")
	})
	screen(t, short(t), "film", func(c *SessionConfig) {
		c.Request.Resumed, c.Request.Start = true, 2*second
	}, func(s *screening) {
		s.want("resumed: the file's times", "onMetaData Hv2000 Ha2000 K2000 ... V2500")
	})
	screen(t, short(t), "film", func(c *SessionConfig) { c.Follows, c.At, c.Request.AtOnce = true, 7*second, true }, func(s *screening) {
		s.want("an entry of a playlist", "onMetaData Hv7000 Ha7000 K7000 ... A9950 StreamEOF Play.Complete 2.950 Play.Stop")
		if s.next[0] != 10050*time.Millisecond {
			t.Errorf("the next entry begins at %v, want 10.05s", s.next[0])
		}
		s.command(rtmp.SeekCommand{Position: 8300 * time.Millisecond})
		s.want("a seek on its timeline", "StreamEOF ... onMetaData Hv8000 Ha8000 K8000 ... A9950 StreamEOF Play.Complete 2.950 Play.Stop")
	})
	screen(t, library{"song.mp3": mp3File(100, "Hello")}, "id3:song", func(c *SessionConfig) { c.TagsOnly = true }, func(s *screening) {
		s.want("only tags", "onID3 StreamEOF Play.Complete 0.000 Play.Stop")
	})
}

func TestPlaylistGoesOn(t *testing.T) {
	screen(t, short(t), "film", func(c *SessionConfig) { c.Request.AtOnce = true }, func(s *screening) {
		s.heard()
		s.mu.Lock()
		s.follows = true
		s.mu.Unlock()
		s.command(rtmp.QueuedCommand{})
		synctest.Wait()
		if s.ended == nil || !s.closed {
			t.Error("the session goes on although another entry follows")
		}
		s.want("nothing more from this one", "")
	})
}

func TestSeek(t *testing.T) {
	const answer = "StreamEOF StreamIsRecorded StreamBegin Seek.Notify Play.Start |RtmpSampleAccess onMetaData "
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		s.command(rtmp.SeekCommand{Position: 1700 * time.Millisecond})
		s.want("without client seek", answer+"Hv1000 Ha1000 K1000 ... V1500")
		s.command(rtmp.SeekCommand{Position: time.Hour})
		s.want("behind the end", answer+"Hv2000 Ha2000 K2000 ... V2500")
		s.command(rtmp.SeekCommand{})
		s.want("to the start", answer+"Hv0 Ha0 K0 ... V500")
		time.Sleep(second)
		s.command(rtmp.SeekCommand{Position: 2 * second})
		s.heard()
		time.Sleep(10 * second)
		s.want("to the end from there", "A2550 ... A2950 StreamEOF Play.Complete 2.950 Play.Stop")
		s.command(rtmp.SeekCommand{Position: 2 * second})
		s.want("after the end", answer+"Hv2000 Ha2000 K2000 ... V2500")
	})
	screen(t, short(t), "film", func(c *SessionConfig) { c.ClientSeek = true }, func(s *screening) {
		s.heard()
		s.command(rtmp.SeekCommand{Position: 1250 * time.Millisecond})
		s.want("with client seek", answer+"Hv1000 Ha1000 C57001000 K1000 A1050 V1100 A1150 V1200 A1250 C57011300 V1300 ... A1750")
		s.command(rtmp.SeekCommand{Position: second})
		s.want("to a key frame", answer+"Hv1000 Ha1000 K1000 A1050 ... V1500")
		s.command(rtmp.SeekCommand{Position: 2990 * time.Millisecond})
		s.want("behind the last frame", answer+"Hv2000 Ha2000 C57002000 K2000 ... A2950 C57012950 StreamEOF Play.Complete 2.950 Play.Stop")
	})
	screen(t, library{"sound.flv": fileOf(t, onlyAudio(film(5*second, 1, false)))}, "sound", nil, func(s *screening) {
		s.heard()
		s.command(rtmp.SeekCommand{Position: 2700 * time.Millisecond})
		s.want("audio only", answer+"Ha2000 A2000 A2100 A2200 A2300 A2400 A2500")
	})
}

// TestAggregates: a client that knows Aggregate messages is told the same in fewer of them, before and behind a seek.
func TestAggregates(t *testing.T) {
	files := library{"film.flv": fileOf(t, film(10*second, 1, true))}
	told := map[bool][]string{}
	for _, aggregate := range []bool{false, true} {
		screen(t, files, "film.flv", func(c *SessionConfig) {
			c.Request.AtOnce, c.Aggregate = true, aggregate
		}, func(s *screening) {
			told[aggregate] = s.heard()
			s.command(rtmp.SeekCommand{Position: 4 * second})
			told[aggregate] = append(told[aggregate], s.heard()...)
			if (s.aggregates > 0) != aggregate {
				t.Errorf("%d Aggregate messages with Aggregate %v", s.aggregates, aggregate)
			}
		})
	}
	if !slices.Equal(told[true], told[false]) {
		t.Errorf("with Aggregate messages the client hears\n%q\nwithout\n%q", told[true], told[false])
	}
}

// TestSeekFrames compares every frame behind seeks with the file's.
func TestSeekFrames(t *testing.T) {
	files := library{"film.flv": fileOf(t, film(20*second, 1, true)), "song.mp3": mp3File(1000, "")}
	for name := range files {
		screen(t, files, name, func(c *SessionConfig) { c.Request.AtOnce = true }, func(s *screening) {
			s.heard()
			for at := time.Duration(0); at < 22*second; at += 1300 * time.Millisecond {
				s.taken()
				s.command(rtmp.SeekCommand{Position: at})
				got := slices.DeleteFunc(s.taken(), func(p *media.Packet) bool { return !isFrame(p) })
				want := framesFrom(t, s.title, min(at, s.title.Info().Duration))
				for i, p := range want { // RTMP counts whole milliseconds
					again := *p
					again.Timestamp = p.Timestamp.Round(time.Millisecond)
					want[i] = &again
				}
				if diff := mediatest.DiffAll(got, want); diff != "" {
					t.Fatalf("%s, seek to %v: %s", name, at, diff)
				}
			}
		})
	}
}

func TestPause(t *testing.T) {
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		s.command(rtmp.PauseCommand{Paused: true, Position: 220 * time.Millisecond})
		time.Sleep(5 * second)
		s.want("pause", "Pause.Notify StreamEOF")
		s.command(rtmp.PauseCommand{Paused: true, Position: 220 * time.Millisecond})
		s.want("pause again", "Pause.Notify StreamEOF")
		s.command(rtmp.PauseCommand{Position: 220 * time.Millisecond})
		s.want("only what is later", "StreamIsRecorded StreamBegin Unpause.Notify A250 V300 A350 V400 A450 V500 A550 V600 A650 V700")
		s.command(rtmp.PauseCommand{Position: 300 * time.Millisecond})
		s.want("unpause while playing", "StreamIsRecorded StreamBegin Unpause.Notify")
		s.command(rtmp.PauseCommand{Paused: true, Position: 400 * time.Millisecond})
		s.command(rtmp.PauseCommand{})
		s.want("the place named by pause only", "Pause.Notify StreamEOF StreamIsRecorded StreamBegin Unpause.Notify A450 V500 ... V900")
		s.command(rtmp.PauseCommand{Paused: true, Position: time.Hour})
		s.command(rtmp.PauseCommand{Position: time.Hour})
		s.want("a place that was not reached loses nothing", "Pause.Notify StreamEOF StreamIsRecorded StreamBegin Unpause.Notify A950 K1000 ... V1400")
		s.command(rtmp.PauseCommand{Paused: true, Position: -1})
		s.command(rtmp.PauseCommand{Position: -1})
		s.want("no place at all", "Pause.Notify StreamEOF StreamIsRecorded StreamBegin Unpause.Notify A1450 V1500 ... V1900")
	})
}

func TestSeekWhilePaused(t *testing.T) {
	for _, exact := range []bool{false, true} {
		screen(t, short(t), "film", func(c *SessionConfig) { c.ClientSeek = exact }, func(s *screening) {
			s.heard()
			s.command(rtmp.PauseCommand{Paused: true, Position: 400 * time.Millisecond})
			s.heard()
			s.command(rtmp.SeekCommand{Position: 1250 * time.Millisecond})
			time.Sleep(5 * second)
			frames := "K1000"
			rest := "A1050 V1100 A1150 ... V1500"
			if exact {
				frames = "C57001000 K1000 V1100 V1200 C57011300 V1300"
				rest = "A1050 A1150 A1250 A1350 V1400 ... V1800"
			}
			s.want("a picture", "StreamEOF StreamIsRecorded StreamBegin Seek.Notify Play.Start |RtmpSampleAccess onMetaData Hv1000 Ha1000 "+frames)
			s.command(rtmp.PauseCommand{Position: 1300 * time.Millisecond})
			s.want("the rest", "StreamIsRecorded StreamBegin Unpause.Notify "+rest)
		})
	}
}

func TestStep(t *testing.T) {
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		s.command(rtmp.StepCommand{Frames: 1})
		s.want("while playing", "InvalidArg")
		s.command(rtmp.PauseCommand{Paused: true, Position: 200 * time.Millisecond})
		s.command(rtmp.StepCommand{Frames: 2})
		s.want("two frames", "Pause.Notify StreamEOF Step.Notify V300 V400")
		s.command(rtmp.StepCommand{Frames: 1})
		s.want("one more", "Step.Notify V500")
		s.command(rtmp.StepCommand{})
		s.want("nowhere", "InvalidArg")
		s.command(rtmp.PauseCommand{Position: 500 * time.Millisecond})
		s.want("the rest", "StreamIsRecorded StreamBegin Unpause.Notify A250 A350 A450 A550 V600 ... K1000")
	})
}

// TestStepBack: the client gets the key frame before its target again, and the frames that it needs to decode it.
func TestStepBack(t *testing.T) {
	screen(t, short(t), "film", func(c *SessionConfig) { c.BufferLength = 2500 * time.Millisecond }, func(s *screening) {
		s.heard()
		s.command(rtmp.PauseCommand{Paused: true, Position: 2250 * time.Millisecond})
		s.command(rtmp.StepCommand{Frames: -1})
		s.want("one", "Pause.Notify StreamEOF Step.Notify onMetaData Hv2000 Ha2000 K2000 V2100")
		s.command(rtmp.StepCommand{Frames: -3})
		s.want("over a key frame", "Step.Notify onMetaData Hv1000 Ha1000 K1000 ... V1700 V1800")
		s.command(rtmp.StepCommand{Frames: 2})
		s.want("forward again", "Step.Notify V1900 K2000")
		s.command(rtmp.StepCommand{Frames: -15})
		s.want("over two", "Step.Notify onMetaData Hv0 Ha0 K0 ... V500")
		s.command(rtmp.StepCommand{Frames: -50})
		s.want("beyond the start", "Step.Notify onMetaData Hv0 Ha0 K0")
		s.command(rtmp.StepCommand{Frames: 3})
		s.want("forward from there", "Step.Notify V100 V200 V300")
		s.command(rtmp.PauseCommand{})
		s.want("the rest", "StreamIsRecorded StreamBegin Unpause.Notify A50 A150 A250 A350 V400 A450 ... V2800")
	})
	screen(t, short(t), "film", func(c *SessionConfig) { c.ClientSeek = true }, func(s *screening) {
		s.heard()
		s.command(rtmp.PauseCommand{Paused: true, Position: 400 * time.Millisecond})
		s.command(rtmp.StepCommand{Frames: -2})
		s.want("only the target is shown", "Pause.Notify StreamEOF Step.Notify onMetaData Hv0 Ha0 C57000 K0 V100 C5701200 V200")
	})
}

func TestReceive(t *testing.T) {
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		s.command(rtmp.ReceiveVideoCommand{})
		time.Sleep(200 * time.Millisecond)
		s.want("no video", "A550 A650")
		s.command(rtmp.ReceiveVideoCommand{On: true})
		time.Sleep(500 * time.Millisecond)
		s.want("from the next key frame", "Seek.Notify Play.Start A750 A850 A950 onMetaData Hv1000 Ha1000 K1000 A1050 V1100 A1150")
		s.command(rtmp.ReceiveAudioCommand{})
		time.Sleep(200 * time.Millisecond)
		s.want("no audio", "V1200 V1300")
		s.command(rtmp.ReceiveAudioCommand{On: true})
		time.Sleep(200 * time.Millisecond)
		s.want("audio at once", "Seek.Notify Play.Start onMetaData Hv1400 Ha1400 V1400 A1450 V1500 A1550")
	})
}

func TestPace(t *testing.T) {
	files := library{"film.flv": fileOf(t, film(60*second, 1, false))}
	screen(t, files, "film", func(c *SessionConfig) { c.BufferLength, c.BufferEvents = 3*second, true }, func(s *screening) {
		newest := func() time.Duration {
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.packets[len(s.packets)-1].Timestamp
		}
		s.want("the buffer", "onMetaData Hv0 Ha0 K0 ... K3000 BufferEmpty")
		for range 20 {
			time.Sleep(second)
			now := time.Since(s.session.pace.begun)
			if ahead := newest() - now; ahead < 2650*time.Millisecond || ahead > 3*second {
				t.Fatalf("after %v the client has %v in its buffer of 3 s", now, ahead)
			}
		}
		if got := strings.Join(s.heard(), " "); !strings.HasPrefix(got, "BufferReady A3050") || strings.Count(got, "Buffer") != 1 {
			t.Errorf("going on is not told as it should be: %s", got)
		}
		s.command(rtmp.BufferLengthCommand{Length: 20 * second})
		if ahead := newest() - 20*second; ahead < 19*second {
			t.Errorf("a larger buffer is filled up to %v", ahead)
		}
		s.heard()
		s.command(rtmp.PauseCommand{Paused: true, Position: 20 * second})
		s.want("librtmp waits for this", "Pause.Notify StreamEOF BufferEmpty")
	})
}

// TestBufferEmptyAnswered: librtmp pauses and goes on to have the next buffer, and gets everything once, although more was on
// its way when it paused.
func TestBufferEmptyAnswered(t *testing.T) {
	files := library{"film.flv": fileOf(t, film(60*second, 1, false))}
	screen(t, files, "film", func(c *SessionConfig) { c.BufferLength, c.BufferEvents = 3*second, true }, func(s *screening) {
		s.want("the buffer", "onMetaData Hv0 Ha0 K0 ... K3000 BufferEmpty")
		s.command(rtmp.BufferLengthCommand{Length: 6 * second})
		s.want("a larger one", "BufferReady A3050 ... K6000")
		s.command(rtmp.PauseCommand{Paused: true, Position: 3 * second})
		s.want("the pause", "Pause.Notify StreamEOF BufferEmpty")
		s.command(rtmp.PauseCommand{Position: 3 * second})
		s.want("another buffer", "StreamIsRecorded StreamBegin Unpause.Notify A6050 ... K12000 BufferEmpty")

		s.command(rtmp.PauseCommand{Paused: true, Position: 11 * second})
		s.command(rtmp.PauseCommand{Position: 11 * second})
		s.want("a viewer's pause", "Pause.Notify StreamEOF BufferEmpty StreamIsRecorded StreamBegin Unpause.Notify BufferReady A11050 ... K17000 BufferEmpty")
	})
}

// TestSlowClient takes little at a time: what waits for it is bounded, and no frame is lost.
func TestSlowClient(t *testing.T) {
	files := library{"film.flv": fileOf(t, film(20*second, 1, true))}
	screen(t, files, "film", func(c *SessionConfig) { c.Request.AtOnce = true }, func(s *screening) {
		s.heard()
		s.open(0)
		s.taken()
		s.command(rtmp.SeekCommand{})
		for i := 0; s.asked() < 2; i++ {
			synctest.Wait()
			if n := len(s.session.media) + len(s.session.answers); n > 2*maxBatch {
				t.Fatalf("%d bytes wait for a slow client", n)
			}
			if i > 10000 {
				t.Fatal("the film does not end")
			}
			s.open(7000)
		}
		if got, want := len(s.taken()), len(film(20*second, 1, false))+2; got < want {
			t.Errorf("%d packets, want at least %d", got, want)
		}
	})
}

// TestSeekStorm: of seeks that come faster than they are answered only the newest counts.
func TestSeekStorm(t *testing.T) {
	files := library{"film.flv": fileOf(t, film(20*second, 1, true))}
	screen(t, files, "film", nil, func(s *screening) {
		s.heard()
		s.open(0)
		s.command(rtmp.SeekCommand{})
		synctest.Wait()
		for i := range 5000 {
			s.command(rtmp.SeekCommand{Position: time.Duration(i%20) * second})
		}
		s.command(rtmp.SeekCommand{Position: 7 * second})
		synctest.Wait()
		s.mu.Lock()
		s.lines = nil
		s.mu.Unlock()
		s.open(-1)
		got := s.heard()
		if last := slices.Index(got, "K7000"); last < 0 || slices.Contains(got[last:], "Seek.Notify") {
			t.Errorf("the film does not go on at 7 s: %s", strings.Join(got, " "))
		}
		if n := len(s.session.answers); n > 64<<10 {
			t.Errorf("%d bytes of answers wait", n)
		}
	})
}

func TestClientLeaves(t *testing.T) {
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		s.command(rtmp.CloseCommand{})
		synctest.Wait()
		if s.ended == nil || s.engine.Sessions() != 0 {
			t.Error("the session goes on without its client")
		}
		s.command(rtmp.SeekCommand{})
		s.want("nothing more", "")
	})
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		s.mu.Lock()
		s.gone = true
		s.mu.Unlock()
		time.Sleep(second)
		synctest.Wait()
		if s.ended == nil {
			t.Error("the session goes on although the connection is gone")
		}
	})
}

func TestEngineCloses(t *testing.T) {
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		s.engine.Close()
		s.want("the end is told", "StreamEOF Play.Stop")
		title := short(s.t).title(s.t, s.catalog, "film")
		if _, err := s.engine.Play(SessionConfig{Outlet: s.client, Title: title, Request: all}); err != ErrClosed { //nolint:errorlint // it is returned as it is
			t.Errorf("a closed engine plays: %v", err)
		}
	})
}

func TestSwitch(t *testing.T) {
	files := library{
		"film_1.flv": fileOf(t, film(20*second, 1, false)), "film_2.flv": fileOf(t, film(20*second, 2, false)),
		"bad.flv": []byte("FLV no more"),
	}
	open := func(s **screening) func(context.Context, string, string) (*Title, error) {
		return func(_ context.Context, _, to string) (*Title, error) {
			if _, ok := files[to+".flv"]; !ok {
				return nil, fs.ErrNotExist
			}
			return files.title((*s).t, (*s).catalog, to), nil
		}
	}
	play := func(run func(s *screening)) {
		t.Helper()
		var own *screening
		screen(t, files, "film_1", func(c *SessionConfig) { c.Switch = open(&own) }, func(s *screening) {
			own = s
			s.heard()
			run(s)
		})
	}
	play(func(s *screening) {
		time.Sleep(2 * second)
		s.heard()
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_2", Offset: -1})
		s.want("the old one goes on", "... Play.Transition")
		s.taken()
		time.Sleep(6 * second)
		// The client is at 2 s; the first key frame after 5 s is at 5 s.
		s.want("the new one at a key frame", "... A4950 Play.TransitionComplete onMetaData Hv5000 Ha5000 K5000 A5050 V5100 ...")
		for _, p := range s.taken() {
			if want := byte(1 + min(p.Timestamp/(5*second), 1)); p.Kind == media.Video && isFrame(p) && p.Body[5] != want {
				t.Fatalf("the frame at %v is of rendition %d, want %d", p.Timestamp, p.Body[5], want)
			}
		}
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_1", Offset: 10500 * time.Millisecond})
		s.want("at an offset", "... Play.Transition")
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_2", Offset: -1})
		s.want("twice", "... Play.Failed")
		time.Sleep(4 * second)
		s.want("at the key frame behind it", "... A10950 Play.TransitionComplete onMetaData Hv11000 Ha11000 K11000 ...")
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_2", Offset: second})
		s.want("in the past", "... Play.Failed")
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_3", Offset: -1})
		s.want("none of that name", "... Play.StreamNotFound")
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_2", Offset: 19500 * time.Millisecond})
		s.want("too late", "... Play.Failed")
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_2", Offset: 17 * second})
		s.heard()
		s.command(rtmp.SeekCommand{Position: 3 * second})
		s.want("a seek takes the new one", "... Seek.Notify ... K3000 ...")
		packets := s.taken()
		if p := packets[len(packets)-1]; p.Body[2] != 2 && p.Body[5] != 2 {
			t.Errorf("after the seek the old rendition plays: % x", p.Body)
		}
	})
	files["short_1.flv"] = fileOf(t, film(4500*time.Millisecond, 1, false))
	var own *screening
	screen(t, files, "short_1", func(c *SessionConfig) { c.Switch = open(&own) }, func(s *screening) {
		own = s
		s.heard()
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_2", Offset: 15 * second})
		s.want("the old one goes on", "... Play.Transition")
		time.Sleep(6 * second)
		s.want("the old one ends before", "... A4450 Play.Transition Play.TransitionComplete onMetaData Hv5000 Ha5000 K5000 A5050 ...")
	})
	screen(t, files, "film_1", nil, func(s *screening) {
		s.heard()
		s.command(rtmp.Play2Command{Transition: "switch", Name: "film_2", Offset: -1})
		s.want("without renditions", "Play.Failed")
	})
}

// TestTruncatedDuringPlay: what has become shorter ends where it ends now.
func TestTruncatedDuringPlay(t *testing.T) {
	screen(t, short(t), "film", nil, func(s *screening) {
		s.heard()
		in := s.title.parts[0].Input.(*fileInput)
		if err := in.Close(); err != nil { // the worst that a disk can do
			t.Fatal(err)
		}
		s.command(rtmp.SeekCommand{Position: second})
		time.Sleep(5 * second)
		s.want("the client is told", "... Play.Failed")
		if s.ended != nil {
			t.Error("the client may still ask for something")
		}
	})
}
