package node

import (
	"strings"
	"testing"
	"time"

	"leat/internal/config"
	"leat/internal/wire/message"
	"leat/media"
	"leat/media/mediatest"
	"leat/rtmp"
)

func TestManyPlayersGetTheSame(t *testing.T) {
	t.Parallel()
	streams := map[string][]*media.Packet{
		"AVC":  mediatest.AVC(2 * time.Second),
		"AV1":  mediatest.AV1(2 * time.Second),
		"Opus": mediatest.Opus(2 * time.Second),
	}
	for name, want := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			players := make([]*rtmp.Player, 5)
			for i := range players {
				players[i] = play(t, s.url("/live/cam"), nil)
			}
			until(t, "all players have joined", func() bool { return s.inLog() == len(players) })
			pub := publish(t, s.url("/live/cam"))
			send(t, pub, want...)
			if err := pub.Close(); err != nil {
				t.Fatal(err)
			}
			for i, p := range players {
				if d := mediatest.DiffAll(rest(t, p), want); d != "" {
					t.Errorf("player %d: %s", i, d)
				}
			}
		})
	}
}

func TestPlayersOfTwoStreamsOnOneConnection(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	want := mediatest.AVC(time.Second)
	c := dial(t, s.url("/live"))
	var players []*rtmp.Player
	for range 2 {
		p, err := c.Play(limit(t), "cam", nil)
		if err != nil {
			t.Fatal(err)
		}
		players = append(players, p)
	}
	until(t, "both players were in the log", func() bool { return s.inLog() == 2 })
	pub := publish(t, s.url("/live/cam"))
	send(t, pub, want...)
	for i, p := range players {
		if d := mediatest.DiffAll(take(t, p, len(want)), want); d != "" {
			t.Errorf("message stream %d: %s", i, d)
		}
	}
}

