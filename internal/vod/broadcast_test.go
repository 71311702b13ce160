package vod

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"leat/internal/format"
	"leat/media"
	"leat/rtmp"
)

// TestPausedBeyondTheWindow: who has paused for too long goes on at the start of what is kept, and is told so; then it is behind by
// that much until it asks for the live stream.
func TestPausedBeyondTheWindow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dvr")
	synctest.Test(t, func(t *testing.T) {
		cam := newStage(t, dir, 10*second)
		pub := cam.publish()
		packets := film(60*second, 1, false)
		show := func(end time.Duration) {
			for len(packets) > 0 && packets[0].Timestamp < end {
				p := packets[0]
				packets = packets[1:]
				if err := pub.WritePacket(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				if p.Kind == media.Video && !p.Config {
					time.Sleep(100 * time.Millisecond)
				}
			}
		}
		show(5 * second)
		synctest.Wait()
		title := cam.title()
		_, to, _ := title.file.(format.Broadcast).Span()
		c, engine := newClient(t), NewEngine(2)
		var rejoined []Rejoin
		var ended *Stats
		s, err := engine.Play(SessionConfig{
			Outlet: c, Title: title, Name: "cam", Request: all, BufferLength: 100 * time.Millisecond,
			From: &Place{After: 102, At: to}, Commands: []rtmp.Command{rtmp.PauseCommand{Paused: true, Position: to}},
			Live:  func(r Rejoin) bool { rejoined = append(rejoined, r); return r.Idle() },
			OnEnd: func(stats Stats) { ended = &stats },
		})
		if err != nil {
			t.Fatal(err)
		}
		c.want("it pauses", "Pause.Notify StreamEOF")
		show(40 * second)
		s.Command(rtmp.PauseCommand{Position: to})
		c.want("it goes on where the window begins", "StreamIsRecorded StreamBegin Unpause.Notify Seek.Notify Play.Start Hv25000 Ha25000 K25000 A25050 V25100")
		s.Command(rtmp.SeekCommand{Position: 50 * second})
		c.want("live again", "StreamEOF StreamBegin Seek.Notify Play.Start")
		if len(rejoined) != 1 || rejoined[0].After != 0 || !rejoined[0].Video || ended == nil || !ended.Rejoined || c.closed {
			t.Errorf("it has not joined the live stream: %+v, %+v", rejoined, ended)
		}
		if s.Command(rtmp.SeekCommand{}) {
			t.Error("a session that is over takes a command")
		}
		engine.Close()
		cam.close()
	})
}

// TestPauseComesLate: librtmp's answer to Buffer Empty may come when the client has been handed over to the live stream. It does not get again
// what it has had since.
func TestPauseComesLate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dvr")
	synctest.Test(t, func(t *testing.T) {
		cam := newStage(t, dir, time.Hour)
		pub := cam.publish()
		for _, p := range film(3*second, 1, false) {
			if err := pub.WritePacket(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		var handed *Rejoin
		c, engine := newClient(t), NewEngine(2)
		play := func(from *Place, commands ...rtmp.Command) *Session {
			s, err := engine.Play(SessionConfig{
				Outlet: c, Title: cam.title(), Name: "cam", Request: all, BufferLength: second, BufferEvents: true,
				From: from, Commands: commands, Live: func(r Rejoin) bool { handed = &r; return r.Idle() },
			})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := play(&Place{})
		c.want("its buffer is sent", "... BufferEmpty")
		s.Command(rtmp.BufferLengthCommand{Length: time.Hour})
		c.want("the rest", "... V2900 A2950")
		synctest.Wait()
		if handed == nil || handed.Full == nil || handed.Full[media.Video] > second+100*time.Millisecond {
			t.Fatalf("it is handed over as %+v", handed)
		}
		position, after := handed.Full[media.Video], handed.After
		s = play(&Place{After: handed.After, At: 2950 * time.Millisecond, Full: handed.Full}, rtmp.PauseCommand{Paused: true, Position: position})
		c.want("it pauses", "Pause.Notify StreamEOF BufferEmpty")
		s.Command(rtmp.PauseCommand{Position: position})
		c.want("it goes on", "StreamIsRecorded StreamBegin Unpause.Notify")
		synctest.Wait()
		if rest := c.heard(); len(rest) > 0 || handed.After != after {
			t.Errorf("it is handed over again as %+v, and got once more %q", handed, rest)
		}
		engine.Close()
		cam.close()
	})
}