// TestLateJoiner: metadata, sequence headers and the newest key frame come first, then what follows.
func TestLateJoiner(t *testing.T) {
	t.Parallel()
	for _, feed := range []string{"running", "new"} {
		t.Run(feed+" feed", func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			sent := mediatest.AVC(2500 * time.Millisecond)
			pub := publish(t, s.url("/live/cam"))
			if feed == "running" {
				early := play(t, s.url("/live/cam"), nil)
				until(t, "the player was in the log", func() bool { return s.inLog() == 1 })
				send(t, pub, sent...)
				take(t, early, len(sent))
			} else {
				send(t, pub, sent...)
				until(t, "all packets were in the hub", func() bool { return s.Streams()[0].Publisher.Packets == uint64(len(sent)) })
			}
			newest := 0
			for i, p := range sent {
				if p.Key {
					newest = i
				}
			}
			want := sent[newest:]
			got := take(t, play(t, s.url("/live/cam"), nil), 3+len(want))
			for i, p := range got[:3] {
				// Stored data is sent without a time.
				if !p.Config || p.Kind != media.Data && p.Timestamp != want[0].Timestamp {
					t.Errorf("packet %d is %v at %v, want a header at %v", i, p.Kind, p.Timestamp, want[0].Timestamp)
				}
			}
			if d := mediatest.DiffAll(got[3:], want); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestPauseAndReceive(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	sent := mediatest.AVC(3 * time.Second)
	pub := publish(t, s.url("/live/cam"))
	p := play(t, s.url("/live/cam"), nil)
	witness := play(t, s.url("/live/cam"), nil)
	first, second, third := cut(sent)

	until(t, "both players were in the log", func() bool { return s.inLog() == 2 })
	send(t, pub, first...)
	take(t, p, len(first))
	take(t, witness, len(first))
	if err := p.Pause(true, time.Second); err != nil {
		t.Fatal(err)
	}
	until(t, "the player was paused", func() bool { return s.inLog() == 1 })
	send(t, pub, second...)
	take(t, witness, len(second))
	if err := p.Pause(false, time.Second); err != nil {
		t.Fatal(err)
	}
	// Back come the headers and the newest key frame.
	got := take(t, p, 3+len(second))
	if !got[0].Config || !got[1].Config || !got[2].Config {
		t.Error("after the pause there are no headers")
	}
	if d := mediatest.DiffAll(got[3:], second); d != "" {
		t.Error(d)
	}
	if err := p.ReceiveVideo(false); err != nil {
		t.Fatal(err)
	}
	s.lines.wait(t, "msg=playing")
	until(t, "video was turned off", func() bool { return s.receives() == [2]bool{true, false} })
	send(t, pub, third...)
	for _, want := range third {
		if want.Kind == media.Audio {
			if d := mediatest.Diff(take(t, p, 1)[0], want); d != "" {
				t.Fatal(d)
			}
		}
	}
}

// TestLivePrefixes: "flv:" before the name of a live stream means nothing, and "mp4:" nothing but the stream that is on air.
func TestLivePrefixes(t *testing.T) {
	t.Parallel()
	want := mediatest.AVC(time.Second)
	for _, tt := range []struct {
		published string
		players   []string
		waits     bool // for the publisher
	}{
		{"cam", []string{"cam", "flv:cam", "mp4:cam"}, false},
		{"mp4:film.f4v", []string{"mp4:film.f4v", "film.f4v", "flv:film.f4v"}, false},
		{"flv:old", []string{"old", "flv:old"}, true},
		{"new", []string{"new", "flv:new"}, true},
	} {
		t.Run(tt.published, func(t *testing.T) {
			t.Parallel()
			s := start(t, nil)
			var pub *rtmp.Publisher
			open := func() {
				var err error
				if pub, err = dial(t, s.url("/live/x")).Publish(limit(t), tt.published, nil); err != nil {
					t.Fatal(err)
				}
			}
			if !tt.waits {
				open()
			}
			players := make([]*rtmp.Player, len(tt.players))
			for i, name := range tt.players {
				var err error
				if players[i], err = dial(t, s.url("/live/x")).Play(limit(t), name, nil); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			until(t, "the players were in the log", func() bool { return s.inLog() == len(players) })
			if tt.waits {
				open()
			}
			send(t, pub, want...)
			for i, p := range players {
				if d := mediatest.DiffAll(take(t, p, len(want)), want); d != "" {
					t.Errorf("%s: %s", tt.players[i], d)
				}
			}
		})
	}
}

// TestReceiveBeforePlay: a player that has turned video off before it plays gets none of it, also not in the first write.
func TestReceiveBeforePlay(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	pub := publish(t, s.url("/live/cam"))
	witness := play(t, s.url("/live/cam"), nil)
	until(t, "the witness was in the log", func() bool { return s.inLog() == 1 })
	first, second, _ := cut(mediatest.AVC(3 * time.Second))
	send(t, pub, first...)
	take(t, witness, len(first))

	v := s.connectRaw(t, false)
	v.send(0, &message.Command{Name: "createStream", TransactionID: 2})
	v.send(1, &message.Command{Name: "receiveVideo", Args: []any{false}})
	v.send(1, &message.Command{Name: "play", TransactionID: 3, Args: []any{"cam"}})
	v.status("NetStream.Play.Start")
	until(t, "the viewer was in the log", func() bool { return s.inLog() == 2 })
	send(t, pub, second...)
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	got := describe(v.status("NetStream.Play.UnpublishNotify"))
	if strings.ContainsAny(got, "KV") || strings.Count(got, "A") < 40 {
		t.Errorf("the viewer gets %s, want audio only", got)
	}
}

// cut divides three seconds at the key frames.
func cut(packets []*media.Packet) (first, second, third []*media.Packet) {
	var keys []int
	for i, p := range packets {
		if p.Key {
			keys = append(keys, i)
		}
	}
	return packets[:keys[1]], packets[keys[1]:keys[2]], packets[keys[2]:]
}

// inLog counts the players that are not paused.
func (s *server) inLog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, f := range s.feeds {
		n += f.out.Stats().Players
	}
	return n
}

// receives returns what the player that receives least wants of audio and video.
func (s *server) receives() [2]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	least := [2]bool{true, true}
	for _, f := range s.feeds {
		for p := range f.players {
			p.mu.Lock()
			least[0], least[1] = least[0] && p.audio, least[1] && p.video
			p.mu.Unlock()
		}
	}
	return least
}

func TestPlayDuration(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	limited := play(t, s.url("/live/cam"), &rtmp.PlayOptions{Start: rtmp.StartLive, Duration: time.Second})
	until(t, "the player was there", func() bool { return s.inLog() == 1 })
	pub := publish(t, s.url("/live/cam"))
	send(t, pub, mediatest.AVC(2*time.Second)...)
	got := rest(t, limited)
	if last := got[len(got)-1].Timestamp; last < 900*time.Millisecond || last > 1100*time.Millisecond {
		t.Errorf("the last packet is at %v", last)
	}
	waiting := play(t, s.url("/live/nothing"), &rtmp.PlayOptions{Start: rtmp.StartLive, Duration: 50 * time.Millisecond})
	if got := rest(t, waiting); len(got) > 0 {
		t.Errorf("%d packets of a stream without publisher", len(got))
	}
	s.lines.wait(t, "playing", "stream=live/nothing", "nobody publishes this stream yet")
}

// TestPlayFromZero: librtmp asks for position 0 of what its user did not call live.
func TestPlayFromZero(t *testing.T) {
	t.Parallel()
	s := start(t, nil)
	c := dial(t, s.url("/live/cam"))
	recorded := &rtmp.PlayOptions{Recorded: true}
	if _, err := c.Play(limit(t), "", recorded); code(err) != string(rtmp.CodePlayStreamNotFound) {
		t.Errorf("without publisher: %v", err)
	}
	pub := publish(t, s.url("/live/cam"))
	want := mediatest.AVC(time.Second)
	p := play(t, s.url("/live/cam"), recorded)
	until(t, "the player was in the log", func() bool { return s.inLog() == 1 })
	send(t, pub, want...)
	if d := mediatest.DiffAll(take(t, p, len(want)), want); d != "" {
		t.Error(d)
	}
	if _, err := c.Play(limit(t), "", &rtmp.PlayOptions{Recorded: true, Start: time.Minute}); code(err) != string(rtmp.CodePlayStreamNotFound) {
		t.Errorf("from a minute on: %v", err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config.Config) { c.Limits.Publishers, c.Limits.PlayersPerStream = 1, 2 })
	publish(t, s.url("/live/cam"))
	_, err := dial(t, s.url("/live/other")).Publish(limit(t), "", nil)
	if code(err) != string(rtmp.CodePublishBadName) {
		t.Errorf("a publisher too many: %v", err)
	}
	s.lines.wait(t, "level=WARN", "limits.publishers is reached")

	play(t, s.url("/live/cam"), nil)
	second := play(t, s.url("/live/cam"), nil)
	_, err = dial(t, s.url("/live/cam")).Play(limit(t), "", nil)
	if code(err) != string(rtmp.CodePlayFailed) {
		t.Errorf("a player too many: %v", err)
	}
	s.lines.wait(t, "level=WARN", "limits.players_per_stream is reached")
	play(t, s.url("/live/other"), nil) // another stream has a limit of its own
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "the player was gone", func() bool { return s.Players(key) == 1 })
	play(t, s.url("/live/cam"), nil)
}
